//! Stored secrets ("User External Credential" rows): sealed before they come here, opened after they have left.

use std::collections::{BTreeMap, BTreeSet};

use sortie_model::{ExternalCredentialId, PrincipalId, Timestamp, UserId};
use uuid::Uuid;

use crate::change::Rules;
use crate::db::{Db, Fault, Row, Sql, Tx, Value};
use crate::deployment::Generation;
use crate::error::{ChangeError, ReadError};
use crate::grants;
use crate::identity::Identity;

const RULES: Rules = Rules { what: "stored secret", refers_to: "principal or user" };

/// What may be known about a stored secret by those who may not know the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueHead {
    /// Identity of the row. Part of what the sealed bytes are bound to, as is the version.
    pub id: Uuid,
    /// Which field of the protocol it fills.
    pub name: String,
    /// 1, and one more with every replacement.
    pub version: i64,
    /// When it was last written, by the database's clock.
    pub updated_at: Timestamp,
    /// Which user has stored it, and knows it therefore; `None`: an operator, or nobody knows who.
    pub stored_by: Option<UserId>,
}

/// A stored secret, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredValue {
    /// What it is.
    pub head: ValueHead,
    /// Ciphertext.
    pub sealed: Vec<u8>,
}

/// How far the secrets of one principal have been filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueSummary {
    /// Names of the fields that the shared identity has.
    pub shared: BTreeSet<String>,
    /// How many users have stored which fields of their own: each set of names with the number of users who have exactly these.
    pub users_by_fields: BTreeMap<BTreeSet<String>, u64>,
}

impl ValueSummary {
    /// How many users have stored all of these fields of their own; with none named, any field at all.
    pub fn users_with(&self, fields: &[&str]) -> u64 {
        let has_all = |stored: &BTreeSet<String>| fields.iter().all(|field| stored.contains(*field));
        self.users_by_fields.iter().filter(|(stored, _)| has_all(stored)).map(|(_, users)| users).sum()
    }
}

const HEADS: Sql = Sql::new(
    "credential_values",
    "SELECT id, name, version, updated_at, stored_by FROM credential_values WHERE principal_id = $1 AND owner_key = $2 ORDER BY name",
);

/// Reads stored secrets.
pub struct CredentialValues<'a> {
    pub(crate) db: &'a Db,
}

/// Changes stored secrets as part of a larger change.
pub struct CredentialValueChanges<'a> {
    pub(crate) tx: &'a mut Tx,
    pub(crate) generation: Generation,
    pub(crate) by: Option<UserId>,
    pub(crate) touches_definitions: &'a mut bool,
}

impl CredentialValues<'_> {
    /// Which secrets an identity has, in the order of their names.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn heads(&self, identity: Identity) -> Result<Vec<ValueHead>, ReadError> {
        let rows = self.db.fetch(HEADS, [identity.principal.into(), identity.owner_key()]).await?;
        Ok(rows.iter().map(read_head).collect::<Result<_, _>>()?)
    }

    /// All secrets of an identity, sealed, in the order of their names.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn load(&self, identity: Identity) -> Result<Vec<StoredValue>, ReadError> {
        const LOAD: Sql = Sql::new(
            "credential_values",
            "SELECT id, name, version, updated_at, stored_by, sealed FROM credential_values
             WHERE principal_id = $1 AND owner_key = $2 ORDER BY name",
        );
        let rows = self.db.fetch(LOAD, [identity.principal.into(), identity.owner_key()]).await?;
        Ok(rows.iter().map(read_value).collect::<Result<_, _>>()?)
    }

    /// How far the secrets of every principal have been filled in; a principal without any is left out.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn summary(&self) -> Result<BTreeMap<PrincipalId, ValueSummary>, ReadError> {
        const SHARED: Sql = Sql::new("credential_values", "SELECT principal_id, name FROM credential_values WHERE owner_id IS NULL");
        const USERS: Sql = Sql::new(
            "credential_values",
            "SELECT principal_id, names, COUNT(*) AS users FROM
                 (SELECT principal_id, string_agg(name, ' ' ORDER BY name) AS names FROM credential_values
                  WHERE owner_id IS NOT NULL GROUP BY principal_id, owner_id) AS each_user
             GROUP BY principal_id, names",
        );
        let mut summary: BTreeMap<PrincipalId, ValueSummary> = BTreeMap::new();
        for row in self.db.fetch(SHARED, []).await? {
            summary.entry(row.id("principal_id")?).or_default().shared.insert(row.text("name")?);
        }
        for row in self.db.fetch(USERS, []).await? {
            // No name holds a space: they are developer names, or declared by a protocol.
            let names = row.text("names")?.split(' ').map(str::to_owned).collect();
            summary.entry(row.id("principal_id")?).or_default().users_by_fields.insert(names, row.number("users")?);
        }
        Ok(summary)
    }

    /// How many users have stored at least one secret of their own for this principal.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn user_count(&self, principal: PrincipalId) -> Result<u64, ReadError> {
        const COUNT: Sql = Sql::new(
            "credential_values",
            "SELECT COUNT(DISTINCT owner_id) AS users FROM credential_values WHERE principal_id = $1 AND owner_id IS NOT NULL",
        );
        let row = self.db.fetch_optional(COUNT, [principal.into()]).await?;
        Ok(row.map(|row| row.number("users")).transpose()?.unwrap_or(0))
    }
}

impl CredentialValueChanges<'_> {
    /// All secrets of a credential's principals, shared ones and users' own, as they are within the change.
    ///
    /// # Errors
    /// A [`ChangeError`] of the database.
    pub async fn of_credential(&mut self, credential: ExternalCredentialId) -> Result<Vec<(Identity, StoredValue)>, ChangeError> {
        const OF_CREDENTIAL: Sql = Sql::new(
            "credential_values",
            "SELECT credential_values.id AS id, principal_id, owner_id, credential_values.name AS name, version, updated_at, stored_by, sealed
             FROM credential_values JOIN principals ON principals.id = principal_id
             WHERE external_credential_id = $1 ORDER BY principal_id, owner_key, credential_values.name",
        );
        let rows = self.tx.fetch(OF_CREDENTIAL, [credential.into()]).await?;
        Ok(rows.iter().map(|row| Ok((Identity::read(row)?, read_value(row)?))).collect::<Result<_, Fault>>()?)
    }

    /// Which secrets an identity has, as it is within the change.
    ///
    /// # Errors
    /// A [`ChangeError`] of the database.
    pub async fn heads(&mut self, identity: Identity) -> Result<Vec<ValueHead>, ChangeError> {
        let rows = self.tx.fetch(HEADS, [identity.principal.into(), identity.owner_key()]).await?;
        Ok(rows.iter().map(read_head).collect::<Result<_, _>>()?)
    }

    /// Stores a new secret. `sealed` must be bound to `id` and version 1.
    ///
    /// # Errors
    /// [`ChangeError::Conflict`] if the identity has one of this name, [`ChangeError::Missing`] if principal or user does
    /// not exist.
    pub async fn insert(&mut self, identity: Identity, id: Uuid, name: &str, sealed: &[u8]) -> Result<(), ChangeError> {
        const INSERT: Sql = Sql::new(
            "credential_values",
            "INSERT INTO credential_values (id, principal_id, owner_id, owner_key, name, version, sealed, updated_at, stored_by)
             VALUES ($1, $2, $3, $4, $5, 1, $6, (SELECT millis FROM clock), $7)",
        );
        let values: [Value; 7] =
            [id.into(), identity.principal.into(), identity.owner.into(), identity.owner_key(), name.into(), sealed.into(), self.by.into()];
        self.tx.execute(INSERT, values).await.map_err(|fault| RULES.translate(fault, name))?;
        self.forget_tokens(identity).await
    }

    /// Replaces a secret. `sealed` must be bound to the row's `id` and to `seen.version + 1`.
    ///
    /// # Errors
    /// [`ChangeError::Stale`] if it was replaced or deleted since `seen` was read.
    pub async fn replace(&mut self, identity: Identity, seen: &ValueHead, sealed: &[u8]) -> Result<(), ChangeError> {
        const REPLACE: Sql = Sql::new(
            "credential_values",
            "UPDATE credential_values SET version = version + 1, sealed = $5, updated_at = (SELECT millis FROM clock), stored_by = $6
             WHERE id = $1 AND principal_id = $2 AND owner_key = $3 AND version = $4",
        );
        let by = self.by.into();
        let values = [seen.id.into(), identity.principal.into(), identity.owner_key(), seen.version.into(), sealed.into(), by];
        if self.tx.execute(REPLACE, values).await? == 0 {
            return Err(ChangeError::Stale { what: RULES.what });
        }
        self.forget_tokens(identity).await
    }

    /// Puts the same secret in its place, sealed anew: to `seen.version + 1`. Whoever has stored it has, still.
    ///
    /// # Errors
    /// As [`Self::replace`].
    pub async fn reseal(&mut self, identity: Identity, seen: &ValueHead, sealed: &[u8]) -> Result<(), ChangeError> {
        self.by = seen.stored_by;
        self.replace(identity, seen, sealed).await
    }

    /// Removes one secret.
    ///
    /// # Errors
    /// [`ChangeError::Missing`] if the identity has none of this name.
    pub async fn delete(&mut self, identity: Identity, name: &str) -> Result<(), ChangeError> {
        const DELETE: Sql =
            Sql::new("credential_values", "DELETE FROM credential_values WHERE principal_id = $1 AND owner_key = $2 AND name = $3");
        let values = [identity.principal.into(), identity.owner_key(), name.into()];
        crate::change::require_one(self.tx.execute(DELETE, values).await?, RULES.what)?;
        self.forget_tokens(identity).await
    }

    /// Removes all secrets of an identity. There need not be any.
    ///
    /// # Errors
    /// A [`ChangeError`] of the database.
    pub async fn delete_all(&mut self, identity: Identity) -> Result<(), ChangeError> {
        const DELETE: Sql = Sql::new("credential_values", "DELETE FROM credential_values WHERE principal_id = $1 AND owner_key = $2");
        self.tx.execute(DELETE, [identity.principal.into(), identity.owner_key()]).await?;
        self.forget_tokens(identity).await
    }

    /// A token that was obtained with the old secret must not outlive it. A shared secret moves the credential's
    /// revision, which every node sees; a user's own secret takes that user's grant away, and touches nobody else's.
    async fn forget_tokens(&mut self, identity: Identity) -> Result<(), ChangeError> {
        const TOUCH: Sql = Sql::new(
            "external_credentials",
            "UPDATE external_credentials SET revision = $2 WHERE id = (SELECT external_credential_id FROM principals WHERE principals.id = $1)",
        );
        const FORGET: Sql = Sql::new("grants", "DELETE FROM grants WHERE principal_id = $1 AND owner_key = $2");
        if identity.owner.is_none() {
            *self.touches_definitions = true;
            self.tx.execute(TOUCH, [identity.principal.into(), self.generation.as_i64().into()]).await?;
            return Ok(());
        }
        self.tx.execute(FORGET, [identity.principal.into(), identity.owner_key()]).await?;
        Ok(grants::announce_by(self.tx, identity, self.generation).await?)
    }
}

pub(crate) fn read_head(row: &Row) -> Result<ValueHead, Fault> {
    Ok(ValueHead {
        id: row.id("id")?,
        name: row.text("name")?,
        version: row.integer("version")?,
        updated_at: row.timestamp("updated_at")?,
        stored_by: row.optional_id("stored_by")?,
    })
}

pub(crate) fn read_value(row: &Row) -> Result<StoredValue, Fault> {
    Ok(StoredValue { head: read_head(row)?, sealed: row.bytes("sealed")? })
}
