//! A login is taken away, and what is known of one.

use sortie_callout::{LoginState, Revocation, place};
use sortie_protocol::Revoked;

use super::confirm::object;
use super::{ConnectError, Person, record};
use crate::node::Node;

/// What came of taking a login away. Here it is gone in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disconnected {
    /// There was none.
    Absent,
    /// The provider knows too.
    AtTheProvider,
    /// The provider has no place to be told: the token lives there until it expires.
    NotOffered,
    /// The provider could not be told, for this reason.
    NotTold(String),
}

/// Takes a login away, here and at the provider.
///
/// # Errors
/// A [`ConnectError`].
pub async fn revoke(node: &Node, person: &Person<'_>, names: (&str, &str)) -> Result<Disconnected, ConnectError> {
    let (snapshot, caller) = (node.snapshot(), person.caller());
    let place = place(&snapshot, &caller, person.authority(), names)?;
    record(node, person, "revoked", &object(&place), "").await?;
    Ok(match node.grants().revoke(&place).await? {
        Revocation::Absent => Disconnected::Absent,
        Revocation::Told(Ok(Revoked::AtTheProvider)) => Disconnected::AtTheProvider,
        Revocation::Told(Ok(Revoked::NotOffered)) => Disconnected::NotOffered,
        Revocation::Told(Err(error)) => {
            tracing::warn!(code = error.code(), "a provider was not told that a login is revoked: {error}");
            Disconnected::NotTold(error.to_string())
        }
    })
}

/// What is known of a login; `None` if nobody has logged in.
///
/// # Errors
/// A [`ConnectError`].
pub async fn state(node: &Node, person: &Person<'_>, names: (&str, &str)) -> Result<Option<LoginState>, ConnectError> {
    let (snapshot, caller) = (node.snapshot(), person.caller());
    let place = place(&snapshot, &caller, person.authority(), names)?;
    Ok(node.grants().login_state(&place).await?)
}
