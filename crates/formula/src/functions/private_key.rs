//! Private keys in PEM (RFC 7468). Read here and not by a library, so that every copy on the way is wiped.

use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::encoding::decode_base64;

/// The lines around a private key that is not encrypted: PKCS#8 (RFC 7468, section 10), and the older PKCS#1 and SEC 1.
const MARKS: [(&str, &str); 3] = [
    ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"),
    ("-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"),
    ("-----BEGIN EC PRIVATE KEY-----", "-----END EC PRIVATE KEY-----"),
];

/// The DER in a PEM text. What stands before and behind the key, such as certificates, is passed over; line breaks may have become blanks.
pub(super) fn der_of_pem(pem: &str) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    if pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || pem.contains("Proc-Type:") {
        return Err("the private key is locked by a passphrase; keep it without one");
    }
    let Some((body, end)) = MARKS.iter().find_map(|(begin, end)| pem.split_once(begin).map(|(_, body)| (body, end))) else {
        return Err("the private key is no PEM text with `-----BEGIN PRIVATE KEY-----`; without that line use BASE64DECODE");
    };
    let (body, _) = body.split_once(end).ok_or("the private key has no line that ends it")?;
    let mut encoded = Zeroizing::new(Vec::with_capacity(body.len()));
    encoded.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    decode_base64(&encoded, &STANDARD).ok_or("the private key is not base64 between its lines")
}
