//! Which deployment, and which key: the two identities that every sealed value is bound to.

use std::fmt;

use uuid::Uuid;

/// Identity of one installation of Sortie. A value sealed in one deployment does not open in another, even under the same root key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeploymentId(Uuid);

impl DeploymentId {
    /// The deployment with this identity. It is made once, when the database is made, and never changes.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The UUID behind it.
    pub const fn as_uuid(&self) -> Uuid {
        self.0
    }
}

/// Identity of one key of the keyring: 16 bytes, public, written into everything that the key seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Uuid);

impl KeyId {
    /// The key with this identity.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The UUID behind it.
    pub const fn as_uuid(&self) -> Uuid {
        self.0
    }

    pub(crate) fn bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
