//! What a certificate says of itself, for people.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::chain::parse;

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Whom it is for: `C=DE, O=Example, CN=Signer`.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// Its number at the issuer, in hexadecimal.
    pub serial_number: String,
}

/// Reads names and number of a certificate in DER; `None` if it is none.
pub fn describe(der: &[u8]) -> Option<Description> {
    let certificate = parse(der, 1).ok()?;
    let serial_number = certificate.raw_serial().iter().map(|byte| format!("{byte:02x}")).collect();
    Some(Description { subject: certificate.subject().to_string(), issuer: certificate.issuer().to_string(), serial_number })
}

/// The textual form of RFC 7468: 64 characters a line.
pub fn to_pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, others) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = others;
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_has_64_characters_a_line() {
        assert_eq!(to_pem("X", &[0; 48]), format!("-----BEGIN X-----\n{}\n-----END X-----\n", "A".repeat(64)));
        assert_eq!(to_pem("X", &[0; 49]), format!("-----BEGIN X-----\n{}\nAA==\n-----END X-----\n", "A".repeat(64)));
        assert_eq!(describe(b"no certificate"), None);
    }
}
