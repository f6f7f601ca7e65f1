//! Stored values of identity providers of both kinds: client ids, client secrets, keys. Sealed before they come here and opened after they have left.

use std::collections::{BTreeMap, BTreeSet};

use sortie_model::{AuthProviderId, ExternalAuthIdentityProviderId, IdentityProviderId, UserId};
use uuid::Uuid;

use crate::change::{Rules, require_one};
use crate::credential_values::{StoredValue, ValueHead, read_head, read_value};
use crate::db::{Db, Fault, Row, Sql, Tx, Value};
use crate::error::{ChangeError, ReadError};

const RULES: Rules = Rules { what: "stored secret", refers_to: "provider" };

/// Reads stored values of providers. All else of them is part of the definitions.
pub struct ProviderValues<'a> {
    pub(crate) db: &'a Db,
}

/// Changes stored values of providers. What it means for the tokens of external credentials is for who knows which of them name the provider:
/// [`crate::Change::touch_credential`].
pub struct ProviderValueChanges<'a> {
    pub(crate) tx: &'a mut Tx,
    pub(crate) by: Option<UserId>,
}

impl ProviderValues<'_> {
    /// Which values a provider has, in the order of their names.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn heads(&self, provider: IdentityProviderId) -> Result<Vec<ValueHead>, ReadError> {
        const HEADS: Sql = Sql::new(
            "provider_values",
            "SELECT id, name, version, updated_at, stored_by FROM provider_values WHERE provider_id = $1 ORDER BY name",
        );
        let rows = self.db.fetch(HEADS, [provider.into()]).await?;
        Ok(rows.iter().map(read_head).collect::<Result<_, _>>()?)
    }

    /// All values of a provider, sealed, in the order of their names.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn load(&self, provider: IdentityProviderId) -> Result<Vec<StoredValue>, ReadError> {
        let rows = self.db.fetch(LOAD, [provider.into()]).await?;
        Ok(rows.iter().map(read_value).collect::<Result<_, _>>()?)
    }

    /// Names of the values of every provider; one without any is left out.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn summary(&self) -> Result<BTreeMap<IdentityProviderId, BTreeSet<String>>, ReadError> {
        const NAMES: Sql =
            Sql::new("provider_values", "SELECT external_auth_identity_provider_id, auth_provider_id, name FROM provider_values");
        let mut summary: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for row in self.db.fetch(NAMES, []).await? {
            summary.entry(read_provider(&row)?).or_default().insert(row.text("name")?);
        }
        Ok(summary)
    }
}

const LOAD: Sql = Sql::new(
    "provider_values",
    "SELECT id, name, version, updated_at, stored_by, sealed FROM provider_values WHERE provider_id = $1 ORDER BY name",
);

impl ProviderValueChanges<'_> {
    /// All values of a provider as they are within the change, sealed, in the order of their names.
    ///
    /// # Errors
    /// A [`ChangeError`] of the database.
    pub async fn load(&mut self, provider: IdentityProviderId) -> Result<Vec<StoredValue>, ChangeError> {
        let rows = self.tx.fetch(LOAD, [provider.into()]).await?;
        Ok(rows.iter().map(read_value).collect::<Result<_, Fault>>()?)
    }

    /// Stores a new value. `sealed` must be bound to `id` and version 1.
    ///
    /// # Errors
    /// [`ChangeError::Conflict`] if the provider has one of this name, [`ChangeError::Missing`] if there is no such provider.
    pub async fn insert(&mut self, provider: IdentityProviderId, id: Uuid, name: &str, sealed: &[u8]) -> Result<(), ChangeError> {
        const INSERT: Sql = Sql::new(
            "provider_values",
            "INSERT INTO provider_values
                 (id, provider_id, external_auth_identity_provider_id, auth_provider_id, name, version, sealed, updated_at, stored_by)
             VALUES ($1, $2, $3, $4, $5, 1, $6, (SELECT millis FROM clock), $7)",
        );
        let [external_auth, auth] = columns(provider);
        let values: [Value; 7] = [id.into(), provider.into(), external_auth, auth, name.into(), sealed.into(), self.by.into()];
        self.tx.execute(INSERT, values).await.map_err(|fault| RULES.translate(fault, name))?;
        Ok(())
    }

    /// Replaces a value. `sealed` must be bound to the row's `id` and to `seen.version + 1`.
    ///
    /// # Errors
    /// [`ChangeError::Stale`] if it was replaced or deleted since `seen` was read.
    pub async fn replace(&mut self, seen: &ValueHead, sealed: &[u8]) -> Result<(), ChangeError> {
        const REPLACE: Sql = Sql::new(
            "provider_values",
            "UPDATE provider_values SET version = version + 1, sealed = $3, updated_at = (SELECT millis FROM clock), stored_by = $4
             WHERE id = $1 AND version = $2",
        );
        let changed = self.tx.execute(REPLACE, [seen.id.into(), seen.version.into(), sealed.into(), self.by.into()]).await?;
        if changed == 0 { Err(ChangeError::Stale { what: RULES.what }) } else { Ok(()) }
    }

    /// Puts the same value in its place, sealed anew: to `seen.version + 1`. Whoever has stored it has, still.
    ///
    /// # Errors
    /// As [`Self::replace`].
    pub async fn reseal(&mut self, seen: &ValueHead, sealed: &[u8]) -> Result<(), ChangeError> {
        self.by = seen.stored_by;
        self.replace(seen, sealed).await
    }

    /// Removes one value.
    ///
    /// # Errors
    /// [`ChangeError::Missing`] if the provider has none of this name.
    pub async fn delete(&mut self, provider: IdentityProviderId, name: &str) -> Result<(), ChangeError> {
        const DELETE: Sql = Sql::new("provider_values", "DELETE FROM provider_values WHERE provider_id = $1 AND name = $2");
        require_one(self.tx.execute(DELETE, [provider.into(), name.into()]).await?, RULES.what)
    }
}

/// The two columns of which one says which provider it is.
pub(crate) fn columns(provider: IdentityProviderId) -> [Value; 2] {
    let (external_auth, auth) = match provider {
        IdentityProviderId::ExternalAuth(id) => (Some(id), None),
        IdentityProviderId::Auth(id) => (None, Some(id)),
    };
    [external_auth.into(), auth.into()]
}

pub(crate) fn read_provider(row: &Row) -> Result<IdentityProviderId, Fault> {
    let external_auth: Option<ExternalAuthIdentityProviderId> = row.optional_id("external_auth_identity_provider_id")?;
    let auth: Option<AuthProviderId> = row.optional_id("auth_provider_id")?;
    match (external_auth, auth) {
        (Some(id), None) => Ok(IdentityProviderId::ExternalAuth(id)),
        (None, Some(id)) => Ok(IdentityProviderId::Auth(id)),
        _ => Err(row.unreadable("auth_provider_id", "is not the one identity of the two")),
    }
}

impl From<IdentityProviderId> for Value {
    fn from(id: IdentityProviderId) -> Self {
        match id {
            IdentityProviderId::ExternalAuth(id) => id.into(),
            IdentityProviderId::Auth(id) => id.into(),
        }
    }
}
