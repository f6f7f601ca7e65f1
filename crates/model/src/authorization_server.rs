//! Authorization servers: endpoints that give tokens, and how they want to be asked.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ClientAuthentication, ParameterPlace, Plugin, Quirks, RequestParameter, ServiceUrl, Violation, Violations};

/// What is known of an authorization server, whoever defines it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationServer {
    /// Where client id and secret stand in a token request, unless an external credential says otherwise.
    pub client_authentication: ClientAuthentication,
    /// Where users are sent to log in; a login with a browser needs it.
    pub authorize_endpoint: Option<ServiceUrl>,
    /// Where tokens are asked for.
    pub token_endpoint: ServiceUrl,
    /// Where it says who a user is.
    pub user_info_endpoint: Option<ServiceUrl>,
    /// Where it takes the parameters of a login from us, instead of from the browser (RFC 9126). They go there wherever it is known.
    #[serde(default)]
    pub pushed_authorization_endpoint: Option<ServiceUrl>,
    /// Where it is told that a token is not needed any more (RFC 7009).
    pub revocation_endpoint: Option<ServiceUrl>,
    /// Where the public keys are that its tokens of identity are signed with (`jwks_uri` of RFC 8414, section 2).
    pub key_set_endpoint: Option<ServiceUrl>,
    /// Whether a login with a browser is asked for with a proof key by its definition. One is sent all the same, unless [`Quirks::proof_key`] says that the server
    /// refuses it: whoever knows none ignores it.
    pub uses_pkce: bool,
    /// Whether it says who it is when it sends a browser back (RFC 9207, section 3).
    pub issuer_in_response: bool,
    /// What it calls itself.
    pub issuer: Option<Issuer>,
    /// What is asked for where neither an external credential nor a principal has a scope.
    pub default_scopes: Scopes,
    /// The scope that asks for a refresh token, where there is one. Whoever asks for other scopes than the default ones and leaves it out gets a token that
    /// cannot be renewed; a protocol does not add it on its own, and can tell.
    #[serde(default)]
    pub refresh_token_scope: Option<Scopes>,
    /// What it wants besides, in the order of sending.
    pub parameters: Vec<RequestParameter>,
    /// How it departs from the standards.
    #[serde(default)]
    pub quirks: Quirks,
    /// It is no authorization server, but a program of somebody's that stands for one, at the address of the token endpoint. It is asked in its own way at every
    /// step, and never in any other.
    #[serde(default)]
    pub plugin: Option<Plugin>,
}

/// What is stored for a client, so that it can prove itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientValues {
    /// Its id and its secret.
    Secret,
    /// Its id, and the key that signs what is sent in the place of a secret.
    PrivateKey,
    /// The key that requests to a plug-in are signed with.
    Plugin,
}

impl AuthorizationServer {
    /// One that is asked at this endpoint and has no wishes.
    pub fn at(token_endpoint: ServiceUrl) -> Self {
        Self {
            client_authentication: ClientAuthentication::default(),
            authorize_endpoint: None,
            token_endpoint,
            user_info_endpoint: None,
            pushed_authorization_endpoint: None,
            revocation_endpoint: None,
            key_set_endpoint: None,
            uses_pkce: false,
            issuer_in_response: false,
            issuer: None,
            default_scopes: Scopes::default(),
            refresh_token_scope: None,
            parameters: Vec::new(),
            quirks: Quirks::default(),
            plugin: None,
        }
    }

    /// What must be stored for whoever asks it.
    pub const fn client_values(&self) -> ClientValues {
        match (&self.plugin, &self.quirks.client_secret) {
            (Some(_), _) => ClientValues::Plugin,
            (None, crate::ClientSecret::SignedToken { .. }) => ClientValues::PrivateKey,
            (None, crate::ClientSecret::Stored) => ClientValues::Secret,
        }
    }

    /// Rules that concern several fields; each of them alone is right.
    ///
    /// # Errors
    /// All violations, by field: `request_parameters[1].name`.
    pub fn check(&self) -> Result<(), Violations> {
        let mut violations = Violations::default();
        if let Err(twice) = RequestParameter::check_all(&self.parameters) {
            violations.0.extend(twice.0.into_iter().map(|violation| violation.within("request_parameters")));
        }
        for (index, parameter) in self.parameters.iter().enumerate() {
            let endpoint =
                if parameter.kind.request() == "authorize" { self.authorize_endpoint.as_ref() } else { Some(&self.token_endpoint) };
            let is_parameter = parameter.kind.place() != ParameterPlace::Header;
            if is_parameter && endpoint.is_some_and(|endpoint| has_in_query(endpoint, &parameter.name)) {
                let message = "stands in the query of the endpoint already; a request must not have it twice";
                violations.0.push(Violation::new(format!("request_parameters[{index}].name"), "parameter_duplicate", message));
            }
        }
        violations.or(())
    }

    /// Whether tokens of the one could differ from tokens of the other. Descriptions tell a server nothing.
    pub fn asks_like(&self, other: &Self) -> bool {
        let described = |server: &Self| {
            let mut server = server.clone();
            server.parameters.iter_mut().for_each(|parameter| {
                parameter.description = String::new();
                parameter.sequence_number = 0;
            });
            server
        };
        described(self) == described(other)
    }
}

/// By the names as they stand there: one that is percent-encoded is not recognised.
pub(crate) fn has_in_query(endpoint: &ServiceUrl, name: &str) -> bool {
    let query = endpoint.path_and_query().split_once('?').map(|(_, query)| query).unwrap_or_default();
    query.split('&').any(|pair| pair.split_once('=').map_or(pair, |(name, _)| name) == name)
}

/// What an authorization server calls itself: a URL without query and fragment (RFC 8414, section 2), kept as written since it is compared exactly
/// (section 3.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Issuer(Box<str>);

impl Issuer {
    /// Reads an issuer.
    ///
    /// # Errors
    /// A [`Violation`] of `issuer`.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let wrong = |rule, message: &str| Err(Violation::new("issuer", rule, message));
        if text.contains('?') {
            return wrong("issuer_format", "must have no query (RFC 8414, section 2)");
        }
        if text.contains("/.well-known/") {
            return wrong(
                "issuer_format",
                "must be what the server calls itself, not the address of its metadata: leave out what begins at /.well-known/",
            );
        }
        ServiceUrl::parse(text).map_err(|violation| Violation { field: "issuer".to_owned(), ..violation })?;
        Ok(Self(text.into()))
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for Issuer {
    type Error = Violation;

    fn try_from(text: String) -> Result<Self, Violation> {
        Self::parse(&text)
    }
}

impl From<Issuer> for String {
    fn from(issuer: Issuer) -> Self {
        issuer.0.into()
    }
}

/// Scopes, separated by single spaces (RFC 6749, section 3.3); may be none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scopes(Box<str>);

impl Scopes {
    /// Reads scopes as they are sent.
    ///
    /// # Errors
    /// A [`Violation`] of `default_scopes`.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        // RFC 6749, section 3.3: 1*( %x21 / %x23-5B / %x5D-7E ).
        let is_scope =
            |scope: &str| !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
        if text.contains("{!") {
            let message = "must not hold a formula; the `scope` of an external credential or of a principal may";
            return Err(Violation::new("default_scopes", "formula_not_here", message));
        }
        if !text.is_empty() && (text.len() > 4_096 || !text.split(' ').all(is_scope)) {
            let message = "must be scopes with single spaces between them, of visible ASCII without quotes and backslashes";
            return Err(Violation::new("default_scopes", "scope_format", message));
        }
        Ok(Self(text.into()))
    }

    /// As sent; `None` if there are none.
    pub fn as_text(&self) -> Option<&str> {
        Some(&*self.0).filter(|text| !text.is_empty())
    }

    /// Whether one of them is `scope`.
    pub fn holds(&self, scope: &str) -> bool {
        self.0.split(' ').any(|one| one == scope)
    }
}

impl TryFrom<String> for Scopes {
    type Error = Violation;

    fn try_from(text: String) -> Result<Self, Violation> {
        Self::parse(&text)
    }
}

impl From<Scopes> for String {
    fn from(scopes: Scopes) -> Self {
        scopes.0.into()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_kept_as_written() {
        for good in ["https://idp.test", "https://idp.test/", "https://IDP.test/tenant/v2.0"] {
            assert_eq!(Issuer::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "https://idp.test?x",
            "https://idp.test/#x",
            "idp.test",
            "https://a@idp.test",
            "https://idp.test/.well-known/openid-configuration",
        ] {
            assert_eq!(Issuer::parse(bad).unwrap_err().field, "issuer", "{bad}");
        }
    }

    #[test]
    fn scopes_are_those_of_rfc_6749() {
        assert_eq!(Scopes::parse("read api://x/.default").unwrap().as_text(), Some("read api://x/.default"));
        assert_eq!(Scopes::parse("").unwrap().as_text(), None);
        for bad in [" a", "a  b", "a ", "a\"b", "a\\b", "ä", "a\tb", "{!$User.Email}"] {
            assert!(Scopes::parse(bad).is_err(), "{bad:?}");
        }
    }
}
