//! The code that a browser brought back becomes a grant.

use std::time::Duration;

use http::HeaderMap;
use sortie_model::{ProofKey, Secret};

use super::client::Client;
use super::{LOGIN_REDIRECT_URI, account, binding, note_renewal, origin};
use crate::grant::REFRESH_TOKEN;
use crate::shared::form::Form;
use crate::shared::request_parameters::{self, Purpose};
use crate::shared::token_endpoint::{self, Dialect, TokenRequest, Tokens};
use crate::{Brought, Grant, LoginRequest, Material, ObtainError, Provider, World};

/// Ten years: a token without an end and without a successor is good until somebody refuses it.
const UNTIL_REFUSED: Duration = Duration::from_secs(10 * 365 * 86_400);

pub(super) async fn redeem(
    world: &dyn World,
    material: Material<'_>,
    provider: Provider<'_>,
    request: &LoginRequest<'_>,
    brought: &Brought,
) -> Result<Grant, ObtainError> {
    let (server, quirks) = (provider.server, &provider.server.quirks);
    let origin = origin(material, provider)?;
    let client = Client::of(world, material, provider)?;
    let key = binding::of_login(material, provider, request)?;
    let code = brought.get("code").ok_or(ObtainError::Malformed { what: "a browser that comes back with a code" })?;
    // RFC 6749, section 4.1.3; RFC 7636, section 4.5.
    let mut form =
        Form::default().with("grant_type", "authorization_code").with("code", code.expose()).with("redirect_uri", request.redirect_uri);
    if quirks.proof_key == ProofKey::Sent {
        form = form.with("code_verifier", request.code_verifier.expose());
    }
    let mut headers = HeaderMap::new();
    let form = client.apply(&mut headers, form)?;
    let (url, form) = request_parameters::add_to_request(&server.parameters, Purpose::Token, &server.token_endpoint, &mut headers, form)?;
    let confidential = [client.secret(), code, request.code_verifier];
    let dialect = Dialect::of_code(quirks);
    let request_to_server = TokenRequest { url, headers, form, confidential: &confidential, dialect, key: key.as_ref() };
    let Tokens { mut grant, refresh_token, id_token } = token_endpoint::request_all(world, request_to_server).await?;
    grant.lifetime = lifetime(&grant, refresh_token.as_ref());
    origin.keep(&mut grant);
    grant.parts.insert(LOGIN_REDIRECT_URI.to_owned(), Secret::new(request.redirect_uri));
    if key.is_some() {
        binding::keep(request.key_seed, &mut grant);
    }
    note_renewal(&quirks.renewal, &mut grant);
    let signed = match id_token {
        Some(token) => account::signed(world, server, (&token, &grant), client.id, request).await?,
        None => None,
    };
    let asked = account::asked(world, server, &client, &grant, key.as_ref()).await;
    account::keep(signed.map(|signed| signed.completed(asked.clone())).or(asked), &mut grant.parts);
    grant.parts.extend(refresh_token.map(|token| (REFRESH_TOKEN.to_owned(), token)));
    Ok(grant)
}

/// A token of which the provider says no end, and that cannot be renewed, is kept until somebody refuses it: GitHub's and Slack's are like that.
pub(super) fn lifetime(grant: &Grant, refresh_token: Option<&Secret>) -> Option<Duration> {
    grant.lifetime.or_else(|| refresh_token.is_none().then_some(UNTIL_REFUSED))
}
