//! Signers: the private keys of certificates, each loaded, unsealed and parsed once, and then kept ready.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use quick_cache::sync::Cache;
use sortie_callout::ClientIdentity;
use sortie_model::{Certificate, CertificateVersion, CertificateVersionId, Issued, KeyIdentifier, SigningAlgorithm, Timestamp};
use sortie_store::ReadError;
use sortie_vault::signing::{OpenKeyError, SignError, SigningKey};

use crate::house::House;
use crate::manage::certificate::context;

/// 256 keys, some KiB each: more than any deployment signs with at a time, and an end to what a node keeps in memory.
const MAX_KEYS: usize = 256;

/// The signers of one node.
pub struct Signers {
    house: House,
    /// Of the definitions in force, by folded name.
    certificates: ArcSwap<HashMap<String, Arc<Certificate>>>,
    /// A version's key and chain never change, so what is kept here is right as long as its version is there.
    keys: Cache<CertificateVersionId, Arc<Signer>>,
}

/// The key of one version, ready to sign.
#[derive(Debug)]
pub struct Signer {
    key: SigningKey,
    kid: KeyIdentifier,
    chain: Vec<Vec<u8>>,
}

/// Why there is no signer.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// Admin: the name is wrong.
    #[error("there is no certificate of this name")]
    Unknown,
    /// Admin: it waits for its chain, or is not valid yet.
    #[error("the certificate is not usable yet")]
    NotYetUsable,
    /// Admin: it has not been renewed.
    #[error("the certificate has expired")]
    Expired,
    /// Us: the database cannot be read.
    #[error("the private key cannot be read now")]
    Unavailable(#[source] ReadError),
    /// Admin: the stored key was changed outside Sortie, or the vault does not have its key.
    #[error("the private key cannot be opened")]
    Sealed(#[source] OpenKeyError),
}

impl SignerError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "certificate_unknown",
            Self::NotYetUsable => "certificate_not_usable",
            Self::Expired => "certificate_expired",
            Self::Unavailable(error) => error.code(),
            Self::Sealed(error) => error.code(),
        }
    }

    /// Whether the same call may succeed later without anybody doing something.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unknown | Self::NotYetUsable | Self::Expired => false,
            Self::Unavailable(error) => error.is_retryable(),
            Self::Sealed(error) => error.is_retryable(),
        }
    }
}

// === impl Signers ===

impl Signers {
    /// Signers of an open house. Before the first [`Signers::refresh`] there are no certificates.
    pub fn new(house: House) -> Self {
        Self { house, certificates: ArcSwap::default(), keys: Cache::new(MAX_KEYS) }
    }

    /// Puts other definitions in force. Keys of versions that are gone, or retired, are forgotten.
    pub fn refresh(&self, certificates: &[Certificate], now: Timestamp) {
        let named = certificates.iter().map(|certificate| (certificate.name.folded(), Arc::new(certificate.clone())));
        self.certificates.store(Arc::new(named.collect()));
        let of = |certificate| Certificate::published_versions(certificate, now).map(|version| version.id);
        let live: HashSet<_> = certificates.iter().flat_map(of).collect();
        self.keys.retain(|id, _| live.contains(id));
    }

    /// The signer of the version of a certificate that signs at this moment; the name without regard to ASCII case. The first call for a version reads and
    /// unseals its key, and all that ask meanwhile wait for it.
    ///
    /// # Errors
    /// A [`SignerError`].
    pub async fn signer(&self, name: &str, now: Timestamp) -> Result<Arc<Signer>, SignerError> {
        let certificate = self.certificates.load().get(&name.to_ascii_lowercase()).map(Arc::clone).ok_or(SignerError::Unknown)?;
        let (version, issued) = certificate.signing_version(now).ok_or(SignerError::NotYetUsable)?;
        if now < issued.not_before {
            return Err(SignerError::NotYetUsable);
        }
        if issued.not_after <= now {
            return Err(SignerError::Expired);
        }
        self.of_version(version, issued).await
    }

    async fn of_version(&self, version: &CertificateVersion, issued: &Issued) -> Result<Arc<Signer>, SignerError> {
        let load = async {
            let sealed = self.house.store().certificates().private_key(version.id).await.map_err(SignerError::Unavailable)?;
            // Removed a moment ago; the node has not heard of it yet.
            let sealed = sealed.ok_or(SignerError::Unknown)?;
            let key = self.house.vault().open_key(&context(version), &sealed, &version.public_key).map_err(SignerError::Sealed)?;
            Ok(Arc::new(Signer { key, kid: version.kid.clone(), chain: issued.chain.clone() }))
        };
        self.keys.get_or_insert_async(&version.id, load).await
    }

    /// All versions of a certificate that may be presented, now or when the clock says so. One whose key does not open is left out, and the log says why.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) async fn identities(&self, certificate: &Certificate, now: Timestamp) -> Result<Vec<Arc<ClientIdentity>>, ReadError> {
        let mut found = Vec::new();
        for version in certificate.published_versions(now) {
            let Some(issued) = version.state.issued() else { continue };
            match self.of_version(version, issued).await {
                Ok(signer) => found.push(Arc::new(ClientIdentity { version: version.id, algorithm: version.algorithm, signer })),
                Err(SignerError::Unavailable(error)) => return Err(error),
                Err(error) => {
                    let (name, number) = (&certificate.name, version.number);
                    tracing::error!(certificate = %name, version = number, code = error.code(), "version {number} of the client certificate `{name}` cannot be presented: {error}");
                }
            }
        }
        Ok(found)
    }
}

// === impl Signer ===

impl Signer {
    /// What receivers tell the key by: the default of a JWT's `kid`.
    pub fn kid(&self) -> &KeyIdentifier {
        &self.kid
    }

    /// The certificate and those above it in DER, leaf first.
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// Signs as RFC 7518, section 3, says.
    ///
    /// # Errors
    /// A [`SignError`]: the algorithm does not fit the key.
    pub fn sign(&self, algorithm: SigningAlgorithm, input: &[u8]) -> Result<Vec<u8>, SignError> {
        self.key.sign(algorithm, input)
    }
}
