//! Permission sets and profiles: which users may use which principals.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ApiName, Label, PermissionSetId, PrincipalId, ProfileId, Violation};

/// What a user may do with Sortie itself, beside making callouts. It is had through any permission set or the profile; nothing takes it away again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SystemPermission {
    /// See definitions. No secret is ever seen.
    ViewSetup,
    /// Change external and named credentials and what they refer to, and store shared secrets.
    ManageNamedCredentials,
    /// The same: in Salesforce either of the two is enough.
    CustomizeApplication,
    /// Change users, their keys and passwords, and what is assigned to them.
    ManageUsers,
    /// Change certificates and their keys.
    ManageCertificates,
    /// Read the audit.
    ViewAudit,
    /// Make callouts for another user, who is named in the audit beside the one who does it.
    ActOnBehalf,
}

/// The system permissions that somebody has.
pub type SystemPermissions = BTreeSet<SystemPermission>;

/// A named set of grants that is assigned to any number of users.
#[derive(Clone, Debug, PartialEq)]
pub struct PermissionSet {
    /// Identity.
    pub id: PermissionSetId,
    /// Unique developer name.
    pub name: ApiName,
    /// Shown name.
    pub label: Label,
    /// What it is for.
    pub description: String,
    /// What its users may do with Sortie itself.
    pub permissions: SystemPermissions,
}

/// A named set of grants of which every user has at most one.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Identity.
    pub id: ProfileId,
    /// Unique developer name.
    pub name: ApiName,
    /// Shown name.
    pub label: Label,
    /// What it is for.
    pub description: String,
    /// What its users may do with Sortie itself.
    pub permissions: SystemPermissions,
}

/// Who is granted something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grantee {
    /// Every user to whom the permission set is assigned.
    PermissionSet(PermissionSetId),
    /// Every user with the profile.
    Profile(ProfileId),
}

/// One grant: these users may use this principal. There is no way to say "may not"; what is not granted is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PrincipalAccess {
    /// The principal that may be used.
    pub principal: PrincipalId,
    /// Who may use it.
    pub grantee: Grantee,
}

impl SystemPermission {
    /// Every permission.
    pub const ALL: [Self; 7] = [
        Self::ViewSetup,
        Self::ManageNamedCredentials,
        Self::CustomizeApplication,
        Self::ManageUsers,
        Self::ManageCertificates,
        Self::ViewAudit,
        Self::ActOnBehalf,
    ];

    /// As in definitions and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ViewSetup => "view_setup",
            Self::ManageNamedCredentials => "manage_named_credentials",
            Self::CustomizeApplication => "customize_application",
            Self::ManageUsers => "manage_users",
            Self::ManageCertificates => "manage_certificates",
            Self::ViewAudit => "view_audit",
            Self::ActOnBehalf => "act_on_behalf",
        }
    }

    /// Reads what [`SystemPermission::as_str`] writes, exactly.
    ///
    /// # Errors
    /// A [`Violation`] of `permissions`.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.into_iter().map(Self::as_str).collect();
            Violation::new("permissions", "permission_unknown", format!("must be one of {}", known.join(", ")))
        })
    }
}

impl fmt::Display for SystemPermission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_permission_is_read_as_it_is_written() {
        for permission in SystemPermission::ALL {
            assert_eq!(SystemPermission::parse(permission.as_str()), Ok(permission));
            assert_eq!(serde_json::to_value(permission).unwrap(), permission.as_str());
        }
        for unknown in ["", "View_Setup", "modify_all_data", "viewSetup"] {
            assert_eq!(SystemPermission::parse(unknown).unwrap_err().rule, "permission_unknown");
        }
    }
}
