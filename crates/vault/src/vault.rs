//! The unsealed vault: seals and opens values, and derives the keys of the MACs.

use std::fmt;

use sortie_model::SecretBytes;
use uuid::Uuid;

use crate::context::bind_purpose;
use crate::envelope::{self, Content, Envelope, ParseError, SALT_LENGTH};
use crate::key::{Fixed, KEY_LENGTH, Key};
use crate::keyring::{KeyState, KeyringKey};
use crate::unseal::unwrap_all;
use crate::{DeploymentId, KeyId, KeyringEntry, NoRandomness, Random, RootKey, SealContext, UnsealError};

/// An unsealed vault. Immutable: rotation makes a new one, to be put in the place of this one.
pub struct Vault {
    pub(crate) deployment: DeploymentId,
    /// In the order of the rows; exactly one is active.
    pub(crate) keys: Vec<KeyringKey>,
    /// Names the root key that the keyring is wrapped by. The root key itself is not kept.
    pub(crate) root_check: Fixed<16>,
    pub(crate) random: Random,
}

/// What a derived key is for. Each has its own label, so that no two purposes share a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Chains the audit records.
    AuditChain,
    /// Authenticates rows that are stored in the clear but decide where secrets go.
    RowMac,
    /// Fingerprints of secrets, to say "unchanged" without showing anything.
    Fingerprint,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 3] = [Self::AuditChain, Self::RowMac, Self::Fingerprint];

    /// The label in the derivation. A changed label orphans everything that was computed under it.
    fn label(self) -> &'static str {
        match self {
            Self::AuditChain => "audit-chain",
            Self::RowMac => "row-mac",
            Self::Fingerprint => "fingerprint",
        }
    }
}

/// Why a value was not sealed. There is no fallback that stores it in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The system.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The caller: AES-GCM seals no more than 64 GiB at once.
    #[error("a value of {length} bytes is too long to seal; store something shorter")]
    TooLong {
        /// Its length.
        length: usize,
    },
}

impl SealError {
    /// The stable name of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoRandomness(cause) => cause.code(),
            Self::TooLong { .. } => "value_too_long",
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::NoRandomness(cause) => cause.is_retryable(),
            Self::TooLong { .. } => false,
        }
    }
}

/// Why a value did not open. Only this value is lost; every variant but `UnknownVersion` belongs in the audit as tampering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Cut short, or never sealed.
    #[error("this is not a sealed value; enter the secret again or restore the row from a backup")]
    Malformed,
    /// Admin: the database is newer than this program.
    #[error("sealed with format {version} and algorithm {algorithm}, which this version of Sortie does not know; run the newer version")]
    UnknownVersion {
        /// Its version byte.
        version: u8,
        /// Its algorithm byte.
        algorithm: u8,
    },
    /// Its key is not in the keyring: the row is from elsewhere, or this node has not learnt of a new key.
    #[error("sealed by key {key}, which is not in this keyring; restore the keyring row, or enter the secret again")]
    UnknownKey {
        /// The key.
        key: KeyId,
    },
    /// An old row came back after its key was retired.
    #[error("sealed by key {key}, which is retired; enter the secret again")]
    RetiredKey {
        /// The key.
        key: KeyId,
    },
    /// Changed, or moved from another row, column, table, owner, version, destination or deployment.
    #[error("the sealed value or its place was changed outside Sortie; enter the secret again or restore the row from a backup")]
    Tampered,
}

impl OpenError {
    /// The stable name of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "sealed_value_malformed",
            Self::UnknownVersion { .. } => "sealed_value_version",
            Self::UnknownKey { .. } => "sealed_value_unknown_key",
            Self::RetiredKey { .. } => "sealed_value_retired_key",
            Self::Tampered => "sealed_value_tampered",
        }
    }

    /// Whether the same call may succeed later: only where the node may still learn of a new key.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::UnknownKey { .. } => true,
            Self::Malformed | Self::UnknownVersion { .. } | Self::RetiredKey { .. } | Self::Tampered => false,
        }
    }
}

impl From<ParseError> for OpenError {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::Shape => Self::Malformed,
            ParseError::Version { version, algorithm } => Self::UnknownVersion { version, algorithm },
        }
    }
}

// === impl Vault ===

impl Vault {
    /// Makes the first key, for a database that has no keyring row and no sealed value.
    ///
    /// The caller has checked, in the transaction that stores the entry, that the keyring is empty. A second first key over values that
    /// another key sealed would let the node start and look healthy while every secret in it is lost; a node whose keyring does not
    /// unseal stays sealed instead. Nothing in this crate falls back to this function.
    pub fn initialise(root: &RootKey, deployment: DeploymentId, random: Random) -> Result<(Self, KeyringEntry), NoRandomness> {
        let key = KeyringKey::generate(KeyState::Active, random)?;
        let entry = key.wrap(root, deployment, random)?;
        Ok((Self { deployment, keys: vec![key], root_check: root.check(), random }, entry))
    }

    /// Unwraps the keyring. One entry that does not open keeps the whole node sealed, and nothing is changed.
    pub fn unseal(root: &RootKey, deployment: DeploymentId, entries: &[KeyringEntry], random: Random) -> Result<Self, UnsealError> {
        let keys = unwrap_all(root, deployment, entries)?;
        Ok(Self { deployment, keys, root_check: root.check(), random })
    }

    /// Seals a value for one place, under the active key.
    pub fn seal(&self, context: &SealContext<'_>, plain: &SecretBytes) -> Result<Vec<u8>, SealError> {
        let active = self.active();
        let plain = plain.expose();
        let mut salt = [0; SALT_LENGTH];
        (self.random)(&mut salt)?;
        envelope::seal(Content::Value, &active.key, active.id.bytes(), salt, &context.bind(self.deployment), plain)
            .map_err(|envelope::TooLong| SealError::TooLong { length: plain.len() })
    }

    /// Opens a value that was sealed for this very place.
    pub fn open(&self, context: &SealContext<'_>, sealed: &[u8]) -> Result<SecretBytes, OpenError> {
        let envelope = Envelope::parse(Content::Value, sealed)?;
        let id = KeyId::from_uuid(Uuid::from_bytes(envelope.key_id));
        let key = self.find(id).ok_or(OpenError::UnknownKey { key: id })?;
        if key.state == KeyState::Retired {
            return Err(OpenError::RetiredKey { key: id });
        }
        let mut plain = envelope.open(&key.key, &context.bind(self.deployment)).map_err(|envelope::Refused| OpenError::Tampered)?;
        Ok(SecretBytes::new(std::mem::take(&mut *plain)))
    }

    /// 32 bytes for one purpose, derived from the active key. Store [`Vault::active_key`] beside whatever is computed with them: after a
    /// rotation the same bytes come from [`Vault::derive_from`] only.
    pub fn derive(&self, purpose: Purpose) -> SecretBytes {
        derive(&self.active().key, self.deployment, purpose)
    }

    /// The same bytes as when this key was the active one; `None` when the keyring does not have the key. Works for retired keys too:
    /// old audit records stay verifiable.
    pub fn derive_from(&self, key: KeyId, purpose: Purpose) -> Option<SecretBytes> {
        self.find(key).map(|key| derive(&key.key, self.deployment, purpose))
    }

    /// The key that seals now.
    pub fn active_key(&self) -> KeyId {
        self.active().id
    }

    /// Every key with its state, in the order of the rows.
    pub fn keys(&self) -> impl Iterator<Item = (KeyId, KeyState)> {
        self.keys.iter().map(|key| (key.id, key.state))
    }

    fn active(&self) -> &KeyringKey {
        self.keys.iter().find(|key| key.state == KeyState::Active).expect("an unsealed keyring has exactly one active key")
    }

    fn find(&self, id: KeyId) -> Option<&KeyringKey> {
        self.keys.iter().find(|key| key.id == id)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Vault").field("active_key", &self.active_key()).field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// Which key sealed this value, read from its header and not verified: for finding the rows that a re-wrap still has to visit.
pub fn key_of(sealed: &[u8]) -> Result<KeyId, OpenError> {
    let envelope = Envelope::parse(Content::Value, sealed)?;
    Ok(KeyId::from_uuid(Uuid::from_bytes(envelope.key_id)))
}

fn derive(key: &Key, deployment: DeploymentId, purpose: Purpose) -> SecretBytes {
    let mut derived = vec![0; KEY_LENGTH];
    key.stretch(&[], bind_purpose(deployment, purpose.label()).bytes(), &mut derived);
    SecretBytes::new(derived)
}
