//! The code that a browser brought back becomes a grant.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::Value;
use sortie_model::{AuthorizationServer, Secret, SecretBytes, ServiceUrl};
use zeroize::Zeroizing;

use super::{OAuthBrowser, client_authentication, origin};
use crate::grant::REFRESH_TOKEN;
use crate::login::{ACCOUNT_NAME, SUBJECT};
use crate::shared::form::Form;
use crate::shared::id_token::{self, Expected};
use crate::shared::request_parameters::{self, Purpose};
use crate::shared::token_endpoint::{self, Tokens};
use crate::shared::{client_auth, key_set};
use crate::{Account, Ask, Grant, LoginRequest, Material, ObtainError, Values, World, usable_provider};

/// Ten years: a token without an end and without a successor is good until somebody refuses it.
const UNTIL_REFUSED: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Longer account names are cut: they are for people.
const NAME_CHARACTERS: usize = 100;

pub(super) async fn redeem(
    protocol: &OAuthBrowser,
    world: &dyn World,
    material: Material<'_>,
    request: &LoginRequest<'_>,
    code: &Secret,
) -> Result<Grant, ObtainError> {
    let provider = usable_provider(protocol, material)?;
    let origin = origin(material, provider)?;
    let (client_id, client_secret) = (provider.value("client_id")?, provider.value("client_secret")?);
    // RFC 6749, section 4.1.3; RFC 7636, section 4.5.
    let form = Form::default()
        .with("grant_type", "authorization_code")
        .with("code", code.expose())
        .with("redirect_uri", request.redirect_uri)
        .with("code_verifier", request.code_verifier.expose());
    let mut headers = HeaderMap::new();
    let form = client_auth::apply(client_authentication(material, provider)?, client_id, client_secret, &mut headers, form)?;
    let (parameters, endpoint) = (&provider.server.parameters, &provider.server.token_endpoint);
    let (url, form) = request_parameters::add_to_request(parameters, Purpose::Token, endpoint, &mut headers, form)?;
    let confidential = [client_secret, code, request.code_verifier];
    let Tokens { mut grant, refresh_token, id_token } = token_endpoint::request_all(world, url, headers, form, &confidential).await?;
    grant.lifetime = lifetime(&grant, refresh_token.as_ref());
    origin.keep(&mut grant);
    let signed = match id_token {
        Some(token) => signed_account(world, provider.server, (&token, &grant), client_id, request).await?,
        None => None,
    };
    let said = match &provider.server.user_info_endpoint {
        Some(endpoint) => user_info(world, endpoint, &grant).await,
        None => None,
    };
    keep(signed.map(|signed| signed.completed(said.clone())).or(said), &mut grant.parts);
    grant.parts.extend(refresh_token.map(|token| (REFRESH_TOKEN.to_owned(), token)));
    Ok(grant)
}

/// A token of which the provider says no end, and that cannot be renewed, is kept until somebody refuses it: GitHub's and Slack's are like that.
pub(super) fn lifetime(grant: &Grant, refresh_token: Option<&Secret>) -> Option<Duration> {
    grant.lifetime.or_else(|| refresh_token.is_none().then_some(UNTIL_REFUSED))
}

/// Who has logged in, as the ID token says, if its issuer is known. A token that is not for this login ends it: the code may have been another's.
async fn signed_account(
    world: &dyn World,
    server: &AuthorizationServer,
    (token, grant): (&Secret, &Grant),
    client_id: &Secret,
    request: &LoginRequest<'_>,
) -> Result<Option<Account>, ObtainError> {
    let (Some(issuer), Some(endpoint)) = (&server.issuer, &server.key_set_endpoint) else { return Ok(None) };
    let keys = key_set::fetch(world, endpoint).await.map_err(|error| ObtainError::Unreachable { reason: error.to_string() })?;
    let expected = Expected {
        issuer: issuer.as_str(),
        client_id: client_id.expose(),
        nonce: Some(request.nonce.expose()),
        access_token: grant.parts.get("access_token"),
        algorithms: id_token::USUAL_ALGORITHMS,
    };
    let token = id_token::check(token.expose(), &keys, &expected, world.now())?;
    let name = ["preferred_username", "email", "name"].iter().find_map(|claim| plain(token.text(claim)?));
    Ok(Some(Account { subject: token.subject().to_owned(), name }))
}

impl Account {
    /// With the name that the user info endpoint says, if it speaks of the same person (OpenID Connect Core 1.0, section 5.3.2: else it "MUST NOT be used").
    fn completed(self, said: Option<Self>) -> Self {
        let said = said.filter(|said| said.subject == self.subject).and_then(|said| said.name);
        Self { name: self.name.or(said), ..self }
    }
}

fn keep(account: Option<Account>, parts: &mut Values) {
    if let Some(Account { subject, name }) = account {
        parts.insert(SUBJECT.to_owned(), Secret::new(subject));
        parts.extend(name.map(|name| (ACCOUNT_NAME.to_owned(), Secret::new(name))));
    }
}

/// Who has logged in, as the provider's user info endpoint says (OpenID Connect Core 1.0, section 5.3; others have the like). It is shown and compared with
/// the login before; a provider that does not say it gives tokens all the same.
async fn user_info(world: &dyn World, endpoint: &ServiceUrl, grant: &Grant) -> Option<Account> {
    let bearer = Zeroizing::new(format!("Bearer {}", grant.parts.get("access_token")?.expose()));
    let mut bearer = HeaderValue::from_bytes(bearer.as_bytes()).ok()?;
    bearer.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, bearer);
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let ask = Ask { method: Method::GET, url: endpoint.clone(), headers, body: SecretBytes::new(Vec::new()) };
    let answer = world.ask(ask).await.ok().filter(|answer| answer.status == StatusCode::OK)?;
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    // `sub` of OpenID Connect; `user_id` of Salesforce; `id` of GitHub, GitLab and Facebook, where it is a number.
    let subject = ["sub", "user_id", "id"].iter().find_map(|name| text_of(body.get(name)?))?;
    let name = ["preferred_username", "email", "login", "username", "name"].iter().find_map(|name| text_of(body.get(name)?));
    Some(Account { subject, name })
}

fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    plain(&text)
}

fn plain(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|character| !character.is_control()).take(NAME_CHARACTERS).collect();
    Some(plain).filter(|plain| !plain.is_empty())
}
