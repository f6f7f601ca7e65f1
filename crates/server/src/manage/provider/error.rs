//! What can be wrong with an operation on providers. No variant holds a value.

use sortie_model::Violation;
use sortie_protocol::DiscoveryError;
use sortie_store::{ChangeError, ReadError};

use crate::manage::{NotStored, UnknownName};

/// Why an operation on a provider was not done.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// There is none of this name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// A value, or its name, breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Violation),
    /// There is no value of this name to remove.
    #[error("no `{field}` is stored for the provider `{provider}`")]
    NotThere {
        /// Name of the value.
        field: String,
        /// Which provider.
        provider: String,
    },
    /// Something is stored already, where nothing was to be.
    #[error("values are stored for the provider `{provider}` already")]
    AlreadyThere {
        /// Which provider.
        provider: String,
    },
    /// The issuer publishes nothing that can be used.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// It was right, and could not be done.
    #[error(transparent)]
    NotStored(#[from] NotStored),
}

impl ProviderError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(unknown) => unknown.code(),
            Self::Invalid(violation) => violation.rule,
            Self::NotThere { .. } => "value_unknown",
            Self::AlreadyThere { .. } => "already_exists",
            Self::Discovery(error) => error.code(),
            Self::NotStored(error) => error.code(),
        }
    }

    /// What to do.
    pub fn next_step(&self) -> String {
        match self {
            Self::Unknown(unknown) => unknown.next_step(),
            Self::Invalid(violation) => format!("correct `{}`", violation.field),
            Self::NotThere { provider, .. } => format!("list what is stored: sortie secret list provider:{provider}"),
            Self::AlreadyThere { .. } => "replace them instead".to_owned(),
            Self::Discovery(error) => error.next_step().to_owned(),
            Self::NotStored(error) => error.next_step(),
        }
    }
}

impl From<ChangeError> for ProviderError {
    fn from(error: ChangeError) -> Self {
        Self::NotStored(error.into())
    }
}

impl From<ReadError> for ProviderError {
    fn from(error: ReadError) -> Self {
        Self::NotStored(error.into())
    }
}
