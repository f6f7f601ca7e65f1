//! Why an operation that was right in itself was not done.

use sortie_store::{ChangeError, ReadError};
use sortie_vault::{NoRandomness, OpenError, SealError};

use crate::audit::ReadAuditError;

/// Why an operation that was right in itself was not done. Nothing of it was stored, unless the code says that this is unknown.
#[derive(Debug, thiserror::Error)]
pub enum NotStored {
    /// The database cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The database refused.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The audit cannot be written, so nothing may be done.
    #[error("the change cannot be recorded in the audit")]
    Audit(#[from] ReadAuditError),
    /// A value cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// There is no chance to be had.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// A stored value that must be sealed anew does not open.
    #[error("the stored `{field}` of `{principal}` does not open")]
    Open {
        /// The value's name.
        field: String,
        /// Whose it is: a principal, or `provider:NAME`.
        principal: String,
        /// Why.
        source: OpenError,
    },
}

impl NotStored {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read(error) => error.code(),
            Self::Change(error) => error.code(),
            Self::Audit(_) => "audit_unavailable",
            Self::Seal(error) => error.code(),
            Self::Random(error) => error.code(),
            Self::Open { source, .. } => source.code(),
        }
    }

    /// What to do.
    pub fn next_step(&self) -> String {
        match self {
            Self::Read(_) => "look at the database, then try again".to_owned(),
            Self::Change(ChangeError::OutcomeUnknown { .. }) => "look whether it is there before trying again".to_owned(),
            Self::Change(error) if error.is_retryable() => "try again".to_owned(),
            Self::Change(ChangeError::Stale { .. }) => "try again".to_owned(),
            Self::Change(ChangeError::InUse { .. }) => "first remove what uses it, or let it use something else".to_owned(),
            Self::Change(ChangeError::Conflict { .. }) => "choose another name, or change the one that is there".to_owned(),
            Self::Change(_) => "look at what is stored: sortie status".to_owned(),
            Self::Audit(_) => "make room for the audit, or correct its directory's permissions: sortie audit verify".to_owned(),
            Self::Seal(_) | Self::Random(_) => "try again; if it fails again, look at the system's log".to_owned(),
            Self::Open { field, principal, .. } => format!("store it again: sortie secret set '{principal}' {field}"),
        }
    }
}
