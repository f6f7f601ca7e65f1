//! The provider is told that a grant is not needed any more (RFC 7009).

use http::{HeaderMap, HeaderValue, Method, header};

use super::{OAuthBrowser, client_authentication, origin};
use crate::grant::REFRESH_TOKEN;
use crate::shared::client_auth;
use crate::shared::form::{self, Form};
use crate::{Ask, Grant, Material, NoLogin, ObtainError, Revoked, World, usable_provider};

pub(super) async fn revoke(
    protocol: &OAuthBrowser,
    world: &dyn World,
    material: Material<'_>,
    grant: &Grant,
) -> Result<Revoked, ObtainError> {
    let provider = usable_provider(protocol, material)?;
    // A token goes to nobody but who gave it.
    let origin = origin(material, provider)?;
    if super::fits(&origin, grant) == Err(NoLogin::OtherProvider) {
        return Err(ObtainError::NotLoggedIn(NoLogin::OtherProvider));
    }
    let Some(endpoint) = &provider.server.revocation_endpoint else { return Ok(Revoked::NotOffered) };
    // Section 2.1: revoking the refresh token should end the access tokens too.
    let (token, hint) = match grant.parts.get(REFRESH_TOKEN) {
        Some(token) => (token, "refresh_token"),
        None => (grant.parts.get("access_token").ok_or(ObtainError::NotLoggedIn(NoLogin::Never))?, "access_token"),
    };
    let form = Form::default().with("token", token.expose()).with("token_type_hint", hint);
    let (client_id, client_secret) = (provider.value("client_id")?, provider.value("client_secret")?);
    let mut headers = HeaderMap::new();
    let form = client_auth::apply(client_authentication(material, provider)?, client_id, client_secret, &mut headers, form)?;
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form::MEDIA_TYPE));
    let answer = world.ask(Ask { method: Method::POST, url: endpoint.clone(), headers, body: form.into_body() }).await?;
    // Section 2.2: 200 also for a token that it does not know. Only a 503 asks us to try again (section 2.2.1).
    match answer.status {
        status if status.is_success() => Ok(Revoked::AtTheProvider),
        status if status.is_server_error() || status == http::StatusCode::TOO_MANY_REQUESTS => {
            Err(ObtainError::Unavailable { status: Some(status.as_u16()), retry_after: None })
        }
        status => Err(ObtainError::Refused(crate::ProviderError { error: format!("status_{}", status.as_u16()), description: None })),
    }
}
