//! How things are: what is complete, what is missing, how it did lately.

use serde::{Deserialize, Serialize};
use sortie_model::{AuthenticationStatus, IdentityType};

use crate::transport::Ask;
use crate::{Client, ClientError};

/// Status: `client.status()`.
#[derive(Clone, Copy, Debug)]
pub struct Status<'c>(pub(crate) &'c Client);

/// Everything, and what waits on the disk of the node that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusOverview {
    /// All external credentials.
    pub external_credentials: Vec<CredentialReport>,
    /// What the database has not taken yet.
    pub spool: SpoolReport,
}

/// Renewed logins that the database has not taken yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpoolReport {
    /// How many wait. A running server brings them to the database.
    pub waiting: u64,
    /// Why none could be written down, if so.
    pub problem: Option<String>,
}

/// An external credential with its principals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialReport {
    /// Its name.
    pub name: String,
    /// Shown name.
    pub label: String,
    /// Name of the protocol.
    pub protocol: String,
    /// The protocol in words.
    pub protocol_title: String,
    /// Configured if at least one principal is.
    pub status: AuthenticationStatus,
    /// What the credential itself lacks.
    pub missing: Vec<MissingStep>,
    /// The provider that some of its values come from.
    pub managed_by: Option<ManagerReport>,
    /// Lowest sequence number first.
    pub principals: Vec<PrincipalReport>,
    /// The named credentials that use it.
    pub named_credentials: Vec<PlaceReport>,
}

/// Something that is missing, and so the next thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingStep {
    /// Stable code.
    pub code: String,
    /// What to do.
    pub message: String,
}

/// Where values of a credential come from, if not from its principals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagerReport {
    /// Kind of the provider.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Names of the values.
    pub values: Vec<String>,
}

/// A principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrincipalReport {
    /// Its name.
    pub name: String,
    /// Whose identity it is.
    pub identity_type: IdentityType,
    /// Lower is chosen first.
    pub sequence_number: u32,
    /// Whether it is complete.
    pub status: AuthenticationStatus,
    /// What it lacks.
    pub missing: Vec<MissingStep>,
    /// Permission sets that enable it.
    pub permission_sets: Vec<String>,
    /// Profiles that enable it.
    pub profiles: Vec<String>,
    /// Names of the values that are stored for all.
    pub values: Vec<String>,
    /// How many users have stored values of their own.
    pub users_with_values: u64,
    /// How many logins there are, where people log in.
    pub logins: Option<u64>,
    /// Logins that are gone here, and not at the provider.
    pub unrevoked: Option<UnrevokedReport>,
    /// How it did lately.
    pub health: CredentialHealth,
}

/// Logins that are gone here, and not at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnrevokedReport {
    /// The provider will be told again.
    pub waiting: u64,
    /// It will not be told again.
    pub given_up: u64,
}

/// How a principal did lately.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialHealth {
    /// RFC 3339.
    pub last_success: Option<String>,
    /// RFC 3339.
    pub last_failure: Option<String>,
    /// Stable code.
    pub last_failure_code: Option<String>,
    /// When the token ends, RFC 3339.
    pub token_expires_at: Option<String>,
}

/// A named credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceReport {
    /// Its name.
    pub name: String,
    /// Where it leads.
    pub url: String,
    /// Whether callouts are let through.
    pub enabled: bool,
    /// What it presents where the connection is made, if something is.
    pub client_certificate: Option<PresentedReport>,
}

/// A certificate that a named credential presents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresentedReport {
    /// Its name.
    pub name: String,
    /// Until when the version in force is good, RFC 3339.
    pub expires_at: Option<String>,
    /// What it lacks. While it lacks anything, callouts are refused.
    pub missing: Vec<MissingStep>,
}

/// The generation of the definitions, which grows with every change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotVersions {
    /// What callouts on the node that answers are decided by.
    pub in_force: i64,
    /// What is stored.
    pub stored: i64,
}

impl Status<'_> {
    /// All external credentials.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn list(&self) -> Result<Vec<CredentialReport>, ClientError> {
        Ok(self.overview().await?.external_credentials)
    }

    /// All external credentials, and what waits on the disk of the node that answers.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn overview(&self) -> Result<StatusOverview, ClientError> {
        self.0.ask(Ask::get(&["/status"])).await
    }

    /// One external credential.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn show(&self, name: &str) -> Result<CredentialReport, ClientError> {
        self.0.ask(Ask::get(&["/status/", name])).await
    }

    /// Which definitions are in force, and which are stored.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn snapshot(&self) -> Result<SnapshotVersions, ClientError> {
        self.0.ask(Ask::get(&["/snapshot"])).await
    }
}
