//! A refresh token becomes the next access token (RFC 6749, section 6).

use http::HeaderMap;
use sortie_model::{Quirks, Secret, TokenRenewal};

use super::client::Client;
use super::{LOGIN_REDIRECT_URI, binding, redeem};
use crate::grant::REFRESH_TOKEN;
use crate::shared::form::Form;
use crate::shared::request_parameters::{self, Purpose};
use crate::shared::token_endpoint::{self, Dialect, TokenRequest, Tokens};
use crate::{Grant, Material, NoLogin, ObtainError, Provider, World};

pub(super) async fn refresh(
    world: &dyn World,
    material: Material<'_>,
    provider: Provider<'_>,
    before: &Grant,
) -> Result<Grant, ObtainError> {
    let server = provider.server;
    let (token, form) = question(&server.quirks, before)?;
    let client = Client::of(world, material, provider)?;
    let mut headers = HeaderMap::new();
    let form = client.apply(&mut headers, form)?;
    let (url, form) = request_parameters::add_to_request(&server.parameters, Purpose::Refresh, &server.token_endpoint, &mut headers, form)?;
    let key = binding::of_grant(before)?;
    let confidential = [client.secret(), token];
    let dialect = Dialect::of_renewal(&server.quirks);
    let request = TokenRequest { url, headers, form, confidential: &confidential, dialect, key: key.as_ref() };
    Ok(next(before, token_endpoint::request_all(world, request).await?))
}

/// What the next token is asked for with. No scope: "if omitted is treated as equal to the scope originally granted", and some servers refuse any other.
fn question<'a>(quirks: &Quirks, before: &'a Grant) -> Result<(&'a Secret, Form), ObtainError> {
    let part = |name: &str| before.parts.get(name).ok_or(ObtainError::NotLoggedIn(NoLogin::NoRefreshToken));
    if let TokenRenewal::AccessToken { grant_type } = &quirks.renewal {
        let token = part("access_token")?;
        return Ok((token, Form::default().with("grant_type", grant_type).with(grant_type, token.expose())));
    }
    let token = part(REFRESH_TOKEN)?;
    let form = Form::default().with("grant_type", "refresh_token").with(REFRESH_TOKEN, token.expose());
    match &quirks.renewal {
        TokenRenewal::RefreshTokenWithRedirectUri => Ok((token, form.with("redirect_uri", part(LOGIN_REDIRECT_URI)?.expose()))),
        TokenRenewal::RefreshToken | TokenRenewal::AccessToken { .. } => Ok((token, form)),
    }
}

/// The grant after a renewal. What the answer leaves out stays as it was: the scope, the account, and a refresh token that is not replaced (TOK-10).
pub(super) fn next(before: &Grant, renewed: Tokens) -> Grant {
    let Tokens { grant, refresh_token: successor, id_token: _ } = renewed;
    let mut parts = before.parts.clone();
    parts.extend(grant.parts);
    parts.extend(successor.map(|token| (REFRESH_TOKEN.to_owned(), token)));
    let mut grant = Grant { parts, lifetime: grant.lifetime };
    grant.lifetime = redeem::lifetime(&grant, grant.parts.get(REFRESH_TOKEN));
    grant
}
