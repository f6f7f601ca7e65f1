//! What is stored for principals. Secrets go in and never come out.

use std::collections::BTreeMap;

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use sortie_model::{AuthenticationStatus, Secret};

use super::secret::Exposed;
use crate::transport::Ask;
use crate::{Client, ClientError};

const PATH: &str = "/named-credentials/credential";

/// Stored credentials: `client.credentials()`.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'c>(pub(crate) &'c Client);

/// What kind of principal, in Salesforce's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrincipalType {
    /// The one whose key the roles of AWS STS are assumed with.
    #[serde(rename = "AwsStsPrincipal")]
    AwsSts,
    /// Shared by all who may use it.
    #[serde(rename = "NamedPrincipal")]
    Named,
    /// Everybody's own.
    #[serde(rename = "PerUserPrincipal")]
    PerUser,
}

impl PrincipalType {
    const fn as_str(self) -> &'static str {
        match self {
            Self::AwsSts => "AwsStsPrincipal",
            Self::Named => "NamedPrincipal",
            Self::PerUser => "PerUserPrincipal",
        }
    }
}

/// Whose credentials are meant. With [`PrincipalType::PerUser`] it is the key's own user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialPlace {
    /// Name of the external credential.
    pub external_credential: String,
    /// Name of the principal; needed for [`PrincipalType::Named`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal_name: Option<String>,
    /// What kind of principal.
    pub principal_type: PrincipalType,
}

impl CredentialPlace {
    fn query(&self, ask: Ask) -> Ask {
        let ask = ask.query("externalCredential", &self.external_credential).query("principalType", self.principal_type.as_str());
        match &self.principal_name {
            Some(name) => ask.query("principalName", name),
            None => ask,
        }
    }
}

/// What is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    /// `Basic`, `OAuth`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication_protocol: Option<String>,
    /// `JwtBearer`, `RolesAnywhere`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication_protocol_variant: Option<String>,
    /// Whether all is there.
    pub authentication_status: AuthenticationStatus,
    /// By name.
    pub credentials: BTreeMap<String, StoredValue>,
    /// Name of the external credential.
    pub external_credential: String,
    /// Name of the principal.
    pub principal_name: String,
    /// What kind of principal.
    pub principal_type: PrincipalType,
}

/// A stored value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredValue {
    /// Whether it is a secret, which is never shown.
    pub encrypted: bool,
    /// Which one it is, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// Itself, if it is no secret: a user name, a client id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// What is to be stored, by Salesforce's names: `clientSecret`. Those with `None` are mentioned, and so they stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialValues(pub BTreeMap<String, Option<Secret>>);

impl<N: Into<String>, const COUNT: usize> From<[(N, Secret); COUNT]> for CredentialValues {
    fn from(values: [(N, Secret); COUNT]) -> Self {
        Self(values.into_iter().map(|(name, secret)| (name.into(), Some(secret))).collect())
    }
}

#[derive(Serialize)]
struct Valued<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Exposed<'a>>,
}

struct Values<'a>(&'a CredentialValues);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.0.len()))?;
        for (name, value) in &self.0.0 {
            map.serialize_entry(name, &Valued { value: value.as_ref().map(Exposed) })?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    place: &'a CredentialPlace,
    credentials: Values<'a>,
}

/// Where a person goes to log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthUrl {
    /// A page of Sortie's, which leads to the provider.
    pub authentication_url: String,
    /// Name of the external credential.
    pub external_credential: String,
    /// Name of the principal.
    pub principal_name: String,
    /// What kind of principal.
    pub principal_type: PrincipalType,
}

impl Credentials<'_> {
    /// What is stored for a principal.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn show(&self, place: &CredentialPlace) -> Result<Credential, ClientError> {
        self.0.ask(place.query(Ask::get(&[PATH]))).await
    }

    /// Stores values where none are yet.
    ///
    /// # Errors
    /// A [`ClientError`]; it never holds a value.
    pub async fn create(&self, place: &CredentialPlace, values: &CredentialValues) -> Result<Credential, ClientError> {
        self.0.ask(Ask::post(&[PATH]).json(&Body { place, credentials: Values(values) })).await
    }

    /// Stores values in place of those that are there: what is not mentioned goes.
    ///
    /// # Errors
    /// A [`ClientError`]; it never holds a value.
    pub async fn replace(&self, place: &CredentialPlace, values: &CredentialValues) -> Result<Credential, ClientError> {
        self.0.ask(Ask::put(&[PATH]).json(&Body { place, credentials: Values(values) })).await
    }

    /// Stores values beside those that are there; for the protocol Custom only.
    ///
    /// # Errors
    /// A [`ClientError`]; it never holds a value.
    pub async fn amend(&self, place: &CredentialPlace, values: &CredentialValues) -> Result<Credential, ClientError> {
        self.0.ask(Ask::patch(&[PATH]).json(&Body { place, credentials: Values(values) })).await
    }

    /// Removes what is stored, and the login with it.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn remove(&self, place: &CredentialPlace) -> Result<(), ClientError> {
        self.0.tell(place.query(Ask::delete(&[PATH]))).await
    }

    /// Removes some values; for the protocol Custom only.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn remove_some(&self, place: &CredentialPlace, names: &[&str]) -> Result<(), ClientError> {
        self.0.tell(place.query(Ask::delete(&[PATH])).query("authenticationParameters", names.join(","))).await
    }

    /// Fetches another token now.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn refresh(&self, place: &CredentialPlace) -> Result<Credential, ClientError> {
        let values = CredentialValues::default();
        self.0.ask(Ask::post(&[PATH]).query("action", "Refresh").json(&Body { place, credentials: Values(&values) })).await
    }

    /// Where a person goes to log in.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn auth_url(&self, place: &CredentialPlace) -> Result<AuthUrl, ClientError> {
        self.0.ask(Ask::post(&["/named-credentials/credential/auth-url/o-auth"]).json(place)).await
    }
}
