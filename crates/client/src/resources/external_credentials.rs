//! External credentials: how to authenticate, and as whom.

use serde::{Deserialize, Serialize};
use sortie_model::AuthenticationStatus;

use super::PrincipalType;
use crate::etag::{Etag, Versioned};
use crate::transport::Ask;
use crate::{Client, ClientError};

const PATH: &str = "/named-credentials/external-credentials";
const ONE: &str = "/named-credentials/external-credentials/";

/// External credentials: `client.external_credentials()`.
#[derive(Clone, Copy, Debug)]
pub struct ExternalCredentials<'c>(pub(crate) &'c Client);

/// An external credential as shown. Who does not see everything sees less of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalCredential {
    /// `Basic`, `OAuth`, …; none for a protocol that Salesforce does not have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication_protocol: Option<String>,
    /// `JwtBearer`, `RolesAnywhere`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication_protocol_variant: Option<String>,
    /// Configured if at least one principal is.
    pub authentication_status: AuthenticationStatus,
    /// Headers that are added to callouts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_headers: Option<Vec<CustomHeader>>,
    /// Unique name.
    pub developer_name: String,
    /// Its id, as Salesforce's clients expect one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Shown name.
    pub master_label: String,
    /// Settings, claims and status codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Vec<Parameter>>,
    /// Lowest sequence number first.
    pub principals: Vec<ExternalCredentialPrincipal>,
    /// The named credentials that use it.
    pub related_named_credentials: Vec<Related>,
    /// Its path in the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A header that is added to callouts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomHeader {
    /// Its name.
    pub header_name: String,
    /// Text with formulas.
    pub header_value: String,
    /// Its id; the server's to give.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Lower is sent first.
    pub sequence_number: u32,
}

/// A setting, a claim or a status code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameter {
    /// Its id; the server's to give.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name.
    pub parameter_name: String,
    /// `AuthParameter`, `JwtBodyClaim`, …
    pub parameter_type: String,
    /// Its value as text.
    pub parameter_value: String,
}

/// A principal as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalCredentialPrincipal {
    /// Whether it is complete.
    pub authentication_status: AuthenticationStatus,
    /// Its id, by which access to it is given in Salesforce's way.
    pub id: String,
    /// Its own settings.
    pub parameters: Vec<Parameter>,
    /// Who may use it.
    pub principal_access: Vec<AccessSummary>,
    /// Its name.
    pub principal_name: String,
    /// What kind of principal.
    pub principal_type: PrincipalType,
    /// Lower is chosen first.
    pub sequence_number: u32,
}

/// A permission set or a profile that enables a principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessSummary {
    /// Its name.
    pub developer_name: String,
    /// Its id.
    pub id: String,
    /// `PermissionSet` or `Profile`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Another resource, in few words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Related {
    /// Its name.
    pub developer_name: String,
    /// Its id.
    pub id: String,
    /// Shown name.
    pub master_label: String,
    /// Its path in the API.
    pub url: String,
}

/// An external credential as it is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewExternalCredential {
    /// `Basic`, `OAuth`, …
    pub authentication_protocol: String,
    /// `JwtBearer`, `RolesAnywhere`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication_protocol_variant: Option<String>,
    /// Headers that are added to callouts.
    pub custom_headers: Vec<CustomHeader>,
    /// Unique name, which never changes.
    pub developer_name: String,
    /// Shown name.
    pub master_label: String,
    /// Settings, claims and status codes.
    pub parameters: Vec<Parameter>,
    /// Those that are not listed go, with all that is stored for them.
    pub principals: Vec<NewPrincipal>,
}

/// A principal as it is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewPrincipal {
    /// Its own settings.
    pub parameters: Vec<Parameter>,
    /// Its name.
    pub principal_name: String,
    /// What kind of principal.
    pub principal_type: PrincipalType,
    /// Lower is chosen first.
    pub sequence_number: u32,
}

impl From<ExternalCredential> for NewExternalCredential {
    /// As it is, to be changed and put back.
    fn from(shown: ExternalCredential) -> Self {
        let principal = |principal: ExternalCredentialPrincipal| NewPrincipal {
            parameters: principal.parameters,
            principal_name: principal.principal_name,
            principal_type: principal.principal_type,
            sequence_number: principal.sequence_number,
        };
        Self {
            authentication_protocol: shown.authentication_protocol.unwrap_or_default(),
            authentication_protocol_variant: shown.authentication_protocol_variant,
            custom_headers: shown.custom_headers.unwrap_or_default(),
            developer_name: shown.developer_name,
            master_label: shown.master_label,
            parameters: shown.parameters.unwrap_or_default(),
            principals: shown.principals.into_iter().map(principal).collect(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    external_credentials: Vec<ExternalCredential>,
}

impl ExternalCredentials<'_> {
    /// All that the key's user sees.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn list(&self) -> Result<Vec<ExternalCredential>, ClientError> {
        let Listed { external_credentials } = self.0.ask(Ask::get(&[PATH])).await?;
        Ok(external_credentials)
    }

    /// One of them.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn show(&self, name: &str) -> Result<Versioned<ExternalCredential>, ClientError> {
        self.0.ask_versioned(Ask::get(&[ONE, name])).await
    }

    /// Makes one.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn create(&self, new: &NewExternalCredential) -> Result<Versioned<ExternalCredential>, ClientError> {
        self.0.ask_versioned(Ask::post(&[PATH]).json(new)).await
    }

    /// Puts this in the place of what is there, if that is still what was `seen`.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn replace(&self, wanted: &NewExternalCredential, seen: Option<&Etag>) -> Result<Versioned<ExternalCredential>, ClientError> {
        self.0.ask_versioned(Ask::put(&[ONE, &wanted.developer_name]).json(wanted).seen(seen)).await
    }

    /// Removes one with its principals and all that is stored for them, if it is still what was `seen`. Refused while named credentials use it.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn remove(&self, name: &str, seen: Option<&Etag>) -> Result<(), ClientError> {
        self.0.tell(Ask::delete(&[ONE, name]).seen(seen)).await
    }
}
