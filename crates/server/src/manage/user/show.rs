//! Shows a user.

use serde::Serialize;
use sortie_model::{Attributes, Grantee, SystemPermission, SystemPermissions, User, UserName};
use sortie_store::Definitions;
use utoipa::ToSchema;

use super::UserError;
use crate::manage::{Manage, UnknownName, find};

/// A user as shown: names instead of identities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UserView {
    /// Unique name.
    pub name: String,
    /// Whether the user may call.
    pub active: bool,
    /// Whether there is a password for the console.
    pub password: bool,
    /// Name of the profile.
    #[schema(required = true)]
    pub profile: Option<String>,
    /// Names of the assigned permission sets.
    pub permission_sets: Vec<String>,
    /// What the user may do with Sortie itself, by permission sets and profile together.
    #[schema(value_type = Vec<SystemPermission>)]
    pub permissions: SystemPermissions,
    /// What formulas read.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub attributes: Attributes,
}

/// One user.
///
/// # Errors
/// A [`UserError`]: there is none of this name.
pub async fn show(manage: &Manage<'_>, name: &UserName) -> Result<UserView, UserError> {
    let definitions = manage.store.definitions().await?;
    let user = manage.store.users().find(name).await?.ok_or_else(|| UnknownName::new("user", name))?;
    Ok(view(manage, &definitions, user).await?)
}

pub(super) async fn view(manage: &Manage<'_>, definitions: &Definitions, user: User) -> Result<UserView, sortie_store::ReadError> {
    let assigned = manage.store.users().permission_sets(user.id).await?;
    let mut permission_sets: Vec<String> =
        assigned.into_iter().map(|set| find::grantee_name(definitions, Grantee::PermissionSet(set)).1).collect();
    permission_sets.sort();
    Ok(UserView {
        name: user.name.to_string(),
        active: user.is_active,
        password: manage.store.passwords().is_set(user.id).await?,
        profile: user.profile.map(|profile| find::grantee_name(definitions, Grantee::Profile(profile)).1),
        permission_sets,
        permissions: manage.store.users().system_permissions(user.id).await?,
        attributes: user.attributes,
    })
}
