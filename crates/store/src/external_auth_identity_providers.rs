//! External auth identity providers. What is stored for their clients is in [`crate::provider_values`].

use sortie_model::{
    ApiName, AuthenticationFlow, AuthorizationServer, ClientAuthentication, ExternalAuthIdentityProvider, ExternalAuthIdentityProviderId,
    Issuer, Label, Scopes, ServiceUrl,
};

use crate::change::{Rules, require_one};
use crate::db::{Fault, Row, Sql, Tx, Value};
use crate::error::ChangeError;

const RULES: Rules = Rules { what: "external auth identity provider", refers_to: "external auth identity provider" };

/// Changes of providers. What it means for the tokens of external credentials is for who knows which of them name the provider:
/// [`crate::Change::touch_credential`].
pub struct ExternalAuthIdentityProviderChanges<'a> {
    pub(crate) tx: &'a mut Tx,
}

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
                  uses_pkce, issuer, default_scopes, parameters, revocation_endpoint, key_set_endpoint, issuer_in_response,
                  pushed_authorization_endpoint)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
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
                 issuer = $12, default_scopes = $13, parameters = $14, revocation_endpoint = $15, key_set_endpoint = $16, issuer_in_response = $17,
                 pushed_authorization_endpoint = $18
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
}

/// In the order of the statements.
fn columns(provider: &ExternalAuthIdentityProvider) -> [Value; 18] {
    let ExternalAuthIdentityProvider { id, name, label, description, flow, server } = provider;
    let AuthorizationServer {
        client_authentication,
        authorize_endpoint,
        token_endpoint,
        user_info_endpoint,
        pushed_authorization_endpoint,
        revocation_endpoint,
        key_set_endpoint,
        uses_pkce,
        issuer_in_response,
        issuer,
        default_scopes,
        parameters,
        // Only what is made of a preset has them.
        refresh_token_scope: _,
        quirks: _,
        plugin: _,
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
        url(pushed_authorization_endpoint),
    ]
}

pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<ExternalAuthIdentityProvider>, Fault> {
    const ALL: Sql = Sql::new(
        "external_auth_identity_providers",
        "SELECT id, name, label, description, flow, client_authentication, authorize_endpoint, token_endpoint, user_info_endpoint, uses_pkce,
             issuer, default_scopes, parameters, revocation_endpoint, key_set_endpoint, issuer_in_response, pushed_authorization_endpoint
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
            user_info_endpoint: url("user_info_endpoint")?,
            uses_pkce: row.boolean("uses_pkce")?,
            issuer: row.optional_text("issuer")?.map(|text| Issuer::parse(&text).map_err(|_| broken("issuer"))).transpose()?,
            default_scopes: row.parsed("default_scopes", Scopes::parse)?,
            parameters: row.json("parameters")?,
            pushed_authorization_endpoint: url("pushed_authorization_endpoint")?,
            revocation_endpoint: url("revocation_endpoint")?,
            key_set_endpoint: url("key_set_endpoint")?,
            issuer_in_response: row.boolean("issuer_in_response")?,
            ..AuthorizationServer::at(row.parsed("token_endpoint", ServiceUrl::parse)?)
        },
    })
}
