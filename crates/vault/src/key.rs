//! Key bytes: 32 of them, on the heap so that a move leaves no copy behind, wiped on drop, with no way to print or compare them.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hkdf;
use sortie_model::SecretBytes;
use zeroize::Zeroizing;

use crate::{NoRandomness, Random};

/// Bytes of every key in this crate: AES-256 and the output of SHA-256.
pub(crate) const KEY_LENGTH: usize = 32;

/// One key. Not `Clone`: those who share it share an `Arc`.
pub(crate) struct Key(Box<Zeroizing<[u8; KEY_LENGTH]>>);

impl Key {
    pub(crate) fn random(random: Random) -> Result<Self, NoRandomness> {
        let mut key = Self::zero();
        random(key.0.as_mut_slice())?;
        Ok(key)
    }

    /// `None` unless there are exactly 32 bytes.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Self::zero();
        if bytes.len() != KEY_LENGTH {
            return None;
        }
        key.0.copy_from_slice(bytes);
        Some(key)
    }

    pub(crate) fn expose(&self) -> &[u8; KEY_LENGTH] {
        &self.0
    }

    /// HKDF with SHA-256 (RFC 5869) over this key. An empty salt stands for 32 zero bytes, as in its section 2.2.
    pub(crate) fn stretch(&self, salt: &[u8], info: &[u8], out: &mut [u8]) {
        let length = Length(out.len());
        hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
            .extract(self.expose())
            .expand(&[info], length)
            .and_then(|material| material.fill(out))
            .expect("HKDF-SHA256 gives up to 8160 bytes, and nobody here asks for more than 64");
    }

    fn zero() -> Self {
        Self(Box::new(Zeroizing::new([0; KEY_LENGTH])))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key(***)")
    }
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// Bytes that are compared in constant time only: without `PartialEq`, a careless `==` does not compile.
pub(crate) struct Fixed<const N: usize>(pub(crate) [u8; N]);

impl<const N: usize> Fixed<N> {
    pub(crate) fn matches(&self, other: &[u8]) -> bool {
        verify_slices_are_equal(&self.0, other).is_ok()
    }
}

/// The root key, which wraps the keyring and never enters the database. It comes from a [`KeyProvider`](crate::KeyProvider).
pub struct RootKey(Key);

impl RootKey {
    /// The root key made of these bytes; `None` unless there are exactly 32.
    pub fn from_bytes(bytes: &SecretBytes) -> Option<Self> {
        Key::from_slice(bytes.expose()).map(Self)
    }

    pub(crate) fn from_key(key: Key) -> Self {
        Self(key)
    }

    pub(crate) fn key(&self) -> &Key {
        &self.0
    }

    /// Sixteen public bytes that name this key without giving anything of it away. Every keyring entry carries them, so that a wrong
    /// root key can be told from a damaged entry.
    pub(crate) fn check(&self) -> Fixed<16> {
        let mut check = [0; 16];
        self.0.stretch(&[], b"nc-root-check-v1", &mut check);
        Fixed(check)
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RootKey(***)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Fails to compile when the type implements the trait: both candidates of `answer` would then fit.
    macro_rules! does_not_implement {
        ($type:ty: $($trait:path),+) => {$(
            const _: fn() = || {
                trait Candidate<Marker> {
                    fn answer() {}
                }
                impl<T: ?Sized> Candidate<()> for T {}
                struct Implements;
                impl<T: ?Sized + $trait> Candidate<Implements> for T {}
                let _ = <$type as Candidate<_>>::answer;
            };
        )+};
    }

    // LEAK-13: keys cannot print; CRY-12: nothing secret or compared against a secret has `==`.
    does_not_implement!(RootKey: fmt::Display, Clone, PartialEq, AsRef<[u8]>);
    does_not_implement!(Key: fmt::Display, Clone, PartialEq, AsRef<[u8]>);
    does_not_implement!(Fixed<32>: fmt::Debug, fmt::Display, PartialEq);

    #[test]
    fn stretching_is_rfc_5869() {
        // Section 2 with neither salt nor info, over 32 bytes 0x0b (appendix A.3 has 22, and our keys always have 32); computed with
        // the hmac module of Python.
        let key = Key::from_slice(&[0x0b; 32]).unwrap();
        let mut out = [0; 42];
        key.stretch(&[], &[], &mut out);
        assert_eq!(
            out,
            [
                0x27, 0x48, 0x89, 0x77, 0xd7, 0xc8, 0x45, 0xfa, 0x17, 0xe6, 0x18, 0xb4, 0xe2, 0x25, 0x65, 0x1a, 0x0a, 0x41, 0x75, 0x21,
                0x17, 0x53, 0x96, 0xf4, 0x55, 0xda, 0x2c, 0x46, 0x56, 0x79, 0xee, 0xa8, 0xe1, 0xcd, 0x54, 0x74, 0x3a, 0x05, 0x2a, 0x23,
                0x6f, 0xea
            ]
        );
    }

    #[test]
    fn a_key_has_exactly_32_bytes() {
        assert!(Key::from_slice(&[1; 31]).is_none());
        assert!(Key::from_slice(&[1; 33]).is_none());
        assert!(RootKey::from_bytes(&SecretBytes::new([])).is_none());
    }
}
