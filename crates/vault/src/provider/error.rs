//! What can be wrong with a place that should hold the root key.

use std::io;
use std::path::PathBuf;

use crate::NoRandomness;

/// Why there is no root key. The node stays sealed and changes nothing; an admin must act.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No such file.
    #[error("the key file {} does not exist; put the root key of this database there, or give the path where it is", path.display())]
    FileMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// No such variable.
    #[error("the environment variable {variable} is not set; set it to the root key of this database")]
    VariableMissing {
        /// Its name.
        variable: String,
    },
    /// A symbolic link: whoever can write its directory decides which key is read.
    #[error("the key file {} is a symbolic link; give the path of the file itself", path.display())]
    SymbolicLink {
        /// Where it is.
        path: PathBuf,
    },
    /// A directory, a pipe, a device.
    #[error("the key file {} is not a regular file; put the root key into one", path.display())]
    NotRegularFile {
        /// Where it is.
        path: PathBuf,
    },
    /// Another user could change it.
    #[error("the key file {} belongs to user {owner}, and Sortie runs as user {process}; run `chown {process}` on it", path.display())]
    Owner {
        /// Where it is.
        path: PathBuf,
        /// The numeric user that owns it.
        owner: u32,
        /// The numeric user of this process.
        process: u32,
    },
    /// Others can read or write it.
    #[error("the key file {} has mode {mode:04o}, and only 0400 and 0600 are accepted; run `chmod 0400` on it, and if others could read it, change the root key", path.display())]
    Permissions {
        /// Where it is.
        path: PathBuf,
        /// The permission bits.
        mode: u32,
    },
    /// The system refused to read it.
    #[error("the key file {} cannot be read", path.display())]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds something else than a key.
    #[error("{place} does not hold a root key: 32 bytes written as base64 or as 64 hex digits, and nothing else")]
    Malformed {
        /// The file or the variable.
        place: String,
    },
    /// A key is never overwritten.
    #[error("{} already exists and is not overwritten; use the key in it, or give another path", path.display())]
    FileExists {
        /// Where it is.
        path: PathBuf,
    },
    /// The system refused to write it.
    #[error("the key file {} cannot be created; look at the directory and its permissions", path.display())]
    Unwritable {
        /// Where it should be.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl KeyError {
    /// The stable name of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::FileMissing { .. } | Self::VariableMissing { .. } => "key_missing",
            Self::SymbolicLink { .. } => "key_file_symlink",
            Self::NotRegularFile { .. } => "key_file_type",
            Self::Owner { .. } => "key_file_owner",
            Self::Permissions { .. } => "key_file_permissions",
            Self::Unreadable { .. } => "key_file_unreadable",
            Self::Malformed { .. } => "key_malformed",
            Self::FileExists { .. } => "key_file_exists",
            Self::Unwritable { .. } => "key_file_unwritable",
            Self::NoRandomness(cause) => cause.code(),
        }
    }

    /// Whether the same call may succeed later without anybody doing something.
    pub fn is_retryable(&self) -> bool {
        match self {
            // A mounted file may come late, a disk may recover.
            Self::FileMissing { .. } | Self::Unreadable { .. } => true,
            Self::VariableMissing { .. }
            | Self::SymbolicLink { .. }
            | Self::NotRegularFile { .. }
            | Self::Owner { .. }
            | Self::Permissions { .. }
            | Self::Malformed { .. }
            | Self::FileExists { .. }
            | Self::Unwritable { .. } => false,
            Self::NoRandomness(cause) => cause.is_retryable(),
        }
    }
}
