//! Removes a user.

use sortie_model::UserName;

use super::UserError;
use crate::manage::{Action, Change, Manage, find};

/// Removes a user with all keys, assignments and own values. Somebody who gets the same name later gets nothing of it (AZ-12).
///
/// # Errors
/// A [`UserError`]: there is none of this name.
pub async fn remove(manage: &Manage<'_>, name: &UserName) -> Result<Change, UserError> {
    let mut change = manage.store.change().await?;
    let user = find::user(&mut change, name).await??;
    change.users().delete(user.id).await?;
    let done = Change::new("user", &user.name, Action::Deleted);
    manage.commit(change, std::slice::from_ref(&done)).await?;
    Ok(done)
}
