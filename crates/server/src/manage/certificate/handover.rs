//! How a new version takes over from the old one.

use std::time::Duration;

use sortie_model::{Certificate, CertificateVersion, Issued, Timestamp, VersionState};
use sortie_store::Change;

use super::CertificateError;
use crate::jwks::MAX_AGE;

/// When the new version begins to sign, and how long the old one stays published after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handover {
    /// How long the new public key is published before it signs. Receivers that keep the JWK Set must have met it by then (REL-K07).
    pub delay: Duration,
    /// How long the old public key stays published after it has stopped signing: longer than what it signed is good for.
    pub overlap: Duration,
}

impl Default for Handover {
    /// Twice as long as receivers may keep the JWK Set; then a day.
    fn default() -> Self {
        Self { delay: MAX_AGE * 2, overlap: Duration::from_secs(86_400) }
    }
}

impl Handover {
    /// Lets a version with this certificate take over: the one that was active until now retires, and the state of the new one is given back to be stored next,
    /// since only one may be active. Where there is none before it, it signs at once; before its certificate is valid none does.
    pub(super) async fn begin(
        self,
        change: &mut Change<'_>,
        certificate: &Certificate,
        issued: Issued,
        now: Timestamp,
    ) -> Result<VersionState, CertificateError> {
        let Some(active) = certificate.active_version() else {
            let signs_from = now.max(issued.not_before);
            return Ok(VersionState::Active { issued, signs_from });
        };
        let signs_from = now.after(self.delay).max(issued.not_before);
        if let VersionState::Active { issued, .. } = &active.state {
            let until = signs_from.after(self.overlap);
            let retiring = CertificateVersion { state: VersionState::Retiring { issued: issued.clone(), until }, ..active.clone() };
            change.certificates().set_state(&retiring).await?;
        }
        Ok(VersionState::Active { issued, signs_from })
    }
}

/// Refuses a renewal in the middle of another: with two new keys on their way, a receiver could meet one that it has never been told of.
pub(super) fn require_settled(certificate: &Certificate, now: Timestamp) -> Result<(), CertificateError> {
    let under_way = |what| Err(CertificateError::RenewalUnderWay { name: certificate.name.to_string(), what });
    if let Some(pending) = certificate.pending_version() {
        return under_way(format!("version {} waits for its chain", pending.number));
    }
    match certificate.active_version() {
        Some(CertificateVersion { number, state: VersionState::Active { signs_from, .. }, .. }) if *signs_from > now => {
            under_way(format!("version {number} signs from {signs_from} on"))
        }
        _ => Ok(()),
    }
}
