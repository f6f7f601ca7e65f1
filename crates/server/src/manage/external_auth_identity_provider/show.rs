//! Shows providers: what they say, which values are stored, and what uses them.

use std::collections::BTreeSet;

use serde::Serialize;
use sortie_model::{ApiName, ExternalAuthIdentityProvider, RequestParameter};
use sortie_protocol::PROVIDER_FIELDS;
use sortie_store::Definitions;

use super::{ProviderError, find, users};
use crate::manage::Manage;

/// A provider in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProviderSummary {
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProviderView {
    /// Its name.
    pub name: String,
    /// Shown name.
    pub label: String,
    /// What it is for.
    pub description: String,
    /// How it gives tokens.
    pub flow: &'static str,
    /// Where client id and secret stand in a token request.
    pub client_authentication: &'static str,
    /// What it calls itself.
    pub issuer: Option<String>,
    /// Where users are sent to log in.
    pub authorize_endpoint: Option<String>,
    /// Where tokens are asked for.
    pub token_endpoint: String,
    /// Where it says who a user is.
    pub user_info_endpoint: Option<String>,
    /// Where it is told that a token is not needed any more.
    pub revocation_endpoint: Option<String>,
    /// Where its public keys are.
    pub key_set_endpoint: Option<String>,
    /// Whether it says who it is when it sends a browser back.
    pub issuer_in_response: bool,
    /// Whether authorization codes are protected by a proof key.
    pub pkce: bool,
    /// What is asked for where nothing else is said.
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

/// A custom request parameter as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
    let stored = manage.store.external_auth_identity_providers().summary().await?;
    let summary = |provider: &ExternalAuthIdentityProvider| ProviderSummary {
        name: provider.name.to_string(),
        label: provider.label.to_string(),
        flow: provider.flow.as_str(),
        token_endpoint: provider.server.token_endpoint.to_string(),
        missing_values: values(stored.get(&provider.id), Standing::Missing),
        external_credentials: user_names(&definitions, &provider.name),
    };
    Ok(definitions.external_auth_identity_providers.iter().map(summary).collect())
}

/// Shows a provider.
///
/// # Errors
/// A [`ProviderError`]: there is none of this name.
pub async fn show(manage: &Manage<'_>, name: &ApiName) -> Result<ProviderView, ProviderError> {
    let definitions = manage.store.definitions().await?;
    let provider = find(&definitions, name)?;
    let stored = manage.store.external_auth_identity_providers().summary().await?;
    let stored = stored.get(&provider.id);
    Ok(ProviderView {
        name: provider.name.to_string(),
        label: provider.label.to_string(),
        description: provider.description.clone(),
        flow: provider.flow.as_str(),
        client_authentication: provider.server.client_authentication.as_str(),
        issuer: provider.server.issuer.as_ref().map(ToString::to_string),
        authorize_endpoint: provider.server.authorize_endpoint.as_ref().map(ToString::to_string),
        token_endpoint: provider.server.token_endpoint.to_string(),
        user_info_endpoint: provider.server.user_info_endpoint.as_ref().map(ToString::to_string),
        revocation_endpoint: provider.server.revocation_endpoint.as_ref().map(ToString::to_string),
        key_set_endpoint: provider.server.key_set_endpoint.as_ref().map(ToString::to_string),
        issuer_in_response: provider.server.issuer_in_response,
        pkce: provider.server.uses_pkce,
        default_scopes: provider.server.default_scopes.as_text().map(str::to_owned),
        request_parameters: provider.server.parameters.iter().map(parameter).collect(),
        stored_values: values(stored, Standing::Stored),
        missing_values: values(stored, Standing::Missing),
        external_credentials: user_names(&definitions, &provider.name),
    })
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

fn values(stored: Option<&BTreeSet<String>>, wanted: Standing) -> Vec<&'static str> {
    let standing = |name: &str| if stored.is_some_and(|stored| stored.contains(name)) { Standing::Stored } else { Standing::Missing };
    PROVIDER_FIELDS.iter().map(|field| field.name).filter(|name| standing(name) == wanted).collect()
}

fn user_names(definitions: &Definitions, name: &ApiName) -> Vec<String> {
    users(definitions, name).map(|credential| credential.name.to_string()).collect()
}
