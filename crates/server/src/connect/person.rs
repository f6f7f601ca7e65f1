//! Who logs in.

use sortie_callout::{Authority, Caller};
use sortie_model::{Attributes, SystemPermission, SystemPermissions, UserId, UserName};
use sortie_store::StoredUser;
use uuid::Uuid;

use crate::node::caller_without_key;

/// Either lets a user log in for everybody.
const MANAGERS: [SystemPermission; 2] = [SystemPermission::ManageNamedCredentials, SystemPermission::CustomizeApplication];

/// Whoever stands before the browser.
#[derive(Clone, Debug)]
pub enum Person<'a> {
    /// A user who has signed in.
    User {
        /// Who.
        user: &'a StoredUser,
        /// What they may administer.
        permissions: &'a SystemPermissions,
        /// Who does it for them, if they do not themselves.
        by: Option<&'a UserName>,
    },
    /// Somebody at the command line of the node.
    Operator {
        /// What the audit calls them: `operator:alice`.
        actor: &'a str,
        /// For whose own identity, at a Per User principal.
        user: Option<&'a StoredUser>,
    },
}

impl Person<'_> {
    /// Who alone may go on with a login that this person begins; `None` for an operator.
    pub(super) const fn user(&self) -> Option<UserId> {
        match self {
            Self::User { user, .. } => Some(user.user.id),
            Self::Operator { .. } => None,
        }
    }

    pub(super) fn authority(&self) -> Authority {
        match self {
            Self::User { permissions, .. } if MANAGERS.iter().any(|permission| permissions.contains(permission)) => Authority::Manager,
            Self::User { .. } => Authority::User,
            Self::Operator { .. } => Authority::Operator,
        }
    }

    /// For the audit.
    pub(super) fn actor(&self) -> String {
        match self {
            Self::User { user, by: Some(by), .. } => format!("user:{by} for {}", user.user.name),
            Self::User { user, .. } => format!("user:{}", user.user.name),
            Self::Operator { actor, .. } => (*actor).to_owned(),
        }
    }

    /// Whose identity formulas see.
    pub(super) fn caller(&self) -> Caller {
        match self {
            Self::User { user, .. } | Self::Operator { user: Some(user), .. } => caller_without_key((*user).clone()),
            Self::Operator { user: None, .. } => {
                let name = UserName::parse("operator").expect("a word is a name");
                Caller::new(UserId::from_uuid(Uuid::nil()), name, None, Attributes::new(), Vec::new())
            }
        }
    }
}
