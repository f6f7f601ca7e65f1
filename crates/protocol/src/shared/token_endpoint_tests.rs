#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use bytes::Bytes;

use super::*;

fn answer(status: u16, body: &str) -> Answer {
    Answer { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
}

#[test]
fn answers_are_read_as_group_tok_says() {
    let lifetime = |body: &str| {
        let answer = answer(200, body);
        read(&answer, Dialect::STANDARD, &Confidential::default()).map(|tokens| tokens.grant.lifetime)
    };
    assert_eq!(lifetime(r#"{"access_token":"t"}"#), Ok(None)); // TOK-01
    assert_eq!(lifetime(r#"{"access_token":"t","expires_in":0}"#), Ok(Some(Duration::ZERO))); // TOK-02
    assert_eq!(lifetime(r#"{"access_token":"t","expires_in":-5}"#), Ok(Some(Duration::ZERO))); // TOK-02
    assert_eq!(lifetime(r#"{"access_token":"t","expires_in":"3600"}"#), Ok(Some(Duration::from_secs(3600)))); // TOK-02
    assert_eq!(lifetime(r#"{"access_token":"t","token_type":"BEARER","expires_in":3}"#), Ok(Some(Duration::from_secs(3)))); // TOK-03, TOK-06
    let long = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(100 * 1024));
    for malformed in [
        "",
        "<html>",
        "[]",
        "{}",
        r#"{"access_token":5}"#,                      // TOK-04
        r#"{"access_token":"t","token_type":"mac"}"#, // TOK-06
        r#"{"access_token":"a\r\nb"}"#,
        r#"{"access_token":"a b"}"#,
        r#"{"access_token":"a\u0000"}"#,
        r#"{"access_token":"é"}"#,
        &long, // TOK-15
        r#"{"access_token":"t","expires_in":[1]}"#,
        r#"{"access_token":"t","expires_in":"soon"}"#,
    ] {
        assert!(
            matches!(read(&answer(200, malformed), Dialect::STANDARD, &Confidential::default()), Err(ObtainError::Malformed { .. })),
            "{malformed}"
        );
    }
}

#[test]
fn refusals_are_sorted_by_whose_turn_it_is() {
    let code = |status, body: &str| read(&answer(status, body), Dialect::STANDARD, &Confidential::default()).unwrap_err().code();
    assert_eq!(code(200, r#"{"error":"invalid_client"}"#), "token_refused"); // TOK-05
    assert_eq!(code(400, r#"{"error":"invalid_grant"}"#), "needs_authentication"); // TOK-13
    for error in ["invalid_client", "unauthorized_client", "invalid_scope"] {
        assert_eq!(code(401, &format!(r#"{{"error":"{error}"}}"#)), "token_refused"); // TOK-14
    }
    assert_eq!(code(403, ""), "token_refused");
    assert_eq!(code(302, ""), "credential_misconfigured"); // RDR-08
    for status in [429, 500, 503] {
        assert_eq!(code(status, "<html>"), "token_endpoint_unavailable");
    }
}

#[test]
fn an_echoed_secret_is_not_shown() {
    // TOK-16 of the attack catalogue. Base64 made with coreutils: printf '%s' 'client:SECRET%2Bc' | base64
    let secret = Secret::new("SECRET+c");
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static("Basic Y2xpZW50OlNFQ1JFVCUyQmM="))]);
    let confidential = Confidential::new(&[&secret], &headers);
    for echo in ["bad secret SECRET+c", "client_secret=SECRET%2Bc&x", "got Basic Y2xpZW50OlNFQ1JFVCUyQmM="] {
        let body = serde_json::json!({ "error": "invalid_client", "error_description": echo }).to_string();
        let error = read(&answer(401, &body), Dialect::STANDARD, &confidential).unwrap_err();
        assert_eq!(error, ObtainError::Refused(said("invalid_client")), "{echo}");
        let body = serde_json::json!({ "error": echo }).to_string();
        let error = read(&answer(401, &body), Dialect::STANDARD, &confidential).unwrap_err();
        assert_eq!(error, ObtainError::Refused(said("an unprintable error")), "{echo}");
        let error = read(&answer(400, &format!("<p>{echo}</p>")), Dialect::STANDARD, &confidential).unwrap_err();
        assert_eq!(error, ObtainError::Refused(said("status_400")), "{echo}");
    }
}

#[test]
fn the_beginning_of_what_is_no_oauth_error_is_shown_without_what_may_be_a_token() {
    let shown = |body: &str| match read(&answer(403, body), Dialect::STANDARD, &Confidential::default()).unwrap_err() {
        ObtainError::Refused(ProviderError { error, description }) => {
            assert_eq!(error, "status_403");
            description
        }
        other => panic!("{other}"),
    };
    for (body, expected) in [
        ("", None),
        (" \n\t", None),
        ("<html><head><title>Access Denied</title></head>\n<body>Reference #18.5f</body></html>", Some("Access Denied Reference #18.5f")),
        (r#"{"code": 1002, "message": "no such tenant"}"#, Some(r#"{"code": 1002, "message": "no such tenant"}"#)),
        // A token under another name than ours.
        (r#"{"accessToken": "eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "ok": 1}"#, Some(r#"{"accessToken": *** "ok": 1}"#)),
        (r#"{"token":"0123456789abcdef0123456789abcdef"}"#, Some("***")),
        ("caf\u{e9} \u{1b}[31mred\u{0}", Some("caf [31mred")),
    ] {
        assert_eq!(shown(body).as_deref(), expected, "{body}");
    }
    assert_eq!(shown(&"no ".repeat(1000)).map(|text| text.len()), Some(300));
}

fn said(error: &str) -> ProviderError {
    ProviderError { error: error.to_owned(), description: None }
}

#[test]
fn retry_after_is_kept_within_an_hour() {
    let mut busy = answer(429, "");
    busy.headers.insert(header::RETRY_AFTER, HeaderValue::from_static("99999"));
    assert_eq!(
        read(&busy, Dialect::STANDARD, &Confidential::default()).unwrap_err(),
        ObtainError::Unavailable { status: Some(429), retry_after: Some(MAX_RETRY_AFTER) }
    );
}
