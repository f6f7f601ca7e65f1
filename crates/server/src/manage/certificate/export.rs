//! Gives out what is public: the chain, or the request that waits to be signed. There is no operation that gives out a private key.

use sortie_model::{ApiName, VersionState};
use sortie_vault::signing::to_pem;

use super::{CertificateError, find};
use crate::manage::Manage;

/// What to export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exported {
    /// The chain of the newest version that has one.
    Chain,
    /// The chain of one version.
    ChainOf(u32),
    /// The request of the version that waits for its chain.
    Request,
}

/// The PEM text.
///
/// # Errors
/// A [`CertificateError`]: there is nothing of this kind.
pub async fn export(manage: &Manage<'_>, name: &ApiName, what: Exported) -> Result<String, CertificateError> {
    let definitions = manage.store.definitions().await?;
    let certificate = find(&definitions, name)?;
    let name = || certificate.name.to_string();
    let issued = match what {
        Exported::Request => {
            let pending = certificate.pending_version().map(|version| &version.state);
            let Some(VersionState::Pending { request }) = pending else { return Err(CertificateError::NotPending { name: name() }) };
            return Ok(to_pem("CERTIFICATE REQUEST", request));
        }
        Exported::Chain => certificate.versions.iter().rev().find_map(|version| version.state.issued()),
        Exported::ChainOf(number) => {
            let version = certificate.versions.iter().find(|version| version.number == number);
            version.ok_or_else(|| CertificateError::UnknownVersion { name: name(), number })?.state.issued()
        }
    };
    let issued = issued.ok_or_else(|| CertificateError::NotIssued { name: name() })?;
    Ok(issued.chain.iter().map(|der| to_pem("CERTIFICATE", der)).collect())
}
