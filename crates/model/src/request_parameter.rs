//! Custom request parameters: what a provider wants in its requests beside what OAuth itself puts there, such as an `audience` or a tenant.

use http::HeaderName;
use serde::{Deserialize, Serialize};

use crate::custom_header::parse_name;
use crate::{Violation, Violations};

/// Which request a parameter is part of, and where in it.
///
/// Three requests times three places would be nine; there are seven. The request to the authorize endpoint is made by the user's browser, which follows a
/// redirect of ours (RFC 6749, section 4.1.1): it has a query, but neither a body nor headers that we could set. Salesforce's list of parameter types
/// (`AuthorizeRequestQueryParameter`, and three each for the token and the refresh request) has the same seven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterKind {
    /// In the query of the authorize endpoint.
    AuthorizeQuery,
    /// In the query of the token endpoint, when a grant is exchanged for a token.
    TokenQuery,
    /// In the form of that request.
    TokenBody,
    /// Among the headers of that request.
    TokenHeader,
    /// In the query of the token endpoint, when a refresh token is used.
    RefreshQuery,
    /// In the form of that request.
    RefreshBody,
    /// Among the headers of that request.
    RefreshHeader,
}

/// Where in a request a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParameterPlace {
    /// In the query.
    Query,
    /// In the form.
    Body,
    /// Among the headers.
    Header,
}

impl ParameterKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::AuthorizeQuery,
        Self::TokenQuery,
        Self::TokenBody,
        Self::TokenHeader,
        Self::RefreshQuery,
        Self::RefreshBody,
        Self::RefreshHeader,
    ];

    /// The kind with this request and this place in definitions: `authorize`, `token` or `refresh`, and `query`, `body` or `header`.
    ///
    /// # Errors
    /// A [`Violation`] of `request` or `place`.
    pub fn parse(request: &str, place: &str) -> Result<Self, Violation> {
        if let Some(kind) = Self::ALL.into_iter().find(|kind| kind.request() == request && kind.place().as_str() == place) {
            return Ok(kind);
        }
        Err(match (request, place) {
            ("authorize", "body" | "header") => {
                let message =
                    "must be query for the request authorize: the browser makes that request, and sends no body and no headers of ours";
                Violation::new("place", "parameter_place", message)
            }
            ("authorize" | "token" | "refresh", _) => Violation::new("place", "parameter_place", "must be query, body or header"),
            _ => Violation::new("request", "parameter_request", "must be authorize, token or refresh"),
        })
    }

    /// The request's word in definitions.
    pub const fn request(self) -> &'static str {
        match self {
            Self::AuthorizeQuery => "authorize",
            Self::TokenQuery | Self::TokenBody | Self::TokenHeader => "token",
            Self::RefreshQuery | Self::RefreshBody | Self::RefreshHeader => "refresh",
        }
    }

    /// Where in the request it stands.
    pub const fn place(self) -> ParameterPlace {
        match self {
            Self::AuthorizeQuery | Self::TokenQuery | Self::RefreshQuery => ParameterPlace::Query,
            Self::TokenBody | Self::RefreshBody => ParameterPlace::Body,
            Self::TokenHeader | Self::RefreshHeader => ParameterPlace::Header,
        }
    }
}

impl ParameterPlace {
    /// The word in definitions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Body => "body",
            Self::Header => "header",
        }
    }
}

/// One custom request parameter. Nothing secret: it is part of the definition and shown with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestParameter {
    /// Which request, and where in it.
    pub kind: ParameterKind,
    /// Name of the parameter, as written, or of the header, in lower case.
    pub name: String,
    /// Literal value.
    pub value: String,
    /// Lower is sent first.
    pub sequence_number: u32,
    /// What it is for.
    pub description: String,
}

/// Parameters that the protocol itself sends (RFC 6749, sections 4.1, 4.4 and 6; RFC 7521, section 4.2; RFC 7636, section 4; OpenID Connect Core 1.0, sections
/// 3.1.2.1 and 6): a second one would make the request invalid, or would make it another request. `scope` has a field of its own.
const RESERVED_PARAMETERS: &[&str] = &[
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "assertion",
    "scope",
    "refresh_token",
    "response_type",
    "response_mode",
    "request",
    "request_uri",
    "redirect_uri",
    "state",
    "nonce",
    "code",
    "code_verifier",
    "code_challenge",
    "code_challenge_method",
];

/// Headers that a token request sets itself, beside those that frame the message.
const RESERVED_HEADERS: &[&str] = &["authorization", "content-type", "content-encoding", "accept", "accept-encoding", "user-agent"];

/// The one parameter that may come more than once in a request, with another value each time (RFC 8707, section 2).
const REPEATABLE_PARAMETER: &str = "resource";

/// 4,096 bytes: far longer than any tenant, audience or resource, and short enough for a request line.
const MAX_VALUE_BYTES: usize = 4_096;

impl RequestParameter {
    /// Reads a parameter as an admin wrote it.
    ///
    /// # Errors
    /// Violations of `name`, `value` and `description`.
    pub fn parse(kind: ParameterKind, name: &str, value: &str, sequence_number: u32, description: &str) -> Result<Self, Violations> {
        let mut violations = Violations::default();
        let name = violations.keep(match kind.place() {
            ParameterPlace::Query | ParameterPlace::Body => parameter_name(name),
            ParameterPlace::Header => header_name(name),
        });
        violations.keep(check_value(kind.place(), value));
        match name {
            Some(name) => violations.or(Self { kind, name, value: value.to_owned(), sequence_number, description: description.to_owned() }),
            None => Err(violations),
        }
    }

    /// Refuses what stands twice in one request: a header under the same name, or a parameter under the same name, be it once in the query and once in the
    /// body (RFC 6749, section 3.2: "parameters MUST NOT be included more than once"). `resource` may come with several values.
    ///
    /// # Errors
    /// Violations of `[index].name`.
    pub fn check_all(parameters: &[Self]) -> Result<(), Violations> {
        let mut violations = Violations::default();
        for (index, parameter) in parameters.iter().enumerate() {
            if let Some(first) = parameters[..index].iter().find(|first| parameter.repeats(first)) {
                let message = format!(
                    "is sent in the {} of the {} request already; a request must not have it twice",
                    first.kind.place().as_str(),
                    first.kind.request()
                );
                violations.0.push(Violation::new(format!("[{index}].name"), "parameter_duplicate", message));
            }
        }
        violations.or(())
    }

    fn repeats(&self, other: &Self) -> bool {
        let is_header = |parameter: &Self| parameter.kind.place() == ParameterPlace::Header;
        let is_same = self.kind.request() == other.kind.request() && is_header(self) == is_header(other) && self.name == other.name;
        is_same && (self.name != REPEATABLE_PARAMETER || is_header(self) || self.value == other.value)
    }
}

/// Visible ASCII without what separates parameters. Every server reads such a name alike.
fn parameter_name(name: &str) -> Result<String, Violation> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"&=+%#?;\"'<>\\".contains(&byte);
    if name.is_empty() {
        return Err(Violation::required("name"));
    }
    if name.len() > 255 || !name.bytes().all(is_plain) {
        let message = "must be 1 to 255 visible ASCII characters without & = + % # ? ; quotes, angle brackets and backslashes";
        return Err(Violation::new("name", "parameter_name_format", message));
    }
    // Some servers read names without regard to case.
    if RESERVED_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) {
        let message = format!("must not be `{name}`: the protocol itself sets it");
        return Err(Violation::new("name", "parameter_name_reserved", message));
    }
    Ok(name.to_owned())
}

fn header_name(name: &str) -> Result<String, Violation> {
    let name: HeaderName = parse_name(name)?;
    if RESERVED_HEADERS.contains(&name.as_str()) {
        let message = format!("must not be `{name}`: the token request itself sets it");
        return Err(Violation::new("name", "header_name_reserved", message));
    }
    Ok(name.as_str().to_owned())
}

fn check_value(place: ParameterPlace, value: &str) -> Result<(), Violation> {
    if value.is_empty() && place == ParameterPlace::Header {
        return Err(Violation::required("value"));
    }
    if value.len() > MAX_VALUE_BYTES {
        return Err(Violation::new("value", "parameter_value_length", "must be at most 4,096 bytes long"));
    }
    if value.chars().any(char::is_control) {
        return Err(Violation::new("value", "parameter_value_format", "must not hold control characters"));
    }
    // Spaces around it would be lost on the way (RFC 9110, section 5.5).
    if place == ParameterPlace::Header && (!value.is_ascii() || value.trim() != value) {
        return Err(Violation::new("value", "parameter_value_format", "must be visible ASCII in a header, without spaces around it"));
    }
    if value.contains("{!") {
        let message = "must not hold a formula: the value is the same in every request of the provider";
        return Err(Violation::new("value", "formula_not_here", message));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn parameter(kind: ParameterKind, name: &str, value: &str) -> RequestParameter {
        RequestParameter::parse(kind, name, value, 1, "").unwrap()
    }

    #[test]
    fn there_are_seven_kinds_and_a_browser_sends_only_a_query() {
        let mut seen = std::collections::HashSet::new();
        for kind in ParameterKind::ALL {
            assert_eq!(ParameterKind::parse(kind.request(), kind.place().as_str()), Ok(kind));
            assert!(seen.insert((kind.request(), kind.place().as_str())));
        }
        for place in ["body", "header"] {
            assert!(ParameterKind::parse("authorize", place).unwrap_err().message.contains("the browser makes that request"));
        }
        assert_eq!(ParameterKind::parse("token", "path").unwrap_err().field, "place");
        assert_eq!(ParameterKind::parse("login", "body").unwrap_err().field, "request");
    }

    #[test]
    fn what_the_protocol_itself_sends_cannot_be_set() {
        let rule = |kind, name| RequestParameter::parse(kind, name, "x", 1, "").map_err(|violations| violations.0[0].rule);
        for kind in [ParameterKind::AuthorizeQuery, ParameterKind::TokenQuery, ParameterKind::TokenBody, ParameterKind::RefreshBody] {
            for name in RESERVED_PARAMETERS.iter().copied().chain(["Client_Secret", "SCOPE"]) {
                assert_eq!(rule(kind, name), Err("parameter_name_reserved"), "{name}");
            }
            for name in ["", "a=b", "a&b", "a b", "a+b", "a%20", "ä", "a\r\nb"] {
                assert!(rule(kind, name).is_err(), "{name:?}");
            }
            assert!(rule(kind, "audience").is_ok() && rule(kind, "urn:x/y").is_ok());
        }
        for kind in [ParameterKind::TokenHeader, ParameterKind::RefreshHeader] {
            let framing =
                ["Host", "Content-Length", "Transfer-Encoding", "Connection", "TE", "Upgrade", "Proxy-Authorization", "Sortie-Error"];
            for name in RESERVED_HEADERS.iter().copied().chain(framing).chain(["Authorization", "Content-Type"]) {
                assert_eq!(rule(kind, name), Err("header_name_reserved"), "{name}");
            }
            assert_eq!(rule(kind, "a b"), Err("header_name_format"));
            assert_eq!(RequestParameter::parse(kind, "X-Tenant", "x", 1, "").unwrap().name, "x-tenant");
        }
    }

    #[test]
    fn values_are_literal_and_fit_their_place() {
        let rule = |kind, value: &str| RequestParameter::parse(kind, "x", value, 1, "").map_err(|violations| violations.0[0].rule);
        for kind in [ParameterKind::TokenBody, ParameterKind::TokenHeader] {
            assert_eq!(rule(kind, "{!$User.Email}"), Err("formula_not_here"));
            assert_eq!(rule(kind, "a\r\nx: y"), Err("parameter_value_format"));
            assert_eq!(rule(kind, &"x".repeat(4_097)), Err("parameter_value_length"));
        }
        assert!(rule(ParameterKind::TokenBody, "").is_ok() && rule(ParameterKind::TokenBody, "Köln & Bonn").is_ok());
        assert_eq!(rule(ParameterKind::TokenHeader, ""), Err("required"));
        assert_eq!(rule(ParameterKind::TokenHeader, "Köln"), Err("parameter_value_format"));
        assert_eq!(rule(ParameterKind::TokenHeader, " x"), Err("parameter_value_format"));
    }

    #[test]
    fn a_request_has_nothing_twice_but_resources() {
        use ParameterKind::{RefreshBody, TokenBody, TokenHeader, TokenQuery};
        let twice = |parameters: &[RequestParameter]| {
            RequestParameter::check_all(parameters)
                .err()
                .map(|violations| violations.0.into_iter().map(|violation| violation.field).collect::<Vec<_>>())
        };
        let audience = |kind| parameter(kind, "audience", "a");
        assert_eq!(twice(&[audience(TokenBody), audience(RefreshBody), parameter(TokenHeader, "audience", "a")]), None);
        assert_eq!(twice(&[audience(TokenBody), audience(TokenQuery)]), Some(vec!["[1].name".to_owned()]));
        assert_eq!(twice(&[parameter(TokenHeader, "X-A", "1"), parameter(TokenHeader, "x-a", "2")]), Some(vec!["[1].name".to_owned()]));
        let resource = |value| parameter(TokenBody, "resource", value);
        assert_eq!(twice(&[resource("https://a.test"), resource("https://b.test")]), None);
        assert_eq!(twice(&[resource("https://a.test"), resource("https://a.test")]), Some(vec!["[1].name".to_owned()]));
    }
}
