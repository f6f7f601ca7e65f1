//! Custom headers of external and named credentials.

use http::HeaderName;
use serde::{Deserialize, Serialize};
use sortie_formula::Template;

use crate::{Violation, Violations};

/// Headers that frame the message or belong to one hop (RFC 9110, sections 7.2, 7.6.1, 8.6 and 10.1.1): nobody sets them by hand.
const FRAMING_HEADERS: &[&str] = &[
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "http2-settings",
    "proxy-authorization",
    "proxy-authenticate",
    "proxy-connection",
];

/// One header that Sortie adds to a callout: a name, a value that may hold formulas, and its place among its siblings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomHeader {
    /// Header name, lower case on the wire.
    #[serde(with = "header_name")]
    pub name: HeaderName,
    /// Literal text around any number of `{! … }`.
    pub value: Template,
    /// Lower is sent first.
    pub sequence_number: u32,
}

impl CustomHeader {
    /// Reads a header as an admin wrote it.
    ///
    /// # Errors
    /// Violations of `name` and `value`.
    pub fn parse(name: &str, value: &str, sequence_number: u32) -> Result<Self, Violations> {
        let mut violations = Violations::default();
        let name = violations.keep(parse_name(name));
        let value = violations.keep(parse_value(value));
        match (name, value) {
            (Some(name), Some(value)) => violations.or(Self { name, value, sequence_number }),
            _ => Err(violations),
        }
    }
}

/// Prefixes that a named credential's own list does not let through either: they are Sortie's, a proxy's, or a metadata service's.
const NEVER_FORWARDED_PREFIXES: &[&str] = &["sortie-", "proxy-", "metadata", "x-aws-ec2-"];

/// Reads the name of a caller's header that is to be forwarded although it is withheld by default; lower case.
///
/// # Errors
/// A [`Violation`] of `forwarded_headers`.
pub fn parse_forwarded_header(name: &str) -> Result<String, Violation> {
    let parsed = parse_name(name).map_err(|violation| Violation { field: "forwarded_headers".to_owned(), ..violation })?;
    if NEVER_FORWARDED_PREFIXES.iter().any(|prefix| parsed.as_str().starts_with(prefix)) {
        let message = format!("must not list `{parsed}`: it belongs to Sortie, to a proxy or to a metadata service");
        return Err(Violation::new("forwarded_headers", "header_name_reserved", message));
    }
    Ok(parsed.as_str().to_owned())
}

/// A header that an admin may set: a token that neither frames the message nor is Sortie's own.
pub(crate) fn parse_name(name: &str) -> Result<HeaderName, Violation> {
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| Violation::new("name", "header_name_format", "must be a header name: letters, digits and !#$%&'*+-.^_`|~"))?;
    if FRAMING_HEADERS.contains(&parsed.as_str()) {
        return Err(Violation::new(
            "name",
            "header_name_reserved",
            format!("must not be `{parsed}`: it frames the message or belongs to one hop"),
        ));
    }
    if parsed.as_str().starts_with("sortie-") {
        return Err(Violation::new("name", "header_name_reserved", "must not begin with `Sortie-`: these names are Sortie's own"));
    }
    Ok(parsed)
}

fn parse_value(value: &str) -> Result<Template, Violation> {
    if value.is_empty() {
        return Err(Violation::required("value"));
    }
    if value.bytes().any(|byte| byte != b'\t' && byte.is_ascii_control()) {
        return Err(Violation::new("value", "header_value_format", "must not hold control characters"));
    }
    Template::parse(value).map_err(|error| Violation::of_formula("value", &error))
}

/// A header name as text in stored and shown JSON.
mod header_name {
    use http::HeaderName;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(name: &HeaderName, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(name.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderName, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::parse_name(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_frame_the_message_cannot_be_set() {
        // NAME-09 of the attack catalogue.
        for bad in [
            "Host",
            "Content-Length",
            "Transfer-Encoding",
            "Connection",
            ":path",
            "X Y",
            "Te:",
            "Te",
            "Sortie-Error",
            "",
            "Proxy-Authorization",
        ] {
            assert!(CustomHeader::parse(bad, "x", 1).is_err(), "{bad:?}");
        }
        for good in ["Authorization", "X-Api-Key", "x_api_key"] {
            assert!(CustomHeader::parse(good, "x", 1).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn headers_of_the_hop_and_of_metadata_services_are_never_forwarded() {
        for bad in ["Host", "Connection", "Proxy-Foo", "Metadata", "Metadata-Flavor", "X-aws-ec2-metadata-token", "Sortie-Error", "a b"] {
            assert!(parse_forwarded_header(bad).is_err(), "{bad:?}");
        }
        assert_eq!(parse_forwarded_header("X-MS-Version"), Ok("x-ms-version".to_owned()));
    }

    #[test]
    fn values_with_line_breaks_or_nothing_are_refused() {
        for bad in ["", "a\r\nX: 1", "a\nb", "a\0b"] {
            assert!(CustomHeader::parse("X-A", bad, 1).is_err(), "{bad:?}");
        }
    }
}
