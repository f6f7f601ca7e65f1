//! Whose certificates are believed: the platform's authorities, or those of a file.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::SettingError;

/// Where authorities come from.
#[derive(Clone, Debug, Default)]
pub(crate) enum Trust {
    #[default]
    Platform,
    /// PEM, and nobody else.
    File(PathBuf),
}

impl Trust {
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, SettingError> {
        let wrong = |reason: String| SettingError::Roots { reason };
        let mut roots = RootCertStore::empty();
        match self {
            Self::Platform => {
                let found = rustls_native_certs::load_native_certs();
                // One of many that cannot be read is no reason to trust none.
                roots.add_parsable_certificates(found.certs);
            }
            Self::File(path) => {
                let unusable = |error: &dyn std::fmt::Display| wrong(format!("{}: {error}", path.display()));
                for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))? {
                    roots.add(certificate.map_err(|error| unusable(&error))?).map_err(|error| unusable(&error))?;
                }
            }
        }
        if roots.is_empty() {
            return Err(wrong("there is none".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| wrong(error.to_string()))?;
        Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
    }
}
