//! Installs the chain that an authority has signed.

use sortie_model::{ApiName, CertificateVersion};
use sortie_vault::signing::{read_certificates, verify_chain};

use super::handover::Handover;
use super::{CertificateError, changed, find};
use crate::manage::{Change, Manage};

/// Installs a chain (PEM, leaf first) for the version that waits for it. The leaf must be for its key.
///
/// # Errors
/// A [`CertificateError`].
pub async fn install(manage: &Manage<'_>, name: &ApiName, chain: &[u8], handover: Handover) -> Result<Change, CertificateError> {
    let certificates = read_certificates(chain)?;
    let mut change = manage.store.change().await?;
    let definitions = change.definitions().await?;
    let certificate = find(&definitions, name)?;
    let not_pending = || CertificateError::NotPending { name: certificate.name.to_string() };
    let pending = certificate.pending_version().ok_or_else(not_pending)?;
    let issued = verify_chain(certificates, &pending.public_key, manage.now)?;
    let state = handover.begin(&mut change, certificate, issued, manage.now).await?;
    change.certificates().set_state(&CertificateVersion { state, ..pending.clone() }).await?;
    let done = changed(certificate, pending.number);
    manage.commit(change, std::slice::from_ref(&done)).await?;
    Ok(done)
}
