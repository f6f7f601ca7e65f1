//! The one ciphertext format, for values and for keyring entries alike:
//!
//! `magic(2) | version(1) | algorithm(1) | key id(16) | salt(32) | commitment(32) | ciphertext | tag(16)`
//!
//! Each message has a key of its own, derived from 32 random bytes of salt. That is why the nonce may be constant, and why no number of
//! messages uses up a key. AES-GCM alone lets one ciphertext open under two keys; the commitment, derived beside the key, rules that out.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::context::Binding;
use crate::key::{Fixed, Key};

const VERSION: u8 = 1;
/// HKDF-SHA256, AES-256-GCM.
const ALGORITHM: u8 = 1;
pub(crate) const SALT_LENGTH: usize = 32;
const HEADER_LENGTH: usize = 2 + 1 + 1 + 16 + SALT_LENGTH + COMMITMENT_LENGTH;
const COMMITMENT_LENGTH: usize = 32;
const TAG_LENGTH: usize = 16;
/// Tag of the header in the authenticated data, after every field of the context.
const HEADER_FIELD: u8 = 9;

/// What the envelope holds; the first two bytes say it.
#[derive(Clone, Copy)]
pub(crate) enum Content {
    /// A secret, sealed by a keyring key.
    Value,
    /// A keyring key, wrapped by the root key.
    KeyringKey,
}

impl Content {
    fn magic(self) -> [u8; 2] {
        match self {
            Self::Value => *b"NC",
            Self::KeyringKey => *b"NK",
        }
    }
}

/// AES-GCM takes no more than 64 GiB in one message.
#[derive(Debug)]
pub(crate) struct TooLong;

/// The bytes cannot be an envelope that this version writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParseError {
    Shape,
    Version { version: u8, algorithm: u8 },
}

/// Commitment or tag do not fit: another key, another context, or changed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;

pub(crate) fn seal(
    content: Content,
    key: &Key,
    key_id: [u8; 16],
    salt: [u8; SALT_LENGTH],
    binding: &Binding,
    plain: &[u8],
) -> Result<Vec<u8>, TooLong> {
    let message_key = MessageKey::derive(key, &salt, binding);
    // Full size at once: growing would leave a copy of the plaintext in freed memory. Wiped should the cipher refuse.
    let mut sealed = Zeroizing::new(Vec::with_capacity(HEADER_LENGTH + plain.len() + TAG_LENGTH));
    sealed.extend_from_slice(&content.magic());
    sealed.extend_from_slice(&[VERSION, ALGORITHM]);
    sealed.extend_from_slice(&key_id);
    sealed.extend_from_slice(&salt);
    sealed.extend_from_slice(&message_key.commitment.0);
    sealed.extend_from_slice(plain);
    let (header, body) = sealed.split_at_mut(HEADER_LENGTH);
    let authenticated = authenticated_data(binding, header);
    let tag = message_key.cipher.seal_in_place_separate_tag(zero_nonce(), Aad::from(authenticated), body).map_err(|_| TooLong)?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(std::mem::take(&mut *sealed))
}

/// An envelope whose shape and version are right; nothing in it is believed yet.
pub(crate) struct Envelope<'a> {
    header: &'a [u8],
    pub(crate) key_id: [u8; 16],
    salt: &'a [u8],
    commitment: &'a [u8],
    body: &'a [u8],
}

impl<'a> Envelope<'a> {
    pub(crate) fn parse(content: Content, bytes: &'a [u8]) -> Result<Self, ParseError> {
        // The version stands before the length: a later format may be shorter, and "too new" is the more helpful answer.
        let [first, second, version, algorithm, ..] = *bytes else { return Err(ParseError::Shape) };
        if [first, second] != content.magic() {
            return Err(ParseError::Shape);
        }
        if (version, algorithm) != (VERSION, ALGORITHM) {
            return Err(ParseError::Version { version, algorithm });
        }
        if bytes.len() < HEADER_LENGTH + TAG_LENGTH {
            return Err(ParseError::Shape);
        }
        let (header, body) = bytes.split_at(HEADER_LENGTH);
        let (id, salt_and_commitment) = header[4..].split_at(16);
        let (salt, commitment) = salt_and_commitment.split_at(SALT_LENGTH);
        let mut key_id = [0; 16];
        key_id.copy_from_slice(id);
        Ok(Self { header, key_id, salt, commitment, body })
    }

    /// Whether this was sealed by that key under that context; says nothing about the ciphertext.
    pub(crate) fn is_committed_to(&self, key: &Key, binding: &Binding) -> bool {
        MessageKey::derive(key, self.salt, binding).commitment.matches(self.commitment)
    }

    pub(crate) fn open(&self, key: &Key, binding: &Binding) -> Result<Zeroizing<Vec<u8>>, Refused> {
        let message_key = MessageKey::derive(key, self.salt, binding);
        if !message_key.commitment.matches(self.commitment) {
            return Err(Refused);
        }
        let mut body = Zeroizing::new(self.body.to_vec());
        let authenticated = authenticated_data(binding, self.header);
        let length = message_key.cipher.open_in_place(zero_nonce(), Aad::from(authenticated), &mut body).map_err(|_| Refused)?.len();
        body.truncate(length);
        Ok(body)
    }
}

struct MessageKey {
    cipher: LessSafeKey,
    commitment: Fixed<COMMITMENT_LENGTH>,
}

impl MessageKey {
    fn derive(key: &Key, salt: &[u8], binding: &Binding) -> Self {
        let mut material = Zeroizing::new([0; 32 + COMMITMENT_LENGTH]);
        key.stretch(salt, binding.bytes(), material.as_mut_slice());
        let (cipher_key, committed) = material.split_at(32);
        let mut commitment = [0; COMMITMENT_LENGTH];
        commitment.copy_from_slice(committed);
        let cipher = UnboundKey::new(&AES_256_GCM, cipher_key).expect("AES-256 takes any 32 bytes as its key");
        Self { cipher: LessSafeKey::new(cipher), commitment: Fixed(commitment) }
    }
}

/// Constant, because the key is used for this one message only.
fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

fn authenticated_data(binding: &Binding, header: &[u8]) -> Vec<u8> {
    binding.clone().with(HEADER_FIELD, header).into_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use uuid::Uuid;

    use super::*;
    use crate::DeploymentId;
    use crate::context::bind_purpose;

    #[test]
    fn a_wrong_commitment_is_refused_even_where_the_cipher_would_accept() {
        // What the commitment is for: someone who knows the key makes a tag that fits a changed header.
        let key = Key::from_slice(&[7; 32]).unwrap();
        let binding = bind_purpose(DeploymentId::from_uuid(Uuid::nil()), "test");
        let genuine = seal(Content::Value, &key, [1; 16], [2; SALT_LENGTH], &binding, b"SECRET-x").unwrap();
        let forge = |commitment_change: u8| {
            let mut forged = genuine[..HEADER_LENGTH].to_vec();
            forged[HEADER_LENGTH - 1] ^= commitment_change;
            let mut body = b"SECRET-x".to_vec();
            let authenticated = authenticated_data(&binding, &forged);
            let cipher = MessageKey::derive(&key, &[2; SALT_LENGTH], &binding).cipher;
            cipher.seal_in_place_append_tag(zero_nonce(), Aad::from(authenticated), &mut body).unwrap();
            forged.extend_from_slice(&body);
            forged
        };
        let open = |sealed: &[u8]| Envelope::parse(Content::Value, sealed).unwrap().open(&key, &binding).map(|plain| plain.to_vec());
        assert_eq!(forge(0), genuine, "the forgery differs in nothing but the commitment");
        assert_eq!(open(&forge(1)), Err(Refused));
    }
}
