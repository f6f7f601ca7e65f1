//! Removes a stored value.

use sortie_model::UserName;
use sortie_store::ChangeError;

use super::set::object_name;
use super::{SecretError, identity, shown};
use crate::manage::{Action, Change, Manage, PrincipalReference};

/// Removes a value. Tokens that were obtained with it are not used any more.
///
/// # Errors
/// A [`SecretError`]: there is none of this name.
pub async fn remove(
    manage: &Manage<'_>,
    reference: &PrincipalReference,
    name: &str,
    user: Option<&UserName>,
) -> Result<Change, SecretError> {
    let mut change = manage.store.change().await?;
    let definitions = change.definitions().await?;
    let (_, principal) = reference.find(&definitions)?;
    let identity = identity(&mut change, reference, principal, user).await??;
    match change.credential_values().delete(identity, name).await {
        Err(ChangeError::Missing { .. }) => {
            return Err(SecretError::NotThere { field: shown(name), principal: object_name(reference, user) });
        }
        other => other?,
    }
    let done = Change { fields: vec![name.to_owned()], ..Change::new("secret", object_name(reference, user), Action::Deleted) };
    manage.commit(change, std::slice::from_ref(&done)).await?;
    Ok(done)
}

/// Removes all values that a principal, or one user of it, has stored. Where there are none, nothing changes.
///
/// # Errors
/// A [`SecretError`].
pub async fn remove_all(manage: &Manage<'_>, reference: &PrincipalReference, user: Option<&UserName>) -> Result<Change, SecretError> {
    let mut change = manage.store.change().await?;
    let definitions = change.definitions().await?;
    let (_, principal) = reference.find(&definitions)?;
    let identity = identity(&mut change, reference, principal, user).await??;
    let heads = change.credential_values().heads(identity).await?;
    let action = if heads.is_empty() { Action::Unchanged } else { Action::Deleted };
    let fields = heads.into_iter().map(|head| head.name).collect();
    let done = Change { fields, ..Change::new("secret", object_name(reference, user), action) };
    if action.is_made() {
        change.credential_values().delete_all(identity).await?;
        manage.commit(change, std::slice::from_ref(&done)).await?;
    }
    Ok(done)
}
