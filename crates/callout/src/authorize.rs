//! Step 2, authorize: may this caller use this name at all? Decided before any decryption, name resolution or connection.

use crate::parse::Reference;
use crate::snapshot::{ChosenPrincipal, Named, Snapshot};
use crate::{Caller, Refused};

/// Permission to go on: the name exists, is switched on, and the caller may use at least one principal. Only [`authorize`] makes one.
pub struct Allowed<'s> {
    pub(crate) named: &'s Named,
    pub(crate) caller: &'s Caller,
    /// The first of those that the caller may use.
    pub(crate) first: &'s ChosenPrincipal,
}

/// How a caller stands to one principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// One of the caller's permission sets, or the profile, enables it.
    Enabled,
    /// None does.
    NotEnabled,
}

/// Decides whether the caller may go on.
///
/// # Errors
/// [`Refused::NotPermitted`], which looks the same to the caller whether the name is unknown or not allowed, or [`Refused::Disabled`] for one who would be
/// allowed.
pub fn authorize<'s>(snapshot: &'s Snapshot, caller: &'s Caller, reference: &Reference<'_>) -> Result<Allowed<'s>, Refused> {
    let named = snapshot.named(reference.name()).ok_or(Refused::NotPermitted { reason: Denial::UnknownName })?;
    let (first, _) = consider(named, caller)
        .find(|(_, standing)| *standing == Standing::Enabled)
        .ok_or(Refused::NotPermitted { reason: Denial::NoPrincipal })?;
    if !named.is_enabled {
        return Err(Refused::Disabled);
    }
    Ok(Allowed { named, caller, first })
}

/// Every principal of the name, lowest sequence number first, with the caller's standing.
pub fn consider<'s>(named: &'s Named, caller: &'s Caller) -> impl Iterator<Item = (&'s ChosenPrincipal, Standing)> {
    named.credential.principals.iter().map(|principal| {
        let standing = if caller.is_any_of(&principal.grantees) { Standing::Enabled } else { Standing::NotEnabled };
        (principal, standing)
    })
}

/// Why a caller is not permitted: for the audit, never for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No named credential of this name.
    UnknownName,
    /// It exists, and no principal of it is enabled for the caller.
    NoPrincipal,
    /// The caller's key was good when the callout began, and is not any more.
    KeyWithdrawn,
}

impl Denial {
    /// The audit's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownName => "unknown_name",
            Self::NoPrincipal => "no_principal",
            Self::KeyWithdrawn => "key_withdrawn",
        }
    }
}
