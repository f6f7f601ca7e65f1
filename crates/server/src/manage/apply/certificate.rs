//! Certificates that a definition's settings name. One that is not there yet may come later: `sortie status` tells of it. One that is there must fit.

use sortie_model::ExternalCredential;
use sortie_protocol::{CertificateSetting, certificate_settings};

use super::scene::Scene;

/// Refuses an algorithm that the key of the named certificate cannot sign with.
pub(super) fn judge(scene: &mut Scene<'_>, path: &str, credential: &ExternalCredential) {
    let Some(protocol) = sortie_protocol::find(&credential.protocol) else { return };
    for CertificateSetting { field: _, name, algorithm } in certificate_settings(protocol, &credential.settings) {
        let named = scene.stored.certificates.iter().find(|known| known.name.as_str().eq_ignore_ascii_case(name));
        // Of the newest version: it signs, or will.
        let key = named.and_then(|certificate| certificate.versions.last()).map(|version| version.algorithm);
        if let (Some(algorithm), Some(key)) = (algorithm, key)
            && !algorithm.fits(key)
        {
            let can: Vec<&str> = key.signing_algorithms().iter().map(|algorithm| algorithm.as_str()).collect();
            let message =
                format!("is {}, and the key of the certificate `{name}` ({key}) signs with {}", algorithm.as_str(), can.join(", "));
            scene.refuse(&format!("{path}.settings.signing_algorithm"), "signing_algorithm_mismatch", message);
        }
    }
}
