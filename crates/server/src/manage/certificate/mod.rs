//! Certificates: key pairs with a name. Private keys come in or are made here, and never go out.

mod create;
mod error;
mod export;
mod handover;
mod import;
mod install;
mod list;
mod remove;
mod renew;
mod request;
mod retire;
mod seal;
mod show;
mod uses;

pub use create::create;
pub use error::CertificateError;
pub use export::{Exported, export};
pub use handover::Handover;
pub use import::{ImportTarget, import, import_pkcs12};
pub use install::install;
pub use list::{CertificateSummary, list};
pub use remove::remove;
pub use renew::{Renewed, renew};
pub use request::{Requested, request};
pub use retire::{Retirement, retire};
pub(crate) use seal::context;
pub use show::{CertificateView, VersionStanding, VersionView, show};
pub(in crate::manage) use show::{KEY_MATCHES, key_state};

use sortie_model::{
    ApiName, Certificate, CertificateId, CertificateVersion, CertificateVersionId, KeyAlgorithm, KeyIdentifier, Label, Origin, VersionState,
};
use sortie_store::Definitions;
use sortie_vault::signing::SigningKey;

pub use sortie_vault::signing::Subject;

use super::{Action, Change, Manage, NotStored, UnknownName};

/// What a new certificate is called.
#[derive(Clone, Debug)]
pub struct NewCertificate {
    /// Unique name.
    pub name: ApiName,
    /// Shown name; the name itself if absent.
    pub label: Option<Label>,
    /// What it is for.
    pub description: String,
    /// What receivers tell its key by; the name if absent.
    pub kid: Option<KeyIdentifier>,
}

impl NewCertificate {
    /// One with a name only.
    pub fn named(name: ApiName) -> Self {
        Self { name, label: None, description: String::new(), kid: None }
    }
}

/// What kind of key to make, if the admin does not say: as in Salesforce.
pub const DEFAULT_KEY_ALGORITHM: KeyAlgorithm = KeyAlgorithm::Rsa2048;

fn find<'d>(definitions: &'d Definitions, name: &ApiName) -> Result<&'d Certificate, UnknownName> {
    definitions.certificates.iter().find(|known| known.name == *name).ok_or_else(|| UnknownName::new("certificate", name))
}

/// Stores a certificate with its first version.
async fn store_first(
    manage: &Manage<'_>,
    new: NewCertificate,
    key: &SigningKey,
    origin: Origin,
    state: VersionState,
) -> Result<Change, NotStored> {
    let NewCertificate { name, label, description, kid } = new;
    let label = label.unwrap_or_else(|| Label::parse(name.as_str()).expect("every name is a label"));
    let version = CertificateVersion {
        id: CertificateVersionId::from_uuid((manage.new_id)()),
        number: 1,
        kid: kid.unwrap_or_else(|| KeyIdentifier::of_version(&name, 1)),
        algorithm: key.algorithm(),
        origin,
        state,
        public_key: key.public_key().to_vec(),
    };
    let id = CertificateId::from_uuid((manage.new_id)());
    let certificate = Certificate { id, name, label, description, versions: Vec::new() };
    let sealed = manage.vault.seal_key(&context(&version), key)?;
    let mut change = manage.store.change().await?;
    change.certificates().insert(&certificate).await?;
    change.certificates().insert_version(id, &version, &sealed).await?;
    let done = Change::new("certificate", &certificate.name, Action::Created);
    manage.commit(change, std::slice::from_ref(&done)).await?;
    Ok(done)
}

/// What is said of a change of one version.
fn changed(certificate: &Certificate, number: u32) -> Change {
    Change { fields: vec![format!("version {number}")], ..Change::new("certificate", &certificate.name, Action::Updated) }
}
