//! AWS Signature Version 4, by hand on aws-lc-rs: what is signed, with which key, and how bodies that stream are signed piece by piece.
//!
//! Sources: "AWS Signature Version 4 for API requests" in the IAM user guide (below: *IAM*) and "Authenticating Requests (AWS Signature Version 4)" in the
//! Amazon S3 API reference (below: *S3*).

mod body;
mod canonical;
mod chunk;
mod decode;
mod key;
mod presign;
mod recode;
mod request;
mod spelling;

#[cfg(test)]
mod differential_tests;
#[cfg(test)]
mod request_tests;
#[cfg(test)]
mod vector_tests;

pub use body::{BodyFault, BodyPlan, CallerBody, check_trailers, describe, is_aws_chunked};
pub use canonical::{CanonicalRequest, Encoding, Normalisation, PathRule, canonical_request};
pub use chunk::ChunkSigner;
pub use decode::Decoder;
pub use key::{KeyCache, SigningKey, SigningScope};
pub use presign::MAX_PRESIGNED_SECONDS;
pub use recode::Recoder;
pub use request::{
    Payload, PayloadRule, RequestSigner, SIGNATURE_HEADERS, Signed, SigningOptions, TokenPlace, X_AMZ_CONTENT_SHA256, X_AMZ_DATE,
    X_AMZ_DECODED_CONTENT_LENGTH, X_AMZ_SECURITY_TOKEN, X_AMZ_TRAILER, is_access_key_id, is_s3,
};
pub use spelling::{one_spelling, without_signature};

use aws_lc_rs::digest;
use sortie_model::Timestamp;

/// The algorithm with a shared secret (*IAM*, "Create a string to sign").
pub const HMAC_ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The moment of a signature as every part of it writes it: `20261122T062436Z`. The first eight characters are the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment([u8; 16]);

impl Moment {
    /// The second in which `at` lies.
    pub fn of(at: Timestamp) -> Self {
        let long = at.to_rfc_3339();
        let mut short = *b"00000000T000000Z";
        for (to, from) in [(0..4, 0..4), (4..6, 5..7), (6..8, 8..10), (9..11, 11..13), (11..13, 14..16), (13..15, 17..19)] {
            short[to].copy_from_slice(&long[from]);
        }
        Self(short)
    }

    /// Date and time.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits, T and Z are ASCII")
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The date alone.
    pub fn day(&self) -> &str {
        &self.as_str()[..8]
    }
}

/// 64 hexadecimal digits in lower case: a hash or a signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hex([u8; 64]);

impl Hex {
    /// The digits of 32 bytes.
    pub fn of(bytes: &[u8; 32]) -> Self {
        let mut digits = [0; 64];
        for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
            *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        }
        Self(digits)
    }

    /// SHA-256 of `bytes`.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::of(digest::digest(&digest::SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits are ASCII")
    }
}

impl AsRef<[u8]> for Hex {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Hex {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// *IAM*, "Create a string to sign": algorithm, moment, scope and the hash of the canonical request.
pub fn string_to_sign(algorithm: &str, moment: &Moment, scope: &SigningScope<'_>, canonical: &CanonicalRequest) -> String {
    let hash = Hex::sha256(canonical.as_bytes());
    let mut text = String::with_capacity(192);
    for line in [algorithm, "\n", moment.as_str(), "\n"] {
        text.push_str(line);
    }
    scope.write(moment, &mut text);
    text.push('\n');
    text.push_str(hash.as_str());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_without_separators() {
        // 2015-08-30T12:36:00Z, the moment of Amazon's own vectors.
        let moment = Moment::of(Timestamp::from_millis(1_440_938_160_999));
        assert_eq!((moment.as_str(), moment.day()), ("20150830T123600Z", "20150830"));
    }

    #[test]
    fn hashes_are_written_in_lower_case() {
        // FIPS 180-4: SHA-256 of the empty text.
        assert_eq!(Hex::sha256(b"").as_str(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
