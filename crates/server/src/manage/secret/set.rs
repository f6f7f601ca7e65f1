//! Stores values.

use sortie_model::{Secret, UserName};

use super::{Sealer, SecretError, Slot, check, destination, identity};
use crate::manage::{Action, Change, Manage, PrincipalReference};

/// Stores a value for a principal, or for one user of a Per User principal, in place of the one before. Tokens that were obtained with
/// the one before are not used any more.
///
/// # Errors
/// A [`SecretError`]; it never holds the value.
pub async fn set(
    manage: &Manage<'_>,
    reference: &PrincipalReference,
    name: &str,
    user: Option<&UserName>,
    value: &Secret,
) -> Result<Change, SecretError> {
    set_all(manage, reference, user, &[(name, value)]).await
}

/// The same for several values at once: all of them are stored, or none, so that no user name ever stands beside the password of another.
///
/// # Errors
/// A [`SecretError`]; it never holds a value.
pub async fn set_all(
    manage: &Manage<'_>,
    reference: &PrincipalReference,
    user: Option<&UserName>,
    values: &[(&str, &Secret)],
) -> Result<Change, SecretError> {
    let mut change = manage.change().await?;
    let definitions = change.definitions().await?;
    let (credential, principal) = reference.find(&definitions)?;
    let unknown_protocol = || SecretError::UnknownProtocol { protocol: credential.protocol.clone() };
    let protocol = sortie_protocol::find(&credential.protocol).ok_or_else(unknown_protocol)?;
    for (name, value) in values {
        check(protocol, name, value)?;
    }
    let identity = identity(&mut change, reference, principal, user).await??;
    let heads = change.credential_values().heads(identity).await?;
    let destination = destination(&credential.protocol, &credential.settings);
    let sealer = Sealer { vault: manage.vault, stored: destination, wanted: destination };
    for (name, value) in values {
        let head = heads.iter().find(|head| head.name == *name);
        sealer.store(&mut change, &Slot { identity, name, head }, manage.new_id, value).await?;
    }
    let action = if values.iter().all(|(name, _)| heads.iter().any(|head| head.name == *name)) { Action::Updated } else { Action::Created };
    let fields = values.iter().map(|(name, _)| (*name).to_owned()).collect();
    let done = Change { fields, ..Change::new("secret", object_name(reference, user), action) };
    manage.commit(change, std::slice::from_ref(&done)).await?;
    Ok(done)
}

pub(super) fn object_name(reference: &PrincipalReference, user: Option<&UserName>) -> String {
    user.map_or_else(|| reference.to_string(), |user| format!("{reference} of {user}"))
}
