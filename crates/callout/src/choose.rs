//! Step 3, choose: as whom. The lowest sequence number among the principals that the caller may use, and no other: if it cannot be used, the callout
//! fails. Falling through to the next would make a callout with an identity that nobody chose.

use std::borrow::Cow;

use sortie_model::{IdentityType, Settings, UserId};

use crate::authorize::{Allowed, Standing, consider};
use crate::obtain::GrantKey;
use crate::personal::Personal;
use crate::snapshot::{ChosenPrincipal, Named};
use crate::{Caller, Refused};

/// The identity of this callout. Only [`choose`] makes one.
pub struct Chosen<'s> {
    named: &'s Named,
    principal: &'s ChosenPrincipal,
    caller: &'s Caller,
    /// What formulas made of the settings for this caller.
    personal: Option<Personal>,
}

/// Picks the principal, and makes its settings for the caller.
///
/// # Errors
/// [`Refused::Setting`], if the formula of a setting has no result.
pub fn choose(allowed: Allowed<'_>) -> Result<Chosen<'_>, Refused> {
    let Allowed { named, caller } = allowed;
    let (principal, _) = consider(named, caller).find(|(_, standing)| *standing == Standing::Enabled).expect("Allowed holds at least one");
    let personal = principal.settings.evaluate(caller, &named.organization)?;
    Ok(Chosen { named, principal, caller, personal })
}

impl<'s> Chosen<'s> {
    /// A principal that somebody names, for what is no callout. Whoever asks has decided that the caller may.
    pub(crate) fn of(named: &'s Named, principal: &'s ChosenPrincipal, caller: &'s Caller) -> Result<Self, Refused> {
        let personal = principal.settings.evaluate(caller, &named.organization)?;
        Ok(Self { named, principal, caller, personal })
    }

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
        GrantKey { user: self.user(), variant: self.personal.as_ref().map(|personal| personal.variant), ..self.principal.key }
    }

    /// The protocol's settings for this callout.
    pub(crate) fn settings(&self) -> Cow<'_, Settings> {
        let settings = &self.principal.settings;
        self.personal.as_ref().map_or_else(|| Cow::Borrowed(settings.shared()), |personal| Cow::Owned(settings.filled(personal)))
    }

    /// Whether others may be given the same grant: not if it is one user's own, or made for one user.
    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self.principal.identity_type, IdentityType::Named) && self.personal.is_none()
    }
}
