//! API keys as text: `sortie_<id>_<secret>_<checksum>`.
//!
//! The prefix lets secret scanners find a leaked key, the id finds the stored hash, the secret has 256 bits of chance, and the checksum tells a mistyped or invented key
//! from a real one without asking the database.

use aws_lc_rs::digest;
use sortie_model::{ApiKeyId, Secret};
use sortie_vault::{NoRandomness, Random};
use zeroize::Zeroizing;

/// In front of every key.
const PREFIX: &str = "sortie_";

/// 12 characters: 71 bits, so that two keys never share one.
const ID_LENGTH: usize = 12;

/// 43 characters of base 62 are 256 bits.
const SECRET_LENGTH: usize = 43;

/// 6 characters of base 62 hold 32 bits.
const CHECKSUM_LENGTH: usize = 6;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key as a caller presents it, taken apart. Whether it is anybody's is for the database to say.
#[derive(Clone, Copy)]
pub struct KeyText<'a> {
    id: ApiKeyId,
    secret: &'a str,
}

impl<'a> KeyText<'a> {
    /// Takes a key apart; `None` if it was never one of ours. Allocates nothing.
    pub fn parse(text: &'a str) -> Option<Self> {
        let parts = text.strip_prefix(PREFIX)?;
        let (id, rest) = parts.split_at_checked(ID_LENGTH)?;
        let (secret, rest) = rest.strip_prefix('_')?.split_at_checked(SECRET_LENGTH)?;
        let checksum = rest.strip_prefix('_')?;
        let is_ours = secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) && checksum.as_bytes() == checksum_of(id, secret).as_slice();
        Some(Self { id: ApiKeyId::parse(id)?, secret }).filter(|_| is_ours)
    }

    /// The public part.
    pub const fn id(&self) -> ApiKeyId {
        self.id
    }

    /// What is stored of the secret part.
    pub fn secret_hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, self.secret.as_bytes()).as_ref());
        hash
    }
}

/// A key that was just made. Its text is shown once and kept nowhere.
#[derive(Debug)]
pub struct NewKey {
    /// The public part.
    pub id: ApiKeyId,
    /// The whole key.
    pub text: Secret,
    /// What is stored of the secret part.
    pub secret_hash: [u8; 32],
}

/// Why no key can be made.
pub type NewKeyError = NoRandomness;

impl NewKey {
    /// Makes a key.
    ///
    /// # Errors
    /// The operating system has no random bytes.
    pub fn generate(random: Random) -> Result<Self, NewKeyError> {
        let (id, secret) = (base62(ID_LENGTH, random)?, base62(SECRET_LENGTH, random)?);
        let checksum = checksum_of(&id, &secret);
        let checksum = std::str::from_utf8(&checksum).expect("base 62 is ASCII");
        let text = Zeroizing::new(format!("{PREFIX}{}_{}_{checksum}", *id, *secret));
        let parsed = KeyText::parse(&text).expect("a key is made as it is read");
        Ok(Self { id: parsed.id, secret_hash: parsed.secret_hash(), text: Secret::new(text.as_str()) })
    }
}

/// Characters of equal chance: bytes from 248 up would favour the first ones, so they are thrown again.
fn base62(length: usize, random: Random) -> Result<Zeroizing<String>, NoRandomness> {
    let mut text = Zeroizing::new(String::with_capacity(length));
    let mut bytes = Zeroizing::new([0; 64]);
    while text.len() < length {
        random(bytes.as_mut_slice())?;
        let fair = bytes.iter().filter(|byte| **byte < 248).map(|byte| char::from(DIGITS[usize::from(byte % 62)]));
        let missing = length - text.len();
        text.extend(fair.take(missing));
    }
    Ok(text)
}

fn checksum_of(id: &str, secret: &str) -> [u8; CHECKSUM_LENGTH] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(id.as_bytes());
    hasher.update(secret.as_bytes());
    let mut rest = hasher.finalize();
    let mut checksum = [0; CHECKSUM_LENGTH];
    for digit in checksum.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    checksum
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use sortie_vault::operating_system_random;

    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_made() {
        let key = NewKey::generate(operating_system_random).unwrap();
        let parsed = KeyText::parse(key.text.expose()).unwrap();
        assert_eq!((parsed.id(), parsed.secret_hash()), (key.id, key.secret_hash));
        assert_eq!(key.text.expose().len(), "sortie_".len() + 12 + 1 + 43 + 1 + 6);
        assert!(!format!("{key:?}").contains(key.text.expose()));
    }

    #[test]
    fn what_is_not_a_key_is_refused_without_asking_anybody() {
        // AUTH-02 of the attack catalogue: a changed last character, a prefix, a suffix.
        let key = NewKey::generate(operating_system_random).unwrap();
        let text = key.text.expose();
        let changed = format!("{}{}", &text[..text.len() - 1], if text.ends_with('0') { '1' } else { '0' });
        for bad in [
            "",
            "sortie_",
            "sortie_é",
            &text[..text.len() - 1],
            &format!("{text}0"),
            &changed,
            &text.to_uppercase(),
            &text[1..],
            &text.replace('_', "-"),
        ] {
            assert!(KeyText::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn keys_differ() {
        let keys: std::collections::HashSet<String> =
            (0..1000).map(|_| NewKey::generate(operating_system_random).unwrap().text.expose().to_owned()).collect();
        assert_eq!(keys.len(), 1000);
    }
}
