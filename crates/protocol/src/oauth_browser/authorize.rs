//! Where the browser is sent (RFC 6749, section 4.1.1).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sortie_model::{Nonce, ProofKey, Secret, ServiceUrl};

use super::{binding, push};
use crate::shared::form::Form;
use crate::shared::oauth;
use crate::shared::request_parameters::{self, Purpose};
use crate::{LoginRequest, Material, ObtainError, Provider, World};

pub(super) async fn url(
    world: &dyn World,
    material: Material<'_>,
    provider: Provider<'_>,
    request: &LoginRequest<'_>,
) -> Result<ServiceUrl, ObtainError> {
    let wrong = || ObtainError::WrongConfiguration {
        field: super::PROVIDER.name,
        problem: "names a provider without an authorize endpoint".to_owned(),
    };
    // The endpoint may have a query of its own, which is kept (section 3.1).
    let endpoint = provider.server.authorize_endpoint.as_ref().ok_or_else(wrong)?;
    let parameters = parameters(material, provider, request)?;
    let query = match &provider.server.pushed_authorization_endpoint {
        None => parameters,
        Some(pushed) => push::push(world, (material, provider), pushed, request, parameters).await?,
    };
    Ok(endpoint.with_query(query.as_str()))
}

fn parameters(material: Material<'_>, provider: Provider<'_>, request: &LoginRequest<'_>) -> Result<Form, ObtainError> {
    let (server, quirks) = (provider.server, &provider.server.quirks);
    let mut query = Form::default()
        .with("response_type", "code")
        .with("client_id", provider.value("client_id")?.expose())
        .with("redirect_uri", request.redirect_uri)
        .with("state", request.state.expose());
    if quirks.proof_key == ProofKey::Sent {
        query = query.with("code_challenge", &challenge(request.code_verifier)).with("code_challenge_method", "S256");
    }
    let scope = oauth::scope_or(material, server.default_scopes.as_text());
    if let Some(scope) = scope {
        query = query.with(quirks.scope_parameter.as_str(), &quirks.scope_separator.join(scope));
    }
    if sends_nonce(material, provider) {
        query = query.with("nonce", request.nonce.expose());
    }
    if let Some(key) = binding::of_login(material, provider, request)? {
        // RFC 9449, section 10: whoever gets hold of the code cannot redeem it without the key.
        query = query.with("dpop_jkt", &key.thumbprint());
    }
    for parameter in request_parameters::of(&server.parameters, Purpose::Authorize) {
        query = query.with(&parameter.name, &parameter.value);
    }
    Ok(query)
}

/// Whether an ID token is expected that repeats a nonce. Apple gives one without being asked for it.
pub(super) fn sends_nonce(material: Material<'_>, provider: Provider<'_>) -> bool {
    let server = provider.server;
    let is_asked_for = match oauth::scope_or(material, server.default_scopes.as_text()) {
        // OpenID Connect Core 1.0, section 3.1.2.1: "OpenID Connect requests MUST contain the openid scope value".
        Some(scope) => scope.split(' ').any(|one| one == "openid"),
        None => server.key_set_endpoint.is_some(),
    };
    is_asked_for && server.quirks.nonce == Nonce::Repeated
}

/// RFC 7636, section 4.2.
pub(super) fn challenge(code_verifier: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, code_verifier.expose().as_bytes()))
}
