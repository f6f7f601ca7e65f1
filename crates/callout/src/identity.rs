//! An identity to work with: a principal as one caller has it. A callout chooses one; somebody who logs in gives it a grant.

use std::borrow::Cow;

use sortie_model::{IdentityType, Organization, Settings, UserId};

use crate::Caller;
use crate::obtain::GrantKey;
use crate::personal::{Personal, SettingFault};
use crate::snapshot::ChosenPrincipal;

/// A principal, with its settings made for the caller.
pub struct Identity<'s> {
    principal: &'s ChosenPrincipal,
    caller: &'s Caller,
    /// What formulas made of the settings for this caller.
    personal: Option<Personal>,
}

impl<'s> Identity<'s> {
    /// Makes the settings of this principal for this caller, who may use it: that is decided before.
    pub(crate) fn new(principal: &'s ChosenPrincipal, caller: &'s Caller, organization: &Organization) -> Result<Self, SettingFault> {
        let personal = principal.settings.evaluate(caller, organization)?;
        Ok(Self { principal, caller, personal })
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

    /// The protocol's settings for this caller.
    pub(crate) fn settings(&self) -> Cow<'_, Settings> {
        let settings = &self.principal.settings;
        self.personal.as_ref().map_or_else(|| Cow::Borrowed(settings.shared()), |personal| Cow::Owned(settings.filled(personal)))
    }

    /// Whether others may be given the same grant: not if it is one user's own, or made for one user.
    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self.principal.identity_type, IdentityType::Named) && self.personal.is_none()
    }
}
