//! Who has logged in, as far as the provider says.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::Value;
use sortie_model::{AuthorizationServer, Secret, SecretBytes, ServiceUrl, Timestamp, UserInfoRequest};
use zeroize::Zeroizing;

use super::client::Client;
use crate::shared::form::{self, Form};
use crate::shared::id_token::{self, Expected};
use crate::shared::key_set::{self, KeySet, KeySetError};
use crate::shared::possession::{self, PossessionKey};
use crate::{Account, Ask, Grant, ObtainError, Proof, World};

/// OpenID Connect Core 1.0, section 2: `sub` "MUST NOT exceed 255 ASCII characters in length".
const SUBJECT_BYTES: usize = 255;

/// Longer account names are cut: they are for people.
const NAME_CHARACTERS: usize = 100;

/// The keys that ID tokens are checked with, if it is known whose and where. Fetched before the code is redeemed: it is good once.
pub(super) async fn keys(world: &dyn World, server: &AuthorizationServer) -> Result<Option<KeySet>, ObtainError> {
    let (Some(_), Some(endpoint)) = (&server.issuer, &server.key_set_endpoint) else { return Ok(None) };
    key_set::fetch(world, endpoint).await.map(Some).map_err(|error| match error {
        KeySetError::Unreachable { source, .. } => source.into(),
        KeySetError::Refused { .. } | KeySetError::NoKeySet { .. } => {
            ObtainError::WrongConfiguration { field: "key_set_endpoint", problem: format!("of the provider is wrong: {error}") }
        }
    })
}

/// Who has logged in, as the ID token says, if its issuer is known. A token that is not for this login ends it: the code may have been another's.
pub(super) fn signed(
    server: &AuthorizationServer,
    keys: Option<&KeySet>,
    (token, grant): (&Secret, &Grant),
    (client_id, nonce): (&Secret, Option<&Secret>),
    now: Timestamp,
) -> Result<Option<Account>, ObtainError> {
    let (Some(issuer), Some(keys)) = (&server.issuer, keys) else { return Ok(None) };
    let expected = Expected {
        issuer: issuer.as_str(),
        client_id: client_id.expose(),
        nonce: nonce.map(Secret::expose),
        access_token: grant.parts.get("access_token"),
        algorithms: id_token::USUAL_ALGORITHMS,
    };
    let token = id_token::check(token.expose(), keys, &expected, now)?;
    let name = ["preferred_username", "email", "name"].iter().find_map(|claim| plain(token.text(claim)?));
    Ok(Some(Account { subject: token.subject().to_owned(), name }))
}

/// Who has logged in, as the provider says when it is asked (OpenID Connect Core 1.0, section 5.3; others have the like). It is shown and compared with the
/// login before; a provider that does not say it gives tokens all the same.
pub(super) async fn asked(
    world: &dyn World,
    server: &AuthorizationServer,
    client: &Client<'_>,
    grant: &Grant,
    key: Option<&PossessionKey>,
) -> Option<Account> {
    let (endpoint, token) = (server.user_info_endpoint.as_ref()?, grant.parts.get("access_token")?);
    let mut ask = question(server.quirks.user_info, endpoint, client, token)?;
    // A bound token is presented with a proof. Whoever is asked in another way is not shown it as the user's.
    let key = key.filter(|_| server.quirks.user_info == UserInfoRequest::TokenInHeader);
    if key.is_some() {
        for (name, value) in Proof::authorization("DPoP", token).ok()?.placed() {
            ask.headers.insert(name, value.clone());
        }
    }
    let answer = possession::ask(world, ask, key, Some(token)).await.ok().filter(|answer| answer.status == StatusCode::OK)?;
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    let (subject, name) = server.quirks.account.of(&body).or_else(|| usual(&body))?;
    shown(Account { subject, name })
}

/// What servers call it that keep to no standard, of which nothing is known but their endpoints.
fn usual(body: &Value) -> Option<(String, Option<String>)> {
    let text = |name: &&str| match body.get(*name)? {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    Some((["user_id", "id"].iter().find_map(text)?, ["email", "login", "username", "name"].iter().find_map(text)))
}

fn question(how: UserInfoRequest, endpoint: &ServiceUrl, client: &Client<'_>, token: &Secret) -> Option<Ask> {
    let mut headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("application/json"))]);
    let nothing = SecretBytes::new(Vec::new());
    Some(match how {
        UserInfoRequest::TokenInHeader => {
            headers.insert(header::AUTHORIZATION, bearer(token)?);
            Ask { method: Method::GET, url: endpoint.clone(), headers, body: nothing }
        }
        UserInfoRequest::TokenInQuery => {
            let url = endpoint.with_query(Form::default().with("access_token", token.expose()).as_str());
            Ask { method: Method::GET, url, headers, body: nothing }
        }
        UserInfoRequest::Introspection => {
            let form = client.apply(&mut headers, Form::default().with("token", token.expose())).ok()?;
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form::MEDIA_TYPE));
            Ask { method: Method::POST, url: endpoint.clone(), headers, body: form.into_body() }
        }
    })
}

/// RFC 6750, section 2.1.
pub(super) fn bearer(token: &Secret) -> Option<HeaderValue> {
    let bearer = Zeroizing::new(format!("Bearer {}", token.expose()));
    let mut bearer = HeaderValue::from_bytes(bearer.as_bytes()).ok()?;
    bearer.set_sensitive(true);
    Some(bearer)
}

/// As it may be shown. A subject is compared, so it is whole or nothing.
pub(super) fn shown(account: Account) -> Option<Account> {
    let Account { subject, name } = account;
    let is_plain = (1..=SUBJECT_BYTES).contains(&subject.len()) && !subject.contains(char::is_control);
    is_plain.then(|| Account { subject, name: name.and_then(|name| plain(&name)) })
}

fn plain(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|character| !character.is_control()).take(NAME_CHARACTERS).collect();
    Some(plain).filter(|plain| !plain.is_empty())
}
