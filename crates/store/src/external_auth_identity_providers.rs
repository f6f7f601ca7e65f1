//! External auth identity providers with their stored client ids and secrets, which are sealed before they come here and opened after they have left.

use std::collections::{BTreeMap, BTreeSet};

use sortie_model::{
    ApiName, AuthenticationFlow, AuthorizationServer, ClientAuthentication, ExternalAuthIdentityProvider, ExternalAuthIdentityProviderId,
    Issuer, Label, Scopes, ServiceUrl,
};
use uuid::Uuid;

use crate::change::{Rules, require_one};
use crate::credential_values::{StoredValue, ValueHead, read_head, read_value};
use crate::db::{Db, Fault, Row, Sql, Tx, Value};
use crate::error::{ChangeError, ReadError};

const RULES: Rules = Rules { what: "external auth identity provider", refers_to: "external auth identity provider" };
const VALUE_RULES: Rules = Rules { what: "stored secret", refers_to: "external auth identity provider" };

/// Reads stored values of providers. All else of them is part of the definitions.
pub struct ExternalAuthIdentityProviders<'a> {
    pub(crate) db: &'a Db,
}

/// Changes of providers and their stored values. What it means for the tokens of external credentials is for who knows which of them name the provider:
/// [`crate::Change::touch_credential`].
pub struct ExternalAuthIdentityProviderChanges<'a> {
    pub(crate) tx: &'a mut Tx,
}

impl ExternalAuthIdentityProviders<'_> {
    /// Which values a provider has, in the order of their names.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn heads(&self, provider: ExternalAuthIdentityProviderId) -> Result<Vec<ValueHead>, ReadError> {
        const HEADS: Sql = Sql::new(
            "external_auth_identity_provider_values",
            "SELECT id, name, version, updated_at FROM external_auth_identity_provider_values WHERE provider_id = $1 ORDER BY name",
        );
        let rows = self.db.fetch(HEADS, [provider.into()]).await?;
        Ok(rows.iter().map(read_head).collect::<Result<_, _>>()?)
    }

    /// All values of a provider, sealed, in the order of their names.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn load(&self, provider: ExternalAuthIdentityProviderId) -> Result<Vec<StoredValue>, ReadError> {
        let rows = self.db.fetch(LOAD, [provider.into()]).await?;
        Ok(rows.iter().map(read_value).collect::<Result<_, _>>()?)
    }

    /// Names of the values of every provider; one without any is left out.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn summary(&self) -> Result<BTreeMap<ExternalAuthIdentityProviderId, BTreeSet<String>>, ReadError> {
        const NAMES: Sql =
            Sql::new("external_auth_identity_provider_values", "SELECT provider_id, name FROM external_auth_identity_provider_values");
        let mut summary: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for row in self.db.fetch(NAMES, []).await? {
            summary.entry(row.id("provider_id")?).or_default().insert(row.text("name")?);
        }
        Ok(summary)
    }
}

const LOAD: Sql = Sql::new(
    "external_auth_identity_provider_values",
    "SELECT id, name, version, updated_at, sealed FROM external_auth_identity_provider_values WHERE provider_id = $1 ORDER BY name",
);

impl ExternalAuthIdentityProviderChanges<'_> {
    /// Adds a provider.
    ///
    /// # Errors
    /// [`ChangeError::Conflict`] if the name is taken.
    pub async fn insert(&mut self, provider: &ExternalAuthIdentityProvider) -> Result<(), ChangeError> {
        const INSERT: Sql = Sql::new(
            "external_auth_identity_providers",
            "INSERT INTO external_auth_identity_providers
                 (id, name, folded, label, description, flow, client_authentication, authorize_endpoint, token_endpoint, user_info_endpoint,
                  uses_pkce, issuer, default_scopes, parameters, revocation_endpoint, key_set_endpoint, issuer_in_response)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        );
        self.tx.execute(INSERT, columns(provider)).await.map_err(|fault| RULES.translate(fault, &provider.name))?;
        Ok(())
    }

    /// Replaces all fields of a provider.
    ///
    /// # Errors
    /// [`ChangeError::Missing`], or [`ChangeError::Conflict`] if the name is taken.
    pub async fn update(&mut self, provider: &ExternalAuthIdentityProvider) -> Result<(), ChangeError> {
        const UPDATE: Sql = Sql::new(
            "external_auth_identity_providers",
            "UPDATE external_auth_identity_providers SET name = $2, folded = $3, label = $4, description = $5, flow = $6,
                 client_authentication = $7, authorize_endpoint = $8, token_endpoint = $9, user_info_endpoint = $10, uses_pkce = $11,
                 issuer = $12, default_scopes = $13, parameters = $14, revocation_endpoint = $15, key_set_endpoint = $16, issuer_in_response = $17
             WHERE id = $1",
        );
        let changed = self.tx.execute(UPDATE, columns(provider)).await.map_err(|fault| RULES.translate(fault, &provider.name))?;
        require_one(changed, RULES.what)
    }

    /// Removes a provider with its values.
    ///
    /// # Errors
    /// [`ChangeError::Missing`].
    pub async fn delete(&mut self, id: ExternalAuthIdentityProviderId) -> Result<(), ChangeError> {
        const DELETE: Sql = Sql::new("external_auth_identity_providers", "DELETE FROM external_auth_identity_providers WHERE id = $1");
        require_one(self.tx.execute(DELETE, [id.into()]).await?, RULES.what)
    }

    /// All values of a provider as they are within the change, sealed, in the order of their names.
    ///
    /// # Errors
    /// A [`ChangeError`] of the database.
    pub async fn values(&mut self, provider: ExternalAuthIdentityProviderId) -> Result<Vec<StoredValue>, ChangeError> {
        let rows = self.tx.fetch(LOAD, [provider.into()]).await?;
        Ok(rows.iter().map(read_value).collect::<Result<_, Fault>>()?)
    }

    /// Stores a new value. `sealed` must be bound to `id` and version 1.
    ///
    /// # Errors
    /// [`ChangeError::Conflict`] if the provider has one of this name, [`ChangeError::Missing`] if there is no such provider.
    pub async fn insert_value(
        &mut self,
        provider: ExternalAuthIdentityProviderId,
        id: Uuid,
        name: &str,
        sealed: &[u8],
    ) -> Result<(), ChangeError> {
        const INSERT: Sql = Sql::new(
            "external_auth_identity_provider_values",
            "INSERT INTO external_auth_identity_provider_values (id, provider_id, name, version, sealed, updated_at)
             VALUES ($1, $2, $3, 1, $4, (SELECT millis FROM clock))",
        );
        let values = [id.into(), provider.into(), name.into(), sealed.into()];
        self.tx.execute(INSERT, values).await.map_err(|fault| VALUE_RULES.translate(fault, name))?;
        Ok(())
    }

    /// Replaces a value. `sealed` must be bound to the row's `id` and to `seen.version + 1`.
    ///
    /// # Errors
    /// [`ChangeError::Stale`] if it was replaced or deleted since `seen` was read.
    pub async fn replace_value(&mut self, seen: &ValueHead, sealed: &[u8]) -> Result<(), ChangeError> {
        const REPLACE: Sql = Sql::new(
            "external_auth_identity_provider_values",
            "UPDATE external_auth_identity_provider_values SET version = version + 1, sealed = $3, updated_at = (SELECT millis FROM clock)
             WHERE id = $1 AND version = $2",
        );
        let changed = self.tx.execute(REPLACE, [seen.id.into(), seen.version.into(), sealed.into()]).await?;
        if changed == 0 { Err(ChangeError::Stale { what: VALUE_RULES.what }) } else { Ok(()) }
    }

    /// Removes one value.
    ///
    /// # Errors
    /// [`ChangeError::Missing`] if the provider has none of this name.
    pub async fn delete_value(&mut self, provider: ExternalAuthIdentityProviderId, name: &str) -> Result<(), ChangeError> {
        const DELETE: Sql = Sql::new(
            "external_auth_identity_provider_values",
            "DELETE FROM external_auth_identity_provider_values WHERE provider_id = $1 AND name = $2",
        );
        require_one(self.tx.execute(DELETE, [provider.into(), name.into()]).await?, VALUE_RULES.what)
    }
}

/// In the order of the statements.
fn columns(provider: &ExternalAuthIdentityProvider) -> [Value; 17] {
    let ExternalAuthIdentityProvider { id, name, label, description, flow, server } = provider;
    let AuthorizationServer {
        client_authentication,
        authorize_endpoint,
        token_endpoint,
        user_info_endpoint,
        revocation_endpoint,
        key_set_endpoint,
        uses_pkce,
        issuer_in_response,
        issuer,
        default_scopes,
        parameters,
    } = server;
    let url = |url: &Option<ServiceUrl>| url.as_ref().map(ToString::to_string).into();
    [
        (*id).into(),
        name.into(),
        name.folded().into(),
        label.into(),
        description.as_str().into(),
        flow.as_str().into(),
        client_authentication.as_str().into(),
        url(authorize_endpoint),
        token_endpoint.to_string().into(),
        url(user_info_endpoint),
        (*uses_pkce).into(),
        issuer.as_ref().map(ToString::to_string).into(),
        default_scopes.as_text().unwrap_or_default().into(),
        crate::json(parameters),
        url(revocation_endpoint),
        url(key_set_endpoint),
        (*issuer_in_response).into(),
    ]
}

pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<ExternalAuthIdentityProvider>, Fault> {
    const ALL: Sql = Sql::new(
        "external_auth_identity_providers",
        "SELECT id, name, label, description, flow, client_authentication, authorize_endpoint, token_endpoint, user_info_endpoint, uses_pkce,
             issuer, default_scopes, parameters, revocation_endpoint, key_set_endpoint, issuer_in_response
         FROM external_auth_identity_providers ORDER BY folded",
    );
    tx.fetch(ALL, []).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<ExternalAuthIdentityProvider, Fault> {
    let broken = |column| row.unreadable(column, "breaks the rule of its type");
    let url = |column| {
        let text = row.optional_text(column)?;
        text.map(|text| ServiceUrl::parse(&text).map_err(|_| broken(column))).transpose()
    };
    Ok(ExternalAuthIdentityProvider {
        id: row.id("id")?,
        name: row.parsed("name", ApiName::parse)?,
        label: row.parsed("label", Label::parse)?,
        description: row.text("description")?,
        flow: row.parsed("flow", |text| AuthenticationFlow::parse(text).ok_or(()))?,
        server: AuthorizationServer {
            client_authentication: row.parsed("client_authentication", |text| ClientAuthentication::parse(text).ok_or(()))?,
            authorize_endpoint: url("authorize_endpoint")?,
            token_endpoint: row.parsed("token_endpoint", ServiceUrl::parse)?,
            user_info_endpoint: url("user_info_endpoint")?,
            uses_pkce: row.boolean("uses_pkce")?,
            issuer: row.optional_text("issuer")?.map(|text| Issuer::parse(&text).map_err(|_| broken("issuer"))).transpose()?,
            default_scopes: row.parsed("default_scopes", Scopes::parse)?,
            parameters: row.json("parameters")?,
            revocation_endpoint: url("revocation_endpoint")?,
            key_set_endpoint: url("key_set_endpoint")?,
            issuer_in_response: row.boolean("issuer_in_response")?,
        },
    })
}
