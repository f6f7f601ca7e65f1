//! The same steps at a provider that is somebody's program.

use sortie_model::{Secret, ServiceUrl};

use super::{account, authorize, origin, redeem, refresh};
use crate::grant::{LOGIN_RENEWAL, REFRESH_TOKEN};
use crate::shared::oauth;
use crate::shared::plugin::{Callback, PluginClient, Start};
use crate::{Account, Brought, Grant, LoginRequest, Material, ObtainError, Provider, Revoked, World};

pub(super) async fn authorize_url(
    world: &dyn World,
    material: Material<'_>,
    provider: Provider<'_>,
    request: &LoginRequest<'_>,
) -> Result<ServiceUrl, ObtainError> {
    let start = Start {
        redirect_uri: request.redirect_uri,
        state: request.state,
        scope: scope(material, provider),
        code_challenge: &authorize::challenge(request.code_verifier),
        nonce: request.nonce,
    };
    PluginClient::of(world, provider)?.start(start).await
}

pub(super) async fn redeem(
    world: &dyn World,
    material: Material<'_>,
    provider: Provider<'_>,
    request: &LoginRequest<'_>,
    brought: &Brought,
) -> Result<Grant, ObtainError> {
    let client = PluginClient::of(world, provider)?;
    let callback = Callback {
        redirect_uri: request.redirect_uri,
        parameters: brought,
        scope: scope(material, provider),
        code_verifier: request.code_verifier,
        nonce: request.nonce,
    };
    let tokens = client.callback(callback).await?;
    let mut grant = tokens.grant;
    origin(material, provider)?.keep(&mut grant);
    // It may be able to give new tokens without a refresh token: it knows.
    if grant.lifetime.is_some() {
        grant.parts.insert(LOGIN_RENEWAL.to_owned(), Secret::new("plugin"));
    }
    grant.lifetime = redeem::lifetime(&grant, tokens.refresh_token.as_ref());
    grant.parts.extend(tokens.refresh_token.map(|token| (REFRESH_TOKEN.to_owned(), token)));
    Ok(grant)
}

pub(super) async fn account(world: &dyn World, provider: Provider<'_>, grant: &Grant) -> Option<Account> {
    let said = PluginClient::of(world, provider).ok()?.user_info(grant.parts.get("access_token")?).await.ok()??;
    account::shown(said)
}

pub(super) async fn refresh(
    world: &dyn World,
    material: Material<'_>,
    provider: Provider<'_>,
    before: &Grant,
) -> Result<Grant, ObtainError> {
    let (refresh_token, access_token) = (before.parts.get(REFRESH_TOKEN), before.parts.get("access_token"));
    let renewed = PluginClient::of(world, provider)?.refresh(refresh_token, access_token, scope(material, provider)).await?;
    Ok(refresh::next(before, renewed))
}

pub(super) async fn revoke(world: &dyn World, provider: Provider<'_>, grant: &Grant) -> Result<Revoked, ObtainError> {
    let (refresh_token, access_token) = (grant.parts.get(REFRESH_TOKEN), grant.parts.get("access_token"));
    PluginClient::of(world, provider)?.revoke(refresh_token, access_token).await.map(|()| Revoked::AtTheProvider)
}

fn scope<'a>(material: Material<'a>, provider: Provider<'a>) -> Option<&'a str> {
    oauth::scope_or(material, provider.server.default_scopes.as_text())
}
