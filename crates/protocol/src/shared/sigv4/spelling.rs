//! Percent-encoding as Amazon wants it: every byte but the unreserved ones of RFC 3986, section 2.3, with digits in upper case.

use std::borrow::Cow;

use super::Encoding;

const UPPER: &[u8; 16] = b"0123456789ABCDEF";

const fn is_unreserved(byte: u8) -> bool {
    UNRESERVED[byte as usize]
}

/// Each byte of each path and query is looked up here.
const UNRESERVED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'-' | b'_' | b'.' | b'~');
        byte += 1;
    }
    table
};

fn escape(byte: u8, encoded: &mut Vec<u8>) {
    encoded.extend_from_slice(&[b'%', UPPER[usize::from(byte >> 4)], UPPER[usize::from(byte & 15)]]);
}

/// Encodes every byte, escapes included.
pub(super) fn encode_again(bytes: &[u8], kept: &[u8], encoded: &mut Vec<u8>) {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| !is_unreserved(*byte) && !kept.contains(byte)) {
        encoded.extend_from_slice(&rest[..at]);
        escape(rest[at], encoded);
        rest = &rest[at + 1..];
    }
    encoded.extend_from_slice(rest);
}

/// Brings a text that may hold escapes into its one spelling. In a query `+` is a space (WHATWG URL, "application/x-www-form-urlencoded parsing").
fn encode(text: &[u8], kept: &[u8], encoded: &mut Vec<u8>) {
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        let byte = match (*first, escaped(tail)) {
            (b'%', Some(byte)) => {
                rest = &tail[2..];
                // An escaped byte that is kept plain elsewhere would change its meaning: `%2F` in a path is no separator.
                if kept.contains(&byte) {
                    escape(byte, encoded);
                    continue;
                }
                byte
            }
            (b'+', _) if kept.is_empty() => b' ',
            (byte, _) => byte,
        };
        if is_unreserved(byte) || kept.contains(&byte) { encoded.push(byte) } else { escape(byte, encoded) }
    }
}

/// A name or a value of a query in its one spelling; most are there already.
pub(super) fn encoded(text: &[u8]) -> Cow<'_, [u8]> {
    if text.iter().all(|byte| is_unreserved(*byte)) {
        return Cow::Borrowed(text);
    }
    let mut encoded = Vec::with_capacity(text.len() + 16);
    encode(text, b"", &mut encoded);
    Cow::Owned(encoded)
}

fn escaped(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| digits.get(at).and_then(|digit| char::from(*digit).to_digit(16));
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

/// Path and query in the one spelling that everybody who verifies a signature agrees about: `~` and not `%7e`, `%2B` and not `+`, and in a query `%20` and not
/// `+`. What is sent is then what is signed (SIG-15). Their meaning stays the same: `%2F` in a path stays what it is, and the order of a query too.
///
/// A path that is encoded again is left as it is: whoever verifies it takes what was sent for plain text.
pub fn one_spelling(path_and_query: &str, encoding: Encoding) -> Cow<'_, str> {
    let (path, query) = path_and_query.split_once('?').map_or((path_and_query, None), |(path, query)| (path, Some(query)));
    let is_plain = |text: &str, kept: &[u8]| text.bytes().all(|byte| is_unreserved(byte) || kept.contains(&byte));
    if (encoding == Encoding::Twice || is_plain(path, b"/")) && query.is_none_or(|query| is_plain(query, b"&=")) {
        return Cow::Borrowed(path_and_query);
    }
    let mut spelled = Vec::with_capacity(path_and_query.len() + 16);
    match encoding {
        Encoding::Once => encode(path.as_bytes(), b"/", &mut spelled),
        Encoding::Twice => spelled.extend_from_slice(path.as_bytes()),
    }
    if let Some(query) = query {
        spelled.push(b'?');
        for (at, pair) in query.split('&').enumerate() {
            if at > 0 {
                spelled.push(b'&');
            }
            let (name, value) = pair.split_once('=').map_or((pair, None), |(name, value)| (name, Some(value)));
            encode(name.as_bytes(), b"", &mut spelled);
            if let Some(value) = value {
                spelled.push(b'=');
                encode(value.as_bytes(), b"", &mut spelled);
            }
        }
    }
    Cow::Owned(String::from_utf8(spelled).expect("what is encoded is ASCII"))
}

/// Parameters that make a URL a presigned one (*IAM*, "Add the signature to the request").
const SIGNATURE_PARAMETERS: &[&str] = &[
    "x-amz-algorithm",
    "x-amz-content-sha256",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];

/// Path and query without the signature of somebody else in it (SIG-13). They must be in one spelling: an escaped name is not recognised.
pub fn without_signature(path_and_query: &str) -> Cow<'_, str> {
    let Some((path, query)) = path_and_query.split_once('?') else { return Cow::Borrowed(path_and_query) };
    let is_signature = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default();
        SIGNATURE_PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(name))
    };
    if !query.split('&').any(is_signature) {
        return Cow::Borrowed(path_and_query);
    }
    let kept: Vec<&str> = query.split('&').filter(|pair| !is_signature(pair)).collect();
    let mark = if kept.is_empty() { "" } else { "?" };
    Cow::Owned(format!("{path}{mark}{}", kept.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_one_spelling() {
        for (sent, spelled) in [
            ("/a/b?x=1&y", "/a/b?x=1&y"),
            ("/a%20b+c/%7e%2f", "/a%20b%2Bc/~%2F"),
            ("/k?prefix=a+b%2bc&list-type=2", "/k?prefix=a%20b%2Bc&list-type=2"),
            ("/k?q=a=b/c:d", "/k?q=a%3Db%2Fc%3Ad"),
            ("/u%c3%bc!", "/u%C3%BC%21"),
            ("/100%25", "/100%25"),
            ("/?", "/?"),
        ] {
            let once = one_spelling(sent, Encoding::Once);
            assert_eq!(once, spelled);
            assert_eq!(one_spelling(&once, Encoding::Once), spelled, "a second time changes nothing");
        }
    }

    #[test]
    fn a_path_that_is_encoded_again_is_sent_as_it_came() {
        assert_eq!(one_spelling("/@connections/x%3D+?a=b+c", Encoding::Twice), "/@connections/x%3D+?a=b%20c");
    }

    #[test]
    fn the_signature_of_a_presigned_url_goes() {
        let presigned = "/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2Fb&versionId=7&X-Amz-Signature=00&x-amz-expires=5";
        assert_eq!(without_signature(presigned), "/k?versionId=7");
        assert_eq!(without_signature("/k?X-Amz-Signature=00"), "/k");
        assert_eq!(without_signature("/k?x-amz-meta=1&a"), "/k?x-amz-meta=1&a");
    }

    #[test]
    fn a_usual_target_is_not_copied() {
        assert!(matches!(one_spelling("/bucket/key-1.txt?list-type=2&prefix=x", Encoding::Once), Cow::Borrowed(_)));
    }
}
