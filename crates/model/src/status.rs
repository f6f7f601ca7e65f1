//! Authentication status: whether a definition is complete. It says nothing about whether the other side accepts it;
//! that is what [`Health`] is for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Timestamp;

/// What Salesforce calls Authentication Status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum AuthenticationStatus {
    /// Everything that a callout needs is there.
    Configured,
    /// Something is missing; the missing steps say what.
    NotConfigured,
    /// Nobody can tell: the protocol is Custom.
    Unknown,
}

impl AuthenticationStatus {
    /// As shown to people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configured => "Configured",
            Self::NotConfigured => "Not Configured",
            Self::Unknown => "Unknown",
        }
    }
}

/// One thing that is missing, which is also the next thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MissingStep {
    /// Stable code: `setting_missing`, `value_missing`, `principal_missing`, `access_missing`, `user_missing`, `user_values_missing`.
    pub code: &'static str,
    /// What to do, in words.
    pub message: String,
}

/// What happened lately with a principal's credential.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// When an upstream last took the credential.
    pub last_success: Option<Timestamp>,
    /// When obtaining or using it last failed.
    pub last_failure: Option<Timestamp>,
    /// Stable code of the last failure.
    pub last_failure_code: Option<String>,
    /// When the current token dies.
    pub token_expires_at: Option<Timestamp>,
}
