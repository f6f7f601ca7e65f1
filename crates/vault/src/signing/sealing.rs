//! Private keys at rest. PKCS#8 exists in the clear between these two functions and the key's parser, and nowhere else.

use sortie_model::SecretBytes;

use super::{ImportError, SigningKey};
use crate::{OpenError, SealContext, SealError, Vault};

/// Why a stored key is not at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenKeyError {
    /// It does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It opened, and is no key: sealed by something else than this module.
    #[error("the stored private key cannot be read; import it again or restore the row from a backup")]
    NotAKey(#[source] ImportError),
    /// It opened, and is the key of another certificate.
    #[error("the stored private key is not the one of this certificate; restore the row from a backup")]
    AnotherKey,
}

impl OpenKeyError {
    /// The stable name of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open(error) => error.code(),
            Self::NotAKey(_) | Self::AnotherKey => "private_key_mismatch",
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Open(error) => error.is_retryable(),
            Self::NotAKey(_) | Self::AnotherKey => false,
        }
    }
}

impl Vault {
    /// Seals a private key for one place.
    ///
    /// # Errors
    /// A [`SealError`].
    pub fn seal_key(&self, context: &SealContext<'_>, key: &SigningKey) -> Result<Vec<u8>, SealError> {
        let plain = key.to_pkcs8().expect("a key that was made or parsed can be written");
        self.seal(context, &plain)
    }

    /// Opens a private key that was sealed for this very place, and checks that it belongs to the public key that stands beside it.
    ///
    /// # Errors
    /// An [`OpenKeyError`].
    pub fn open_key(&self, context: &SealContext<'_>, sealed: &[u8], public_key: &[u8]) -> Result<SigningKey, OpenKeyError> {
        let plain: SecretBytes = self.open(context, sealed)?;
        let key = SigningKey::import(&plain).map_err(OpenKeyError::NotAKey)?;
        if key.public_key() == public_key { Ok(key) } else { Err(OpenKeyError::AnotherKey) }
    }
}
