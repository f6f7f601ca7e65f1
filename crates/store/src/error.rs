//! What can go wrong, one enum per kind of operation. No error holds a stored value: at most the name of an object.

use std::io;
use std::path::PathBuf;

use crate::db::{Fault, FaultKind, FileError};
use crate::location::LocationError;

/// Why a database was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The location cannot be read.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// The file or its directory cannot be made or looked at.
    #[error("cannot prepare the database file {}", path.display())]
    File {
        /// The database file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others could read or replace the database, or it is no file at all.
    #[error("the database file {} {why}", path.display())]
    Unsafe {
        /// The database file.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
    },
    /// The database was last opened by a newer Sortie. Nothing was changed.
    #[error(
        "the database has schema {found}, but this version knows schemas up to {known}: run the version of Sortie that made it, or a newer one"
    )]
    NewerSchema {
        /// What the database has.
        found: i64,
        /// What this binary knows.
        known: i64,
    },
    /// Cannot be reached now.
    #[error("cannot reach the database")]
    Unavailable {
        /// Why.
        source: Fault,
    },
    /// Was reached and failed.
    #[error("cannot use the database")]
    Failed {
        /// Why.
        source: Fault,
    },
}

impl OpenError {
    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Location(error) => error.code(),
            Self::File { .. } => "database_file",
            Self::Unsafe { .. } => "database_file_unsafe",
            Self::NewerSchema { .. } => "database_newer_schema",
            Self::Unavailable { .. } => "database_unavailable",
            Self::Failed { .. } => "database_failed",
        }
    }

    /// Whether waiting may help.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Location(_) | Self::File { .. } | Self::Unsafe { .. } | Self::NewerSchema { .. } | Self::Failed { .. } => false,
        }
    }

    pub(crate) fn of_file(path: PathBuf, error: FileError) -> Self {
        let remedy = match &error {
            FileError::Io(_) => "",
            FileError::NotAFile => "; name the file itself, not a link to it",
            FileError::FileOpenToOthers { .. } => "; run chmod 600 on it, and change the secrets if others may have read it",
            FileError::DirectoryOpenToOthers { .. } => "; give it a directory of its own with mode 700",
        };
        let why = format!("{error}{remedy}");
        match error {
            FileError::Io(source) => Self::File { path, source },
            FileError::NotAFile | FileError::FileOpenToOthers { .. } | FileError::DirectoryOpenToOthers { .. } => {
                Self::Unsafe { path, why }
            }
        }
    }
}

/// Why something was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The database cannot be reached, or is too busy.
    #[error("cannot reach the database")]
    Unavailable {
        /// Why.
        source: Fault,
    },
    /// A stored value cannot be understood: it was changed by something else than this version of Sortie.
    #[error("cannot understand what is stored")]
    Unreadable {
        /// Table and column.
        source: Fault,
    },
    /// The database failed.
    #[error("the database failed")]
    Failed {
        /// Why.
        source: Fault,
    },
}

/// Why something that the running server keeps (grants, health, keys, anchors) was not stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The principal or the user to whom it belongs does not exist any more.
    #[error("the principal or user does not exist any more")]
    Gone,
    /// The row is there already.
    #[error("there is a row of this identity already")]
    Exists,
    /// The connection broke at the worst moment: read before trying again.
    #[error("whether the change was stored is unknown")]
    OutcomeUnknown {
        /// Why.
        source: Fault,
    },
    /// The database cannot be reached, or is too busy. Nothing was stored.
    #[error("cannot reach the database")]
    Unavailable {
        /// Why.
        source: Fault,
    },
    /// A stored value cannot be understood.
    #[error("cannot understand what is stored")]
    Unreadable {
        /// Table and column.
        source: Fault,
    },
    /// The database failed. Nothing was stored.
    #[error("the database failed")]
    Failed {
        /// Why.
        source: Fault,
    },
}

/// Why a change of definitions, users or secrets was not made. Nothing of the change was stored, except as said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Another object has this name, number or identity.
    #[error("there is a {what} `{name}` already")]
    Conflict {
        /// Kind of object, in words.
        what: &'static str,
        /// What both are called.
        name: String,
    },
    /// Something else needs it.
    #[error("the {what} `{name}` is used by {}", used_by.join(", "))]
    InUse {
        /// Kind of object, in words.
        what: &'static str,
        /// What it is called.
        name: String,
        /// Who uses it: the first few.
        used_by: Vec<String>,
    },
    /// The object, or one that it refers to, does not exist.
    #[error("there is no such {what}")]
    Missing {
        /// Kind of object, in words.
        what: &'static str,
    },
    /// The field never changes after creation.
    #[error("the {field} of a {what} never changes: delete it and make another")]
    Immutable {
        /// Kind of object, in words.
        what: &'static str,
        /// Which field.
        field: &'static str,
    },
    /// Somebody else changed it in between: read it again.
    #[error("the {what} was changed by somebody else in the meantime")]
    Stale {
        /// Kind of object, in words.
        what: &'static str,
    },
    /// The connection broke at the worst moment: read before trying again.
    #[error("whether the change was stored is unknown")]
    OutcomeUnknown {
        /// Why.
        source: Fault,
    },
    /// The database cannot be reached, or is too busy.
    #[error("cannot reach the database")]
    Unavailable {
        /// Why.
        source: Fault,
    },
    /// A stored value cannot be understood.
    #[error("cannot understand what is stored")]
    Unreadable {
        /// Table and column.
        source: Fault,
    },
    /// The database failed.
    #[error("the database failed")]
    Failed {
        /// Why.
        source: Fault,
    },
}

impl ReadError {
    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "database_unavailable",
            Self::Unreadable { .. } => "stored_value_unreadable",
            Self::Failed { .. } => "database_failed",
        }
    }

    /// Whether the same call may pass a little later.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Unreadable { .. } | Self::Failed { .. } => false,
        }
    }
}

impl WriteError {
    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Gone => "identity_gone",
            Self::Exists => "identity_exists",
            Self::OutcomeUnknown { .. } => "database_outcome_unknown",
            Self::Unavailable { .. } => "database_unavailable",
            Self::Unreadable { .. } => "stored_value_unreadable",
            Self::Failed { .. } => "database_failed",
        }
    }

    /// Whether the same call may pass a little later, without reading first.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Gone | Self::Exists | Self::OutcomeUnknown { .. } | Self::Unreadable { .. } | Self::Failed { .. } => false,
        }
    }
}

impl ChangeError {
    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "conflict",
            Self::InUse { .. } => "in_use",
            Self::Missing { .. } => "missing",
            Self::Immutable { .. } => "immutable",
            Self::Stale { .. } => "changed_meanwhile",
            Self::OutcomeUnknown { .. } => "database_outcome_unknown",
            Self::Unavailable { .. } => "database_unavailable",
            Self::Unreadable { .. } => "stored_value_unreadable",
            Self::Failed { .. } => "database_failed",
        }
    }

    /// Whether the same change may pass a little later, without reading first.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Conflict { .. }
            | Self::InUse { .. }
            | Self::Missing { .. }
            | Self::Immutable { .. }
            | Self::Stale { .. }
            | Self::OutcomeUnknown { .. }
            | Self::Unreadable { .. }
            | Self::Failed { .. } => false,
        }
    }
}

/// Who can do something about a fault.
enum Blame {
    /// Time.
    Wait,
    /// Who made the change: read first.
    Unknown,
    /// Whoever wrote into the database.
    Stored,
    /// The operator.
    Database,
}

fn blame(fault: &Fault) -> Blame {
    match fault.kind() {
        FaultKind::Connection(_) | FaultKind::Busy | FaultKind::Serialization => Blame::Wait,
        FaultKind::OutcomeUnknown => Blame::Unknown,
        FaultKind::Unreadable { .. } => Blame::Stored,
        FaultKind::Unique { .. }
        | FaultKind::ForeignKey
        | FaultKind::Rule
        | FaultKind::NulInText
        | FaultKind::NotAllowed
        | FaultKind::DiskFull
        | FaultKind::ReadOnly
        | FaultKind::Damaged
        | FaultKind::Aborted
        | FaultKind::Other => Blame::Database,
    }
}

impl From<Fault> for OpenError {
    fn from(source: Fault) -> Self {
        match blame(&source) {
            Blame::Wait | Blame::Unknown => Self::Unavailable { source },
            Blame::Stored | Blame::Database => Self::Failed { source },
        }
    }
}

impl From<Fault> for ReadError {
    fn from(source: Fault) -> Self {
        match blame(&source) {
            Blame::Wait | Blame::Unknown => Self::Unavailable { source },
            Blame::Stored => Self::Unreadable { source },
            Blame::Database => Self::Failed { source },
        }
    }
}

impl From<Fault> for WriteError {
    fn from(source: Fault) -> Self {
        match blame(&source) {
            Blame::Wait => Self::Unavailable { source },
            Blame::Unknown => Self::OutcomeUnknown { source },
            Blame::Stored => Self::Unreadable { source },
            Blame::Database if *source.kind() == FaultKind::ForeignKey => Self::Gone,
            Blame::Database => Self::Failed { source },
        }
    }
}

impl From<Fault> for ChangeError {
    fn from(source: Fault) -> Self {
        match blame(&source) {
            Blame::Wait => Self::Unavailable { source },
            Blame::Unknown => Self::OutcomeUnknown { source },
            Blame::Stored => Self::Unreadable { source },
            Blame::Database => Self::Failed { source },
        }
    }
}
