//! Permission sets and profiles: which users may use which principals.

use crate::{ApiName, Label, PermissionSetId, PrincipalId, ProfileId};

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
