//! Adds a user.

use sortie_model::{ApiName, Attributes, User, UserId, UserName, check_attribute};

use super::UserError;
use crate::manage::{Action, Change, Manage, find};

/// A user to be.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Unique name.
    pub name: UserName,
    /// Name of the profile.
    pub profile: Option<ApiName>,
    /// Names of the permission sets to assign.
    pub permission_sets: Vec<ApiName>,
    /// What formulas read.
    pub attributes: Attributes,
}

/// Adds a user, who may call at once.
///
/// # Errors
/// A [`UserError`]: the name is taken, a profile or permission set does not exist, an attribute breaks a rule.
pub async fn add(manage: &Manage<'_>, new: NewUser) -> Result<Change, UserError> {
    for (name, value) in &new.attributes {
        check_attribute(name, value)?;
    }
    let mut change = manage.store.change().await?;
    let definitions = change.definitions().await?;
    let profile = new.profile.as_ref().map(|name| find::profile(&definitions, name)).transpose()?;
    let user = User {
        id: UserId::from_uuid((manage.new_id)()),
        name: new.name,
        profile: profile.map(|profile| profile.id),
        is_active: true,
        attributes: new.attributes,
    };
    change.users().insert(&user).await?;
    for name in &new.permission_sets {
        change.users().assign(user.id, find::permission_set(&definitions, name)?.id).await?;
    }
    let done = Change::new("user", &user.name, Action::Created);
    manage.commit(change, std::slice::from_ref(&done)).await?;
    Ok(done)
}
