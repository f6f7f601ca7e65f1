//! Amazon's errors: the code, wherever a service writes it, and those that say that a session has ended.

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::staleness::{Finding, Staleness};

/// Where services of the JSON protocols write the code (Smithy specification, "AWS JSON protocols" and "AWS restJson1 protocol", error shapes).
const ERROR_TYPE: &str = "x-amzn-errortype";

/// How a session's end is told: S3 and the query protocols, the JSON protocols, and EC2, which means the key or the request.
const ENDED_SESSION: &[&str] = &["ExpiredToken", "ExpiredTokenException", "RequestExpired"];

/// S3 tells it with 400, all others with 400 or 403; none with 401.
pub const STALENESS: Staleness = Staleness {
    statuses: &[StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN],
    head: |headers| match of_header(headers) {
        Some(code) if ENDED_SESSION.contains(&code) => Finding::Stale,
        Some(_) => Finding::Other,
        None if is_document(headers) => Finding::InBody,
        None => Finding::Other,
    },
    body: |body| of_body(body).is_some_and(|code| ENDED_SESSION.contains(&code.as_str())),
};

/// The code in the head of an answer.
pub fn of_header(headers: &HeaderMap) -> Option<&str> {
    headers.get(ERROR_TYPE)?.to_str().ok().map(plain)
}

/// The code in a JSON document.
pub fn of_json(document: &Value) -> Option<&str> {
    document["__type"].as_str().or_else(|| document["code"].as_str()).map(plain)
}

/// `com.amazonaws.rolesanywhere#AccessDeniedException:http://…`: namespace and address are no part of the code.
fn plain(named: &str) -> &str {
    let code = named.split(':').next().unwrap_or(named);
    code.rsplit('#').next().unwrap_or(code).trim()
}

fn of_body(body: &[u8]) -> Option<String> {
    match serde_json::from_slice::<Value>(body) {
        Ok(document) => of_json(&document).map(ToOwned::to_owned),
        Err(_) => element(std::str::from_utf8(body).ok()?, "Code"),
    }
}

/// An uncompressed document in XML or JSON, of any of the kinds that Amazon's services name it by (`application/x-amz-json-1.0`).
fn is_document(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().to_ascii_lowercase();
    (kind.contains("xml") || kind.contains("json")) && !headers.contains_key(header::CONTENT_ENCODING)
}

/// What is between the tags of an element that has no attributes and is there once.
pub fn element_body<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (body, rest) = rest.split_once(&format!("</{name}>"))?;
    (!rest.contains(&format!("<{name}>"))).then_some(body)
}

/// The text of such an element (XML 1.0, section 4.6: five entities are predefined).
pub fn element(text: &str, name: &str) -> Option<String> {
    let body = element_body(text, name).filter(|body| !body.contains('<'))?.trim();
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    Some(plain.iter().fold(body.to_owned(), |text, (entity, letter)| text.replace(entity, letter)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn finding(headers: &[(&'static str, &'static str)], body: &str) -> bool {
        let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
        match (STALENESS.head)(&headers) {
            Finding::Stale => true,
            Finding::Other => false,
            Finding::InBody => (STALENESS.body)(body.as_bytes()),
        }
    }

    #[test]
    fn the_end_of_a_session_is_told_in_many_ways() {
        let json = ("content-type", "application/x-amz-json-1.0");
        let xml = ("content-type", "application/xml");
        // S3, STS, EC2; DynamoDB; API Gateway; a service of the restJson1 protocol.
        for (headers, body) in [
            (
                &[xml][..],
                "<?xml version=\"1.0\"?><Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>",
            ),
            (&[("content-type", "text/xml;charset=UTF-8")], "<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>"),
            (&[xml], "<Response><Errors><Error><Code>RequestExpired</Code></Error></Errors></Response>"),
            (&[json], r#"{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"The security token has expired"}"#),
            (&[("x-amzn-errortype", "ExpiredTokenException"), json], "{}"),
            (&[("x-amzn-errortype", "ExpiredTokenException:http://internal.amazon.com/coral/com.amazon.coral.service/")], ""),
            (&[("content-type", "application/json")], r#"{"code":"ExpiredToken"}"#),
        ] {
            assert!(finding(headers, body), "{headers:?} {body}");
        }
    }

    #[test]
    fn another_error_is_no_end_of_a_session() {
        let xml = ("content-type", "application/xml");
        for (headers, body) in [
            (&[xml][..], "<Error><Code>AccessDenied</Code><Message>ExpiredToken</Message></Error>"),
            (&[xml], "<Error><Code>A</Code><Code>ExpiredToken</Code></Error>"),
            (&[("content-type", "text/plain")], "<Error><Code>ExpiredToken</Code></Error>"),
            (&[xml, ("content-encoding", "gzip")], "<Error><Code>ExpiredToken</Code></Error>"),
            (&[("x-amzn-errortype", "AccessDeniedException"), xml], "<Error><Code>ExpiredToken</Code></Error>"),
            (&[("content-type", "application/json")], r#"{"message":"ExpiredToken"}"#),
            (&[("content-type", "application/json")], r#"[1"#),
            (&[], ""),
        ] {
            assert!(!finding(headers, body), "{headers:?} {body}");
        }
    }
}
