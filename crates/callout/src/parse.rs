//! Step 1, parse: what the caller asks for, split into a name and the rest. Nothing is decoded, nothing is resolved.

use sortie_model::MAX_NAME_LENGTH;
use sortie_model::path::{self, PathFault};

/// A callout's target: `callout:Billing/invoices?open=true`, or the part of a gateway path behind `/callout/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    name: &'a str,
    path: &'a str,
    query: Option<&'a str>,
}

/// Why a target is refused before anybody looks at names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetFault {
    /// Not `callout:`, in any case.
    #[error("must begin with `callout:`")]
    NotACallout,
    /// The name segment holds something that no name holds.
    #[error("must name a credential with letters, digits and underscores only, not percent-encoded")]
    Name,
    /// The path cannot be forwarded safely.
    #[error("has a path that {0}")]
    Path(PathFault),
    /// The query cannot be forwarded safely.
    #[error("has a query that {0}")]
    Query(PathFault),
}

/// Reads a target as a program writes it: `callout:Name`, `callout:Name/path?query`. The scheme may be in any case.
///
/// # Errors
/// A [`TargetFault`].
pub fn parse(target: &str) -> Result<Reference<'_>, TargetFault> {
    match target.split_at_checked(8) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("callout:") => parse_after_scheme(rest),
        _ => Err(TargetFault::NotACallout),
    }
}

/// Reads the part behind `callout:` or `/callout/`: `Name[/path][?query]`.
///
/// # Errors
/// A [`TargetFault`].
pub fn parse_after_scheme(rest: &str) -> Result<Reference<'_>, TargetFault> {
    let position = |text: &str, wanted: u8| text.bytes().position(|byte| byte == wanted);
    let (before_query, query) = match position(rest, b'?') {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let (name, path) = before_query.split_at(position(before_query, b'/').unwrap_or(before_query.len()));
    // NAME-05, URL-12: the name is looked up as it stands, so it must be spelled plainly.
    let is_name =
        !name.is_empty() && name.len() <= MAX_NAME_LENGTH && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        return Err(TargetFault::Name);
    }
    path::check_path(path.as_bytes()).map_err(TargetFault::Path)?;
    path::check_query(query.unwrap_or_default().as_bytes()).map_err(TargetFault::Query)?;
    Ok(Reference { name, path, query })
}

impl<'a> Reference<'a> {
    /// The name as the caller wrote it.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// The path behind the name, beginning with a slash, or empty. Passed [`path::check_path`].
    pub const fn path(&self) -> &'a str {
        self.path
    }

    /// The query without its `?`. Passed [`path::check_query`].
    pub const fn query(&self) -> Option<&'a str> {
        self.query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_split_and_not_decoded() {
        let parts = |target| parse(target).map(|reference| (reference.name(), reference.path(), reference.query()));
        assert_eq!(parts("callout:Pay"), Ok(("Pay", "", None)));
        assert_eq!(parts("CALLOUT:Pay/"), Ok(("Pay", "/", None)));
        assert_eq!(parts("callout:Pay/ok?x=1&x=2"), Ok(("Pay", "/ok", Some("x=1&x=2"))));
        assert_eq!(parts("callout:Pay?"), Ok(("Pay", "", Some(""))));
        assert_eq!(parts("callout:Pay/a%2Fb//c"), Ok(("Pay", "/a%2Fb//c", None)));
    }

    #[test]
    fn names_are_spelled_plainly() {
        for target in [
            "callout:",
            "callout:/x",
            "callout:..",
            "callout:My%5fCred/x",
            "callout:M%79_Cred/x",     // NAME-05, NAME-06
            "callout:Pay@evil.test/x", // URL-11
            "callout:Pay:443/x",
            "callout:Pay%00/x",
            "callout:Pay%2f..%2fOther/x", // URL-12
            "callout:p\u{430}y/x",
            "callout:a-b",
        ] {
            assert_eq!(parse(target), Err(TargetFault::Name), "{target}");
        }
        for target in ["https://evil.test/", "Pay/x", "", "callout", "calloutx:Pay"] {
            assert_eq!(parse(target), Err(TargetFault::NotACallout), "{target}");
        }
        assert!(matches!(parse("callout:Pay/../x"), Err(TargetFault::Path(PathFault::DotSegment))));
        assert!(matches!(parse("callout:Pay/x?a b"), Err(TargetFault::Query(PathFault::RawByte))));
    }
}
