//! Certificates from a request to retirement: those that an authority signs, and those that were made elsewhere.

use serde::{Deserialize, Serialize};
use sortie_model::Secret;

use super::certificates::Subject;
use super::secret::Exposed;
use super::{Certificate, Certificates};
use crate::ClientError;
use crate::transport::Ask;

/// A certificate that an authority is to sign.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CertificateToRequest {
    /// Unique name.
    pub name: String,
    /// Shown name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What receivers tell its key by; the name, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// Kind of key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_algorithm: Option<String>,
    /// Whom it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
}

/// How the next version takes over. What is left out is as usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Handover {
    /// For how long the new public key is published before it signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_seconds: Option<u32>,
    /// For how long the old public key stays published after that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap_seconds: Option<u32>,
}

/// A key that was made elsewhere, and its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyAndChain {
    /// Both in PEM; the chain leaf first.
    Pem {
        /// PKCS#8, PKCS#1 or SEC 1.
        private_key: Secret,
        /// Leaf first.
        chain: String,
    },
    /// In one file.
    Pkcs12 {
        /// The file in base64.
        file: Secret,
        /// What it is opened with.
        password: Secret,
    },
}

/// What a first imported version is called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CertificateName {
    /// Unique name.
    pub name: String,
    /// Shown name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What receivers tell its key by; the name, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
}

/// A certificate with a request for its authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedCertificate {
    /// In PEM; after a renewal none, if no authority signs it.
    pub request: Option<String>,
    /// The certificate.
    pub certificate: Certificate,
}

#[derive(Serialize)]
struct Signed<'a> {
    chain: &'a str,
    #[serde(flatten)]
    handover: Handover,
}

#[derive(Serialize)]
struct Import<'a, T: Serialize> {
    #[serde(flatten)]
    what: &'a T,
    #[serde(flatten)]
    given: Given<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Given<'a> {
    Pem { private_key: Exposed<'a>, chain: &'a str },
    Pkcs12 { pkcs12: Exposed<'a>, password: Exposed<'a> },
}

impl<'a> From<&'a KeyAndChain> for Given<'a> {
    fn from(given: &'a KeyAndChain) -> Self {
        match given {
            KeyAndChain::Pem { private_key, chain } => Self::Pem { private_key: Exposed(private_key), chain },
            KeyAndChain::Pkcs12 { file, password } => Self::Pkcs12 { pkcs12: Exposed(file), password: Exposed(password) },
        }
    }
}

#[derive(Deserialize)]
struct Pending {
    request: String,
}

#[derive(Deserialize)]
struct Chain {
    chain: String,
}

impl Certificates<'_> {
    /// Makes a key, and a request for a certificate that an authority signs.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn request(&self, new: &CertificateToRequest) -> Result<RequestedCertificate, ClientError> {
        self.0.ask(Ask::post(&["/certificate-requests"]).json(new)).await
    }

    /// The request that waits to be signed, in PEM.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn pending_request(&self, name: &str) -> Result<String, ClientError> {
        let Pending { request } = self.0.ask(Ask::get(&["/certificates/", name, "/request"])).await?;
        Ok(request)
    }

    /// Installs the chain that the authority has signed, in PEM, leaf first.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn install(&self, name: &str, chain: &str, handover: Handover) -> Result<Certificate, ClientError> {
        self.0.ask(Ask::put(&["/certificates/", name, "/chain"]).json(&Signed { chain, handover })).await
    }

    /// The chain in PEM, leaf first: of a version, or of the newest that has one.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn chain(&self, name: &str, version: Option<u32>) -> Result<String, ClientError> {
        let ask = Ask::get(&["/certificates/", name, "/chain"]);
        let ask = match version {
            Some(version) => ask.query("version", version),
            None => ask,
        };
        let Chain { chain } = self.0.ask(ask).await?;
        Ok(chain)
    }

    /// Imports a key and its chain as a certificate.
    ///
    /// # Errors
    /// A [`ClientError`]; it never holds the key.
    pub async fn import(&self, what: &CertificateName, given: &KeyAndChain) -> Result<Certificate, ClientError> {
        self.0.ask(Ask::post(&["/certificate-imports"]).json(&Import { what, given: given.into() })).await
    }

    /// Imports a key and its chain as the next version of a certificate.
    ///
    /// # Errors
    /// A [`ClientError`]; it never holds the key.
    pub async fn import_version(&self, name: &str, given: &KeyAndChain, handover: Handover) -> Result<Certificate, ClientError> {
        let body = Import { what: &handover, given: given.into() };
        self.0.ask(Ask::post(&["/certificates/", name, "/imports"]).json(&body)).await
    }

    /// Makes the next version, with a key of its own.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn renew(&self, name: &str, handover: Handover) -> Result<RequestedCertificate, ClientError> {
        self.0.ask(Ask::post(&["/certificates/", name, "/renewals"]).json(&handover)).await
    }

    /// Retires an old version, now or after so many seconds, or gives up one that waits for its chain.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn retire(&self, name: &str, version: u32, after_seconds: Option<u32>) -> Result<(), ClientError> {
        let ask = Ask::delete(&["/certificates/", name, "/versions/", &version.to_string()]);
        let ask = match after_seconds {
            Some(seconds) => ask.query("after_seconds", seconds),
            None => ask,
        };
        self.0.tell(ask).await
    }
}
