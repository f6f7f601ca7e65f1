//! Endpoints: the fixed place that a name stands for.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::{Violation, path};

/// How an endpoint is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP over TLS.
    Https,
    /// Plain HTTP: only where the operator's egress policy allows it.
    Http,
}

impl Scheme {
    /// 443 or 80.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }

    /// `https` or `http`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

/// A host in its one canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A DNS name in lower case, without a trailing dot.
    Name(Box<str>),
    /// An address written as four decimal numbers.
    V4(Ipv4Addr),
    /// An address written in brackets.
    V6(Ipv6Addr),
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::V4(address) => address.fmt(formatter),
            Self::V6(address) => write!(formatter, "[{address}]"),
        }
    }
}

/// Scheme, host, port and base path. No user info, no query, no fragment; one spelling only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint {
    scheme: Scheme,
    host: Host,
    port: u16,
    /// Begins with a slash and does not end with one, or is empty.
    base_path: Box<str>,
}

impl Endpoint {
    /// Reads `https://host[:port][/base/path]`. White space, a backslash, `user@`, a query, a fragment, and every
    /// spelling of a host that two parsers could read differently are refused rather than repaired.
    ///
    /// # Errors
    /// A [`Violation`] of `url`.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let wrong = |what: &str| Violation::new("url", "url_format", what.to_owned());
        let (scheme, rest) =
            split_scheme(text).ok_or_else(|| wrong("must begin with https:// (or http:// where the egress policy allows it)"))?;
        if rest.bytes().any(|byte| !(0x21..=0x7E).contains(&byte) || byte == b'\\') {
            return Err(wrong("must be plain ASCII without white space or backslashes; write international host names in punycode"));
        }
        if rest.contains('?') {
            return Err(wrong("must not hold a query; callers append theirs"));
        }
        let (authority, base_path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(wrong("must not hold a user name or password"));
        }
        let (host, port) = split_port(authority, scheme).map_err(wrong)?;
        let host = parse_host(host).map_err(wrong)?;
        let base_path = base_path.trim_end_matches('/');
        path::check_path(base_path.as_bytes()).map_err(|fault| wrong(&format!("has a path that {fault}")))?;
        Ok(Self { scheme, host, port, base_path: base_path.into() })
    }

    /// `https` or `http`.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host alone, without brackets or port.
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The port, default or not.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The path in front of every callout's own: empty, or with a leading and no trailing slash.
    pub const fn base_path(&self) -> &str {
        &self.base_path
    }

    /// What the `Host` header says (RFC 9110, section 7.2): the port only where it is not the scheme's default.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() { self.host.to_string() } else { format!("{}:{}", self.host, self.port) }
    }

    /// Path and query as they go on the wire: base path and `rest` joined by bytes. `rest` must have passed
    /// [`path::check_path`], `query` [`path::check_query`].
    pub fn join(&self, rest: &str, query: Option<&str>) -> String {
        // Exactly as long as it gets: a longer one would be counted by reference in one more allocation.
        let path = (self.base_path.len() + rest.len()).max(1);
        let mut joined = String::with_capacity(path + query.map_or(0, |query| query.len() + 1));
        joined.push_str(&self.base_path);
        joined.push_str(rest);
        if joined.is_empty() {
            joined.push('/');
        }
        if let Some(query) = query {
            joined.push('?');
            joined.push_str(query);
        }
        joined
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}{}", self.scheme.as_str(), self.authority(), self.base_path)
    }
}

impl TryFrom<String> for Endpoint {
    type Error = Violation;

    fn try_from(text: String) -> Result<Self, Violation> {
        Self::parse(&text)
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.to_string()
    }
}

/// One exact address of a service that Sortie itself asks, such as a token endpoint: an origin, and a path and query that
/// are kept byte for byte (a trailing slash may matter there).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceUrl {
    origin: Endpoint,
    path_and_query: Box<str>,
}

impl ServiceUrl {
    /// Reads `https://host[:port][/path][?query]` under the rules of [`Endpoint::parse`], but with a query.
    ///
    /// # Errors
    /// A [`Violation`] of `url`.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let wrong = |what: String| Violation::new("url", "url_format", what);
        let (before_query, query) = text.split_once('?').map_or((text, None), |(before, query)| (before, Some(query)));
        let authority_start = text.find("://").map_or(0, |at| at + 3);
        let path_start = before_query.get(authority_start..).and_then(|rest| rest.find('/')).map(|at| at + authority_start);
        let (origin, path) = before_query.split_at(path_start.unwrap_or(before_query.len()));
        let origin = Endpoint::parse(origin)?;
        path::check_path(path.as_bytes()).map_err(|fault| wrong(format!("has a path that {fault}")))?;
        path::check_query(query.unwrap_or_default().as_bytes()).map_err(|fault| wrong(format!("has a query that {fault}")))?;
        let path_and_query = origin.join(path, query).into();
        Ok(Self { origin, path_and_query })
    }

    /// Scheme, host and port.
    pub const fn origin(&self) -> &Endpoint {
        &self.origin
    }

    /// What goes on the request line.
    pub const fn path_and_query(&self) -> &str {
        &self.path_and_query
    }

    /// The same address with more parameters behind those that it has (RFC 6749, section 3.2: a query of a token endpoint "MUST be retained when adding
    /// additional query parameters"). `pairs` must be form-encoded.
    #[must_use]
    pub fn with_query(&self, pairs: &str) -> Self {
        let joint = match self.path_and_query.split_once('?') {
            _ if pairs.is_empty() => "",
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        Self { origin: self.origin.clone(), path_and_query: format!("{}{joint}{pairs}", self.path_and_query).into() }
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.origin, self.path_and_query)
    }
}

impl TryFrom<String> for ServiceUrl {
    type Error = Violation;

    fn try_from(text: String) -> Result<Self, Violation> {
        Self::parse(&text)
    }
}

impl From<ServiceUrl> for String {
    fn from(url: ServiceUrl) -> Self {
        url.to_string()
    }
}

/// Scheme in any case, followed by exactly `://`.
fn split_scheme(text: &str) -> Option<(Scheme, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    if scheme.eq_ignore_ascii_case("https") {
        Some((Scheme::Https, rest))
    } else if scheme.eq_ignore_ascii_case("http") {
        Some((Scheme::Http, rest))
    } else {
        None
    }
}

fn split_port(authority: &str, scheme: Scheme) -> Result<(&str, u16), &'static str> {
    let after_brackets = authority.rfind(']').map_or(0, |end| end + 1);
    let Some(colon) = authority[after_brackets..].find(':').map(|at| at + after_brackets) else {
        return Ok((authority, scheme.default_port()));
    };
    let (host, digits) = (&authority[..colon], &authority[colon + 1..]);
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    match digits.parse::<u16>() {
        Ok(port) if is_plain => Ok((host, port)),
        _ => Err("must have a port from 1 to 65535 without leading zeros, or none"),
    }
}

fn parse_host(text: &str) -> Result<Host, &'static str> {
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse().map(Host::V6).map_err(|_| "must have a valid IPv6 address between the brackets");
    }
    if text.is_empty() {
        return Err("must name a host");
    }
    if text.len() > 253 {
        return Err("must have a host of at most 253 characters");
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if !text.split('.').all(is_label) {
        return Err("must have a host made of letters, digits, hyphens and single dots, without a dot at its end");
    }
    // `127.1`, `0177.0.0.1`, `2130706433` and `0x7f000001` are addresses to some resolvers and names to others.
    let last = text.rsplit('.').next().unwrap_or_default();
    let looks_numeric = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") || last.starts_with("0X");
    if looks_numeric {
        return text.parse().map(Host::V4).map_err(|_| "must write an IPv4 address as four decimal numbers");
    }
    Ok(Host::Name(text.to_ascii_lowercase().into()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn urls_that_two_parsers_could_read_differently_are_refused() {
        for bad in [
            "https://up.test@evil.test/",   // URL-22
            "https://up.test\\@evil.test/", // URL-22
            "https://user:pw@up.test/",     // URL-22
            "ftp://up.test/",               // URL-23
            "file:///etc/passwd",           // URL-23
            "gopher://up.test",             // URL-23
            "//up.test",                    // URL-23
            "https:up.test",                // URL-23
            " https://up.test",             // URL-23
            "\thttps://up.test",            // URL-23
            "https://up.test:0",            // URL-24
            "https://up.test:65536",        // URL-24
            "https://up.test:0443",         // URL-24
            "https://up.test:",             // URL-24
            "https://up.test:4 43",
            "https://up.test./",                           // URL-24
            &format!("https://{}.test", "a.".repeat(125)), // URL-24
            "https://{!$User.Site}.up.test",               // URL-26
            "https://up.test/a?b=c",
            "https://up.test/a#b",
            "https://up.test/a/../b",
            "https://up.test/%2e%2e/b",
            "https://",
            "https:///x",
            "https://2130706433/", // SSRF-11
            "https://0x7f000001/", // SSRF-11
            "https://0177.0.0.1/", // SSRF-11
            "https://127.1/",      // SSRF-11
            "https://[::1",
            "https://exämple.test/",
            "https://a..b/",
        ] {
            assert!(Endpoint::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_endpoint_has_one_canonical_form() {
        for (written, canonical) in [
            ("HTTPS://Up.Test:443/v1/base/", "https://up.test/v1/base"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("https://[2001:DB8::1]:8443/x", "https://[2001:db8::1]:8443/x"),
        ] {
            assert_eq!(Endpoint::parse(written).unwrap().to_string(), canonical);
        }
    }

    #[test]
    fn a_service_url_keeps_its_path_and_query_byte_for_byte() {
        for (written, shown) in [
            ("https://idp.test/oauth/token/?tenant=a%2Fb", "https://idp.test/oauth/token/?tenant=a%2Fb"),
            ("https://IDP.test:443", "https://idp.test/"),
            ("https://idp.test?x", "https://idp.test/?x"),
        ] {
            assert_eq!(ServiceUrl::parse(written).unwrap().to_string(), shown);
        }
        for bad in ["https://idp.test/../x", "https://a@idp.test/x", "https://idp.test/x?a b", "idp.test/x", "https://idp.test/x#f"] {
            assert!(ServiceUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn parameters_join_those_that_an_address_has() {
        let with = |url: &str| ServiceUrl::parse(url).unwrap().with_query("a=b").to_string();
        assert_eq!(with("https://idp.test/token"), "https://idp.test/token?a=b");
        assert_eq!(with("https://idp.test/token?"), "https://idp.test/token?a=b");
        assert_eq!(with("https://idp.test/token?t=1"), "https://idp.test/token?t=1&a=b");
        assert_eq!(with("https://idp.test/token?t=1&"), "https://idp.test/token?t=1&a=b");
        assert_eq!(ServiceUrl::parse("https://idp.test").unwrap().with_query("").to_string(), "https://idp.test/");
    }

    #[test]
    fn targets_are_joined_by_bytes() {
        let base = Endpoint::parse("https://up.test/v1/base").unwrap();
        assert_eq!(base.join("/ok", Some("x=1&x=2")), "/v1/base/ok?x=1&x=2"); // URL-01
        assert_eq!(base.join("", None), "/v1/base"); // URL-02
        assert_eq!(base.join("/", None), "/v1/base/"); // URL-02
        assert_eq!(base.join("//evil.test/x", None), "/v1/base//evil.test/x"); // URL-09
        let bare = Endpoint::parse("https://up.test").unwrap();
        assert_eq!(bare.join("", None), "/");
        assert_eq!(bare.join("", Some("q")), "/?q");
    }
}
