//! Whose credential something is.

use sortie_model::{PrincipalId, UserId};

use crate::db::{Fault, Row, Value};

/// A principal, and the user whose own identity is meant: what stored secrets, grants and health belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// The principal.
    pub principal: PrincipalId,
    /// The user, of a Per User principal. `None`: the identity that all share.
    pub owner: Option<UserId>,
}

impl Identity {
    /// The identity that all users of a principal share.
    pub const fn shared(principal: PrincipalId) -> Self {
        Self { principal, owner: None }
    }

    /// The identity that one user has at a principal.
    pub const fn of_user(principal: PrincipalId, owner: UserId) -> Self {
        Self { principal, owner: Some(owner) }
    }

    /// What stands for the owner in a unique index, where NULLs would all be distinct.
    pub(crate) fn owner_key(&self) -> Value {
        self.owner.map(|owner| owner.to_string()).unwrap_or_default().into()
    }

    pub(crate) fn read(row: &Row) -> Result<Self, Fault> {
        Ok(Self { principal: row.id("principal_id")?, owner: row.optional_id("owner_id")? })
    }
}
