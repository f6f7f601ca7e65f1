//! Custom request parameters on their way into a request.

use http::{HeaderMap, HeaderName, HeaderValue};
use sortie_model::{ParameterPlace, RequestParameter, ServiceUrl};

use super::form::Form;
use crate::ObtainError;

/// The requests that custom parameters are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A browser is sent to log in.
    Authorize,
    /// A token is asked for.
    Token,
    /// A token is asked for with a refresh token.
    Refresh,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Token => "token",
            Self::Refresh => "refresh",
        }
    }
}

/// Those of one request, in their order.
pub fn of(parameters: &[RequestParameter], purpose: Purpose) -> impl Iterator<Item = &RequestParameter> {
    parameters.iter().filter(move |parameter| parameter.kind.request() == purpose.as_str())
}

/// Adds those of one request, in their order: to the endpoint's query, to the headers, and behind what the form has already.
///
/// # Errors
/// A header that cannot be sent. Definitions are checked when they are saved.
pub fn add_to_request(
    parameters: &[RequestParameter],
    purpose: Purpose,
    endpoint: &ServiceUrl,
    headers: &mut HeaderMap,
    mut form: Form,
) -> Result<(ServiceUrl, Form), ObtainError> {
    let mut query = Form::default();
    for RequestParameter { kind, name, value, .. } in of(parameters, purpose) {
        match kind.place() {
            ParameterPlace::Query => query = query.with(name, value),
            ParameterPlace::Body => form = form.with(name, value),
            ParameterPlace::Header => {
                let (name, value) = header(name, value)?;
                headers.append(name, value);
            }
        }
    }
    Ok((endpoint.with_query(query.as_str()), form))
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), ObtainError> {
    match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
        (Ok(name), Ok(value)) => Ok((name, value)),
        _ => Err(ObtainError::WrongConfiguration { field: "request_parameters", problem: "hold a header that cannot be sent".to_owned() }),
    }
}
