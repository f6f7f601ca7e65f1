//! The certificates that named credentials present, and what they lack. Each lack is the next thing to do.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sortie_model::{Certificate, CertificateId, CertificateVersionId, MissingStep, NamedCredential, Origin, Timestamp, VersionState};
use sortie_store::{Definitions, ReadError};
use utoipa::ToSchema;

use crate::manage::Manage;
use crate::manage::certificate::{KEY_MATCHES, key_state};

/// A certificate that a named credential presents where its connection is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PresentedReport {
    /// Its name.
    pub name: String,
    /// Until when the version in force is good, RFC 3339; `None` if there is none.
    #[schema(required = true)]
    pub expires_at: Option<String>,
    /// What it lacks. While it lacks anything, callouts are refused.
    pub missing: Vec<MissingStep>,
}

/// Versions in force whose stored private keys are of no use, and why.
pub(in crate::manage) type UnusableKeys = BTreeMap<CertificateVersionId, &'static str>;

/// Opens the keys of all certificates that are presented, and forgets them at once.
pub(super) async fn unusable_keys(manage: &Manage<'_>, definitions: &Definitions) -> Result<UnusableKeys, ReadError> {
    let presented: BTreeSet<CertificateId> = definitions.named_credentials.iter().filter_map(|named| named.client_certificate).collect();
    let mut unusable = UnusableKeys::new();
    for certificate in definitions.certificates.iter().filter(|certificate| presented.contains(&certificate.id)) {
        let Some((version, _)) = certificate.signing_version(manage.now) else { continue };
        let state = key_state(manage, version).await?;
        if state != KEY_MATCHES {
            unusable.insert(version.id, state);
        }
    }
    Ok(unusable)
}

/// What this named credential presents.
pub(super) fn presented(
    definitions: &Definitions,
    unusable: &UnusableKeys,
    named: &NamedCredential,
    now: Timestamp,
) -> Option<PresentedReport> {
    let id = named.client_certificate?;
    let certificate = definitions.certificates.iter().find(|certificate| certificate.id == id)?;
    Some(PresentedReport {
        name: certificate.name.to_string(),
        expires_at: certificate.signing_version(now).map(|(_, issued)| issued.not_after.to_string()),
        missing: missing(certificate, unusable, now).into_iter().collect(),
    })
}

/// The same order as for a callout: what comes first hides the rest.
fn missing(certificate: &Certificate, unusable: &UnusableKeys, now: Timestamp) -> Option<MissingStep> {
    let name = &certificate.name;
    let step = |code, message: String| Some(MissingStep { code, message });
    let Some((version, issued)) = certificate.signing_version(now) else {
        let begins = certificate.active_version().and_then(|version| match version.state {
            VersionState::Active { signs_from, .. } => Some(signs_from),
            VersionState::Pending { .. } | VersionState::Retiring { .. } => None,
        });
        return match begins {
            Some(begins) => {
                step("client_certificate_not_usable", format!("wait until {begins}: then the client certificate `{name}` is in force"))
            }
            None if certificate.pending_version().is_some() => {
                step("client_certificate_pending", format!("the client certificate `{name}` has no chain yet: {}", renewal(certificate)))
            }
            None => step(
                "client_certificate_retired",
                format!("every version of the client certificate `{name}` is retired: {}", renewal(certificate)),
            ),
        };
    };
    if now < issued.not_before {
        return step(
            "client_certificate_not_usable",
            format!("wait until {}: then the client certificate `{name}` is valid", issued.not_before),
        );
    }
    if issued.not_after <= now {
        return step("client_certificate_expired", format!("the client certificate `{name}` has expired: {}", renewal(certificate)));
    }
    unusable.get(&version.id).and_then(|code| {
        let message = format!(
            "the private key of the client certificate `{name}` cannot be used ({code}): restore it from a backup, or {}",
            renewal(certificate)
        );
        step("client_certificate_key_unusable", message)
    })
}

/// How a certificate comes to its next version.
fn renewal(certificate: &Certificate) -> String {
    let name = &certificate.name;
    if certificate.pending_version().is_some() {
        return format!(
            "have its request signed (sortie certificate export {name} --request), then: sortie certificate install {name} CHAIN"
        );
    }
    match certificate.versions.last().map(|version| version.origin) {
        Some(Origin::Imported) => format!("import the next one: sortie certificate import {name} --renew --key KEY --chain CHAIN"),
        Some(Origin::Requested) => format!("renew it and have the request signed: sortie certificate renew {name}"),
        Some(Origin::SelfSigned) | None => format!("renew it: sortie certificate renew {name} --at-once, and give the service the new one"),
    }
}
