//! How a client proves itself to a token endpoint (RFC 6749, section 2.3.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, header};
use sortie_model::Secret;
use zeroize::Zeroizing;

use super::form::{self, Form};
use crate::ObtainError;

/// Where id and secret stand in a token request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// `Authorization: Basic`, id and secret form-encoded first, as section 2.3.1 says. Servers that decode strictly (such as
    /// node's oidc-provider) refuse reserved characters otherwise.
    BasicHeader,
    /// `Authorization: Basic` over plain `id:secret`, for servers that never decode.
    PlainBasicHeader,
    /// `client_id` and `client_secret` in the body.
    Body,
}

impl ClientAuthentication {
    /// The words in definitions, the default first.
    pub const WORDS: &'static [&'static str] = &["basic", "basic_plain", "body"];

    /// Reads one of [`Self::WORDS`].
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "basic" => Some(Self::BasicHeader),
            "basic_plain" => Some(Self::PlainBasicHeader),
            "body" => Some(Self::Body),
            _ => None,
        }
    }

    /// Puts id and secret where they belong.
    ///
    /// # Errors
    /// Never for form-encoded credentials; plain ones may hold a byte that no header may hold.
    pub fn apply(self, client_id: &Secret, client_secret: &Secret, headers: &mut HeaderMap, form: Form) -> Result<Form, ObtainError> {
        match self {
            Self::BasicHeader => {
                headers.insert(header::AUTHORIZATION, basic(&form::encode(client_id.expose()), &form::encode(client_secret.expose()))?);
                Ok(form)
            }
            Self::PlainBasicHeader => {
                headers.insert(header::AUTHORIZATION, basic(client_id.expose(), client_secret.expose())?);
                Ok(form)
            }
            Self::Body => Ok(form.with("client_id", client_id.expose()).with("client_secret", client_secret.expose())),
        }
    }
}

fn basic(id: &str, secret: &str) -> Result<HeaderValue, ObtainError> {
    let pair = Zeroizing::new(format!("{id}:{secret}"));
    let text = Zeroizing::new(format!("Basic {}", Zeroizing::new(STANDARD.encode(pair.as_bytes())).as_str()));
    let mut value =
        HeaderValue::from_bytes(text.as_bytes()).map_err(|_| ObtainError::Malformed { what: "credentials that fit a header" })?;
    value.set_sensitive(true);
    Ok(value)
}
