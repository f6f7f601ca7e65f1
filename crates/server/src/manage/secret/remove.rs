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
