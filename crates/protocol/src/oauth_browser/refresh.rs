//! A refresh token becomes the next access token (RFC 6749, section 6).

use http::HeaderMap;

use super::{OAuthBrowser, client_authentication, fits, origin, redeem};
use crate::grant::REFRESH_TOKEN;
use crate::shared::client_auth;
use crate::shared::form::Form;
use crate::shared::request_parameters::{self, Purpose};
use crate::shared::token_endpoint::{self, Tokens};
use crate::{Grant, Material, NoLogin, ObtainError, World, usable_provider};

pub(super) async fn refresh(protocol: &OAuthBrowser, world: &dyn World, material: Material<'_>) -> Result<Grant, ObtainError> {
    let provider = usable_provider(protocol, material)?;
    let before = material.grant.ok_or(ObtainError::NotLoggedIn(NoLogin::Never))?;
    let origin = origin(material, provider)?;
    fits(&origin, before).map_err(ObtainError::NotLoggedIn)?;
    let refresh_token = before.parts.get(REFRESH_TOKEN).ok_or(ObtainError::NotLoggedIn(NoLogin::NoRefreshToken))?;
    let (client_id, client_secret) = (provider.value("client_id")?, provider.value("client_secret")?);
    // No scope: "if omitted is treated as equal to the scope originally granted", and some servers refuse any other.
    let form = Form::default().with("grant_type", "refresh_token").with("refresh_token", refresh_token.expose());
    let mut headers = HeaderMap::new();
    let form = client_auth::apply(client_authentication(material, provider)?, client_id, client_secret, &mut headers, form)?;
    let (parameters, endpoint) = (&provider.server.parameters, &provider.server.token_endpoint);
    let (url, form) = request_parameters::add_to_request(parameters, Purpose::Refresh, endpoint, &mut headers, form)?;
    let confidential = [client_secret, refresh_token];
    let Tokens { grant, refresh_token: successor, id_token: _ } =
        token_endpoint::request_all(world, url, headers, form, &confidential).await?;
    // What the answer leaves out stays as it was: the scope, the account, and a refresh token that is not replaced (TOK-10).
    let mut parts = before.parts.clone();
    parts.extend(grant.parts);
    parts.extend(successor.map(|token| (REFRESH_TOKEN.to_owned(), token)));
    let mut grant = Grant { parts, lifetime: grant.lifetime };
    grant.lifetime = redeem::lifetime(&grant, grant.parts.get(REFRESH_TOKEN));
    Ok(grant)
}
