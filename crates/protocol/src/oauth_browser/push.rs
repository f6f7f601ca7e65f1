//! The parameters of a login go to the provider itself, which gives a name for them: the browser only sees the name, and changes nothing of what it stands for
//! (RFC 9126).

use http::HeaderMap;
use serde_json::Value;
use sortie_model::ServiceUrl;

use super::client::Client;
use crate::shared::form::Form;
use crate::shared::token_endpoint::{self, Dialect, TokenRequest};
use crate::{LoginRequest, Material, ObtainError, Provider, World};

/// 2,048: as in RFC 9126, the name has the form that the provider likes; a browser has to carry it.
const MAX_REQUEST_URI_BYTES: usize = 2_048;

/// Pushes, and gives what the browser takes along (section 4): `client_id` and `request_uri`, and nothing else.
pub(super) async fn push(
    world: &dyn World,
    (material, provider): (Material<'_>, Provider<'_>),
    endpoint: &ServiceUrl,
    request: &LoginRequest<'_>,
    parameters: Form,
) -> Result<Form, ObtainError> {
    let client = Client::of(world, material, provider)?;
    let mut headers = HeaderMap::new();
    // Section 2: "The rules for client authentication as defined in [RFC6749] for token endpoint requests [...] apply for the PAR endpoint as well."
    // Section 2.1: `client_id` is required, as in every authorization request, also beside credentials in a header.
    let form = client.apply_beside_id(&mut headers, parameters)?;
    let confidential = [client.secret(), request.state, request.nonce];
    let dialect = Dialect::of_renewal(&provider.server.quirks);
    let pushed = TokenRequest { url: endpoint.clone(), headers, form, confidential: &confidential, dialect, key: None };
    // Section 2.3: refusals are those of a token endpoint.
    let answer = token_endpoint::ask_form(world, pushed, "pushed_authorization_endpoint").await?;
    Ok(Form::default().with("client_id", client.id.expose()).with("request_uri", request_uri(&answer)?))
}

/// Section 2.2. How long it is good is not looked at: the browser goes there at once.
fn request_uri(answer: &Value) -> Result<&str, ObtainError> {
    let uri = answer.get("request_uri").and_then(Value::as_str).unwrap_or_default();
    let is_uri = (1..=MAX_REQUEST_URI_BYTES).contains(&uri.len()) && uri.bytes().all(|byte| byte.is_ascii_graphic());
    if is_uri { Ok(uri) } else { Err(ObtainError::Malformed { what: "a JSON object with `request_uri`" }) }
}
