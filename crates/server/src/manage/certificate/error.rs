//! What can be wrong with an operation on certificates. No variant holds a key or a password.

use sortie_model::{KeyAlgorithm, SigningAlgorithm, Timestamp, Violation};
use sortie_store::{ChangeError, ReadError};
use sortie_vault::SealError;
use sortie_vault::signing::{ChainError, GenerateError, ImportError, IssueError};

use crate::manage::{NotStored, UnknownName};

/// Why an operation on certificates was not done.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// There is none of this name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// It has no version of this number.
    #[error("certificate `{name}` has no version {number}")]
    UnknownVersion {
        /// Which certificate.
        name: String,
        /// Which version.
        number: u32,
    },
    /// A field breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Violation),
    /// No key pair could be made.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// The certificate or the request could not be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The key cannot be used.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The chain cannot be used.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// No version waits for a chain.
    #[error("certificate `{name}` waits for no chain")]
    NotPending {
        /// Which certificate.
        name: String,
    },
    /// There is no certificate to give yet.
    #[error("certificate `{name}` waits for its chain and has no certificate yet")]
    NotIssued {
        /// Which certificate.
        name: String,
    },
    /// A renewal is under way.
    #[error("a renewal of certificate `{name}` is under way: {what}")]
    RenewalUnderWay {
        /// Which certificate.
        name: String,
        /// What it waits for, in words.
        what: String,
    },
    /// Its key comes from elsewhere, so the next one does too.
    #[error("the key of certificate `{name}` was made elsewhere; so is its next one")]
    RenewedElsewhere {
        /// Which certificate.
        name: String,
    },
    /// The version signs, or will.
    #[error("version {number} of certificate `{name}` is the active one, and cannot be retired")]
    Active {
        /// Which certificate.
        name: String,
        /// Which version.
        number: u32,
    },
    /// There would be nothing left of it.
    #[error("version {number} of certificate `{name}` is its only one")]
    OnlyVersion {
        /// Which certificate.
        name: String,
        /// Which version.
        number: u32,
    },
    /// The version is retired already.
    #[error("version {number} of certificate `{name}` is retired since {since}")]
    AlreadyRetired {
        /// Which certificate.
        name: String,
        /// Which version.
        number: u32,
        /// Since when.
        since: Timestamp,
    },
    /// What uses the certificate signs in a way that the new key cannot.
    #[error("external credential `{credential}` signs with {algorithm} by certificate `{name}`, and a key of kind {key} cannot")]
    KeyDoesNotFit {
        /// Which certificate.
        name: String,
        /// What uses it.
        credential: String,
        /// How.
        algorithm: SigningAlgorithm,
        /// The new key.
        key: KeyAlgorithm,
    },
    /// It was right, and could not be done.
    #[error(transparent)]
    NotStored(#[from] NotStored),
}

impl CertificateError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(unknown) => unknown.code(),
            Self::UnknownVersion { .. } => "certificate_version_unknown",
            Self::Invalid(violation) => violation.rule,
            Self::Generate(error) => error.code(),
            Self::Issue(error) => error.code(),
            Self::Import(error) => error.code(),
            Self::Chain(error) => error.code(),
            Self::NotPending { .. } => "certificate_not_pending",
            Self::NotIssued { .. } => "certificate_not_issued",
            Self::RenewalUnderWay { .. } => "renewal_under_way",
            Self::RenewedElsewhere { .. } => "certificate_imported",
            Self::Active { .. } => "certificate_version_active",
            Self::OnlyVersion { .. } => "certificate_version_only",
            Self::AlreadyRetired { .. } => "certificate_version_retired",
            Self::KeyDoesNotFit { .. } => "signing_algorithm_mismatch",
            Self::NotStored(error) => error.code(),
        }
    }

    /// What to do.
    pub fn next_step(&self) -> String {
        match self {
            Self::Unknown(unknown) => unknown.next_step(),
            Self::UnknownVersion { name, .. } | Self::AlreadyRetired { name, .. } => {
                format!("look at its versions: sortie certificate show {name}")
            }
            Self::Invalid(violation) | Self::Issue(IssueError::Invalid(violation)) => format!("correct `{}`", violation.field),
            Self::Generate(_) | Self::Issue(IssueError::Failed) => "look at the operating system's log, then try again".to_owned(),
            Self::Import(ImportError::Encrypted) => "decrypt it first: openssl pkey -in FILE -out DECRYPTED".to_owned(),
            Self::Import(_) => "give the private key in PEM or DER, or key and chain as PKCS#12 with its password".to_owned(),
            Self::Chain(_) => "give the leaf first, then each certificate's issuer, for this very key".to_owned(),
            Self::NotPending { name } => format!("make a request first: sortie certificate renew {name}"),
            Self::NotIssued { name } => {
                format!(
                    "have its request signed (sortie certificate export {name} --request), then: sortie certificate install {name} CHAIN"
                )
            }
            Self::RenewalUnderWay { name, .. } => format!("look how far it is: sortie certificate show {name}"),
            Self::RenewedElsewhere { name } => {
                format!("import the next one: sortie certificate import {name} --renew --key KEY --chain CHAIN")
            }
            Self::Active { name, .. } => format!("renew it first, or remove the certificate: sortie certificate renew {name}"),
            Self::OnlyVersion { name, .. } => format!("remove the certificate: sortie certificate remove {name}"),
            Self::KeyDoesNotFit { credential, algorithm, .. } => {
                format!("import a key that signs {algorithm}, or change `signing_algorithm` of `{credential}` together with its receiver")
            }
            Self::NotStored(error) => error.next_step(),
        }
    }
}

impl From<ChangeError> for CertificateError {
    fn from(error: ChangeError) -> Self {
        Self::NotStored(error.into())
    }
}

impl From<ReadError> for CertificateError {
    fn from(error: ReadError) -> Self {
        Self::NotStored(error.into())
    }
}

impl From<SealError> for CertificateError {
    fn from(error: SealError) -> Self {
        Self::NotStored(error.into())
    }
}
