//! The head of a message: who says where its body ends, and what may not be said at all.

use http::header::{AUTHORIZATION, CONTENT_LENGTH, TRANSFER_ENCODING, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response, Version};
use http_body::Body;
use hyper::body::Incoming;
use sortie_callout::ForwardError;

use crate::answer_body::Afterwards;
use crate::request_body::RequestBody;

/// How an answer says where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// By its length, by its last chunk, or by having no body.
    Explicit,
    /// By closing the connection (RFC 9112, section 6.3, rule 8): a complete answer looks like one that was cut off.
    UntilClose,
}

/// How this answer, which has passed [`check_answer`], says where it ends.
pub(crate) fn framing(answer: &Response<Incoming>) -> Framing {
    let has_length = answer.body().is_end_stream() || answer.body().size_hint().exact().is_some();
    if has_length || answer.headers().contains_key(TRANSFER_ENCODING) { Framing::Explicit } else { Framing::UntilClose }
}

/// Leaves the framing to hyper, which derives it from the body: what the caller wrote about it described another message. Tells what becomes of the connection.
pub(crate) fn frame_request(request: &mut Request<RequestBody>) -> Afterwards {
    let (has_body, has_length) = (!request.body().is_end_stream(), request.body().size_hint().exact().is_some());
    let is_without_meaning = matches!(*request.method(), Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS);
    let headers = request.headers_mut();
    // Looking once at each name is less than looking these up.
    let (mut is_framed, mut afterwards) = (false, Afterwards::Reuse);
    for (name, value) in &*headers {
        match *name {
            CONTENT_LENGTH | TRANSFER_ENCODING => is_framed = true,
            AUTHORIZATION if is_bound_to_connection(value) => afterwards = Afterwards::Close,
            _ => {}
        }
    }
    if is_framed {
        headers.remove(CONTENT_LENGTH);
        headers.remove(TRANSFER_ENCODING);
    }
    if !has_body && !is_without_meaning {
        // RFC 9110, section 8.6: a method that gives a body a meaning says so when there is none; some servers insist (411).
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    if has_body && !has_length {
        // Without it hyper takes the body of a GET for a mistake and drops it.
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    *request.version_mut() = Version::HTTP_11;
    afterwards
}

/// Refuses an answer that another reader could take for a different one, or that ends HTTP on this connection. Tells what becomes of the connection otherwise.
pub(crate) fn check_answer(answer: &Response<Incoming>) -> Result<Afterwards, ForwardError> {
    let refuse = |reason: &str| Err(ForwardError::Protocol(reason.to_owned()));
    if answer.status().is_informational() {
        return refuse("it answered with a provisional status"); // UPG-07
    }
    let (mut codings, mut is_chunked, mut has_length, mut afterwards) = (0, true, false, Afterwards::Reuse);
    for (name, value) in answer.headers() {
        match *name {
            TRANSFER_ENCODING => {
                codings += 1;
                is_chunked &= value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
            }
            CONTENT_LENGTH => has_length = true,
            WWW_AUTHENTICATE if is_bound_to_connection(value) => afterwards = Afterwards::Close,
            _ => {}
        }
    }
    if codings > 0 && has_length {
        return refuse("the answer has both a length and a transfer coding"); // RSP-01; RFC 9112, section 6.3, rule 3
    }
    // We never ask for another coding (RFC 9112, section 7.4), and the caller would take it for content.
    if codings > 1 || !is_chunked {
        return refuse("the answer has a transfer coding other than chunked");
    }
    Ok(afterwards)
}

/// NTLM and Negotiate authenticate the connection, not the request (RFC 4559, section 6): after them it must serve nobody else.
fn is_bound_to_connection(value: &HeaderValue) -> bool {
    let begins_with = |scheme: &[u8]| value.as_bytes().get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    begins_with(b"ntlm") || begins_with(b"negotiate")
}
