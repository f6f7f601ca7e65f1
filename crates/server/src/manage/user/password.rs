//! A user's password for the console.

use sortie_model::{Secret, UserName};
use sortie_store::ChangeError;

use super::UserError;
use crate::manage::slow::slow;
use crate::manage::{Action, Change, Manage, find};
use crate::sign_in::password;

/// Stores a password in place of the one before, and ends the user's sessions.
///
/// # Errors
/// A [`UserError`]: there is no such user, or the password is too short. It never holds the password.
pub async fn set_password(manage: &Manage<'_>, name: &UserName, password: &Secret) -> Result<Change, UserError> {
    password::check(password)?;
    // Before the change begins: it takes a while, and everything else that writes would wait.
    let (password, random) = (password.clone(), manage.random);
    let hash = slow(move || password::hash(&password, random)).await.map_err(crate::manage::NotStored::from)?;
    let mut change = manage.store.change().await?;
    let user = find::user(&mut change, name).await??;
    let action = if change.passwords().set(user.id, &hash).await? { Action::Updated } else { Action::Created };
    let done = Change::new("password", &user.name, action);
    manage.commit(change, std::slice::from_ref(&done)).await?;
    Ok(done)
}

/// Takes a password away, and ends the user's sessions.
///
/// # Errors
/// A [`UserError`]: there is no such user, or no password.
pub async fn remove_password(manage: &Manage<'_>, name: &UserName) -> Result<Change, UserError> {
    let mut change = manage.store.change().await?;
    let user = find::user(&mut change, name).await??;
    match change.passwords().delete(user.id).await {
        Err(ChangeError::Missing { .. }) => return Err(UserError::NoPassword { user: user.name.to_string() }),
        other => other?,
    }
    let done = Change::new("password", &user.name, Action::Deleted);
    manage.commit(change, std::slice::from_ref(&done)).await?;
    Ok(done)
}
