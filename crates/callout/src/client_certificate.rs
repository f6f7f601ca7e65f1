//! The certificate that a named credential presents where its connection is made (RFC 8446, section 4.4.2): which of its versions is the one at this moment.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use sortie_model::{ApiName, Certificate, CertificateVersionId, KeyAlgorithm, Timestamp};
use sortie_protocol::Signer;

/// A certificate with the private keys of those of its versions that may be presented, now or after a renewal.
#[derive(Debug)]
pub struct ClientCertificate {
    certificate: Certificate,
    /// A version that is not among them has no key that opens.
    identities: BTreeMap<CertificateVersionId, Arc<ClientIdentity>>,
}

/// One version of it: its chain, and a key that proves that the chain is ours. Neither ever changes, so the version stands for both.
pub struct ClientIdentity {
    /// Which version. Connections are kept for each apart.
    pub version: CertificateVersionId,
    /// What kind of key.
    pub algorithm: KeyAlgorithm,
    /// The key with its chain.
    pub signer: Arc<dyn Signer>,
}

/// Why none is presented, so that nothing is sent: an upstream that does not insist would take the request for one of nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientCertificateFault {
    /// Every version waits for its chain or is retired, or the one in force is not valid yet.
    #[error("the client certificate is not usable yet")]
    NotYetUsable,
    /// Nobody has renewed it.
    #[error("the client certificate has expired")]
    Expired,
    /// Its private key does not open.
    #[error("the private key of the client certificate does not open")]
    KeyUnusable,
}

impl ClientCertificateFault {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotYetUsable => "client_certificate_not_usable",
            Self::Expired => "client_certificate_expired",
            Self::KeyUnusable => "client_certificate_key_unusable",
        }
    }

    /// What to do.
    pub const fn next_step(self) -> &'static str {
        match self {
            Self::NotYetUsable => {
                "an admin must install its chain (`sortie certificate install`), or wait for the day from which it is good; `sortie certificate show` tells"
            }
            Self::Expired => {
                "an admin must renew it: `sortie certificate renew`, or import the next one; the service may have to be told of it"
            }
            Self::KeyUnusable => {
                "the operator must find out who changed the database, or restore the row, and start the server again; `sortie certificate show` says what is wrong with the key"
            }
        }
    }
}

impl ClientCertificate {
    /// Joins a certificate and the keys that were opened.
    pub fn new(certificate: Certificate, identities: impl IntoIterator<Item = Arc<ClientIdentity>>) -> Self {
        Self { certificate, identities: identities.into_iter().map(|identity| (identity.version, identity)).collect() }
    }

    /// Whether it is the same one with the same versions.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.certificate == other.certificate
    }

    /// Its name, as written.
    pub const fn name(&self) -> &ApiName {
        &self.certificate.name
    }

    /// All that may be presented at some time.
    pub fn identities(&self) -> impl Iterator<Item = &Arc<ClientIdentity>> {
        self.identities.values()
    }

    /// The one that is presented at this moment. Renewals take effect by the clock, as for signatures: until the new version is in force, the upstream can be told of it.
    ///
    /// # Errors
    /// A [`ClientCertificateFault`].
    pub fn at(&self, now: Timestamp) -> Result<&Arc<ClientIdentity>, ClientCertificateFault> {
        let (version, issued) = self.certificate.signing_version(now).ok_or(ClientCertificateFault::NotYetUsable)?;
        if now < issued.not_before {
            return Err(ClientCertificateFault::NotYetUsable);
        }
        if issued.not_after <= now {
            return Err(ClientCertificateFault::Expired);
        }
        self.identities.get(&version.id).ok_or(ClientCertificateFault::KeyUnusable)
    }

    /// Until when the version of this moment is good.
    pub(crate) fn expires_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.certificate.signing_version(now).map(|(_, issued)| issued.not_after)
    }

    /// The number of the version of this moment.
    pub(crate) fn version_number(&self, now: Timestamp) -> Option<u32> {
        self.certificate.signing_version(now).map(|(version, _)| version.number)
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, algorithm, signer: _ } = self;
        formatter.debug_struct("ClientIdentity").field("version", version).field("algorithm", algorithm).finish_non_exhaustive()
    }
}
