//! The canonical request: one text for all spellings of a request (*IAM*, "Create a canonical request").

use http::{HeaderName, HeaderValue};

use super::spelling::{encode_again, encoded};

/// How often a path is percent-encoded in the canonical request, counted from the plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// S3: as it is sent.
    Once,
    /// Every other service: what is sent is encoded again.
    Twice,
}

/// What happens to `.`, `..` and empty segments of a path in the canonical request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalisation {
    /// They are resolved (RFC 3986, section 6.2.2.3), and slashes in a row count as one.
    Resolved,
    /// S3: they are part of an object's key.
    Kept,
}

/// How a service wants paths in the canonical request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathRule {
    /// How often it is encoded.
    pub encoding: Encoding,
    /// What becomes of dots and empty segments.
    pub normalisation: Normalisation,
}

impl PathRule {
    /// Of S3 and what stores objects as S3 does.
    pub const S3: Self = Self { encoding: Encoding::Once, normalisation: Normalisation::Kept };
    /// Of all others.
    pub const OTHERS: Self = Self { encoding: Encoding::Twice, normalisation: Normalisation::Resolved };
}

/// A canonical request, with the list of its signed headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalRequest {
    bytes: Vec<u8>,
    signed_headers: std::ops::Range<usize>,
}

impl CanonicalRequest {
    /// The text. A value of a header may hold bytes that are no UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// `host;x-amz-date`: the names in their order.
    pub fn signed_headers(&self) -> &str {
        std::str::from_utf8(self.signed_names()).expect("header names are ASCII")
    }

    pub(super) fn signed_names(&self) -> &[u8] {
        &self.bytes[self.signed_headers.clone()]
    }
}

/// A header as the canonical request has it.
type Line<'a> = (&'a str, &'a [u8]);

/// Makes the canonical request. `headers` are those that are signed, in any order; the values of one name must be in the order in which they are sent.
pub fn canonical_request<'a>(
    method: &str,
    path: &str,
    query: Option<&str>,
    headers: impl IntoIterator<Item = (&'a HeaderName, &'a HeaderValue)>,
    payload: &str,
    rule: PathRule,
) -> CanonicalRequest {
    // More than the usual request has.
    let mut lines: Vec<Line<'_>> = Vec::with_capacity(24);
    lines.extend(headers.into_iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    // Stable: values of one name keep their order.
    lines.sort_by(|one, other| one.0.cmp(other.0));
    let mut bytes = Vec::with_capacity(1024);
    bytes.extend_from_slice(method.as_bytes());
    bytes.push(b'\n');
    write_path(path, rule, &mut bytes);
    bytes.push(b'\n');
    write_query(query.unwrap_or_default(), &mut bytes);
    bytes.push(b'\n');
    write_headers(&lines, &mut bytes);
    bytes.push(b'\n');
    let start = bytes.len();
    write_names(&lines, &mut bytes);
    let signed_headers = start..bytes.len();
    bytes.push(b'\n');
    bytes.extend_from_slice(payload.as_bytes());
    CanonicalRequest { bytes, signed_headers }
}

fn write_path(path: &str, rule: PathRule, bytes: &mut Vec<u8>) {
    let resolved;
    let path = match rule.normalisation {
        Normalisation::Kept => path,
        Normalisation::Resolved if is_resolved(path) => path,
        Normalisation::Resolved => {
            resolved = resolve(path);
            &resolved
        }
    };
    match (path, rule.encoding) {
        ("", _) => bytes.push(b'/'),
        (path, Encoding::Once) => bytes.extend_from_slice(path.as_bytes()),
        (path, Encoding::Twice) => encode_again(path.as_bytes(), b"/", bytes),
    }
}

/// The usual path has nothing to resolve.
fn is_resolved(path: &str) -> bool {
    !path.as_bytes().windows(2).any(|pair| pair[0] == b'/' && matches!(pair[1], b'/' | b'.'))
}

/// Drops empty and `.` segments, and `..` with the segment in front of it. A slash at the end stays one.
fn resolve(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let ends_open = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    let end = if ends_open && !kept.is_empty() { "/" } else { "" };
    format!("/{}{end}", kept.join("/"))
}

/// Names and values are encoded and then sorted, by name and then by value; one without `=` has an empty value.
fn write_query(query: &str, bytes: &mut Vec<u8>) {
    if query.is_empty() {
        return;
    }
    let pairs = query.as_bytes().split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.iter().position(|byte| *byte == b'=').map_or((pair, &b""[..]), |at| (&pair[..at], &pair[at + 1..])));
    let mut pairs: Vec<_> = pairs.map(|(name, value)| (encoded(name), encoded(value))).collect();
    pairs.sort_unstable();
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            bytes.push(b'&');
        }
        bytes.extend_from_slice(name);
        bytes.push(b'=');
        bytes.extend_from_slice(value);
    }
}

/// `name:value` in lines; several values of one name are joined by commas.
fn write_headers(lines: &[Line<'_>], bytes: &mut Vec<u8>) {
    let mut last = None;
    for (name, value) in lines {
        if last == Some(*name) {
            // In the place of the line's end.
            bytes.pop();
            bytes.push(b',');
        } else {
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(b':');
        }
        write_trimmed(value, bytes);
        bytes.push(b'\n');
        last = Some(*name);
    }
}

/// Without white space around, and with one space for several.
fn write_trimmed(value: &[u8], bytes: &mut Vec<u8>) {
    let value = value.trim_ascii();
    // Without an early end, so that several bytes are looked at together.
    let (is_plain, _) =
        value.iter().fold((true, 0), |(is_plain, last), byte| (is_plain & !(is_fold(*byte) | (*byte == b' ' && last == b' ')), *byte));
    if is_plain {
        bytes.extend_from_slice(value);
        return;
    }
    let mut was_space = false;
    for byte in value {
        let is_space = *byte == b' ' || is_fold(*byte);
        if !(is_space && was_space) {
            bytes.push(if is_space { b' ' } else { *byte });
        }
        was_space = is_space;
    }
}

/// What a folded line leaves behind (RFC 9112, section 5.2).
const fn is_fold(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\r' | b'\n')
}

fn write_names(lines: &[Line<'_>], bytes: &mut Vec<u8>) {
    let mut last = None;
    for (name, _) in lines.iter().filter(|(name, _)| last.replace(*name) != Some(*name)) {
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(b';');
    }
    if !lines.is_empty() {
        bytes.pop();
    }
}
