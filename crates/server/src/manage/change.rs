//! What an operation did.

use serde::Serialize;
use utoipa::ToSchema;

/// What was done to one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Change {
    /// Kind of object: `external_credential`.
    pub object: &'static str,
    /// Its name; a principal's is `Billing/Service`.
    pub name: String,
    /// What was done.
    pub action: Action,
    /// Which fields are new or other than before. Never their values.
    pub fields: Vec<String>,
}

impl Change {
    /// A change of an object as a whole.
    pub fn new(object: &'static str, name: impl ToString, action: Action) -> Self {
        Self { object, name: name.to_string(), action, fields: Vec::new() }
    }

    /// Updated in these fields, or unchanged if there are none.
    pub fn of_fields(object: &'static str, name: impl ToString, fields: Vec<String>) -> Self {
        let action = if fields.is_empty() { Action::Unchanged } else { Action::Updated };
        Self { fields, ..Self::new(object, name, action) }
    }
}

/// What was done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
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

/// The names of the fields that differ.
pub(super) fn differing(fields: &[(&str, bool)]) -> Vec<String> {
    fields.iter().filter(|(_, differs)| *differs).map(|(name, _)| (*name).to_owned()).collect()
}
