//! The code that a browser brought back becomes a grant.

use std::time::Duration;

use http::HeaderMap;
use sortie_model::{ProofKey, Secret, TokenRenewal};

use super::client::Client;
use super::{LOGIN_REDIRECT_URI, account, authorize, binding, note_renewal, origin, refresh};
use crate::grant::REFRESH_TOKEN;
use crate::shared::form::Form;
use crate::shared::request_parameters::{self, Purpose};
use crate::shared::token_endpoint::{self, Dialect, TokenRequest, Tokens};
use crate::{Brought, Grant, LoginRequest, Material, ObtainError, Provider, World, note_account};

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
    let keys = account::keys(world, server).await?;
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
    if let Some(token) = id_token {
        let nonce = authorize::sends_nonce(material, provider).then_some(request.nonce);
        if let Some(signed) = account::signed(server, keys.as_ref(), (&token, &grant), (client.id, nonce), world.now())? {
            note_account(&mut grant, signed);
        }
    }
    grant.parts.extend(refresh_token.map(|token| (REFRESH_TOKEN.to_owned(), token)));
    match quirks.renewal {
        // The first one lives for an hour or two, and can be exchanged only while it lives: not every login has a callout that soon.
        TokenRenewal::AccessToken { .. } => Ok(refresh::refresh(world, material, provider, &grant).await.unwrap_or(grant)),
        TokenRenewal::RefreshToken | TokenRenewal::RefreshTokenWithRedirectUri => Ok(grant),
    }
}

/// A token of which the provider says no end, and that cannot be renewed, is kept until somebody refuses it: GitHub's and Slack's are like that.
pub(super) fn lifetime(grant: &Grant, refresh_token: Option<&Secret>) -> Option<Duration> {
    grant.lifetime.or_else(|| refresh_token.is_none().then_some(UNTIL_REFUSED))
}
