//! Step 3, choose: as whom. The lowest sequence number among the principals that the caller may use, and no other: if it cannot be used, the callout
//! fails. Falling through to the next would make a callout with an identity that nobody chose.

use crate::authorize::Allowed;
use crate::identity::Identity;
use crate::snapshot::{ChosenPrincipal, Named};
use crate::{Caller, Refused};

/// The identity of this callout. Only [`choose`] makes one.
pub struct Chosen<'s> {
    named: &'s Named,
    identity: Identity<'s>,
}

/// Picks the principal, and makes its settings for the caller.
///
/// # Errors
/// [`Refused::Setting`], if the formula of a setting has no result.
pub fn choose(allowed: Allowed<'_>) -> Result<Chosen<'_>, Refused> {
    let Allowed { named, caller, first } = allowed;
    Chosen::of(named, first, caller)
}

impl<'s> Chosen<'s> {
    /// A principal that somebody names, for what is no callout. Whoever asks has decided that the caller may.
    pub(crate) fn of(named: &'s Named, principal: &'s ChosenPrincipal, caller: &'s Caller) -> Result<Self, Refused> {
        Ok(Self { named, identity: Identity::new(principal, caller, &named.organization)? })
    }

    /// Where it goes.
    pub const fn named(&self) -> &'s Named {
        self.named
    }

    /// As whom, and for whom.
    pub const fn identity(&self) -> &Identity<'s> {
        &self.identity
    }
}
