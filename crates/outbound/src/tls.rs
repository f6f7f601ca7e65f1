//! TLS: whom we trust, and in which words we say that we do not.

use std::io;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::client_auth::Shows;

/// Which certificate authorities are trusted to begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Roots {
    /// The system's store; Mozilla's list if that is empty, as it is in a bare container.
    #[default]
    System,
    /// Mozilla's list, as built into this program.
    Mozilla,
    /// None but those added by [`Trust::with_ca_pem`].
    OnlyAdded,
}

/// Which certificate authorities are trusted.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    roots: Roots,
    added: Vec<CertificateDer<'static>>,
}

/// Why the trusted authorities cannot be put together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// What should hold certificates of authorities does not.
    #[error("not a PEM file with certificates: {0}")]
    NotPem(String),
    /// One of the certificates cannot be an authority's.
    #[error("a certificate cannot be trusted as an authority: {0}")]
    NotAnAuthority(String),
    /// There would be nobody to trust, so that every connection would fail.
    #[error("no certificate authority is trusted")]
    Nobody,
}

impl Trust {
    /// Begins with these authorities.
    pub const fn new(roots: Roots) -> Self {
        Self { roots, added: Vec::new() }
    }

    /// Adds the authorities of a PEM file.
    ///
    /// # Errors
    /// [`TrustError::NotPem`], also if there is no certificate in it.
    pub fn with_ca_pem(mut self, pem: &[u8]) -> Result<Self, TrustError> {
        let before = self.added.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            self.added.push(certificate.map_err(|error| TrustError::NotPem(error.to_string()))?);
        }
        if self.added.len() == before {
            return Err(TrustError::NotPem("it holds no certificate".to_owned()));
        }
        Ok(self)
    }

    /// What rustls makes a client of.
    pub(crate) fn client_config(self) -> Result<ClientConfig, TrustError> {
        let Self { roots, added } = self;
        let mut store = RootCertStore::empty();
        match roots {
            Roots::System => add_system(&mut store),
            Roots::Mozilla => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Roots::OnlyAdded => {}
        }
        for certificate in added {
            store.add(certificate).map_err(|error| TrustError::NotAnAuthority(error.to_string()))?;
        }
        if store.is_empty() {
            return Err(TrustError::Nobody);
        }
        // The provider is named, never taken from the process: a second one linked in by accident would panic at first use.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .expect("aws-lc-rs knows TLS 1.2 and 1.3");
        let mut config = builder.with_root_certificates(store).with_client_cert_resolver(Arc::new(Shows::NOTHING));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::in_memory_sessions(1024);
        // Early data can be replayed by whoever recorded it, and ours would hold credentials (RFC 8446, section 8).
        config.enable_early_data = false;
        Ok(config)
    }
}

/// A certificate that rustls cannot read is left out: system stores hold a few odd ones, and one of them must not stop us.
fn add_system(store: &mut RootCertStore) {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "part of the system's certificate store cannot be read");
    }
    store.add_parsable_certificates(found.certs);
    if store.is_empty() {
        tracing::warn!("the system's certificate store is empty: Mozilla's list is used");
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
}

/// Why a handshake failed, in words that name neither an address nor what the certificate says.
pub(crate) fn reason(error: &io::Error) -> &'static str {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return "the connection closed during the handshake";
    };
    match error {
        rustls::Error::InvalidCertificate(fault) => certificate_reason(fault),
        rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } => "what answers does not speak TLS",
        rustls::Error::AlertReceived(_) => "it refused the handshake",
        rustls::Error::PeerIncompatible(_) => "it has no TLS version or cipher in common with us",
        rustls::Error::NoCertificatesPresented => "it showed no certificate",
        _ => "the handshake failed",
    }
}

fn certificate_reason(fault: &CertificateError) -> &'static str {
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "its certificate is not valid yet",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => "its certificate is for another name",
        // A bad signature is that of somebody who goes by the name of a trusted authority.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => "its certificate is not signed by a trusted authority",
        CertificateError::Revoked => "its certificate is revoked",
        _ => "its certificate is not acceptable",
    }
}
