//! From sealed to unsealed: every keyring entry must open, or none is used.

use crate::keyring::{KeyState, KeyringEntry, KeyringKey, Unwrapped, unwrap};
use crate::{DeploymentId, KeyId, RootKey};

/// Why the node stays sealed. Nothing was changed: neither the keyring nor any value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    /// There is no keyring yet. Only a database that never held a secret may be initialised.
    #[error("the keyring is empty; if this database ever held secrets, restore its keyring rows from a backup, else initialise it")]
    Empty,
    /// Admin: another root key wrapped this keyring.
    #[error("this root key did not wrap the keyring; give the key that this database was initialised with (nothing was changed)")]
    WrongKey,
    /// Somebody changed the row, or it was copied from another deployment.
    #[error("keyring entry {id} was changed outside Sortie or belongs to another deployment; restore the keyring rows from a backup")]
    Tampered {
        /// The entry.
        id: KeyId,
    },
    /// Admin: the database is newer than this program.
    #[error(
        "keyring entry {id} has format {version} and algorithm {algorithm}, which this version of Sortie does not know; run the newer version"
    )]
    UnknownVersion {
        /// The entry.
        id: KeyId,
        /// Its version byte.
        version: u8,
        /// Its algorithm byte.
        algorithm: u8,
    },
    /// Somebody removed or duplicated rows.
    #[error("the keyring has {count} active keys instead of one; restore the keyring rows from a backup")]
    ActiveKeys {
        /// How many there are.
        count: usize,
    },
    /// Somebody duplicated a row.
    #[error("keyring entry {id} is there twice; restore the keyring rows from a backup")]
    Duplicate {
        /// The entry.
        id: KeyId,
    },
}

impl UnsealError {
    /// The stable name of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "keyring_empty",
            Self::WrongKey => "key_wrong",
            Self::Tampered { .. } => "keyring_tampered",
            Self::UnknownVersion { .. } => "keyring_version",
            Self::ActiveKeys { .. } => "keyring_active_keys",
            Self::Duplicate { .. } => "keyring_duplicate",
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Empty
            | Self::WrongKey
            | Self::Tampered { .. }
            | Self::UnknownVersion { .. }
            | Self::ActiveKeys { .. }
            | Self::Duplicate { .. } => false,
        }
    }
}

/// Unwraps the whole keyring, in which exactly one key is active.
pub(crate) fn unwrap_all(root: &RootKey, deployment: DeploymentId, entries: &[KeyringEntry]) -> Result<Vec<KeyringKey>, UnsealError> {
    if entries.is_empty() {
        return Err(UnsealError::Empty);
    }
    let mut keys: Vec<KeyringKey> = Vec::with_capacity(entries.len());
    let mut tampered = None;
    let mut foreign = None;
    for entry in entries {
        match unwrap(root, deployment, entry) {
            Unwrapped::UnknownVersion { version, algorithm } => {
                return Err(UnsealError::UnknownVersion { id: entry.id, version, algorithm });
            }
            Unwrapped::Key(key) if keys.iter().any(|other| other.id == key.id) => return Err(UnsealError::Duplicate { id: key.id }),
            Unwrapped::Key(key) => keys.push(key),
            Unwrapped::Tampered => tampered = tampered.or(Some(entry.id)),
            Unwrapped::Foreign => foreign = foreign.or(Some(entry.id)),
        }
    }
    match (tampered, foreign) {
        (Some(id), _) => return Err(UnsealError::Tampered { id }),
        // The root key opened other entries, so it is the right one, and this entry is not of this keyring.
        (None, Some(id)) if !keys.is_empty() => return Err(UnsealError::Tampered { id }),
        (None, Some(_)) => return Err(UnsealError::WrongKey),
        (None, None) => {}
    }
    match keys.iter().filter(|key| key.state == KeyState::Active).count() {
        1 => Ok(keys),
        count => Err(UnsealError::ActiveKeys { count }),
    }
}
