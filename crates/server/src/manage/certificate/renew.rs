//! Renews a certificate: a new version with a key of its own, while the old one is still good.

use sortie_model::{ApiName, Certificate, CertificateVersion, CertificateVersionId, KeyIdentifier, Origin, VersionState};
use sortie_vault::signing::{self, SigningKey, Subject, self_sign, to_pem, verify_chain};

use super::handover::{Handover, require_settled};
use super::{CertificateError, changed, context, find};
use crate::manage::{Change, Manage};

/// A renewal that was just begun.
#[derive(Debug)]
pub struct Renewed {
    /// For the authority, if one signs the certificate: a request in PEM. The handover begins when its chain is installed.
    pub request: Option<String>,
    /// What was done.
    pub change: Change,
}

/// Makes the next version: key of the same kind, same subject, same way. A self-signed one lives as long as the one before.
///
/// # Errors
/// A [`CertificateError`].
pub async fn renew(manage: &Manage<'_>, name: &ApiName, handover: Handover) -> Result<Renewed, CertificateError> {
    // Making a key can take a second, and changes wait for each other: look first, make it, and look again.
    let definitions = manage.store.definitions().await?;
    let certificate = find(&definitions, name)?;
    require_settled(certificate, manage.now)?;
    let algorithm = require_own(certificate)?.algorithm;
    let key = SigningKey::generate(algorithm)?;
    let mut change = manage.store.change().await?;
    let definitions = change.definitions().await?;
    let certificate = find(&definitions, name)?;
    require_settled(certificate, manage.now)?;
    let newest = require_own(certificate)?;
    let subject = newest.state.issued().and_then(|issued| Subject::of_certificate(&issued.chain[0]));
    let subject = subject.unwrap_or_else(|| Subject::named(certificate.name.as_str()));
    let (state, request) = match newest.origin {
        Origin::SelfSigned => {
            let before = newest.state.issued().map(|issued| issued.not_after.since(issued.not_before));
            let der = self_sign(&key, &subject, manage.now, before.unwrap_or(key.algorithm().default_lifetime()))?;
            let issued = verify_chain(vec![der], key.public_key(), manage.now)?;
            (handover.begin(&mut change, certificate, issued, manage.now).await?, None)
        }
        Origin::Requested | Origin::Imported => {
            let request = signing::request(&key, &subject)?;
            let pem = to_pem("CERTIFICATE REQUEST", &request);
            (VersionState::Pending { request }, Some(pem))
        }
    };
    let origin = newest.origin;
    let change = add_version(manage, change, certificate, &key, origin, state).await?;
    Ok(Renewed { request, change })
}

/// The newest version, if its key was made here: the next one is made in the same way.
fn require_own(certificate: &Certificate) -> Result<&CertificateVersion, CertificateError> {
    let own = certificate.versions.last().filter(|version| version.origin != Origin::Imported);
    own.ok_or_else(|| CertificateError::RenewedElsewhere { name: certificate.name.to_string() })
}

/// Stores the next version and commits.
pub(super) async fn add_version(
    manage: &Manage<'_>,
    mut change: sortie_store::Change<'_>,
    certificate: &Certificate,
    key: &SigningKey,
    origin: Origin,
    state: VersionState,
) -> Result<Change, CertificateError> {
    let number = certificate.next_number();
    // One that an admin chose stays recognisable.
    let newest = certificate.versions.last();
    let kid = newest.map_or_else(|| KeyIdentifier::of_version(&certificate.name, number), |newest| newest.kid.after(newest.number, number));
    let version = CertificateVersion {
        id: CertificateVersionId::from_uuid((manage.new_id)()),
        number,
        kid,
        algorithm: key.algorithm(),
        origin,
        state,
        public_key: key.public_key().to_vec(),
    };
    let sealed = manage.vault.seal_key(&context(&version), key)?;
    change.certificates().insert_version(certificate.id, &version, &sealed).await?;
    let done = changed(certificate, number);
    manage.commit(change, std::slice::from_ref(&done)).await?;
    Ok(done)
}
