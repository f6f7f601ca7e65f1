//! The text of a root key: 32 bytes as base64 (either alphabet, padded or not) or as 64 hex digits.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

use crate::RootKey;
use crate::key::{KEY_LENGTH, Key};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// `None` for anything else. White space around it is taken off: editors and `echo` leave a newline. The length alone tells the two
/// spellings apart, because 64 characters of base64 would be 48 bytes.
pub(super) fn parse(text: &[u8]) -> Option<RootKey> {
    let text = text.trim_ascii();
    let key = match text.len() {
        64 => parse_hex(text)?,
        43 | 44 => parse_base64(text)?,
        _ => return None,
    };
    Some(RootKey::from_key(key))
}

/// Standard base64 with padding, and a newline.
pub(super) fn format(key: &Key) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(45));
    BASE64_STANDARD.encode_string(key.expose(), &mut text);
    text.push('\n');
    text
}

fn parse_hex(text: &[u8]) -> Option<Key> {
    let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
    let (pairs, _) = text.as_chunks::<2>();
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = hex_digit(*high)? << 4 | hex_digit(*low)?;
    }
    Key::from_slice(bytes.as_slice())
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn parse_base64(text: &[u8]) -> Option<Key> {
    // Longer than a key: the decoder wants room for whole groups of three.
    let mut bytes = Zeroizing::new([0; KEY_LENGTH + 4]);
    let length = STANDARD.decode_slice(text, bytes.as_mut_slice()).or_else(|_| URL_SAFE.decode_slice(text, bytes.as_mut_slice())).ok()?;
    Key::from_slice(bytes.get(..length)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const HEX: &str = "fbff00112233445566778899aabbccddeeff00112233445566778899aabbccdd";

    fn bytes(text: &str) -> Option<Vec<u8>> {
        parse(text.as_bytes()).map(|root| root.key().expose().to_vec())
    }

    #[test]
    fn every_spelling_of_a_key_gives_the_same_bytes() {
        let expected = bytes(HEX).unwrap();
        assert_eq!(expected[..4], [0xfb, 0xff, 0x00, 0x11]);
        for spelling in [
            HEX.to_uppercase(),
            format!("  {HEX}\r\n"),
            "+/8AESIzRFVmd4iZqrvM3e7/ABEiM0RVZneImaq7zN0=".to_owned(),
            "+/8AESIzRFVmd4iZqrvM3e7/ABEiM0RVZneImaq7zN0\n".to_owned(),
            "-_8AESIzRFVmd4iZqrvM3e7_ABEiM0RVZneImaq7zN0=".to_owned(),
            "-_8AESIzRFVmd4iZqrvM3e7_ABEiM0RVZneImaq7zN0".to_owned(),
        ] {
            assert_eq!(bytes(&spelling).as_ref(), Some(&expected), "{spelling}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let key = parse(HEX.as_bytes()).unwrap();
        assert_eq!(bytes(&format(key.key())), bytes(HEX));
    }

    #[test]
    fn anything_else_is_refused() {
        let hex = |length: usize| "0".repeat(length);
        for text in [
            String::new(),
            hex(63),
            hex(65),
            hex(32),
            format!("{}g", hex(63)),
            format!("{}=", hex(44)),
            format!("{} {}", hex(31), hex(32)),
            // 33 bytes; mixed alphabets; bits left over in the last digit.
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
            "+_8AESIzRFVmd4iZqrvM3e7_ABEiM0RVZneImaq7zN0=".to_owned(),
            "+/8AESIzRFVmd4iZqrvM3e7/ABEiM0RVZneImaq7zN1=".to_owned(),
        ] {
            assert!(parse(text.as_bytes()).is_none(), "{text:?}");
        }
    }
}
