//! What a change did.

use serde::{Deserialize, Serialize};

/// What was done to one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Kind of object: `external_credential`.
    pub object: String,
    /// Its name; a principal's is `Billing/Service`.
    pub name: String,
    /// What was done.
    pub action: Action,
    /// Which fields are new or other than before. Never their values.
    pub fields: Vec<String>,
}

/// What was done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is new.
    Created,
    /// Some fields are other than before.
    Updated,
    /// It is gone.
    Deleted,
    /// It was as it should be.
    Unchanged,
    /// It is there, but nothing was said about it.
    LeftAlone,
}

impl Action {
    /// As in JSON and in the audit.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Unchanged => "unchanged",
            Self::LeftAlone => "left_alone",
        }
    }

    /// Whether anything is other than before.
    pub const fn is_made(self) -> bool {
        match self {
            Self::Created | Self::Updated | Self::Deleted => true,
            Self::Unchanged | Self::LeftAlone => false,
        }
    }
}
