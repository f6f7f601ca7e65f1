//! Stores a value.

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
    let mut change = manage.store.change().await?;
    let definitions = change.definitions().await?;
    let (credential, principal) = reference.find(&definitions)?;
    let unknown_protocol = || SecretError::UnknownProtocol { protocol: credential.protocol.clone() };
    check(sortie_protocol::find(&credential.protocol).ok_or_else(unknown_protocol)?, name, value)?;
    let identity = identity(&mut change, reference, principal, user).await??;
    let rows = change.credential_values().of_credential(credential.id).await?;
    let row = rows.iter().find(|(owner, row)| *owner == identity && row.head.name == name).map(|(_, row)| row);
    let destination = destination(&credential.protocol, &credential.settings);
    let sealer = Sealer { vault: manage.vault, stored: destination, wanted: destination };
    sealer.store(&mut change, &Slot { identity, name, row }, manage.new_id, value).await?;
    let action = if row.is_some() { Action::Updated } else { Action::Created };
    let done = Change { fields: vec![name.to_owned()], ..Change::new("secret", object_name(reference, user), action) };
    manage.commit(change, std::slice::from_ref(&done)).await?;
    Ok(done)
}

pub(super) fn object_name(reference: &PrincipalReference, user: Option<&UserName>) -> String {
    user.map_or_else(|| reference.to_string(), |user| format!("{reference} of {user}"))
}
