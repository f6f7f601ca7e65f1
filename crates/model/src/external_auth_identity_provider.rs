//! External auth identity providers: where OAuth tokens come from, defined once for many external credentials.

use crate::{ApiName, AuthorizationServer, ExternalAuthIdentityProviderId, Label, Violation, Violations};

/// An authorization server with a name. The client id and secret that belong to it are stored values, not part of it.
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
    /// Whom it stands for.
    pub server: AuthorizationServer,
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

impl ExternalAuthIdentityProvider {
    /// Rules that concern several fields; each of them alone is right.
    ///
    /// # Errors
    /// All violations, by field: `authorize_endpoint`, `request_parameters[1].name`.
    pub fn check(&self) -> Result<(), Violations> {
        let mut violations = self.server.check().err().unwrap_or_default();
        if self.flow == AuthenticationFlow::AuthorizationCode && self.server.authorize_endpoint.is_none() {
            violations.0.insert(0, Violation::required("authorize_endpoint"));
        }
        violations.or(())
    }

    /// Whether tokens of the one could differ from tokens of the other. Names and descriptions tell a server nothing.
    pub fn asks_like(&self, other: &Self) -> bool {
        self.flow == other.flow && self.server.asks_like(&other.server)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{ParameterKind, RequestParameter, ServiceUrl};

    fn provider(token_endpoint: &str, parameters: Vec<RequestParameter>) -> ExternalAuthIdentityProvider {
        ExternalAuthIdentityProvider {
            id: ExternalAuthIdentityProviderId::from_uuid(Uuid::nil()),
            name: ApiName::parse("Okta").unwrap(),
            label: Label::parse("Okta").unwrap(),
            description: String::new(),
            flow: AuthenticationFlow::ClientCredentials,
            server: AuthorizationServer { parameters, ..AuthorizationServer::at(ServiceUrl::parse(token_endpoint).unwrap()) },
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
        browser.server.authorize_endpoint = Some(ServiceUrl::parse("https://idp.test/authorize").unwrap());
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
