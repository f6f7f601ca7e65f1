//! Step 3, choose: as whom. The lowest sequence number among the principals that the caller may use, and no other: if it cannot be used, the callout
//! fails. Falling through to the next would make a callout with an identity that nobody chose.

use sortie_model::{IdentityType, UserId};

use crate::Caller;
use crate::authorize::{Allowed, Standing, consider};
use crate::obtain::GrantKey;
use crate::snapshot::{ChosenPrincipal, Named};

/// The identity of this callout. Only [`choose`] makes one.
#[derive(Clone, Copy)]
pub struct Chosen<'s> {
    named: &'s Named,
    principal: &'s ChosenPrincipal,
    caller: &'s Caller,
}

/// Picks the principal.
pub fn choose(allowed: Allowed<'_>) -> Chosen<'_> {
    let Allowed { named, caller } = allowed;
    let (principal, _) = consider(named, caller).find(|(_, standing)| *standing == Standing::Enabled).expect("Allowed holds at least one");
    Chosen { named, principal, caller }
}

impl<'s> Chosen<'s> {
    /// Where it goes.
    pub const fn named(&self) -> &'s Named {
        self.named
    }

    /// As whom.
    pub const fn principal(&self) -> &'s ChosenPrincipal {
        self.principal
    }

    /// For whom.
    pub const fn caller(&self) -> &'s Caller {
        self.caller
    }

    /// Whose own identity it is, for a Per User principal.
    pub fn user(&self) -> Option<UserId> {
        match self.principal.identity_type {
            IdentityType::Named => None,
            IdentityType::PerUser => Some(self.caller.user),
        }
    }

    /// What the grant is kept under.
    pub fn key(&self) -> GrantKey {
        GrantKey { user: self.user(), ..self.principal.key }
    }
}
