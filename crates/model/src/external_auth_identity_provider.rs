//! External auth identity providers: where OAuth tokens come from, defined once for many external credentials.

use std::fmt;

use crate::{
    ApiName, ClientAuthentication, ExternalAuthIdentityProviderId, Label, ParameterPlace, RequestParameter, ServiceUrl, Violation,
    Violations,
};

/// Endpoints of an authorization server and how it wants to be asked. The client id and secret that belong to it are stored values, not part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalAuthIdentityProvider {
    /// Identity.
    pub id: ExternalAuthIdentityProviderId,
    /// Unique developer name.
    pub name: ApiName,
    /// Shown name.
    pub label: Label,
    /// What it is for.
    pub description: String,
    /// How tokens are obtained.
    pub flow: AuthenticationFlow,
    /// Where client id and secret stand in a token request, unless an external credential says otherwise.
    pub client_authentication: ClientAuthentication,
    /// Where users are sent to log in; the flow [`AuthenticationFlow::AuthorizationCode`] needs it.
    pub authorize_endpoint: Option<ServiceUrl>,
    /// Where tokens are asked for.
    pub token_endpoint: ServiceUrl,
    /// Where it says who a user is.
    pub user_info_endpoint: Option<ServiceUrl>,
    /// Whether authorization codes are protected by a proof key (RFC 7636).
    pub uses_pkce: bool,
    /// What it calls itself.
    pub issuer: Option<Issuer>,
    /// What is asked for where neither an external credential nor a principal has a scope.
    pub default_scopes: Scopes,
    /// What it wants besides, in the order of sending.
    pub parameters: Vec<RequestParameter>,
}

/// How tokens are obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthenticationFlow {
    /// Users log in with a browser (RFC 6749, section 4.1).
    AuthorizationCode,
    /// The client authenticates as itself (section 4.4).
    ClientCredentials,
}

impl AuthenticationFlow {
    /// Every flow.
    pub const ALL: [Self; 2] = [Self::AuthorizationCode, Self::ClientCredentials];

    /// As stored and as written in definitions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::ClientCredentials => "client_credentials",
        }
    }

    /// Reads the word of a definition.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flow| flow.as_str() == word)
    }
}

/// What an authorization server calls itself: a URL without query and fragment (RFC 8414, section 2), kept as written since it is compared exactly
/// (section 3.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

/// Scopes, separated by single spaces (RFC 6749, section 3.3); may be none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
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
}

impl ExternalAuthIdentityProvider {
    /// Rules that concern several fields; each of them alone is right.
    ///
    /// # Errors
    /// All violations, by field: `authorize_endpoint`, `request_parameters[1].name`.
    pub fn check(&self) -> Result<(), Violations> {
        let mut violations = Violations::default();
        if self.flow == AuthenticationFlow::AuthorizationCode && self.authorize_endpoint.is_none() {
            violations.0.push(Violation::required("authorize_endpoint"));
        }
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

    /// Whether tokens of the one could differ from tokens of the other. Names and descriptions tell a server nothing.
    pub fn asks_like(&self, other: &Self) -> bool {
        let Self {
            id: _,
            name: _,
            label: _,
            description: _,
            flow,
            client_authentication,
            authorize_endpoint,
            token_endpoint,
            user_info_endpoint,
            uses_pkce,
            issuer,
            default_scopes,
            parameters,
        } = self;
        let sent = |parameters: &[RequestParameter]| {
            parameters.iter().map(|one| (one.kind, one.name.clone(), one.value.clone())).collect::<Vec<_>>()
        };
        *flow == other.flow
            && *client_authentication == other.client_authentication
            && *authorize_endpoint == other.authorize_endpoint
            && *token_endpoint == other.token_endpoint
            && *user_info_endpoint == other.user_info_endpoint
            && *uses_pkce == other.uses_pkce
            && *issuer == other.issuer
            && *default_scopes == other.default_scopes
            && sent(parameters) == sent(&other.parameters)
    }
}

/// By the names as they stand there: one that is percent-encoded is not recognised.
fn has_in_query(endpoint: &ServiceUrl, name: &str) -> bool {
    let query = endpoint.path_and_query().split_once('?').map(|(_, query)| query).unwrap_or_default();
    query.split('&').any(|pair| pair.split_once('=').map_or(pair, |(name, _)| name) == name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ParameterKind;

    fn provider(token_endpoint: &str, parameters: Vec<RequestParameter>) -> ExternalAuthIdentityProvider {
        ExternalAuthIdentityProvider {
            id: ExternalAuthIdentityProviderId::from_uuid(Uuid::nil()),
            name: ApiName::parse("Okta").unwrap(),
            label: Label::parse("Okta").unwrap(),
            description: String::new(),
            flow: AuthenticationFlow::ClientCredentials,
            client_authentication: ClientAuthentication::default(),
            authorize_endpoint: None,
            token_endpoint: ServiceUrl::parse(token_endpoint).unwrap(),
            user_info_endpoint: None,
            uses_pkce: false,
            issuer: None,
            default_scopes: Scopes::default(),
            parameters,
        }
    }

    fn fields(provider: &ExternalAuthIdentityProvider) -> Vec<String> {
        let violations = provider.check().map_or_else(|violations| violations.0, |()| Vec::new());
        violations.into_iter().map(|violation| format!("{} {}", violation.field, violation.rule)).collect()
    }

    #[test]
    fn a_login_needs_a_place_to_log_in() {
        let mut browser = provider("https://idp.test/token", Vec::new());
        assert_eq!(fields(&browser), Vec::<String>::new());
        browser.flow = AuthenticationFlow::AuthorizationCode;
        assert_eq!(fields(&browser), ["authorize_endpoint required"]);
        browser.authorize_endpoint = Some(ServiceUrl::parse("https://idp.test/authorize").unwrap());
        assert_eq!(fields(&browser), Vec::<String>::new());
    }

    #[test]
    fn the_query_of_an_endpoint_counts_as_sent() {
        let tenant = |kind| RequestParameter::parse(kind, "tenant", "a", 1, "").unwrap();
        let all = vec![tenant(ParameterKind::AuthorizeQuery), tenant(ParameterKind::RefreshBody), tenant(ParameterKind::TokenHeader)];
        assert_eq!(fields(&provider("https://idp.test/token?tenant=b", all.clone())), ["request_parameters[1].name parameter_duplicate"]);
        assert_eq!(fields(&provider("https://idp.test/token?tenants=b", all)), Vec::<String>::new());
    }

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

    #[test]
    fn a_new_label_asks_alike_and_another_audience_does_not() {
        let audience =
            |value, description| vec![RequestParameter::parse(ParameterKind::TokenBody, "audience", value, 1, description).unwrap()];
        let before = provider("https://idp.test/token", audience("a", ""));
        let renamed = ExternalAuthIdentityProvider {
            label: Label::parse("Other").unwrap(),
            ..provider("https://idp.test/token", audience("a", "why"))
        };
        assert!(before.asks_like(&renamed));
        assert!(!before.asks_like(&provider("https://idp.test/token", audience("b", ""))));
        assert!(!before.asks_like(&provider("https://idp.test/token/", audience("a", ""))));
    }
}
