//! What a file says of a provider, with what its issuer or its kind's preset says where the file does not.

use sortie_model::{
    AuthProvider, AuthProviderId, AuthProviderWishes, AuthorizationServer, ExternalAuthIdentityProvider, ExternalAuthIdentityProviderId,
    IdentityProvider, IdentityProviderKind, ServiceUrl, Violations,
};
use sortie_protocol::Discovered;

use super::Described;
use crate::manage::apply::scene::Scene;

/// The provider, or `None` if it cannot be.
pub(super) fn wanted(scene: &mut Scene<'_>, one: &Described<'_>, before: Option<&IdentityProvider>) -> Option<IdentityProvider> {
    let made = match one.kind {
        IdentityProviderKind::ExternalAuth => external_auth(scene, one, before)?,
        IdentityProviderKind::Auth => auth(scene, one, before)?,
    };
    match made {
        Ok(provider) => Some(provider),
        Err(violations) => {
            for violation in violations.0 {
                let violation = violation.within(&one.path);
                scene.refuse(&violation.field, violation.rule, violation.message);
            }
            None
        }
    }
}

/// `None`: its issuer said nothing usable, which has been reported.
fn external_auth(
    scene: &Scene<'_>,
    one: &Described<'_>,
    before: Option<&IdentityProvider>,
) -> Option<Result<IdentityProvider, Violations>> {
    let wanted = &scene.definition.external_auth_identity_providers[one.index];
    let discovered = scene.discovered.of_external_auth(one.index);
    let found = |of: fn(&Discovered) -> Option<&ServiceUrl>| discovered.and_then(of).cloned();
    let id = match before {
        Some(IdentityProvider::ExternalAuth(before)) => before.id,
        _ => ExternalAuthIdentityProviderId::from_uuid((scene.manage.new_id)()),
    };
    let mut provider = ExternalAuthIdentityProvider {
        id,
        name: wanted.name.clone(),
        label: wanted.label.clone(),
        description: wanted.description.clone(),
        flow: wanted.flow,
        server: AuthorizationServer {
            client_authentication: wanted.client_authentication,
            authorize_endpoint: wanted.authorize_endpoint.clone().or_else(|| found(|found| found.authorize_endpoint.as_ref())),
            user_info_endpoint: wanted.user_info_endpoint.clone().or_else(|| found(|found| found.user_info_endpoint.as_ref())),
            pushed_authorization_endpoint: wanted
                .pushed_authorization_endpoint
                .clone()
                .or_else(|| found(|found| found.pushed_authorization_endpoint.as_ref())),
            revocation_endpoint: wanted.revocation_endpoint.clone().or_else(|| found(|found| found.revocation_endpoint.as_ref())),
            key_set_endpoint: wanted.key_set_endpoint.clone().or_else(|| found(|found| found.key_set_endpoint.as_ref())),
            uses_pkce: wanted.uses_pkce,
            issuer_in_response: wanted.issuer_in_response.or(discovered.map(|found| found.issuer_in_response)).unwrap_or_default(),
            issuer: wanted.issuer.clone(),
            default_scopes: wanted.default_scopes.clone(),
            parameters: wanted.parameters.clone(),
            ..AuthorizationServer::at(wanted.token_endpoint.clone().or_else(|| found(|found| Some(&found.token_endpoint)))?)
        },
    };
    let checked = provider.check();
    // The order that counts, so that two spellings of the same definition are equal.
    provider.server.parameters.sort_by_key(|parameter| parameter.sequence_number);
    Some(checked.map(|()| provider.into()))
}

/// `None`: its issuer said nothing usable, which has been reported.
fn auth(scene: &Scene<'_>, one: &Described<'_>, before: Option<&IdentityProvider>) -> Option<Result<IdentityProvider, Violations>> {
    let wanted = &scene.definition.auth_providers[one.index];
    let discovered = scene.discovered.of_auth(one.index);
    if wanted.needs_discovery() && discovered.is_none() {
        return None;
    }
    let made = wanted.kind.preset().server(&with_discovered(&wanted.wishes, discovered));
    Some(made.and_then(|server| auth_of(scene, one, before, server)))
}

fn auth_of(
    scene: &Scene<'_>,
    one: &Described<'_>,
    before: Option<&IdentityProvider>,
    mut server: AuthorizationServer,
) -> Result<IdentityProvider, Violations> {
    let wanted = &scene.definition.auth_providers[one.index];
    server.parameters.sort_by_key(|parameter| parameter.sequence_number);
    let id = match before {
        Some(IdentityProvider::Auth(before)) => before.id,
        _ => AuthProviderId::from_uuid((scene.manage.new_id)()),
    };
    let provider = AuthProvider {
        id,
        name: wanted.name.clone(),
        label: wanted.label.clone(),
        description: wanted.description.clone(),
        kind: wanted.kind,
        settings: wanted.wishes.settings.clone(),
        error_url: wanted.error_url.clone(),
        logout_url: wanted.logout_url.clone(),
        icon_url: wanted.icon_url.clone(),
        salesforce: wanted.salesforce.clone(),
        server,
    };
    provider.check()?;
    Ok(provider.into())
}

/// What an issuer says is wished for where nothing else is.
fn with_discovered(wishes: &AuthProviderWishes, discovered: Option<&Discovered>) -> AuthProviderWishes {
    let mut wishes = wishes.clone();
    let Some(found) = discovered else { return wishes };
    let fill = |wish: &mut Option<ServiceUrl>, found: Option<&ServiceUrl>| *wish = wish.take().or_else(|| found.cloned());
    fill(&mut wishes.authorize_endpoint, found.authorize_endpoint.as_ref());
    fill(&mut wishes.token_endpoint, Some(&found.token_endpoint));
    fill(&mut wishes.user_info_endpoint, found.user_info_endpoint.as_ref());
    fill(&mut wishes.pushed_authorization_endpoint, found.pushed_authorization_endpoint.as_ref());
    fill(&mut wishes.revocation_endpoint, found.revocation_endpoint.as_ref());
    fill(&mut wishes.key_set_endpoint, found.key_set_endpoint.as_ref());
    wishes.issuer_in_response = wishes.issuer_in_response.or(Some(found.issuer_in_response));
    wishes.client_authentication = wishes.client_authentication.or(found.client_authentication);
    wishes
}
