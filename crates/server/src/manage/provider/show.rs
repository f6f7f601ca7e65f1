//! Shows providers: what they say, which values are stored, and what uses them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sortie_model::{ApiName, AuthProvider, IdentityProvider, RequestParameter};
use sortie_protocol::provider_values;
use sortie_store::Definitions;
use utoipa::ToSchema;

use super::{ProviderError, find, users};
use crate::manage::Manage;

/// A provider in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProviderSummary {
    /// Which kind: `external_auth_identity_provider` or `auth_provider`.
    pub kind: &'static str,
    /// The type of an auth provider.
    #[serde(rename = "type")]
    #[schema(required = true)]
    pub auth_provider_type: Option<&'static str>,
    /// Its name.
    pub name: String,
    /// Shown name.
    pub label: String,
    /// How it gives tokens.
    pub flow: &'static str,
    /// Where tokens are asked for.
    pub token_endpoint: String,
    /// Names of the values that must be stored for it, and are not.
    pub missing_values: Vec<&'static str>,
    /// Names of the external credentials that it gives tokens to.
    pub external_credentials: Vec<String>,
}

/// A provider as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProviderView {
    /// Which kind: `external_auth_identity_provider` or `auth_provider`.
    pub kind: &'static str,
    /// The type of an auth provider, and what else only those have.
    #[serde(flatten)]
    #[schema(value_type = AuthProviderView)]
    pub auth_provider: Option<AuthProviderView>,
    /// Its name.
    pub name: String,
    /// Shown name.
    pub label: String,
    /// What it is for.
    pub description: String,
    /// What is registered over there as the address that browsers are sent back to. Only whoever knows how they reach us can say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub callback_url: Option<String>,
    /// With which the last login on the console worked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub accepted_callback_url: Option<String>,
    /// How it gives tokens.
    pub flow: &'static str,
    /// Where client id and secret stand in a token request.
    pub client_authentication: &'static str,
    /// What it calls itself.
    #[schema(required = true)]
    pub issuer: Option<String>,
    /// Where users are sent to log in.
    #[schema(required = true)]
    pub authorize_endpoint: Option<String>,
    /// Where tokens are asked for.
    pub token_endpoint: String,
    /// Where it says who a user is.
    #[schema(required = true)]
    pub user_info_endpoint: Option<String>,
    /// Where it takes the parameters of a login from us.
    #[schema(required = true)]
    pub pushed_authorization_endpoint: Option<String>,
    /// Where it is told that a token is not needed any more.
    #[schema(required = true)]
    pub revocation_endpoint: Option<String>,
    /// Where its public keys are.
    #[schema(required = true)]
    pub key_set_endpoint: Option<String>,
    /// Whether it says who it is when it sends a browser back.
    pub issuer_in_response: bool,
    /// Whether authorization codes are protected by a proof key.
    pub pkce: bool,
    /// What is asked for where nothing else is said.
    #[schema(required = true)]
    pub default_scopes: Option<String>,
    /// What it wants besides, in the order of sending.
    pub request_parameters: Vec<ParameterView>,
    /// Names of the values that are stored for it.
    pub stored_values: Vec<&'static str>,
    /// Names of the values that must be stored for it, and are not.
    pub missing_values: Vec<&'static str>,
    /// Names of the external credentials that it gives tokens to.
    pub external_credentials: Vec<String>,
}

/// What only an auth provider has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuthProviderView {
    /// Its type.
    #[serde(rename = "type")]
    #[schema(required = false)]
    pub kind: &'static str,
    /// What its type asks for.
    #[schema(required = false)]
    pub settings: BTreeMap<String, String>,
    /// What a plug-in is told with every step.
    #[schema(required = false)]
    pub configuration: BTreeMap<String, String>,
    /// Where a browser is sent when a login fails.
    #[schema(required = false)]
    pub error_url: Option<String>,
    /// Where a browser is sent after a logout.
    #[schema(required = false)]
    pub logout_url: Option<String>,
    /// The picture that is shown with it.
    #[schema(required = false)]
    pub icon_url: Option<String>,
    /// What Salesforce says of it besides; it means nothing here.
    #[schema(required = false)]
    pub salesforce: BTreeMap<String, String>,
    /// How a refresh token is had.
    #[schema(required = false)]
    pub refresh_token: &'static str,
}

/// A custom request parameter as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ParameterView {
    /// Which request: `authorize`, `token` or `refresh`.
    pub request: &'static str,
    /// Where in it: `query`, `body` or `header`.
    pub place: &'static str,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Lower is sent first.
    pub sequence_number: u32,
    /// What it is for.
    pub description: String,
}

/// All providers, by name.
///
/// # Errors
/// A [`ProviderError`] of the database.
pub async fn list(manage: &Manage<'_>) -> Result<Vec<ProviderSummary>, ProviderError> {
    let definitions = manage.store.definitions().await?;
    let stored = manage.store.provider_values().summary().await?;
    let summary = |provider: &IdentityProvider| ProviderSummary {
        kind: provider.kind().as_str(),
        auth_provider_type: auth_provider(provider).map(|one| one.kind.as_str()),
        name: provider.name().to_string(),
        label: provider.label().to_string(),
        flow: provider.flow().as_str(),
        token_endpoint: provider.server().token_endpoint.to_string(),
        missing_values: values(provider, stored.get(&provider.id()), Standing::Missing),
        external_credentials: user_names(&definitions, provider),
    };
    Ok(definitions.identity_providers().iter().map(summary).collect())
}

/// Shows a provider.
///
/// # Errors
/// A [`ProviderError`]: there is none of this name.
pub async fn show(manage: &Manage<'_>, name: &ApiName) -> Result<ProviderView, ProviderError> {
    let definitions = manage.store.definitions().await?;
    let provider = find(&definitions, name)?;
    let stored = manage.store.provider_values().summary().await?;
    let stored = stored.get(&provider.id());
    let server = provider.server();
    let text = |url: &Option<sortie_model::ServiceUrl>| url.as_ref().map(ToString::to_string);
    let description = match &provider {
        IdentityProvider::ExternalAuth(one) => &one.description,
        IdentityProvider::Auth(one) => &one.description,
    };
    Ok(ProviderView {
        kind: provider.kind().as_str(),
        auth_provider: auth_provider(&provider).map(auth_provider_view),
        name: provider.name().to_string(),
        label: provider.label().to_string(),
        description: description.clone(),
        callback_url: None,
        accepted_callback_url: manage.store.callback_urls().of(provider.id()).await?.map(|accepted| accepted.url),
        flow: provider.flow().as_str(),
        client_authentication: server.client_authentication.as_str(),
        issuer: server.issuer.as_ref().map(ToString::to_string),
        authorize_endpoint: text(&server.authorize_endpoint),
        token_endpoint: server.token_endpoint.to_string(),
        user_info_endpoint: text(&server.user_info_endpoint),
        pushed_authorization_endpoint: text(&server.pushed_authorization_endpoint),
        revocation_endpoint: text(&server.revocation_endpoint),
        key_set_endpoint: text(&server.key_set_endpoint),
        issuer_in_response: server.issuer_in_response,
        pkce: server.uses_pkce,
        default_scopes: server.default_scopes.as_text().map(str::to_owned),
        request_parameters: server.parameters.iter().map(parameter).collect(),
        stored_values: values(&provider, stored, Standing::Stored),
        missing_values: values(&provider, stored, Standing::Missing),
        external_credentials: user_names(&definitions, &provider),
    })
}

const fn auth_provider(provider: &IdentityProvider) -> Option<&AuthProvider> {
    match provider {
        IdentityProvider::Auth(one) => Some(one),
        IdentityProvider::ExternalAuth(_) => None,
    }
}

fn auth_provider_view(provider: &AuthProvider) -> AuthProviderView {
    let text = |url: &Option<sortie_model::ServiceUrl>| url.as_ref().map(ToString::to_string);
    AuthProviderView {
        kind: provider.kind.as_str(),
        settings: provider.settings.clone(),
        configuration: provider.server.plugin.as_ref().map(|plugin| plugin.configuration.clone()).unwrap_or_default(),
        error_url: text(&provider.error_url),
        logout_url: text(&provider.logout_url),
        icon_url: text(&provider.icon_url),
        salesforce: provider.salesforce.clone(),
        refresh_token: provider.kind.preset().refresh_token,
    }
}

fn parameter(parameter: &RequestParameter) -> ParameterView {
    let RequestParameter { kind, name, value, sequence_number, description } = parameter;
    ParameterView {
        request: kind.request(),
        place: kind.place().as_str(),
        name: name.clone(),
        value: value.clone(),
        sequence_number: *sequence_number,
        description: description.clone(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Stored,
    Missing,
}

fn values(provider: &IdentityProvider, stored: Option<&BTreeSet<String>>, wanted: Standing) -> Vec<&'static str> {
    let standing = |name: &str| if stored.is_some_and(|stored| stored.contains(name)) { Standing::Stored } else { Standing::Missing };
    let fields = provider_values(provider.server().client_values()).iter();
    fields.map(|field| field.name).filter(|name| standing(name) == wanted).collect()
}

fn user_names(definitions: &Definitions, provider: &IdentityProvider) -> Vec<String> {
    users(definitions, provider).map(|credential| credential.name.to_string()).collect()
}
