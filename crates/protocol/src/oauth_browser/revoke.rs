//! The provider is told that a grant is not needed any more (RFC 7009).

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::json;
use sortie_model::{RevocationRequest, SecretBytes, ServiceUrl};

use super::account::bearer;
use super::client::Client;
use crate::grant::REFRESH_TOKEN;
use crate::shared::form::{self, Form};
use crate::{Ask, Grant, Material, NoLogin, ObtainError, Provider, ProviderError, Revoked, World};

pub(super) async fn revoke(
    world: &dyn World,
    material: Material<'_>,
    provider: Provider<'_>,
    grant: &Grant,
) -> Result<Revoked, ObtainError> {
    let Some(endpoint) = &provider.server.revocation_endpoint else { return Ok(Revoked::NotOffered) };
    let client = Client::of(world, material, provider)?;
    let answer = world.ask(question(provider.server.quirks.revocation, endpoint, &client, grant)?).await?;
    // Section 2.2: 200 also for a token that it does not know. Only a 503 asks us to try again (section 2.2.1).
    match answer.status {
        status if status.is_success() => Ok(Revoked::AtTheProvider),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(ObtainError::Unavailable { status: Some(status.as_u16()), retry_after: None })
        }
        status => Err(ObtainError::Refused(ProviderError { error: format!("status_{}", status.as_u16()), description: None })),
    }
}

fn question(how: RevocationRequest, endpoint: &ServiceUrl, client: &Client<'_>, grant: &Grant) -> Result<Ask, ObtainError> {
    let access_token = || grant.parts.get("access_token").ok_or(ObtainError::NotLoggedIn(NoLogin::Never));
    let as_user = |method| {
        let bearer = bearer(access_token()?).ok_or(ObtainError::Malformed { what: "a token that fits a header" })?;
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]);
        Ok(Ask { method, url: endpoint.clone(), headers, body: SecretBytes::new(Vec::new()) })
    };
    match how {
        RevocationRequest::Standard => {
            // Section 2.1: revoking the refresh token should end the access tokens too.
            let (token, hint) = match grant.parts.get(REFRESH_TOKEN) {
                Some(token) => (token, "refresh_token"),
                None => (access_token()?, "access_token"),
            };
            let form = Form::default().with("token", token.expose()).with("token_type_hint", hint);
            let mut headers = HeaderMap::new();
            let form = client.apply(&mut headers, form)?;
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form::MEDIA_TYPE));
            Ok(Ask { method: Method::POST, url: endpoint.clone(), headers, body: form.into_body() })
        }
        RevocationRequest::DeleteAsClient => {
            let mut headers = HeaderMap::new();
            client.apply_to_header(&mut headers)?;
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
            let body = json!({ "access_token": access_token()?.expose() }).to_string();
            Ok(Ask { method: Method::DELETE, url: of_client(endpoint, client)?, headers, body: SecretBytes::new(body.into_bytes()) })
        }
        RevocationRequest::DeleteAsUser => as_user(Method::DELETE),
        RevocationRequest::PostAsUser => as_user(Method::POST),
    }
}

/// The endpoint with the client's id in its path.
fn of_client(endpoint: &ServiceUrl, client: &Client<'_>) -> Result<ServiceUrl, ObtainError> {
    let url = endpoint.to_string().replace("{client_id}", form::encode(client.id.expose()).as_str());
    ServiceUrl::parse(&url)
        .map_err(|violation| ObtainError::WrongConfiguration { field: "revocation_endpoint", problem: violation.message })
}
