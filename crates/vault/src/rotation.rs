//! Rotation. No value is re-encrypted here: old keys go on opening what they sealed, and others re-seal rows at their own pace.
//!
//! Every step hands back a new vault and the whole keyring, wrapped anew. Store all entries in one transaction, in place of all keyring rows,
//! and only if the rows are still those that this vault was unsealed from; then swap the vault.
//!
//! With several nodes: add a key, wait until every node has read it, activate it. One node may do both at once.

use crate::keyring::{KeyState, KeyringKey};
use crate::{KeyId, KeyringEntry, NoRandomness, RootKey, Vault};

/// Why a rotation did not happen. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// Admin: storing these entries would tie the keyring to a key that the nodes do not start with.
    #[error("this is not the root key that the vault was unsealed with; give that key, or change the root key on purpose")]
    WrongKey,
    /// The caller named a key that is not there.
    #[error("key {key} is not in the keyring; list the keyring and name one of its keys")]
    UnknownKey {
        /// The key.
        key: KeyId,
    },
    /// The step does not fit the state: only a pending key is activated, only a decrypt-only key is retired.
    #[error("key {key} is {state}, and this step takes a key that is {needed}")]
    WrongState {
        /// The key.
        key: KeyId,
        /// The state that it is in.
        state: KeyState,
        /// The state that it would have to be in.
        needed: KeyState,
    },
    /// The system.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl RotationError {
    /// The stable name of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongKey => "key_wrong",
            Self::UnknownKey { .. } => "keyring_unknown_key",
            Self::WrongState { .. } => "keyring_key_state",
            Self::NoRandomness(cause) => cause.code(),
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::WrongKey | Self::UnknownKey { .. } | Self::WrongState { .. } => false,
            Self::NoRandomness(cause) => cause.is_retryable(),
        }
    }
}

/// The vault after the step, and the rows to store before it is used.
type Rotated = Result<(Vault, Vec<KeyringEntry>), RotationError>;

impl Vault {
    /// Adds a pending key, which opens but does not seal yet.
    pub fn add_key(&self, root: &RootKey) -> Rotated {
        let mut keys = self.keys.clone();
        keys.push(KeyringKey::generate(KeyState::Pending, self.random)?);
        self.with_keys(root, keys)
    }

    /// Makes a pending key the active one, and the one before it decrypt-only.
    pub fn activate(&self, root: &RootKey, key: KeyId) -> Rotated {
        let mut keys = self.keys.clone();
        let index = position(&keys, key, KeyState::Pending)?;
        demote_active(&mut keys);
        keys[index].state = KeyState::Active;
        self.with_keys(root, keys)
    }

    /// Adds a new active key at once, for when no other node is running.
    pub fn rotate(&self, root: &RootKey) -> Rotated {
        let mut keys = self.keys.clone();
        demote_active(&mut keys);
        keys.push(KeyringKey::generate(KeyState::Active, self.random)?);
        self.with_keys(root, keys)
    }

    /// Ends a decrypt-only key. The caller has counted that no value is sealed by it any more ([`key_of`](crate::key_of)).
    pub fn retire(&self, root: &RootKey, key: KeyId) -> Rotated {
        let mut keys = self.keys.clone();
        let index = position(&keys, key, KeyState::DecryptOnly)?;
        keys[index].state = KeyState::Retired;
        self.with_keys(root, keys)
    }

    /// Wraps the same keys under a new root key; values are not touched. Make sure that every node can load the new root key first.
    pub fn change_root_key(&self, old: &RootKey, new: &RootKey) -> Rotated {
        self.check_root(old)?;
        self.wrapped_by(new, self.keys.clone())
    }

    fn with_keys(&self, root: &RootKey, keys: Vec<KeyringKey>) -> Rotated {
        self.check_root(root)?;
        self.wrapped_by(root, keys)
    }

    fn check_root(&self, root: &RootKey) -> Result<(), RotationError> {
        if root.check().matches(&self.root_check.0) { Ok(()) } else { Err(RotationError::WrongKey) }
    }

    fn wrapped_by(&self, root: &RootKey, keys: Vec<KeyringKey>) -> Rotated {
        let entries = keys.iter().map(|key| key.wrap(root, self.deployment, self.random)).collect::<Result<_, _>>()?;
        Ok((Self { deployment: self.deployment, keys, root_check: root.check(), random: self.random }, entries))
    }
}

fn position(keys: &[KeyringKey], key: KeyId, needed: KeyState) -> Result<usize, RotationError> {
    let index = keys.iter().position(|candidate| candidate.id == key).ok_or(RotationError::UnknownKey { key })?;
    let state = keys[index].state;
    if state == needed { Ok(index) } else { Err(RotationError::WrongState { key, state, needed }) }
}

fn demote_active(keys: &mut [KeyringKey]) {
    for key in keys.iter_mut().filter(|key| key.state == KeyState::Active) {
        key.state = KeyState::DecryptOnly;
    }
}
