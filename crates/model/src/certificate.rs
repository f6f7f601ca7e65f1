//! Certificates: key pairs with a name. What stands here is public; the private keys are sealed in the store and opened by nobody but whoever signs.

use crate::{ApiName, CertificateId, CertificateVersionId, KeyAlgorithm, KeyIdentifier, Label, Timestamp};

/// A key pair with a name, in one or more versions: each renewal adds one, with a key of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// Identity.
    pub id: CertificateId,
    /// Unique developer name.
    pub name: ApiName,
    /// Shown name.
    pub label: Label,
    /// What it is for.
    pub description: String,
    /// Oldest first; there is at least one.
    pub versions: Vec<CertificateVersion>,
}

/// One key pair with its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateVersion {
    /// Identity. Part of what the sealed private key is bound to.
    pub id: CertificateVersionId,
    /// 1, 2, 3 …; a number is given again only if the version that waited with it was given up.
    pub number: u32,
    /// What receivers tell the key by.
    pub kid: KeyIdentifier,
    /// Kind of key.
    pub algorithm: KeyAlgorithm,
    /// How it came to be.
    pub origin: Origin,
    /// How far it is.
    pub state: VersionState,
    /// The public key, as the SubjectPublicKeyInfo of RFC 5280, section 4.1, in DER.
    pub public_key: Vec<u8>,
}

/// How a version came to be, which also says how the next one will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Key and certificate were made here.
    SelfSigned,
    /// The key was made here; an authority signs the certificate.
    Requested,
    /// Key and certificate were made elsewhere.
    Imported,
}

impl Origin {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::SelfSigned, Self::Requested, Self::Imported];

    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SelfSigned => "self_signed",
            Self::Requested => "requested",
            Self::Imported => "imported",
        }
    }
}

/// How far a version is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionState {
    /// It waits for the chain that an authority signs, and is used for nothing.
    Pending {
        /// The certificate signing request (RFC 2986), in DER.
        request: Vec<u8>,
    },
    /// It is published, and signs from a moment on until a newer one does.
    Active {
        /// Its certificate.
        issued: Issued,
        /// When it begins to sign. Until then receivers can learn its public key.
        signs_from: Timestamp,
    },
    /// A newer version takes over. Until a moment its signatures must still be taken, so it is still published.
    Retiring {
        /// Its certificate.
        issued: Issued,
        /// From then on it is retired: no longer published, and never used to sign.
        until: Timestamp,
    },
}

/// A certificate as issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The certificate and those of the authorities above it, leaf first, each in DER. There is at least one.
    pub chain: Vec<Vec<u8>>,
    /// Of the leaf.
    pub not_before: Timestamp,
    /// Of the chain: the earliest of its certificates to expire.
    pub not_after: Timestamp,
    /// SHA-256 of the leaf.
    pub fingerprint: [u8; 32],
}

impl Certificate {
    /// The version that signs at this moment. Between a renewal and the moment it takes effect, that is the older one.
    pub fn signing_version(&self, now: Timestamp) -> Option<(&CertificateVersion, &Issued)> {
        let newest_first = || self.versions.iter().rev();
        let active = newest_first().find_map(|version| match &version.state {
            VersionState::Active { issued, signs_from } if *signs_from <= now => Some((version, issued)),
            VersionState::Active { .. } | VersionState::Retiring { .. } | VersionState::Pending { .. } => None,
        });
        let retiring = || {
            newest_first().find_map(|version| match &version.state {
                VersionState::Retiring { issued, until } if now < *until => Some((version, issued)),
                VersionState::Active { .. } | VersionState::Retiring { .. } | VersionState::Pending { .. } => None,
            })
        };
        active.or_else(retiring)
    }

    /// The versions whose public keys receivers need at this moment: those that sign or will, and those whose signatures are still about.
    pub fn published_versions(&self, now: Timestamp) -> impl Iterator<Item = &CertificateVersion> {
        self.versions.iter().filter(move |version| match &version.state {
            VersionState::Pending { .. } => false,
            VersionState::Active { .. } => true,
            VersionState::Retiring { until, .. } => now < *until,
        })
    }

    /// The version that waits for its chain, if one does.
    pub fn pending_version(&self) -> Option<&CertificateVersion> {
        self.versions.iter().find(|version| matches!(version.state, VersionState::Pending { .. }))
    }

    /// The version that a renewal takes over from.
    pub fn active_version(&self) -> Option<&CertificateVersion> {
        self.versions.iter().rev().find(|version| matches!(version.state, VersionState::Active { .. }))
    }

    /// The number of the next version.
    pub fn next_number(&self) -> u32 {
        self.versions.iter().map(|version| version.number).max().unwrap_or(0).saturating_add(1)
    }
}

impl VersionState {
    /// As stored.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Active { .. } => "active",
            Self::Retiring { .. } => "retiring",
        }
    }

    /// Its certificate, unless it still waits for one.
    pub const fn issued(&self) -> Option<&Issued> {
        match self {
            Self::Pending { .. } => None,
            Self::Active { issued, .. } | Self::Retiring { issued, .. } => Some(issued),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn issued() -> Issued {
        Issued { chain: vec![vec![0x30, 0]], not_before: at(0), not_after: at(1_000), fingerprint: [0; 32] }
    }

    fn certificate(states: Vec<VersionState>) -> Certificate {
        let name = ApiName::parse("Signer").unwrap();
        let version = |(index, state)| CertificateVersion {
            id: CertificateVersionId::from_uuid(Uuid::nil()),
            number: index,
            kid: KeyIdentifier::of_version(&name, index),
            algorithm: KeyAlgorithm::P256,
            origin: Origin::SelfSigned,
            state,
            public_key: Vec::new(),
        };
        let versions = (1..).zip(states).map(version).collect();
        let (id, label) = (CertificateId::from_uuid(Uuid::nil()), Label::parse("Signer").unwrap());
        Certificate { id, name, label, description: String::new(), versions }
    }

    fn signs(certificate: &Certificate, now: i64) -> Option<u32> {
        certificate.signing_version(at(now)).map(|(version, _)| version.number)
    }

    fn published(certificate: &Certificate, now: i64) -> Vec<u32> {
        certificate.published_versions(at(now)).map(|version| version.number).collect()
    }

    #[test]
    fn the_old_version_signs_until_the_new_one_begins_and_is_published_until_it_retires() {
        let renewed = certificate(vec![
            VersionState::Retiring { issued: issued(), until: at(300) },
            VersionState::Active { issued: issued(), signs_from: at(100) },
        ]);
        assert_eq!([0, 99, 100, 299, 300].map(|now| signs(&renewed, now)), [Some(1), Some(1), Some(2), Some(2), Some(2)]);
        assert_eq!([0, 99, 100, 299, 300].map(|now| published(&renewed, now)), [vec![1, 2], vec![1, 2], vec![1, 2], vec![1, 2], vec![2]]);
    }

    #[test]
    fn a_pending_version_neither_signs_nor_is_published() {
        let requested = certificate(vec![VersionState::Pending { request: vec![1] }]);
        assert_eq!((signs(&requested, 0), published(&requested, 0)), (None, vec![]));
        assert_eq!(requested.pending_version().map(|version| version.number), Some(1));
        assert_eq!(requested.next_number(), 2);
    }
}
