//! Imports a key and its chain that were made elsewhere.

use sortie_model::{ApiName, Issued, Origin, Secret, SecretBytes, VersionState};
use sortie_vault::signing::{SigningKey, read_certificates, read_pkcs12, verify_chain};

use super::handover::{Handover, require_settled};
use super::renew::add_version;
use super::uses::misfit;
use super::{CertificateError, NewCertificate, find, store_first};
use crate::manage::slow::slow;
use crate::manage::{Change, Manage};

/// What the key becomes.
#[derive(Clone, Debug)]
pub enum ImportTarget {
    /// A new certificate; it signs at once.
    New(NewCertificate),
    /// The next version of one that is there.
    Version(ApiName, Handover),
}

/// Imports a private key (PKCS#8, PKCS#1 or SEC 1 in PEM or DER) with its chain (PEM, leaf first).
///
/// # Errors
/// A [`CertificateError`]; it never holds the key.
pub async fn import(manage: &Manage<'_>, target: ImportTarget, key: &SecretBytes, chain: &[u8]) -> Result<Change, CertificateError> {
    let key = SigningKey::import(key)?;
    store(manage, target, &key, read_certificates(chain)?).await
}

/// Imports a PKCS#12 file: one key with its chain, under a password.
///
/// # Errors
/// A [`CertificateError`]; it never holds the key or the password.
pub async fn import_pkcs12(
    manage: &Manage<'_>,
    target: ImportTarget,
    file: &SecretBytes,
    password: &Secret,
) -> Result<Change, CertificateError> {
    // As many rounds as the file asks for.
    let (file, password) = (file.clone(), password.clone());
    let (key, chain) = slow(move || read_pkcs12(&file, &password)).await?;
    store(manage, target, &key, chain).await
}

async fn store(manage: &Manage<'_>, target: ImportTarget, key: &SigningKey, chain: Vec<Vec<u8>>) -> Result<Change, CertificateError> {
    let issued: Issued = verify_chain(chain, key.public_key(), manage.now)?;
    match target {
        ImportTarget::New(new) => {
            let signs_from = manage.now.max(issued.not_before);
            let state = VersionState::Active { issued, signs_from };
            Ok(store_first(manage, new, key, Origin::Imported, state).await?)
        }
        ImportTarget::Version(name, handover) => {
            let mut change = manage.store.change().await?;
            let definitions = change.definitions().await?;
            let certificate = find(&definitions, &name)?;
            require_settled(certificate, manage.now)?;
            // From the moment at which it takes over, every token would fail.
            if let Some((credential, algorithm)) = misfit(&definitions, &certificate.name, key.algorithm()) {
                let (name, credential) = (certificate.name.to_string(), credential.to_string());
                return Err(CertificateError::KeyDoesNotFit { name, credential, algorithm, key: key.algorithm() });
            }
            let state = handover.begin(&mut change, certificate, issued, manage.now).await?;
            add_version(manage, change, certificate, key, Origin::Imported, state).await
        }
    }
}
