//! Assigns permission sets to users, and takes them away.

use sortie_model::{ApiName, UserName};

use super::UserError;
use crate::manage::{Change, Manage, find};

/// Assigns a permission set. Assigning it twice is the same as once.
///
/// # Errors
/// A [`UserError`]: either does not exist.
pub async fn assign(manage: &Manage<'_>, user: &UserName, permission_set: &ApiName) -> Result<Change, UserError> {
    put(manage, user, permission_set, Wanted::Assigned).await
}

/// Takes a permission set away. Taking away what was not assigned changes nothing.
///
/// # Errors
/// A [`UserError`]: either does not exist.
pub async fn unassign(manage: &Manage<'_>, user: &UserName, permission_set: &ApiName) -> Result<Change, UserError> {
    put(manage, user, permission_set, Wanted::Absent).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Assigned,
    Absent,
}

async fn put(manage: &Manage<'_>, user: &UserName, permission_set: &ApiName, wanted: Wanted) -> Result<Change, UserError> {
    let mut change = manage.store.change().await?;
    let definitions = change.definitions().await?;
    let permission_set = find::permission_set(&definitions, permission_set)?.id;
    let user = find::user(&mut change, user).await??;
    let is_assigned = change.users().permission_sets(user.id).await?.contains(&permission_set);
    if is_assigned == (wanted == Wanted::Assigned) {
        return Ok(Change::of_fields("user", &user.name, Vec::new()));
    }
    match wanted {
        Wanted::Assigned => change.users().assign(user.id, permission_set).await?,
        Wanted::Absent => change.users().unassign(user.id, permission_set).await?,
    }
    let done = Change::of_fields("user", &user.name, vec!["permission_sets".to_owned()]);
    manage.commit(change, std::slice::from_ref(&done)).await?;
    Ok(done)
}
