//! Changes a user.

use sortie_model::{ApiName, Attributes, UserName, check_attribute};

use super::UserError;
use crate::manage::change::differing;
use crate::manage::{Change, Manage, find};

/// What is to be other than before. What is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// Name of the profile; `Some(None)`: none.
    pub profile: Option<Option<ApiName>>,
    /// Whether the user may call.
    pub is_active: Option<bool>,
    /// Attributes to set.
    pub attributes: Attributes,
    /// Names of attributes to remove.
    pub removed_attributes: Vec<String>,
}

/// Changes a user.
///
/// # Errors
/// A [`UserError`]: user or profile does not exist, an attribute breaks a rule.
pub async fn set(manage: &Manage<'_>, name: &UserName, wanted: UserChange) -> Result<Change, UserError> {
    for (name, value) in &wanted.attributes {
        check_attribute(name, value)?;
    }
    let mut change = manage.store.change().await?;
    let definitions = change.definitions().await?;
    let before = find::user(&mut change, name).await??;
    let mut user = before.clone();
    if let Some(profile) = &wanted.profile {
        user.profile = profile.as_ref().map(|name| find::profile(&definitions, name).map(|profile| profile.id)).transpose()?;
    }
    user.is_active = wanted.is_active.unwrap_or(before.is_active);
    user.attributes.extend(wanted.attributes);
    user.attributes.retain(|name, _| !wanted.removed_attributes.contains(name));
    let fields = differing(&[
        ("profile", user.profile != before.profile),
        ("active", user.is_active != before.is_active),
        ("attributes", user.attributes != before.attributes),
    ]);
    let done = Change::of_fields("user", &before.name, fields);
    if done.action.is_made() {
        change.users().update(&user).await?;
        manage.commit(change, std::slice::from_ref(&done)).await?;
    }
    Ok(done)
}
