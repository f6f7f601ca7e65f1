//! What IAM Roles Anywhere wants to know of a certificate: its serial number in decimal digits, and whether it is a root's.

/// The number of a certificate in DER (RFC 5280, section 4.1.2.2: at most 20 bytes); `None` if it is none.
pub fn decimal(certificate: &[u8]) -> Option<String> {
    let (certificate, _) = element(certificate, 0x30)?;
    let (body, _) = element(certificate, 0x30)?;
    // The version is explicit from the second one on (section 4.1.2.1).
    let after_version = element(body, 0xA0).map_or(body, |(_, rest)| rest);
    let (serial, _) = element(after_version, 0x02)?;
    // Negative numbers are against section 4.1.2.2, and nobody agrees about their digits.
    if serial.is_empty() || serial.len() > 21 || serial[0] & 0x80 != 0 {
        return None;
    }
    let mut digits = vec![0u8];
    for byte in serial {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            let value = u32::from(*digit) * 256 + carry;
            *digit = u8::try_from(value % 10).ok()?;
            carry = value / 10;
        }
        while carry > 0 {
            digits.push(u8::try_from(carry % 10).ok()?);
            carry /= 10;
        }
    }
    Some(digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect())
}

/// Issuer and subject of a certificate in DER, as they are written there.
pub fn names(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let (certificate, _) = element(certificate, 0x30)?;
    let (body, _) = element(certificate, 0x30)?;
    let after_version = element(body, 0xA0).map_or(body, |(_, rest)| rest);
    let (_, after_serial) = element(after_version, 0x02)?;
    // Section 4.1: signature, issuer, validity, subject.
    let (_, after_signature) = element(after_serial, 0x30)?;
    let (issuer, after_issuer) = element(after_signature, 0x30)?;
    let (_, after_validity) = element(after_issuer, 0x30)?;
    let (subject, _) = element(after_validity, 0x30)?;
    Some((issuer, subject))
}

/// The contents of the element with this tag at the beginning, and what follows it (X.690, section 8.1).
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let [first, length, rest @ ..] = bytes else { return None };
    if *first != tag {
        return None;
    }
    let (length, rest) = match *length {
        short @ 0..0x80 => (usize::from(short), rest),
        long => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7F)).filter(|(digits, _)| digits.len() <= 4)?;
            (digits.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit)), rest)
        }
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As much of a certificate as holds the number.
    fn certificate(serial: &[u8]) -> Vec<u8> {
        let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap_or(u8::MAX);
        let number = [&[0x02, length(serial)], serial].concat();
        let body = [&[0xA0, 3, 2, 1, 2], number.as_slice()].concat();
        let body = [&[0x30, length(&body)], body.as_slice()].concat();
        [&[0x30, 0x81, length(&body)], body.as_slice()].concat()
    }

    #[test]
    fn serial_numbers_are_written_in_decimal() {
        // By Python: int.from_bytes(bytes, "big").
        let large: Vec<u8> = (1..=20).collect();
        for (serial, digits) in [
            (&[0][..], "0"),
            (&[0x0A, 0xBC, 0xDE, 0xF0], "180150000"),
            (&[0x00, 0xFF, 0xFF], "65535"),
            (large.as_slice(), "5753854965885600108575829560559299546819203860"),
        ] {
            assert_eq!(decimal(&certificate(serial)).as_deref(), Some(digits));
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_number() {
        for bytes in [&[][..], b"MIIB", &[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], &certificate(&[0x80, 1]), &certificate(&[1; 30])] {
            assert_eq!(decimal(bytes), None);
        }
    }
}
