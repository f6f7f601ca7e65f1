//! Certificates as they come from an authority: read, and checked against the key that they are for.
//!
//! Checked: the leaf holds this public key; nothing in the chain has expired; each certificate names the next as its issuer and is signed by it; each but the leaf
//! may sign certificates (RFC 5280, section 4.2.1.9). Not checked: whether anybody trusts the last one, revocation, name constraints and uses. Who receives a
//! signature decides those, by rules that Sortie does not know.

use aws_lc_rs::digest;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use sortie_model::{Issued, Timestamp};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::MAX_IMPORT_BYTES;

/// 10: a chain in use has two to four (DOS-18 of the attack catalogue).
const MAX_CERTIFICATES: usize = 10;

/// Why a chain is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Longer than any chain.
    #[error("a chain is at most 10 certificates and 64 KiB long")]
    TooLong,
    /// No certificate in it.
    #[error("there is no certificate in it; give PEM (BEGIN CERTIFICATE), leaf first, or one certificate in DER")]
    Empty,
    /// One is damaged.
    #[error("certificate {position} cannot be read")]
    Unreadable {
        /// 1 is the leaf.
        position: usize,
    },
    /// The leaf is for another key.
    #[error("the first certificate is for another key than this one; the leaf comes first")]
    AnotherKey,
    /// One has expired.
    #[error("certificate {position} has expired on {not_after}")]
    Expired {
        /// 1 is the leaf.
        position: usize,
        /// When.
        not_after: Timestamp,
    },
    /// Two do not belong together.
    #[error("certificate {position} is not signed by the one after it")]
    NotSigned {
        /// 1 is the leaf.
        position: usize,
    },
    /// One that signed another may not.
    #[error("certificate {position} is not one of an authority, so it may not sign the one before it")]
    NotAnAuthority {
        /// 1 is the leaf.
        position: usize,
    },
}

impl ChainError {
    /// The stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "chain_too_long",
            Self::Empty => "chain_empty",
            Self::Unreadable { .. } => "certificate_unreadable",
            Self::AnotherKey => "certificate_key_mismatch",
            Self::Expired { .. } => "certificate_expired",
            Self::NotSigned { .. } => "chain_broken",
            Self::NotAnAuthority { .. } => "chain_no_authority",
        }
    }

    /// Whether the same call may succeed later.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::TooLong
            | Self::Empty
            | Self::Unreadable { .. }
            | Self::AnotherKey
            | Self::Expired { .. }
            | Self::NotSigned { .. }
            | Self::NotAnAuthority { .. } => false,
        }
    }
}

/// The certificates of a file, each in DER: all of a PEM file, whatever else is in it, or the one of a DER file.
///
/// # Errors
/// A [`ChainError`] about the file, not yet about what it says.
pub fn read_certificates(file: &[u8]) -> Result<Vec<Vec<u8>>, ChainError> {
    if file.len() > MAX_IMPORT_BYTES {
        return Err(ChainError::TooLong);
    }
    if file.starts_with(&[0x30]) {
        return Ok(vec![file.to_vec()]);
    }
    let mut found = Vec::new();
    for (index, certificate) in CertificateDer::pem_slice_iter(file).enumerate() {
        found.push(certificate.map_err(|_| ChainError::Unreadable { position: index + 1 })?.to_vec());
    }
    match found.len() {
        0 => Err(ChainError::Empty),
        length if length > MAX_CERTIFICATES => Err(ChainError::TooLong),
        _ => Ok(found),
    }
}

/// Checks a chain, leaf first, for the key that `public_key` (SubjectPublicKeyInfo, DER) is of.
///
/// # Errors
/// A [`ChainError`]; the first thing that is wrong.
pub fn verify_chain(chain: Vec<Vec<u8>>, public_key: &[u8], now: Timestamp) -> Result<Issued, ChainError> {
    let parsed = chain.iter().enumerate().map(|(index, der)| parse(der, index + 1)).collect::<Result<Vec<_>, _>>()?;
    let leaf = parsed.first().ok_or(ChainError::Empty)?;
    if !is_for(leaf, public_key) {
        return Err(ChainError::AnotherKey);
    }
    for (position, certificate) in (1..).zip(&parsed) {
        let not_after = moment(certificate.validity().not_after.timestamp());
        if not_after <= now {
            return Err(ChainError::Expired { position, not_after });
        }
    }
    for (position, pair) in (1..).zip(parsed.windows(2)) {
        let [certificate, issuer] = pair else { continue };
        if certificate.issuer() != issuer.subject() || certificate.verify_signature(Some(issuer.public_key())).is_err() {
            return Err(ChainError::NotSigned { position });
        }
        // RFC 5280, section 4.2.1.9: without `cA` in the basic constraints the key must not be used to verify certificates.
        if !issuer.is_ca() {
            return Err(ChainError::NotAnAuthority { position: position + 1 });
        }
    }
    let ends = parsed.iter().map(|certificate| moment(certificate.validity().not_after.timestamp()));
    let not_after = ends.min().ok_or(ChainError::Empty)?;
    let not_before = moment(leaf.validity().not_before.timestamp());
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest::digest(&digest::SHA256, &chain[0]).as_ref());
    drop(parsed);
    Ok(Issued { chain, not_before, not_after, fingerprint })
}

pub(super) fn parse(der: &[u8], position: usize) -> Result<X509Certificate<'_>, ChainError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(ChainError::Unreadable { position }),
    }
}

/// The same key may be written with and without parameters of its algorithm; the key itself is in the bits.
pub(super) fn is_for(certificate: &X509Certificate<'_>, public_key: &[u8]) -> bool {
    match SubjectPublicKeyInfo::from_der(public_key) {
        Ok(([], wanted)) => wanted.subject_public_key.data == certificate.public_key().subject_public_key.data,
        _ => false,
    }
}

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds.saturating_mul(1000))
}
