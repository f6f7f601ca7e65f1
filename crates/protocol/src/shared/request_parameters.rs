//! Custom request parameters on their way into a request.

use http::{HeaderMap, HeaderName, HeaderValue};
use sortie_model::{ParameterKind, RequestParameter, ServiceUrl};

use super::form::Form;
use crate::ObtainError;

/// Adds those of the token request, in their order: to the endpoint's query, to the headers, and behind what the form has already.
///
/// # Errors
/// A header that cannot be sent. Definitions are checked when they are saved.
pub fn add_to_token_request(
    parameters: &[RequestParameter],
    endpoint: &ServiceUrl,
    headers: &mut HeaderMap,
    mut form: Form,
) -> Result<(ServiceUrl, Form), ObtainError> {
    let mut query = Form::default();
    for RequestParameter { kind, name, value, sequence_number: _, description: _ } in parameters {
        match kind {
            ParameterKind::TokenQuery => query = query.with(name, value),
            ParameterKind::TokenBody => form = form.with(name, value),
            ParameterKind::TokenHeader => {
                let (name, value) = header(name, value)?;
                headers.append(name, value);
            }
            // Of requests that are not made here.
            ParameterKind::AuthorizeQuery | ParameterKind::RefreshQuery | ParameterKind::RefreshBody | ParameterKind::RefreshHeader => {}
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
