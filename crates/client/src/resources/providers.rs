//! Providers of tokens, of both kinds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sortie_model::Secret;

use super::secret::ExposedMap;
use super::values::{self, OneValue};
use super::{Change, ValueState};
use crate::transport::Ask;
use crate::{Client, ClientError};

/// Providers: `client.providers()`.
#[derive(Clone, Copy, Debug)]
pub struct Providers<'c>(pub(crate) &'c Client);

/// A provider in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderSummary {
    /// Which kind: `external_auth_identity_provider` or `auth_provider`.
    pub kind: String,
    /// The type of an auth provider.
    #[serde(rename = "type")]
    pub auth_provider_type: Option<String>,
    /// Its name.
    pub name: String,
    /// Shown name.
    pub label: String,
    /// How it gives tokens.
    pub flow: String,
    /// Where tokens are asked for.
    pub token_endpoint: String,
    /// Names of the values that must be stored for it, and are not.
    pub missing_values: Vec<String>,
    /// Names of the external credentials that it gives tokens to.
    pub external_credentials: Vec<String>,
}

/// A provider as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Which kind: `external_auth_identity_provider` or `auth_provider`.
    pub kind: String,
    /// The type of an auth provider, and what else only those have.
    #[serde(flatten)]
    pub auth_provider: Option<AuthProvider>,
    /// Its name.
    pub name: String,
    /// Shown name.
    pub label: String,
    /// What it is for.
    pub description: String,
    /// What is to be registered over there as the address that browsers are sent back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// With which the last login on the console worked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_callback_url: Option<String>,
    /// How it gives tokens.
    pub flow: String,
    /// Where client id and secret stand in a token request.
    pub client_authentication: String,
    /// What it calls itself.
    pub issuer: Option<String>,
    /// Where users are sent to log in.
    pub authorize_endpoint: Option<String>,
    /// Where tokens are asked for.
    pub token_endpoint: String,
    /// Where it says who a user is.
    pub user_info_endpoint: Option<String>,
    /// Where it takes the parameters of a login.
    pub pushed_authorization_endpoint: Option<String>,
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
    pub request_parameters: Vec<ProviderParameter>,
    /// Names of the values that are stored for it.
    pub stored_values: Vec<String>,
    /// Names of the values that must be stored for it, and are not.
    pub missing_values: Vec<String>,
    /// Names of the external credentials that it gives tokens to.
    pub external_credentials: Vec<String>,
}

/// What only an auth provider has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthProvider {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What its type asks for.
    pub settings: BTreeMap<String, String>,
    /// What a plug-in is told with every step.
    pub configuration: BTreeMap<String, String>,
    /// Where a browser is sent when a login fails.
    pub error_url: Option<String>,
    /// Where a browser is sent after a logout.
    pub logout_url: Option<String>,
    /// The picture that is shown with it.
    pub icon_url: Option<String>,
    /// What Salesforce says of it besides; it means nothing here.
    pub salesforce: BTreeMap<String, String>,
    /// How a refresh token is had.
    pub refresh_token: String,
}

/// A custom request parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderParameter {
    /// Which request: `authorize`, `token` or `refresh`.
    pub request: String,
    /// Where in it: `query`, `body` or `header`.
    pub place: String,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Lower is sent first.
    pub sequence_number: u32,
    /// What it is for.
    pub description: String,
}

/// An issuer to ask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProviderToDiscover {
    /// What the server calls itself, as a URL.
    pub issuer: String,
    /// Name of the definition; made of the host, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How tokens are to be obtained; by what the server says, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
}

/// What an issuer says, and a definition made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscoveredProvider {
    /// What it calls itself.
    pub issuer: String,
    /// Where it says so.
    pub source: String,
    /// Where users are sent to log in.
    pub authorize_endpoint: Option<String>,
    /// Where tokens are asked for.
    pub token_endpoint: String,
    /// Where it says who a user is.
    pub user_info_endpoint: Option<String>,
    /// Where it takes the parameters of a login.
    pub pushed_authorization_endpoint: Option<String>,
    /// Whether it takes them in no other way.
    pub requires_pushed_authorization: bool,
    /// Whether it binds tokens to keys.
    pub binds_tokens: bool,
    /// Where it is told that a token is not needed any more.
    pub revocation_endpoint: Option<String>,
    /// Where its public keys are.
    pub key_set_endpoint: Option<String>,
    /// Whether it says who it is when it sends a browser back.
    pub issuer_in_response: bool,
    /// How it takes client id and secret; `None`: not in a header, and not in a body.
    pub client_authentication: Option<String>,
    /// Whether it takes a proof key.
    pub pkce: bool,
    /// The grants that it says it gives.
    pub grant_types: Option<Vec<String>>,
    /// The scopes that it says it knows.
    pub scopes: Option<String>,
    /// YAML, to be applied as it is or edited.
    pub definition: String,
}

#[derive(Deserialize)]
struct Listed {
    providers: Vec<ProviderSummary>,
}

impl Providers<'_> {
    /// All of both kinds, by name.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn list(&self) -> Result<Vec<ProviderSummary>, ClientError> {
        let Listed { providers } = self.0.ask(Ask::get(&["/providers"])).await?;
        Ok(providers)
    }

    /// One of either kind.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn show(&self, name: &str) -> Result<Provider, ClientError> {
        self.0.ask(Ask::get(&["/providers/", name])).await
    }

    /// Stores all values of a provider, in place of those that are there: client id and client secret belong together.
    ///
    /// # Errors
    /// A [`ClientError`]; it never holds a value.
    pub async fn put_values(&self, name: &str, values: &BTreeMap<String, Secret>) -> Result<Provider, ClientError> {
        self.0.ask(Ask::put(&["/providers/", name, "/values"]).json(&ExposedMap(values))).await
    }

    /// Which values of a provider are stored, and which are missing.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn values(&self, name: &str) -> Result<Vec<ValueState>, ClientError> {
        let values::Listed { values } = self.0.ask(Ask::get(&["/providers/", name, "/values"])).await?;
        Ok(values)
    }

    /// Stores one value in place of the one before. What is stored besides stays.
    ///
    /// # Errors
    /// A [`ClientError`]; it never holds the value.
    pub async fn set_value(&self, name: &str, value_name: &str, value: &Secret) -> Result<Change, ClientError> {
        self.0.ask(Ask::put(&["/providers/", name, "/values/", value_name]).json(&OneValue::of(value))).await
    }

    /// Removes one value.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn remove_value(&self, name: &str, value_name: &str) -> Result<Change, ClientError> {
        self.0.ask(Ask::delete(&["/providers/", name, "/values/", value_name])).await
    }

    /// Asks an issuer where its endpoints are. The server asks, and nothing is stored.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn discover(&self, wanted: &ProviderToDiscover) -> Result<DiscoveredProvider, ClientError> {
        self.0.ask(Ask::post(&["/provider-discoveries"]).json(wanted)).await
    }

    /// Removes one with its values. Refused while external credentials name it.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn remove(&self, name: &str) -> Result<(), ClientError> {
        self.0.tell(Ask::delete(&["/providers/", name])).await
    }
}
