//! Takes a user's identities at OpenID providers away.

use sortie_model::UserName;

use super::UserError;
use crate::manage::{Change, Manage, find};

/// Takes all identities at OpenID providers from a user, and ends the user's sessions. Whoever the provider says is this user at the next sign-in is linked anew.
///
/// # Errors
/// A [`UserError`]: there is no such user.
pub async fn unlink(manage: &Manage<'_>, name: &UserName) -> Result<Change, UserError> {
    let mut change = manage.store.change().await?;
    let user = find::user(&mut change, name).await??;
    let count = change.openid_identities().unlink(user.id).await?;
    let fields = if count == 0 { Vec::new() } else { vec!["openid_identity".to_owned()] };
    let done = Change::of_fields("user", &user.name, fields);
    if done.action.is_made() {
        manage.commit(change, std::slice::from_ref(&done)).await?;
    }
    Ok(done)
}
