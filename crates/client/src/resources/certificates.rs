//! Certificates.

use serde::{Deserialize, Serialize};

use crate::transport::Ask;
use crate::{Client, ClientError};

/// Certificates: `client.certificates()`.
#[derive(Clone, Copy, Debug)]
pub struct Certificates<'c>(pub(crate) &'c Client);

/// A certificate in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateSummary {
    /// Its name.
    pub name: String,
    /// Shown name.
    pub label: String,
    /// How far its newest version is.
    pub state: VersionStanding,
    /// The `kid` that signs now.
    pub kid: Option<String>,
    /// Kind of key of the newest version.
    pub key_algorithm: String,
    /// When the certificate that signs now expires, RFC 3339.
    pub not_after: Option<String>,
    /// Whole days until then; negative when it has expired.
    pub days_left: Option<i64>,
}

/// A certificate as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Its name.
    pub name: String,
    /// Shown name.
    pub label: String,
    /// What it is for.
    pub description: String,
    /// What uses it, in words.
    pub used_by: Vec<String>,
    /// Oldest first.
    pub versions: Vec<CertificateVersion>,
}

/// A version of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateVersion {
    /// Its number.
    pub number: u32,
    /// What receivers tell its key by.
    pub kid: String,
    /// How far it is.
    pub state: VersionStanding,
    /// Kind of key.
    pub key_algorithm: String,
    /// What it can sign with.
    pub signing_algorithms: Vec<String>,
    /// How it came to be.
    pub origin: String,
    /// `matches`, or the code of what is wrong with the stored private key.
    pub private_key: String,
    /// Since when it signs, or will, RFC 3339.
    pub signs_from: Option<String>,
    /// From when on it is retired, RFC 3339.
    pub retires_at: Option<String>,
    /// Whom the certificate is for.
    pub subject: Option<String>,
    /// Who signed it.
    pub issuer: Option<String>,
    /// Its number at the issuer, in hexadecimal.
    pub serial_number: Option<String>,
    /// From when on it is good, RFC 3339.
    pub not_before: Option<String>,
    /// Until when the chain is, RFC 3339.
    pub not_after: Option<String>,
    /// Whole days until then; negative when it has expired.
    pub days_left: Option<i64>,
    /// SHA-256 of the leaf, in hexadecimal.
    pub fingerprint: Option<String>,
    /// How many certificates the chain has.
    pub chain_length: usize,
}

/// How far a version is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// A certificate to be, which signs itself. Its key is made by the server and stays there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NewCertificate {
    /// Unique name.
    pub name: String,
    /// Shown name; the name, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What receivers tell its key by; the name, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// Kind of key: `rsa_2048`, `rsa_4096`, `p256`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_algorithm: Option<String>,
    /// Whom it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// For how many days it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime_days: Option<u32>,
}

/// Whom a certificate is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// CN; the label or the name, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    /// O.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// OU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organizational_unit: Option<String>,
    /// L.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
    /// ST.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// C: two letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    certificates: Vec<CertificateSummary>,
}

impl Certificates<'_> {
    /// All of them, by name.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn list(&self) -> Result<Vec<CertificateSummary>, ClientError> {
        let Listed { certificates } = self.0.ask(Ask::get(&["/certificates"])).await?;
        Ok(certificates)
    }

    /// One of them, with its versions.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn show(&self, name: &str) -> Result<Certificate, ClientError> {
        self.0.ask(Ask::get(&["/certificates/", name])).await
    }

    /// Makes one that signs itself.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn create(&self, new: &NewCertificate) -> Result<Certificate, ClientError> {
        self.0.ask(Ask::post(&["/certificates"]).json(new)).await
    }

    /// Removes one with all its keys. Refused while anything uses it.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn remove(&self, name: &str) -> Result<(), ClientError> {
        self.0.tell(Ask::delete(&["/certificates/", name])).await
    }
}
