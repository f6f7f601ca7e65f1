//! Makes a key pair whose certificate an authority signs.

use sortie_model::{KeyAlgorithm, Origin, VersionState};
use sortie_vault::signing::{self, SigningKey, Subject, to_pem};

use super::{CertificateError, NewCertificate, store_first};
use crate::manage::{Change, Manage};

/// A request that was just made.
#[derive(Debug)]
pub struct Requested {
    /// For the authority: a certificate signing request (RFC 2986) in PEM.
    pub request: String,
    /// What was done.
    pub change: Change,
}

/// Makes a key pair and a request. Until the signed chain is installed, nothing can use it.
///
/// # Errors
/// A [`CertificateError`].
pub async fn request(
    manage: &Manage<'_>,
    new: NewCertificate,
    algorithm: KeyAlgorithm,
    subject: &Subject,
) -> Result<Requested, CertificateError> {
    let key = SigningKey::generate(algorithm)?;
    let request = signing::request(&key, subject)?;
    let pem = to_pem("CERTIFICATE REQUEST", &request);
    let change = store_first(manage, new, &key, Origin::Requested, VersionState::Pending { request }).await?;
    Ok(Requested { request: pem, change })
}
