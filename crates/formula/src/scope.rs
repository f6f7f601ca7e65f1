//! The scope: everything a formula can see of the world, handed in by whoever evaluates it.

use crate::Fault;
use crate::value::Value;
use crate::variable::Variable;

/// What a formula sees while it is evaluated.
pub trait Scope {
    /// The value of a variable. `Ok(None)`: it has no value, which is an error unless the formula asks for that, by `ISBLANK` or `BLANKVALUE`.
    ///
    /// # Errors
    /// [`Fault::Unavailable`], if this place cannot offer the variable at all.
    fn value(&self, variable: &Variable) -> Result<Option<Value<'_>>, Fault>;

    /// What time it is, in milliseconds since 1970-01-01T00:00:00Z. Asked once for each evaluation that needs it.
    fn now_millis(&self) -> i64;

    /// Signs with the private key of a certificate, for `SIGN_WITH_CERTIFICATE`.
    ///
    /// # Errors
    /// A [`SignFault`].
    fn sign_with_certificate(&self, algorithm: &str, input: &[u8], certificate: &str) -> Result<Vec<u8>, SignFault>;
}

/// Why nothing was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignFault {
    /// This installation keeps no certificates.
    #[error("there is no certificate store")]
    NoStore,
    /// No certificate has this name.
    #[error("there is no certificate of this name")]
    NoCertificate,
    /// The certificate's key is of another kind than the algorithm needs.
    #[error("the key of the certificate does not fit the algorithm")]
    WrongKey,
    /// The certificate waits for its chain, or becomes valid only later.
    #[error("the certificate is not usable yet")]
    NotYetUsable,
    /// The certificate is no longer valid.
    #[error("the certificate has expired")]
    Expired,
    /// The private key cannot be read at the moment.
    #[error("the private key cannot be read now")]
    Unavailable,
    /// The private key cannot be opened without the root key.
    #[error("the private key is sealed")]
    Sealed,
}
