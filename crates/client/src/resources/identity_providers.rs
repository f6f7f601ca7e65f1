//! External auth identity providers, in Salesforce's shape.

use serde::{Deserialize, Serialize};
use sortie_model::Secret;

use super::secret::Exposed;
use crate::etag::{Etag, Versioned};
use crate::transport::Ask;
use crate::{Client, ClientError};

const PATH: &str = "/named-credentials/external-auth-identity-providers";
const ONE: &str = "/named-credentials/external-auth-identity-providers/";
const CREDENTIALS: &str = "/named-credentials/external-auth-identity-provider-credentials/";

/// External auth identity providers: `client.identity_providers()`. Those of both kinds, and all that Salesforce has no word for, are in
/// [`Providers`](super::Providers).
#[derive(Clone, Copy, Debug)]
pub struct IdentityProviders<'c>(pub(crate) &'c Client);

/// A provider as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityProvider {
    /// `AuthorizationCode` or `ClientCredentials`.
    pub authentication_flow: String,
    /// `OAuth`.
    pub authentication_protocol: String,
    /// Where users are sent to log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorize_url: Option<String>,
    /// What is to be registered over there.
    pub callback_url: String,
    /// `ClientSecretBasic` or `ClientSecretPost`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_authentication: Option<String>,
    /// What is stored for it.
    pub credentials: Vec<ProviderCredential>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Unique name.
    pub full_name: String,
    /// Its id.
    pub id: String,
    /// Shown name.
    pub label: String,
    /// Options, and what is sent besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Vec<IdentityProviderParameter>>,
    /// Where tokens are asked for.
    pub token_url: String,
    /// Its path in the API.
    pub url: String,
    /// Where it says who a user is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_info_url: Option<String>,
}

/// An option, or something that is sent besides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityProviderParameter {
    /// Its name.
    pub parameter_name: String,
    /// `TokenRequestBodyParameter`, `IdentityProviderOptions`, …
    pub parameter_type: String,
    /// Its value.
    pub parameter_value: String,
    /// Lower is sent first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<u32>,
}

/// A value that is stored for a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderCredential {
    /// `clientId`, `clientSecret`.
    pub credential_name: String,
    /// Itself, if it is no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_value: Option<String>,
    /// Whether it is a secret.
    pub encrypted: bool,
}

/// A provider as it is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewIdentityProvider {
    /// `AuthorizationCode` or `ClientCredentials`.
    pub authentication_flow: String,
    /// Where users are sent to log in.
    pub authorize_url: Option<String>,
    /// `ClientSecretBasic` or `ClientSecretPost`.
    pub client_authentication: Option<String>,
    /// What it is for.
    pub description: String,
    /// Unique name, which never changes.
    pub full_name: String,
    /// Shown name.
    pub label: String,
    /// Options, and what is sent besides.
    pub parameters: Vec<IdentityProviderParameter>,
    /// Where tokens are asked for.
    pub token_url: String,
    /// Where it says who a user is.
    pub user_info_url: Option<String>,
}

impl From<IdentityProvider> for NewIdentityProvider {
    /// As it is, to be changed and put back.
    fn from(shown: IdentityProvider) -> Self {
        Self {
            authentication_flow: shown.authentication_flow,
            authorize_url: shown.authorize_url,
            client_authentication: shown.client_authentication,
            description: shown.description,
            full_name: shown.full_name,
            label: shown.label,
            parameters: shown.parameters.unwrap_or_default(),
            token_url: shown.token_url,
            user_info_url: shown.user_info_url,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    authentication_flow: &'a str,
    authentication_protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorize_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_authentication: Option<&'a str>,
    description: &'a str,
    full_name: &'a str,
    label: &'a str,
    parameters: &'a [IdentityProviderParameter],
    token_url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_info_url: Option<&'a str>,
}

impl NewIdentityProvider {
    fn body(&self) -> Body<'_> {
        Body {
            authentication_flow: &self.authentication_flow,
            authentication_protocol: "OAuth",
            authorize_url: self.authorize_url.as_deref(),
            client_authentication: self.client_authentication.as_deref(),
            description: &self.description,
            full_name: &self.full_name,
            label: &self.label,
            parameters: &self.parameters,
            token_url: &self.token_url,
            user_info_url: self.user_info_url.as_deref(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    external_auth_identity_providers: Vec<IdentityProvider>,
}

#[derive(Deserialize)]
struct Stored {
    credentials: Vec<ProviderCredential>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pair<'a> {
    credential_name: &'a str,
    credential_value: Exposed<'a>,
}

#[derive(Serialize)]
struct Pairs<'a> {
    credentials: Vec<Pair<'a>>,
}

impl<'a> Pairs<'a> {
    fn of(client_id: &'a Secret, client_secret: Option<&'a Secret>) -> Self {
        let pair = |name, value| Pair { credential_name: name, credential_value: Exposed(value) };
        Self {
            credentials: [Some(pair("clientId", client_id)), client_secret.map(|value| pair("clientSecret", value))]
                .into_iter()
                .flatten()
                .collect(),
        }
    }
}

impl IdentityProviders<'_> {
    /// All of them.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn list(&self) -> Result<Vec<IdentityProvider>, ClientError> {
        let Listed { external_auth_identity_providers } = self.0.ask(Ask::get(&[PATH])).await?;
        Ok(external_auth_identity_providers)
    }

    /// One of them.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn show(&self, name: &str) -> Result<Versioned<IdentityProvider>, ClientError> {
        self.0.ask_versioned(Ask::get(&[ONE, name])).await
    }

    /// Makes one.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn create(&self, new: &NewIdentityProvider) -> Result<Versioned<IdentityProvider>, ClientError> {
        self.0.ask_versioned(Ask::post(&[PATH]).json(&new.body())).await
    }

    /// Puts this in the place of what is there, if that is still what was `seen`.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn replace(&self, wanted: &NewIdentityProvider, seen: Option<&Etag>) -> Result<Versioned<IdentityProvider>, ClientError> {
        self.0.ask_versioned(Ask::put(&[ONE, &wanted.full_name]).json(&wanted.body()).seen(seen)).await
    }

    /// Removes one with its values, if it is still what was `seen`. Refused while external credentials name it.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn remove(&self, name: &str, seen: Option<&Etag>) -> Result<(), ClientError> {
        self.0.tell(Ask::delete(&[ONE, name]).seen(seen)).await
    }

    /// What is stored for one.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn credentials(&self, name: &str) -> Result<Vec<ProviderCredential>, ClientError> {
        let Stored { credentials } = self.0.ask(Ask::get(&[CREDENTIALS, name])).await?;
        Ok(credentials)
    }

    /// Stores client id and client secret where none are yet.
    ///
    /// # Errors
    /// A [`ClientError`]; it never holds a value.
    pub async fn create_credentials(
        &self,
        name: &str,
        client_id: &Secret,
        client_secret: Option<&Secret>,
    ) -> Result<Vec<ProviderCredential>, ClientError> {
        let Stored { credentials } = self.0.ask(Ask::post(&[CREDENTIALS, name]).json(&Pairs::of(client_id, client_secret))).await?;
        Ok(credentials)
    }

    /// Stores client id and client secret in place of those that are there.
    ///
    /// # Errors
    /// A [`ClientError`]; it never holds a value.
    pub async fn replace_credentials(
        &self,
        name: &str,
        client_id: &Secret,
        client_secret: Option<&Secret>,
    ) -> Result<Vec<ProviderCredential>, ClientError> {
        let Stored { credentials } = self.0.ask(Ask::put(&[CREDENTIALS, name]).json(&Pairs::of(client_id, client_secret))).await?;
        Ok(credentials)
    }
}
