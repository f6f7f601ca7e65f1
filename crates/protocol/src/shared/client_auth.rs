//! How a client proves itself to a token endpoint (RFC 6749, section 2.3.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, header};
pub use sortie_model::ClientAuthentication;
use sortie_model::Secret;
use zeroize::Zeroizing;

use super::form::{self, Form};
use crate::ObtainError;

/// Puts id and secret where they belong.
///
/// # Errors
/// Never for form-encoded credentials; plain ones may hold a byte that no header may hold.
pub fn apply(
    authentication: ClientAuthentication,
    client_id: &Secret,
    client_secret: &Secret,
    headers: &mut HeaderMap,
    form: Form,
) -> Result<Form, ObtainError> {
    match authentication {
        ClientAuthentication::BasicHeader => {
            headers.insert(header::AUTHORIZATION, basic(&form::encode(client_id.expose()), &form::encode(client_secret.expose()))?);
            Ok(form)
        }
        ClientAuthentication::PlainBasicHeader => {
            headers.insert(header::AUTHORIZATION, basic(client_id.expose(), client_secret.expose())?);
            Ok(form)
        }
        ClientAuthentication::Body => Ok(form.with("client_id", client_id.expose()).with("client_secret", client_secret.expose())),
    }
}

/// The setting holds a word that nobody knows: definitions are checked when they are saved.
pub fn unknown(field: &'static str) -> ObtainError {
    ObtainError::WrongConfiguration { field, problem: "is none of the known words".to_owned() }
}

fn basic(id: &str, secret: &str) -> Result<HeaderValue, ObtainError> {
    let pair = Zeroizing::new(format!("{id}:{secret}"));
    let text = Zeroizing::new(format!("Basic {}", Zeroizing::new(STANDARD.encode(pair.as_bytes())).as_str()));
    let mut value =
        HeaderValue::from_bytes(text.as_bytes()).map_err(|_| ObtainError::Malformed { what: "credentials that fit a header" })?;
    value.set_sensitive(true);
    Ok(value)
}
