//! The numbers of a public key, as a JWK holds them.

use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey as Parsed;
use x509_parser::x509::SubjectPublicKeyInfo;

/// A public key, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA: big-endian, without leading zeros (RFC 7518, section 6.3.1).
    Rsa {
        /// n.
        modulus: Vec<u8>,
        /// e.
        exponent: Vec<u8>,
    },
    /// P-256: 32 bytes each, big-endian, leading zeros kept (RFC 7518, section 6.2.1).
    P256 {
        /// x.
        x: Vec<u8>,
        /// y.
        y: Vec<u8>,
    },
    /// Ed25519: the 32 bytes of RFC 8032 (RFC 8037, section 2).
    Ed25519 {
        /// x.
        x: Vec<u8>,
    },
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo (RFC 5280, section 4.1) in DER; `None` if it is none, or of a kind that Sortie has no keys of.
    pub fn read(spki: &[u8]) -> Option<Self> {
        const ED25519: &str = "1.3.101.112";
        let (rest, info) = SubjectPublicKeyInfo::from_der(spki).ok()?;
        if !rest.is_empty() {
            return None;
        }
        if info.algorithm.algorithm.to_id_string() == ED25519 {
            let x = info.subject_public_key.data.to_vec();
            return (x.len() == 32).then_some(Self::Ed25519 { x });
        }
        match info.parsed().ok()? {
            Parsed::RSA(key) => Some(Self::Rsa { modulus: without_zeros(key.modulus), exponent: without_zeros(key.exponent) }),
            // SEC 1, section 2.3.3: 04, x, y.
            Parsed::EC(point) => match point.data() {
                [4, numbers @ ..] if numbers.len() == 64 => {
                    let (x, y) = numbers.split_at(32);
                    Some(Self::P256 { x: x.to_vec(), y: y.to_vec() })
                }
                _ => None,
            },
            _ => None,
        }
    }
}

fn without_zeros(number: &[u8]) -> Vec<u8> {
    number.iter().copied().skip_while(|byte| *byte == 0).collect()
}
