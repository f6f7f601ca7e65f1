#![doc = include_str!("README.md")]

mod redeem;
mod refresh;
mod revoke;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sortie_model::{AuthenticationFlow, IdentityType, Secret, ServiceUrl};

use crate::grant::REFRESH_TOKEN;
use crate::shared::form::Form;
use crate::shared::request_parameters::{self, Purpose};
use crate::shared::{client_auth, oauth};
use crate::{
    Field, Grant, Kind, Login, LoginRequest, Material, Need, NoLogin, ObtainError, Pending, Proof, ProveError, Provider, Renewal, Revoked,
    World, usable_provider,
};

/// A person logs in with a browser, once; tokens are renewed from then on.
#[derive(Debug)]
pub(crate) struct OAuthBrowser;

const CLIENT_AUTHENTICATION: &str = "client_authentication";

const FIELDS: &[Field] = &[
    Field::setting(
        "external_auth_identity_provider",
        "External Auth Identity Provider",
        Need::Required,
        Kind::IdentityProvider(AuthenticationFlow::AuthorizationCode),
        "The provider at which people log in.",
    ),
    oauth::SCOPE,
    Field::setting(
        CLIENT_AUTHENTICATION,
        "Pass client credentials in",
        Need::Optional,
        Kind::Choice(sortie_model::ClientAuthentication::WORDS),
        "Where client id and secret stand in a token request; left out, what the provider says.",
    ),
];

/// Parts of a grant that say what it was asked for, so that a change of the definition is noticed: a token goes to nobody but who gave it.
const LOGIN_ENDPOINT: &str = "login_token_endpoint";
const LOGIN_CLIENT: &str = "login_client_id";
const LOGIN_SCOPE: &str = "login_scope";

impl crate::Protocol for OAuthBrowser {
    fn name(&self) -> &'static str {
        "oauth_browser"
    }

    fn title(&self) -> &'static str {
        "OAuth 2.0: Browser Flow"
    }

    fn identity_types(&self) -> &'static [IdentityType] {
        &[IdentityType::Named, IdentityType::PerUser]
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn header_names(&self) -> &'static [&'static str] {
        &["authorization"]
    }

    fn renewal(&self) -> Renewal {
        Renewal::Renewable
    }

    fn login(&self) -> Option<&dyn Login> {
        Some(self)
    }

    fn asks<'a>(&self, material: Material<'a>) -> Option<Cow<'a, str>> {
        material.provider.map(|provider| Cow::Owned(provider.server.token_endpoint.to_string()))
    }

    fn obtain<'a>(&'a self, world: &'a dyn World, material: Material<'a>) -> Pending<'a, Result<Grant, ObtainError>> {
        Box::pin(refresh::refresh(self, world, material))
    }

    fn prove(&self, material: Material<'_>) -> Result<Proof, ProveError> {
        oauth::bearer(material)
    }
}

impl Login for OAuthBrowser {
    fn authorize_url(&self, material: Material<'_>, request: &LoginRequest<'_>) -> Result<ServiceUrl, ObtainError> {
        let provider = usable_provider(self, material)?;
        let wrong = |problem: &str| ObtainError::WrongConfiguration { field: FIELDS[0].name, problem: problem.to_owned() };
        let endpoint =
            provider.server.authorize_endpoint.as_ref().ok_or_else(|| wrong("names a provider without an authorize endpoint"))?;
        // RFC 6749, section 4.1.1; RFC 7636, section 4.3. The endpoint may have a query of its own, which is kept (section 3.1).
        let mut query = Form::default()
            .with("response_type", "code")
            .with("client_id", provider.value("client_id")?.expose())
            .with("redirect_uri", request.redirect_uri)
            .with("state", request.state.expose())
            .with("code_challenge", &challenge(request.code_verifier))
            .with("code_challenge_method", "S256");
        let scope = oauth::scope_or(material, provider.server.default_scopes.as_text());
        if let Some(scope) = scope {
            query = query.with("scope", scope);
        }
        if is_openid(scope) {
            query = query.with("nonce", request.nonce.expose());
        }
        for parameter in request_parameters::of(&provider.server.parameters, Purpose::Authorize) {
            query = query.with(&parameter.name, &parameter.value);
        }
        Ok(endpoint.with_query(query.as_str()))
    }

    fn redeem<'a>(
        &'a self,
        world: &'a dyn World,
        material: Material<'a>,
        request: &'a LoginRequest<'a>,
        code: &'a Secret,
    ) -> Pending<'a, Result<Grant, ObtainError>> {
        Box::pin(redeem::redeem(self, world, material, request, code))
    }

    fn still_fits(&self, material: Material<'_>, grant: &Grant) -> Result<(), NoLogin> {
        let provider = usable_provider(self, material).map_err(|_| NoLogin::OtherProvider)?;
        fits(&origin(material, provider).map_err(|_| NoLogin::OtherProvider)?, grant)
    }

    fn can_renew(&self, grant: &Grant) -> bool {
        grant.parts.contains_key(REFRESH_TOKEN)
    }

    fn revoke<'a>(&'a self, world: &'a dyn World, material: Material<'a>, grant: &'a Grant) -> Pending<'a, Result<Revoked, ObtainError>> {
        Box::pin(revoke::revoke(self, world, material, grant))
    }
}

/// What a grant is asked for, to be kept with it.
struct Origin<'a> {
    endpoint: String,
    client_id: &'a Secret,
    scope: &'a str,
}

fn origin<'a>(material: Material<'a>, provider: Provider<'a>) -> Result<Origin<'a>, ObtainError> {
    Ok(Origin {
        endpoint: provider.server.token_endpoint.to_string(),
        client_id: provider.value("client_id")?,
        scope: oauth::scope_or(material, provider.server.default_scopes.as_text()).unwrap_or_default(),
    })
}

impl Origin<'_> {
    fn keep(&self, grant: &mut Grant) {
        grant.parts.insert(LOGIN_ENDPOINT.to_owned(), Secret::new(self.endpoint.as_str()));
        grant.parts.insert(LOGIN_CLIENT.to_owned(), self.client_id.clone());
        grant.parts.insert(LOGIN_SCOPE.to_owned(), Secret::new(self.scope));
    }
}

fn fits(origin: &Origin<'_>, grant: &Grant) -> Result<(), NoLogin> {
    let is = |name: &str, text: &str| grant.parts.get(name).is_some_and(|part| part.expose() == text);
    if !is(LOGIN_ENDPOINT, &origin.endpoint) || !is(LOGIN_CLIENT, origin.client_id.expose()) {
        return Err(NoLogin::OtherProvider);
    }
    if is(LOGIN_SCOPE, origin.scope) { Ok(()) } else { Err(NoLogin::OtherScope) }
}

/// Where id and secret of the client stand.
fn client_authentication(material: Material<'_>, provider: Provider<'_>) -> Result<sortie_model::ClientAuthentication, ObtainError> {
    match material.setting(CLIENT_AUTHENTICATION) {
        None => Ok(provider.server.client_authentication),
        Some(word) => sortie_model::ClientAuthentication::parse(word).ok_or_else(|| client_auth::unknown(CLIENT_AUTHENTICATION)),
    }
}

/// RFC 7636, section 4.2.
fn challenge(code_verifier: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, code_verifier.expose().as_bytes()))
}

/// OpenID Connect Core 1.0, section 3.1.2.1: "OpenID Connect requests MUST contain the openid scope value".
fn is_openid(scope: Option<&str>) -> bool {
    scope.is_some_and(|scope| scope.split(' ').any(|one| one == "openid"))
}
