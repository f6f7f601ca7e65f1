//! The two ways of writing an ECDSA signature.

/// As certificates and TLS have it (RFC 3279, section 2.2.3: a sequence of two integers), from R and S side by side.
pub fn der(raw: &[u8]) -> Vec<u8> {
    let integer = |half: &[u8]| {
        let start = half.iter().position(|byte| *byte != 0).unwrap_or(half.len().saturating_sub(1));
        let digits = &half[start..];
        // A first bit that is set would mean a negative number.
        let sign: &[u8] = if digits.first().is_some_and(|first| first & 0x80 != 0) { &[0] } else { &[] };
        let length = u8::try_from(sign.len() + digits.len()).unwrap_or(u8::MAX);
        [&[0x02, length], sign, digits].concat()
    };
    let (r, s) = raw.split_at(raw.len() / 2);
    let numbers = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(numbers.len()).unwrap_or(u8::MAX)], numbers.as_slice()].concat()
}
