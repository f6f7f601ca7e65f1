//! Retires an old version sooner or later than planned, or gives up one that waits for its chain.

use sortie_model::{ApiName, CertificateVersion, Timestamp, VersionState};

use super::{CertificateError, changed, find, uses};
use crate::manage::{Change, Manage};

/// When a version is to be retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retirement {
    /// At once. What it signed and is still kept is thrown away.
    Now,
    /// At a moment.
    At(Timestamp),
}

/// Retires a version that another has taken over from. A version that waits for its chain is given up: its key is deleted.
///
/// # Errors
/// A [`CertificateError`]; the active version cannot be retired.
pub async fn retire(manage: &Manage<'_>, name: &ApiName, number: u32, when: Retirement) -> Result<Change, CertificateError> {
    let mut change = manage.store.change().await?;
    let definitions = change.definitions().await?;
    let certificate = find(&definitions, name)?;
    let shown = certificate.name.to_string();
    let version = certificate.versions.iter().find(|version| version.number == number);
    let version = version.ok_or_else(|| CertificateError::UnknownVersion { name: shown.clone(), number })?;
    match &version.state {
        VersionState::Active { .. } => return Err(CertificateError::Active { name: shown, number }),
        VersionState::Retiring { until, .. } if *until <= manage.now => {
            return Err(CertificateError::AlreadyRetired { name: shown, number, since: *until });
        }
        // A certificate without versions would be nothing.
        VersionState::Pending { .. } if certificate.versions.len() == 1 => {
            return Err(CertificateError::OnlyVersion { name: shown, number });
        }
        VersionState::Pending { .. } => change.certificates().delete_version(version.id).await?,
        VersionState::Retiring { issued, .. } => {
            let until = match when {
                Retirement::Now => manage.now,
                Retirement::At(moment) => moment.max(manage.now),
            };
            // While the new version does not sign yet, the old one does.
            let signs = certificate.signing_version(until).is_some_and(|(signing, _)| signing.id == version.id);
            if signs {
                return Err(CertificateError::Active { name: shown, number });
            }
            let retiring = CertificateVersion { state: VersionState::Retiring { issued: issued.clone(), until }, ..version.clone() };
            change.certificates().set_state(&retiring).await?;
            // A JWT that it signed may be kept for longer than receivers will now take it.
            for credential in uses::external_credentials(&definitions, &certificate.name) {
                change.touch_credential(credential).await?;
            }
        }
    }
    let done = changed(certificate, number);
    manage.commit(change, std::slice::from_ref(&done)).await?;
    Ok(done)
}
