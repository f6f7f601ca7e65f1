//! Which permission sets and profiles may use which principals.

use serde::{Deserialize, Serialize};

use super::Change;
use crate::transport::Ask;
use crate::{Client, ClientError};

/// Principal access: `client.principal_access()`.
#[derive(Clone, Copy, Debug)]
pub struct PrincipalAccess<'c>(pub(crate) &'c Client);

/// That somebody may use a principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Name of the external credential.
    pub external_credential: String,
    /// Name of the principal.
    pub principal: String,
    /// `permission_set` or `profile`.
    pub grantee_kind: String,
    /// Its name.
    pub grantee: String,
}

/// Who is given access, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grantee {
    /// Every user to whom the permission set is assigned.
    PermissionSet(String),
    /// Every user with the profile.
    Profile(String),
}

impl Grantee {
    fn parameter(&self) -> (&'static str, &str) {
        match self {
            Self::PermissionSet(name) => ("permission_set", name),
            Self::Profile(name) => ("profile", name),
        }
    }
}

#[derive(Serialize)]
struct Given<'a> {
    external_credential: &'a str,
    principal: &'a str,
    #[serde(flatten)]
    grantee: &'a Grantee,
}

#[derive(Deserialize)]
struct Listed {
    principal_access: Vec<Access>,
}

impl PrincipalAccess<'_> {
    /// Who may use what: all of it, or the principals of one external credential.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn list(&self, external_credential: Option<&str>) -> Result<Vec<Access>, ClientError> {
        let ask = Ask::get(&["/principal-access"]);
        let ask = match external_credential {
            Some(name) => ask.query("external_credential", name),
            None => ask,
        };
        let Listed { principal_access } = self.0.ask(ask).await?;
        Ok(principal_access)
    }

    /// Gives access; twice is the same as once.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn give(&self, external_credential: &str, principal: &str, grantee: &Grantee) -> Result<Change, ClientError> {
        self.0.ask(Ask::post(&["/principal-access"]).json(&Given { external_credential, principal, grantee })).await
    }

    /// Takes access away.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn take(&self, external_credential: &str, principal: &str, grantee: &Grantee) -> Result<(), ClientError> {
        let (name, value) = grantee.parameter();
        let ask = Ask::delete(&["/principal-access"]).query("external_credential", external_credential);
        self.0.tell(ask.query("principal", principal).query(name, value)).await
    }
}
