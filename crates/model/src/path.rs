//! The one rule for paths and queries that are forwarded by bytes: what is allowed in them, and why the rest is refused.
//!
//! A target is joined to an endpoint by bytes, never by URL resolution, because every resolver knows spellings that
//! change the host or leave the base path (`//evil`, `/\evil`, `%2e%2e`). So the bytes must mean the same to every
//! upstream that decodes them, however often it decodes.

/// Why a path or query is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// Longer than [`MAX_TARGET_BYTES`].
    #[error("is longer than 16 KiB")]
    TooLong,
    /// A path that begins with something else than a slash.
    #[error("must begin with a slash")]
    NoLeadingSlash,
    /// A byte that must be percent-encoded (RFC 3986, section 2), or a raw fragment.
    #[error(
        "holds a byte that must be percent-encoded: white space, a control character, `#`, `\\`, `<`, `>`, `\"`, a byte above 0x7E, or a backtick in a path"
    )]
    RawByte,
    /// A `%` without two hexadecimal digits behind it.
    #[error("holds a `%` that is not followed by two hexadecimal digits")]
    BadEscape,
    /// A control character, hidden by one or more layers of percent-encoding.
    #[error("decodes to a control character")]
    EncodedControl,
    /// An overlong UTF-8 byte: no text holds one, but some decoders turn it into a dot or a slash.
    #[error("decodes to a byte that no UTF-8 text can hold")]
    OverlongByte,
    /// A `.` or `..` segment, plain or hidden by percent-encoding, a backslash or a path parameter.
    #[error("holds a `.` or `..` segment, plain or encoded")]
    DotSegment,
}

/// 16 KiB: twice what common servers accept, and far below what could hurt us.
pub const MAX_TARGET_BYTES: usize = 16 * 1024;

/// Layers of percent-encoding that are looked through. Input that is still not stable after this many is refused.
const MAX_LAYERS: usize = 8;

/// Checks a path that will be forwarded verbatim. The empty path is fine.
///
/// # Errors
/// The first fault found.
pub fn check_path(path: &[u8]) -> Result<(), PathFault> {
    if path.len() > MAX_TARGET_BYTES {
        return Err(PathFault::TooLong);
    }
    match path.first() {
        None => return Ok(()),
        Some(b'/') => {}
        Some(_) => return Err(PathFault::NoLeadingSlash),
    }
    check_raw_bytes(path)?;
    // A backtick passes in queries, as browsers send it; in a path they encode it, and HTTP libraries refuse to send it as it is.
    if path.contains(&b'`') {
        return Err(PathFault::RawByte);
    }
    if path.contains(&b'%') { check_decoded(path) } else { check_segments(path) }
}

/// Checks a query (without its `?`) that will be forwarded verbatim. It is data: only raw bytes are looked at.
///
/// # Errors
/// The first fault found.
pub fn check_query(query: &[u8]) -> Result<(), PathFault> {
    if query.len() > MAX_TARGET_BYTES {
        return Err(PathFault::TooLong);
    }
    check_raw_bytes(query)
}

fn check_raw_bytes(bytes: &[u8]) -> Result<(), PathFault> {
    let is_raw = |byte: &u8| !(0x21..=0x7E).contains(byte) || matches!(byte, b'#' | b'\\' | b'<' | b'>' | b'"');
    if bytes.iter().any(is_raw) { Err(PathFault::RawByte) } else { Ok(()) }
}

/// Peels layer after layer of percent-encoding, and judges each as an upstream that stops decoding there would see it.
fn check_decoded(path: &[u8]) -> Result<(), PathFault> {
    let mut layer = decode(path).ok_or(PathFault::BadEscape)?;
    check_segments(path)?;
    for _ in 0..MAX_LAYERS {
        if layer.iter().any(|byte| byte.is_ascii_control()) {
            return Err(PathFault::EncodedControl);
        }
        if layer.iter().any(|byte| matches!(byte, 0xC0 | 0xC1 | 0xF5..)) {
            return Err(PathFault::OverlongByte);
        }
        check_segments(&layer)?;
        // A `%` that is no escape any more is data: `100%25` decodes to `100%`.
        match decode_leniently(&layer) {
            Some(next) => layer = next,
            None => return Ok(()),
        }
    }
    Err(PathFault::BadEscape)
}

/// Splits at `/` and `\`, drops path parameters (`..;x=1` is `..` to some servers), refuses dot segments.
fn check_segments(path: &[u8]) -> Result<(), PathFault> {
    let is_dots = |segment: &[u8]| {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        name == b"." || name == b".."
    };
    let is_end = |byte: &u8| matches!(byte, b'/' | b'\\');
    // Nearly always no segment begins with a dot, which is seen at a glance.
    let may_hold_dots = path.first() == Some(&b'.') || path.windows(2).any(|pair| pair[1] == b'.' && is_end(&pair[0]));
    if may_hold_dots && path.split(is_end).any(is_dots) { Err(PathFault::DotSegment) } else { Ok(()) }
}

/// One layer of percent-decoding; `None` if a `%` is not followed by two hexadecimal digits.
fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            decoded.push(escaped_byte(tail)?);
            rest = tail.get(2..)?;
        } else {
            decoded.push(*first);
            rest = tail;
        }
    }
    Some(decoded)
}

/// As [`decode`], but a `%` that is no escape stays; `None` if nothing was left to decode.
fn decode_leniently(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut has_escape = false;
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        match (*first == b'%').then(|| escaped_byte(tail)).flatten() {
            Some(byte) => {
                has_escape = true;
                decoded.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push(*first);
                rest = tail;
            }
        }
    }
    has_escape.then_some(decoded)
}

fn escaped_byte(after_percent: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    match after_percent {
        [high, low, ..] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_could_leave_their_base_are_refused() {
        // Group URL of the attack catalogue.
        for (path, fault) in [
            ("/../admin", PathFault::DotSegment),             // URL-03
            ("/a/../../../admin", PathFault::DotSegment),     // URL-04
            ("/%2e%2e/admin", PathFault::DotSegment),         // URL-05
            ("/%2E%2e/admin", PathFault::DotSegment),         // URL-05
            ("/.%2e/admin", PathFault::DotSegment),           // URL-05
            ("/..%2fadmin", PathFault::DotSegment),           // URL-06
            ("/%252e%252e%252fadmin", PathFault::DotSegment), // URL-07
            ("/%25252e%25252e/admin", PathFault::DotSegment), // URL-07
            ("/..\\..\\admin", PathFault::RawByte),           // URL-08
            ("/..%5c..%5cadmin", PathFault::DotSegment),      // URL-08
            ("/\\evil.test/x", PathFault::RawByte),           // URL-10
            ("/x#frag", PathFault::RawByte),                  // URL-16
            ("/\u{1}", PathFault::RawByte),                   // URL-17
            ("/a b", PathFault::RawByte),                     // URL-17
            ("/\u{7f}", PathFault::RawByte),                  // URL-17
            ("/é", PathFault::RawByte),                       // URL-17
            ("/a`b", PathFault::RawByte),                     // no pchar: RFC 3986, section 3.3
            ("/%", PathFault::BadEscape),                     // URL-18
            ("/%2", PathFault::BadEscape),                    // URL-18
            ("/%zz", PathFault::BadEscape),                   // URL-18
            ("/a%00b", PathFault::EncodedControl),            // URL-20
            ("/a%0d%0aX:1", PathFault::EncodedControl),       // URL-20
            ("/a%250d", PathFault::EncodedControl),           // URL-20
            ("/..;x=1/admin", PathFault::DotSegment),
            ("/%c0%ae%c0%ae/admin", PathFault::OverlongByte),
            ("x", PathFault::NoLeadingSlash),
        ] {
            assert_eq!(check_path(path.as_bytes()), Err(fault), "{path:?}");
        }
    }

    #[test]
    fn honest_paths_pass_unchanged() {
        for path in ["", "/", "/ok", "//evil.test/x", "/a%2Fb", "/a/...", "/a..b", "/100%25", "/caf%C3%A9", "/a;v=1", "/~x/$1,'()*+!@:"] {
            assert_eq!(check_path(path.as_bytes()), Ok(()), "{path:?}");
        }
        assert_eq!(check_query(b"next=//evil.test&u=https://evil.test/../x&p=100%"), Ok(())); // URL-21
    }

    #[test]
    fn length_is_bounded() {
        let long = format!("/{}", "a".repeat(MAX_TARGET_BYTES)); // URL-28
        assert_eq!(check_path(long.as_bytes()), Err(PathFault::TooLong));
        assert_eq!(check_query(long.as_bytes()), Err(PathFault::TooLong));
    }
}
