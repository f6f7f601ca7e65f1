//! Certificates that an authority signs, keys from elsewhere, and what becomes of versions.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sortie_client::{Action, CertificateName, CertificateToRequest, Change, KeyAndChain};
use sortie_model::{ApiName, KeyAlgorithm, Secret, SecretBytes};
use sortie_server::manage::certificate::{self, Exported, Handover, ImportTarget, NewCertificate, Retirement, Subject};
use zeroize::Zeroizing;

use super::certificates::subject_of;
use super::{Site, change, shown};
use crate::failure::Failure;
use crate::setup;

/// A key and its chain, as files hold them.
pub(crate) enum KeyFiles {
    /// The key in PEM or DER, the chain in PEM.
    Apart { key: SecretBytes, chain: Vec<u8> },
    /// Both in one.
    Pkcs12 { file: SecretBytes, password: Secret },
}

/// What was done, with the request for the authority if there is one.
pub(crate) struct Requested {
    pub(crate) request: Option<String>,
    pub(crate) change: Change,
}

impl Site {
    pub(crate) async fn request_certificate(
        &self,
        new: NewCertificate,
        algorithm: KeyAlgorithm,
        subject: &Subject,
    ) -> Result<Requested, Failure> {
        match self {
            Self::House(opened) => {
                let made = certificate::request(&opened.manage(), new, algorithm, subject).await?;
                Ok(Requested { request: Some(made.request), change: shown(&made.change)? })
            }
            Self::Server(client) => {
                let NewCertificate { name, label, description, kid } = new;
                let wanted = CertificateToRequest {
                    name: name.to_string(),
                    label: label.map(|label| label.to_string()),
                    description,
                    kid: kid.map(|kid| kid.to_string()),
                    key_algorithm: Some(algorithm.as_str().to_owned()),
                    subject: Some(subject_of(subject)),
                };
                let made = client.certificates().request(&wanted).await?;
                Ok(Requested { request: made.request, change: change("certificate", made.certificate.name, Action::Created) })
            }
        }
    }

    pub(crate) async fn install_certificate(&self, name: &ApiName, chain: &[u8], handover: Handover) -> Result<Change, Failure> {
        match self {
            Self::House(opened) => shown(&certificate::install(&opened.manage(), name, chain, handover).await?),
            Self::Server(client) => {
                // What is no text is no PEM, and is refused as such.
                let chain = String::from_utf8_lossy(chain);
                let installed = client.certificates().install(name.as_str(), &chain, wanted(handover)).await?;
                // It waits in the newest version: until it is there, none is made.
                let number = installed.versions.last().map_or(1, |version| version.number);
                Ok(changed(installed.name, number))
            }
        }
    }

    pub(crate) async fn import_certificate(&self, target: ImportTarget, files: KeyFiles) -> Result<Change, Failure> {
        match self {
            Self::House(opened) => {
                let manage = opened.manage();
                let done = match files {
                    KeyFiles::Apart { key, chain } => certificate::import(&manage, target, &key, &chain).await?,
                    KeyFiles::Pkcs12 { file, password } => certificate::import_pkcs12(&manage, target, &file, &password).await?,
                };
                shown(&done)
            }
            Self::Server(client) => {
                let given = in_text(files);
                match target {
                    ImportTarget::New(NewCertificate { name, label, description, kid }) => {
                        let (label, kid) = (label.map(|label| label.to_string()), kid.map(|kid| kid.to_string()));
                        let called = CertificateName { name: name.to_string(), label, description, kid };
                        Ok(change("certificate", client.certificates().import(&called, &given).await?.name, Action::Created))
                    }
                    ImportTarget::Version(name, handover) => {
                        let imported = client.certificates().import_version(name.as_str(), &given, wanted(handover)).await?;
                        let number = imported.versions.last().map_or(1, |version| version.number);
                        Ok(changed(imported.name, number))
                    }
                }
            }
        }
    }

    /// In PEM. There is no way to a private key.
    pub(crate) async fn export_certificate(&self, name: &ApiName, what: Exported) -> Result<String, Failure> {
        match (self, what) {
            (Self::House(opened), _) => Ok(certificate::export(&opened.manage(), name, what).await?),
            (Self::Server(client), Exported::Request) => Ok(client.certificates().pending_request(name.as_str()).await?),
            (Self::Server(client), Exported::Chain) => Ok(client.certificates().chain(name.as_str(), None).await?),
            (Self::Server(client), Exported::ChainOf(number)) => Ok(client.certificates().chain(name.as_str(), Some(number)).await?),
        }
    }

    pub(crate) async fn renew_certificate(&self, name: &ApiName, handover: Handover) -> Result<Requested, Failure> {
        match self {
            Self::House(opened) => {
                let renewed = certificate::renew(&opened.manage(), name, handover).await?;
                Ok(Requested { request: renewed.request, change: shown(&renewed.change)? })
            }
            Self::Server(client) => {
                let renewed = client.certificates().renew(name.as_str(), wanted(handover)).await?;
                let number = renewed.certificate.versions.last().map_or(1, |version| version.number);
                Ok(Requested { request: renewed.request, change: changed(renewed.certificate.name, number) })
            }
        }
    }

    /// Now, or after a while.
    pub(crate) async fn retire_certificate(&self, name: &ApiName, number: u32, after: Option<Duration>) -> Result<Change, Failure> {
        match self {
            Self::House(opened) => {
                let when = after.map_or(Retirement::Now, |after| Retirement::At(setup::now().after(after)));
                shown(&certificate::retire(&opened.manage(), name, number, when).await?)
            }
            Self::Server(client) => {
                let known = client.certificates().show(name.as_str()).await?;
                client.certificates().retire(name.as_str(), number, after.map(seconds)).await?;
                Ok(changed(known.name, number))
            }
        }
    }
}

/// As the house says it of one version.
fn changed(certificate: String, number: u32) -> Change {
    Change { fields: vec![format!("version {number}")], ..change("certificate", certificate, Action::Updated) }
}

fn wanted(Handover { delay, overlap }: Handover) -> sortie_client::Handover {
    sortie_client::Handover { delay_seconds: Some(seconds(delay)), overlap_seconds: Some(seconds(overlap)) }
}

/// What is longer than a century is refused by the API, as is a good deal less.
fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

fn in_text(files: KeyFiles) -> KeyAndChain {
    match files {
        KeyFiles::Apart { key, chain } => {
            let chain = String::from_utf8_lossy(&chain).into_owned();
            let text = std::str::from_utf8(key.expose()).ok().filter(|text| text.contains("-----BEGIN")).map(Secret::new);
            KeyAndChain::Pem { private_key: text.unwrap_or_else(|| in_pem(&key)), chain }
        }
        KeyFiles::Pkcs12 { file, password } => KeyAndChain::Pkcs12 { file: in_base64(&file), password },
    }
}

/// RFC 7468. Which of its forms the key has is seen by whoever reads it, whatever the label says.
fn in_pem(der: &SecretBytes) -> Secret {
    let body = in_base64(der);
    let mut text = Zeroizing::new(String::with_capacity(body.expose().len() * 2 + 64));
    text.push_str("-----BEGIN PRIVATE KEY-----\n");
    for line in body.expose().as_bytes().chunks(64) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text.push_str("-----END PRIVATE KEY-----\n");
    Secret::new(std::mem::take(&mut *text))
}

fn in_base64(bytes: &SecretBytes) -> Secret {
    Secret::new(STANDARD.encode(bytes.expose()))
}
