//! What can be wrong with an operation on stored values. No variant holds a value.

use sortie_model::Violation;
use sortie_store::{ChangeError, ReadError};

use crate::manage::{NotStored, UnknownName};

/// Why an operation on stored values was not done.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The principal or the user does not exist.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// The value, or its name, breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Violation),
    /// Every user of the principal has own values.
    #[error("`{principal}` is a per_user principal: whose value is it?")]
    UserRequired {
        /// Which principal.
        principal: String,
    },
    /// The principal's values are shared by all.
    #[error("`{principal}` is a named principal: its values are shared, and no user has own ones")]
    UserNotWanted {
        /// Which principal.
        principal: String,
    },
    /// There is no value of this name to remove.
    #[error("no `{field}` is stored for `{principal}`")]
    NotThere {
        /// Name of the value.
        field: String,
        /// Which principal.
        principal: String,
    },
    /// Something is stored already, where nothing was to be.
    #[error("values are stored for `{principal}` already")]
    AlreadyThere {
        /// Which principal.
        principal: String,
    },
    /// The program is older than the definition.
    #[error("the protocol `{protocol}` is not known to this version of Sortie")]
    UnknownProtocol {
        /// Its name.
        protocol: String,
    },
    /// It was right, and could not be done.
    #[error(transparent)]
    NotStored(#[from] NotStored),
}

impl SecretError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(unknown) => unknown.code(),
            Self::Invalid(violation) => violation.rule,
            Self::UserRequired { .. } => "user_required",
            Self::UserNotWanted { .. } => "user_not_wanted",
            Self::NotThere { .. } => "value_unknown",
            Self::AlreadyThere { .. } => "already_exists",
            Self::UnknownProtocol { .. } => "protocol_unknown",
            Self::NotStored(error) => error.code(),
        }
    }

    /// What to do.
    pub fn next_step(&self) -> String {
        match self {
            Self::Unknown(unknown) => unknown.next_step(),
            Self::Invalid(violation) => format!("correct `{}`", violation.field),
            Self::UserRequired { .. } => "name the user: --user NAME".to_owned(),
            Self::UserNotWanted { .. } => "leave --user out".to_owned(),
            Self::NotThere { principal, .. } => format!("list what is stored: sortie secret list '{principal}'"),
            Self::AlreadyThere { .. } => "replace them instead".to_owned(),
            Self::UnknownProtocol { .. } => "run the version of Sortie that stored the definition, or a newer one".to_owned(),
            Self::NotStored(error) => error.next_step(),
        }
    }
}

impl From<ChangeError> for SecretError {
    fn from(error: ChangeError) -> Self {
        Self::NotStored(error.into())
    }
}

impl From<ReadError> for SecretError {
    fn from(error: ReadError) -> Self {
        Self::NotStored(error.into())
    }
}
