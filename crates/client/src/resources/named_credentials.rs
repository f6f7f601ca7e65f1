//! Named credentials: where calls go.

use serde::{Deserialize, Serialize};

use super::{CustomHeader, Parameter, Related};
use crate::etag::{Etag, Versioned};
use crate::transport::Ask;
use crate::{Client, ClientError};

const PATH: &str = "/named-credentials/named-credential-setup";
const ONE: &str = "/named-credentials/named-credential-setup/";

/// Named credentials: `client.named_credentials()`.
#[derive(Clone, Copy, Debug)]
pub struct NamedCredentials<'c>(pub(crate) &'c Client);

/// A named credential as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedCredential {
    /// What is done to callouts.
    pub callout_options: CalloutOptions,
    /// `Enabled` or `Disabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callout_status: Option<String>,
    /// Where it leads.
    pub callout_url: String,
    /// Headers that are added to callouts.
    pub custom_headers: Vec<CustomHeader>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Unique name.
    pub developer_name: String,
    /// The external credential: exactly one.
    pub external_credentials: Vec<Related>,
    /// Its id.
    pub id: String,
    /// Shown name.
    pub master_label: String,
    /// The certificate that is presented, if one is: [`NamedCredential::client_certificate`].
    pub parameters: Vec<Parameter>,
    /// `SecuredEndpoint`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its path in the API.
    pub url: String,
}

/// The type of the one parameter that means something to Sortie.
const CLIENT_CERTIFICATE: &str = "ClientCertificate";

impl NamedCredential {
    /// Name of the certificate that is presented where the connection is made, if one is.
    pub fn client_certificate(&self) -> Option<&str> {
        self.parameters.iter().find(|one| one.parameter_type == CLIENT_CERTIFICATE).map(|one| one.parameter_value.as_str())
    }
}

/// What is done to callouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CalloutOptions {
    /// Whether formulas in callers' bodies are evaluated.
    pub allow_merge_fields_in_body: bool,
    /// Whether formulas in callers' headers are.
    pub allow_merge_fields_in_header: bool,
    /// Whether Sortie adds the `Authorization` header.
    pub generate_authorization_header: bool,
}

impl Default for CalloutOptions {
    fn default() -> Self {
        Self { allow_merge_fields_in_body: false, allow_merge_fields_in_header: false, generate_authorization_header: true }
    }
}

/// A named credential as it is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewNamedCredential {
    /// What is done to callouts.
    pub callout_options: CalloutOptions,
    /// Where it leads: `https://api.example.com/v1`.
    pub callout_url: String,
    /// Name of the certificate that is presented where the connection is made. It must be there, and the URL must be `https`.
    pub client_certificate: Option<String>,
    /// Headers that are added to callouts.
    pub custom_headers: Vec<CustomHeader>,
    /// What it is for.
    pub description: String,
    /// Unique name, which never changes.
    pub developer_name: String,
    /// Name of the external credential.
    pub external_credential: String,
    /// Shown name.
    pub master_label: String,
}

impl From<NamedCredential> for NewNamedCredential {
    /// As it is, to be changed and put back.
    fn from(shown: NamedCredential) -> Self {
        Self {
            client_certificate: shown.client_certificate().map(str::to_owned),
            callout_options: shown.callout_options,
            callout_url: shown.callout_url,
            custom_headers: shown.custom_headers,
            description: shown.description.unwrap_or_default(),
            developer_name: shown.developer_name,
            external_credential: shown.external_credentials.into_iter().next().map(|one| one.developer_name).unwrap_or_default(),
            master_label: shown.master_label,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    callout_options: CalloutOptions,
    callout_url: &'a str,
    custom_headers: &'a [CustomHeader],
    description: &'a str,
    developer_name: &'a str,
    external_credentials: [Reference<'a>; 1],
    master_label: &'a str,
    parameters: Vec<Presented<'a>>,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Presented<'a> {
    parameter_name: &'static str,
    parameter_type: &'static str,
    parameter_value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reference<'a> {
    developer_name: &'a str,
}

impl NewNamedCredential {
    fn body(&self) -> Body<'_> {
        let Self {
            callout_options,
            callout_url,
            client_certificate,
            custom_headers,
            description,
            developer_name,
            external_credential,
            master_label,
        } = self;
        let presented = client_certificate.iter().map(|name| Presented {
            parameter_name: CLIENT_CERTIFICATE,
            parameter_type: CLIENT_CERTIFICATE,
            parameter_value: name,
        });
        Body {
            callout_options: *callout_options,
            callout_url,
            custom_headers,
            description,
            developer_name,
            external_credentials: [Reference { developer_name: external_credential }],
            master_label,
            parameters: presented.collect(),
            // The other type of Salesforce's is for its private connections.
            kind: "SecuredEndpoint",
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    named_credentials: Vec<NamedCredential>,
}

impl NamedCredentials<'_> {
    /// All of them.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn list(&self) -> Result<Vec<NamedCredential>, ClientError> {
        let Listed { named_credentials } = self.0.ask(Ask::get(&[PATH])).await?;
        Ok(named_credentials)
    }

    /// One of them.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn show(&self, name: &str) -> Result<Versioned<NamedCredential>, ClientError> {
        self.0.ask_versioned(Ask::get(&[ONE, name])).await
    }

    /// Makes one.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn create(&self, new: &NewNamedCredential) -> Result<Versioned<NamedCredential>, ClientError> {
        self.0.ask_versioned(Ask::post(&[PATH]).json(&new.body())).await
    }

    /// Puts this in the place of what is there, if that is still what was `seen`.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn replace(&self, wanted: &NewNamedCredential, seen: Option<&Etag>) -> Result<Versioned<NamedCredential>, ClientError> {
        self.0.ask_versioned(Ask::put(&[ONE, &wanted.developer_name]).json(&wanted.body()).seen(seen)).await
    }

    /// Removes one, if it is still what was `seen`.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn remove(&self, name: &str, seen: Option<&Etag>) -> Result<(), ClientError> {
        self.0.tell(Ask::delete(&[ONE, name]).seen(seen)).await
    }
}
