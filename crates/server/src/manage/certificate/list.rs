//! Lists certificates, each with what an admin has to watch.

use serde::Serialize;
use sortie_model::{Certificate, Timestamp};
use utoipa::ToSchema;

use super::CertificateError;
use super::show::{VersionStanding, days_left, standing};
use crate::manage::Manage;

/// A certificate in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertificateSummary {
    /// Its name.
    pub name: String,
    /// Shown name.
    pub label: String,
    /// How far its newest version is.
    pub state: VersionStanding,
    /// The `kid` that signs now.
    #[schema(required = true)]
    pub kid: Option<String>,
    /// Kind of key of the newest version.
    pub key_algorithm: &'static str,
    /// When the certificate that signs now expires, RFC 3339.
    #[schema(required = true)]
    pub not_after: Option<String>,
    /// Whole days until then; negative when it has expired.
    #[schema(required = true)]
    pub days_left: Option<i64>,
}

/// All certificates, by name.
///
/// # Errors
/// A [`CertificateError`] of the database.
pub async fn list(manage: &Manage<'_>) -> Result<Vec<CertificateSummary>, CertificateError> {
    let definitions = manage.store.definitions().await?;
    Ok(definitions.certificates.iter().filter_map(|certificate| summary(certificate, manage.now)).collect())
}

fn summary(certificate: &Certificate, now: Timestamp) -> Option<CertificateSummary> {
    let newest = certificate.versions.last()?;
    let signing = certificate.signing_version(now);
    Some(CertificateSummary {
        name: certificate.name.to_string(),
        label: certificate.label.to_string(),
        state: standing(certificate, newest, now),
        kid: signing.map(|(version, _)| version.kid.to_string()),
        key_algorithm: newest.algorithm.as_str(),
        not_after: signing.map(|(_, issued)| issued.not_after.to_string()),
        days_left: signing.map(|(_, issued)| days_left(issued, now)),
    })
}
