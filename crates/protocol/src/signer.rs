//! Signing: a private key is never seen by a protocol, only what was signed with it.

use sortie_model::SigningAlgorithm;

use crate::ObtainError;

/// A certificate's private key, ready to sign.
pub trait Signer: Send + Sync {
    /// What a receiver finds the public key by: the default of a token's `kid` (RFC 7515, section 4.1.4).
    fn key_id(&self) -> &str;

    /// The certificate and those above it, in DER, the signing one first.
    fn chain(&self) -> &[Vec<u8>];

    /// Signs. The result is as RFC 7518, section 3 and RFC 8037, section 3.1 want it in a token: for `ES256` that is R and S, 32 bytes each, and no ASN.1.
    ///
    /// # Errors
    /// [`SignerError::WrongKey`], if the key is of another kind than the algorithm needs.
    fn sign(&self, algorithm: SigningAlgorithm, input: &[u8]) -> Result<Vec<u8>, SignerError>;
}

/// Why nothing was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// This process has no certificate store.
    #[error("there is no certificate store")]
    NoStore,
    /// No certificate has this name.
    #[error("there is no certificate of this name")]
    NoCertificate,
    /// It waits for its chain, or becomes valid only later.
    #[error("the certificate is not usable yet")]
    NotYetUsable,
    /// It is no longer valid.
    #[error("the certificate has expired")]
    Expired,
    /// Its key is of another kind than the algorithm needs (SIG-06).
    #[error("the certificate's key does not fit the algorithm")]
    WrongKey,
    /// Its private key cannot be read now.
    #[error("the private key cannot be read now")]
    Unavailable,
    /// Its private key cannot be opened without the root key.
    #[error("the private key is sealed")]
    Sealed,
}

impl From<SignerError> for ObtainError {
    fn from(error: SignerError) -> Self {
        let wrong = |field, problem: &str| Self::WrongConfiguration { field, problem: problem.to_owned() };
        match error {
            SignerError::NoStore => wrong("signing_certificate", "names a certificate, and there is no certificate store"),
            SignerError::NoCertificate => wrong("signing_certificate", "names a certificate that does not exist"),
            SignerError::NotYetUsable => wrong("signing_certificate", "names a certificate that is not usable yet"),
            SignerError::Expired => wrong("signing_certificate", "names a certificate that has expired"),
            SignerError::WrongKey => wrong("signing_algorithm", "does not fit the key of the signing certificate"),
            SignerError::Unavailable => Self::KeyUnavailable,
            SignerError::Sealed => Self::KeySealed,
        }
    }
}
