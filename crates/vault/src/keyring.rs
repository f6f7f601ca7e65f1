//! The keyring: the keys that seal values, each wrapped by the root key, as rows that others keep.

use std::fmt;
use std::sync::Arc;

use crate::context::bind_keyring_entry;
use crate::envelope::{self, Content, Envelope, ParseError, SALT_LENGTH};
use crate::key::{Key, RootKey};
use crate::{DeploymentId, KeyId, NoRandomness, Random};

/// What a key of the keyring may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Published so that every node can learn it before it is used; opens, does not seal.
    Pending,
    /// Seals and opens. Exactly one key is active.
    Active,
    /// Opens what it sealed in the past.
    DecryptOnly,
    /// Kept for backups; neither seals nor opens.
    Retired,
}

impl KeyState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Active, Self::DecryptOnly, Self::Retired];

    /// The stable text, for a column. It is bound into the wrapped key, so it never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::DecryptOnly => "decrypt_only",
            Self::Retired => "retired",
        }
    }

    /// The state with this text; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One row of the keyring: public, safe to store and to back up. Worth nothing without the root key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyringEntry {
    /// Which key.
    pub id: KeyId,
    /// What it may be used for. Bound into `wrapped`: change it through [`Vault`](crate::Vault) only.
    pub state: KeyState,
    /// The key, wrapped by the root key; 132 bytes.
    pub wrapped: Vec<u8>,
}

/// A key of the keyring, unwrapped. Shared, so that a vault made from another by rotation copies no key.
#[derive(Clone)]
pub(crate) struct KeyringKey {
    pub(crate) id: KeyId,
    pub(crate) state: KeyState,
    pub(crate) key: Arc<Key>,
}

impl KeyringKey {
    pub(crate) fn generate(state: KeyState, random: Random) -> Result<Self, NoRandomness> {
        let mut id = [0; 16];
        random(&mut id)?;
        let id = KeyId::from_uuid(uuid::Builder::from_random_bytes(id).into_uuid());
        Ok(Self { id, state, key: Arc::new(Key::random(random)?) })
    }

    pub(crate) fn wrap(&self, root: &RootKey, deployment: DeploymentId, random: Random) -> Result<KeyringEntry, NoRandomness> {
        let Self { id, state, key } = self;
        let mut salt = [0; SALT_LENGTH];
        random(&mut salt)?;
        let binding = bind_keyring_entry(deployment, *id, *state);
        let wrapped = envelope::seal(Content::KeyringKey, root.key(), root.check().0, salt, &binding, key.expose())
            .expect("a key is 32 bytes, far from the cipher's limit");
        Ok(KeyringEntry { id: *id, state: *state, wrapped })
    }
}

/// What trying a root key on one entry showed.
pub(crate) enum Unwrapped {
    Key(KeyringKey),
    /// The root key is the right one, and the entry was changed, or belongs to another deployment.
    Tampered,
    /// Nothing shows that the entry was ever wrapped by this root key.
    Foreign,
    UnknownVersion {
        version: u8,
        algorithm: u8,
    },
}

pub(crate) fn unwrap(root: &RootKey, deployment: DeploymentId, entry: &KeyringEntry) -> Unwrapped {
    let KeyringEntry { id, state, wrapped } = entry;
    let envelope = match Envelope::parse(Content::KeyringKey, wrapped) {
        Ok(envelope) => envelope,
        Err(ParseError::Shape) => return Unwrapped::Tampered,
        Err(ParseError::Version { version, algorithm }) => return Unwrapped::UnknownVersion { version, algorithm },
    };
    let binding = bind_keyring_entry(deployment, *id, *state);
    let opened = envelope.open(root.key(), &binding).ok();
    if let Some(key) = opened.and_then(|bytes| Key::from_slice(&bytes)) {
        return Unwrapped::Key(KeyringKey { id: *id, state: *state, key: Arc::new(key) });
    }
    // Either of the two shows that this root key wrapped the entry; an attacker would have to change both to look like a wrong key.
    if root.check().matches(&envelope.key_id) || envelope.is_committed_to(root.key(), &binding) {
        return Unwrapped::Tampered;
    }
    Unwrapped::Foreign
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_read_back_from_its_text() {
        for state in KeyState::ALL {
            assert_eq!(KeyState::parse(state.as_str()), Some(state));
        }
        assert_eq!(KeyState::parse("ACTIVE"), None);
    }
}
