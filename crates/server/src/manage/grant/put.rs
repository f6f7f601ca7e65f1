//! Gives and takes principal access.

use std::fmt;

use sortie_model::{ApiName, Grantee, PrincipalAccess};
use sortie_store::Definitions;

use super::GrantError;
use crate::manage::{Action, Change, Manage, PrincipalReference, UnknownName, find};

/// Who is granted something, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GranteeName {
    /// Every user to whom the permission set is assigned.
    PermissionSet(ApiName),
    /// Every user with the profile.
    Profile(ApiName),
}

impl GranteeName {
    fn find(&self, definitions: &Definitions) -> Result<Grantee, UnknownName> {
        Ok(match self {
            Self::PermissionSet(name) => Grantee::PermissionSet(find::permission_set(definitions, name)?.id),
            Self::Profile(name) => Grantee::Profile(find::profile(definitions, name)?.id),
        })
    }
}

impl fmt::Display for GranteeName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PermissionSet(name) => write!(formatter, "permission set {name}"),
            Self::Profile(name) => write!(formatter, "profile {name}"),
        }
    }
}

/// Lets the users of a permission set or profile use a principal. Giving it twice is the same as once.
///
/// # Errors
/// A [`GrantError`]: principal or grantee does not exist.
pub async fn add(manage: &Manage<'_>, principal: &PrincipalReference, grantee: &GranteeName) -> Result<Change, GrantError> {
    put(manage, principal, grantee, Action::Created).await
}

/// Takes access away. Taking away what was not given changes nothing.
///
/// # Errors
/// A [`GrantError`]: principal or grantee does not exist.
pub async fn remove(manage: &Manage<'_>, principal: &PrincipalReference, grantee: &GranteeName) -> Result<Change, GrantError> {
    put(manage, principal, grantee, Action::Deleted).await
}

async fn put(manage: &Manage<'_>, principal: &PrincipalReference, grantee: &GranteeName, action: Action) -> Result<Change, GrantError> {
    let mut change = manage.store.change().await?;
    let definitions = change.definitions().await?;
    let access = PrincipalAccess { principal: principal.find(&definitions)?.1.id, grantee: grantee.find(&definitions)? };
    let name = format!("{principal} for {grantee}");
    let is_given = definitions.principal_access.contains(&access);
    if is_given == (action == Action::Created) {
        return Ok(Change::new("grant", name, Action::Unchanged));
    }
    if is_given {
        change.principal_access().delete(access).await?
    } else {
        change.principal_access().insert(access).await?
    }
    let done = Change::new("grant", name, action);
    manage.commit(change, std::slice::from_ref(&done)).await?;
    Ok(done)
}
