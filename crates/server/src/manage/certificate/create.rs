//! Makes a self-signed certificate.

use std::time::Duration;

use sortie_model::{KeyAlgorithm, Origin, VersionState};
use sortie_vault::signing::{SigningKey, Subject, self_sign, verify_chain};

use super::{CertificateError, NewCertificate, store_first};
use crate::manage::slow::slow;
use crate::manage::{Change, Manage};

/// Makes a key pair and a certificate that it signs itself; it signs at once.
///
/// # Errors
/// A [`CertificateError`].
pub async fn create(
    manage: &Manage<'_>,
    new: NewCertificate,
    algorithm: KeyAlgorithm,
    subject: &Subject,
    lifetime: Option<Duration>,
) -> Result<Change, CertificateError> {
    let key = slow(move || SigningKey::generate(algorithm)).await?;
    let certificate = self_sign(&key, subject, manage.now, lifetime.unwrap_or_else(|| algorithm.default_lifetime()))?;
    let issued = verify_chain(vec![certificate], key.public_key(), manage.now)?;
    let state = VersionState::Active { issued, signs_from: manage.now };
    Ok(store_first(manage, new, &key, Origin::SelfSigned, state).await?)
}
