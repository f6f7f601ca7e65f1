//! Shows a certificate: its versions, when they expire, whether the keys are the right ones, and what uses it.

use serde::Serialize;
use sortie_model::{ApiName, Certificate, CertificateVersion, Issued, Timestamp, VersionState};
use sortie_store::ReadError;
use sortie_vault::signing::describe;
use utoipa::ToSchema;

use super::uses::uses;
use super::{CertificateError, context, find};
use crate::manage::Manage;

/// A certificate as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertificateView {
    /// Its name.
    pub name: String,
    /// Shown name.
    pub label: String,
    /// What it is for.
    pub description: String,
    /// What uses it, in words.
    pub used_by: Vec<String>,
    /// Oldest first.
    pub versions: Vec<VersionView>,
}

/// A version as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct VersionView {
    /// Its number.
    pub number: u32,
    /// What receivers tell its key by.
    pub kid: String,
    /// How far it is.
    pub state: VersionStanding,
    /// Kind of key.
    pub key_algorithm: &'static str,
    /// What it can sign with.
    pub signing_algorithms: Vec<&'static str>,
    /// How it came to be.
    pub origin: &'static str,
    /// `matches`, or the code of what is wrong with the stored private key.
    pub private_key: &'static str,
    /// Since when it signs, or will, RFC 3339.
    #[schema(required = true)]
    pub signs_from: Option<String>,
    /// From when on it is retired, RFC 3339.
    #[schema(required = true)]
    pub retires_at: Option<String>,
    /// Whom the certificate is for.
    #[schema(required = true)]
    pub subject: Option<String>,
    /// Who signed it.
    #[schema(required = true)]
    pub issuer: Option<String>,
    /// Its number at the issuer, in hexadecimal.
    #[schema(required = true)]
    pub serial_number: Option<String>,
    /// From when on it is good, RFC 3339.
    #[schema(required = true)]
    pub not_before: Option<String>,
    /// Until when the chain is, RFC 3339.
    #[schema(required = true)]
    pub not_after: Option<String>,
    /// Whole days until then; negative when it has expired.
    #[schema(required = true)]
    pub days_left: Option<i64>,
    /// SHA-256 of the leaf, in hexadecimal.
    #[schema(required = true)]
    pub fingerprint: Option<String>,
    /// How many certificates the chain has.
    pub chain_length: usize,
}

/// How far a version is at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VersionStanding {
    /// It waits for its chain.
    Pending,
    /// Receivers can learn its key; it does not sign yet.
    Published,
    /// It signs.
    Signing,
    /// A newer one signs; its key is still published.
    Retiring,
    /// Its key is published no more.
    Retired,
}

impl VersionStanding {
    /// As shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Published => "published",
            Self::Signing => "signing",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
        }
    }
}

/// Shows a certificate. The private keys are opened to see whether they can be, and forgotten at once.
///
/// # Errors
/// A [`CertificateError`].
pub async fn show(manage: &Manage<'_>, name: &ApiName) -> Result<CertificateView, CertificateError> {
    let definitions = manage.store.definitions().await?;
    let certificate = find(&definitions, name)?;
    let mut versions = Vec::new();
    for version in &certificate.versions {
        let private_key = key_state(manage, version).await?;
        versions.push(view(certificate, version, private_key, manage.now));
    }
    Ok(CertificateView {
        name: certificate.name.to_string(),
        label: certificate.label.to_string(),
        description: certificate.description.clone(),
        used_by: uses(&definitions, &certificate.name),
        versions,
    })
}

/// Of a private key that opens and is the right one.
pub(in crate::manage) const KEY_MATCHES: &str = "matches";

/// `matches`, or the code of what is wrong with the stored private key of a version. It is opened to see, and forgotten at once.
pub(in crate::manage) async fn key_state(manage: &Manage<'_>, version: &CertificateVersion) -> Result<&'static str, ReadError> {
    Ok(match manage.store.certificates().private_key(version.id).await? {
        Some(sealed) => match manage.vault.open_key(&context(version), &sealed, &version.public_key) {
            Ok(_) => KEY_MATCHES,
            Err(error) => error.code(),
        },
        None => "private_key_missing",
    })
}

fn view(certificate: &Certificate, version: &CertificateVersion, private_key: &'static str, now: Timestamp) -> VersionView {
    let CertificateVersion { id: _, number, kid, algorithm, origin, state, public_key: _ } = version;
    let issued = state.issued();
    let described = issued.and_then(|issued| describe(&issued.chain[0]));
    let (signs_from, retires_at) = match state {
        VersionState::Pending { .. } => (None, None),
        VersionState::Active { signs_from, .. } => (Some(signs_from.to_string()), None),
        VersionState::Retiring { until, .. } => (None, Some(until.to_string())),
    };
    VersionView {
        number: *number,
        kid: kid.to_string(),
        state: standing(certificate, version, now),
        key_algorithm: algorithm.as_str(),
        signing_algorithms: algorithm.signing_algorithms().iter().map(|algorithm| algorithm.as_str()).collect(),
        origin: origin.as_str(),
        private_key,
        signs_from,
        retires_at,
        subject: described.as_ref().map(|described| described.subject.clone()),
        issuer: described.as_ref().map(|described| described.issuer.clone()),
        serial_number: described.map(|described| described.serial_number),
        not_before: issued.map(|issued| issued.not_before.to_string()),
        not_after: issued.map(|issued| issued.not_after.to_string()),
        days_left: issued.map(|issued| days_left(issued, now)),
        fingerprint: issued.map(|issued| issued.fingerprint.iter().map(|byte| format!("{byte:02x}")).collect()),
        chain_length: issued.map_or(0, |issued| issued.chain.len()),
    }
}

pub(super) fn standing(certificate: &Certificate, version: &CertificateVersion, now: Timestamp) -> VersionStanding {
    if certificate.signing_version(now).is_some_and(|(signing, _)| signing.id == version.id) {
        return VersionStanding::Signing;
    }
    match &version.state {
        VersionState::Pending { .. } => VersionStanding::Pending,
        VersionState::Active { .. } => VersionStanding::Published,
        VersionState::Retiring { until, .. } if now < *until => VersionStanding::Retiring,
        VersionState::Retiring { .. } => VersionStanding::Retired,
    }
}

pub(super) fn days_left(issued: &Issued, now: Timestamp) -> i64 {
    const DAY: i64 = 86_400_000;
    issued.not_after.as_millis().saturating_sub(now.as_millis()).div_euclid(DAY)
}
