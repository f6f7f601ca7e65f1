//! That the peer refuses what it should, and that each control does what it says.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::*;
use crate::plain_http::Answer;

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn ask(provider: &OidcProvider, authorization: Option<&str>, body: &str) -> Answer {
    let mut headers = vec![("Content-Type", "application/x-www-form-urlencoded")];
    headers.extend(authorization.map(|value| ("Authorization", value)));
    plain_http::send("POST", &provider.token_endpoint(), &headers, body.as_bytes()).unwrap()
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn token(provider: &OidcProvider) -> String {
    let answer = ask(
        provider,
        Some(&basic(OidcProvider::BASIC.id, &encoded(OidcProvider::BASIC.secret))),
        "grant_type=client_credentials&scope=read",
    );
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn call(provider: &OidcProvider, token: &str) -> Answer {
    plain_http::send("GET", &format!("{}/x?y=1", provider.api_url()), &[("Authorization", &format!("Bearer {token}"))], b"").unwrap()
}

#[test]
fn a_token_opens_the_resource_until_it_is_expired() {
    let provider = OidcProvider::start();
    let first = token(&provider);
    let echo = call(&provider, &first);
    assert_eq!((echo.status, &echo.json()["path"], &echo.json()["scope"]), (200, &json!("/api/x?y=1"), &json!("read")));

    provider.expire_all_tokens();
    let dead = call(&provider, &first);
    assert_eq!((dead.status, dead.header("www-authenticate")), (401, Some("Bearer error=\"invalid_token\"")));
    provider.answer_dead_tokens_with(403);
    assert_eq!(call(&provider, &first).status, 403);
    assert_eq!(call(&provider, &token(&provider)).status, 200);
    assert_eq!(call(&provider, "never-issued").status, 403);
    assert_eq!(plain_http::get(&provider.api_url()).unwrap().status, 401);
}

#[test]
fn reserved_characters_must_be_form_encoded() {
    let provider = OidcProvider::start();
    let OidcClient { id, secret, .. } = OidcProvider::RESERVED;
    let grant = "grant_type=client_credentials";
    assert_eq!(ask(&provider, Some(&basic(&encoded(id), &encoded(secret))), grant).status, 200);
    assert_eq!(ask(&provider, Some(&basic(id, secret)), grant).json()["error"], "invalid_request");
    assert_eq!(ask(&provider, Some(&basic(&encoded(id), "SECRET-wrong")), grant).json()["error"], "invalid_client");
}

#[test]
fn a_secret_is_taken_only_where_the_client_registered_it() {
    let provider = OidcProvider::start();
    let form = |client: OidcClient| format!("grant_type=client_credentials&client_id={}&client_secret={}", client.id, client.secret);
    let header = |client: OidcClient| basic(client.id, &encoded(client.secret));
    let grant = "grant_type=client_credentials";
    assert_eq!(ask(&provider, None, &form(OidcProvider::POST)).status, 200);
    assert_eq!(ask(&provider, Some(&header(OidcProvider::POST)), grant).status, 401);
    assert_eq!(ask(&provider, Some(&header(OidcProvider::BASIC)), grant).status, 200);
    assert_eq!(ask(&provider, None, &form(OidcProvider::BASIC)).status, 401);
}

#[test]
fn the_log_holds_each_request_as_it_came() {
    let provider = OidcProvider::start();
    let header = basic(OidcProvider::BASIC.id, "SECRET-wrong");
    ask(&provider, Some(&header), "grant_type=client_credentials");
    ask(&provider, None, "a=b&a=c%20d");
    let log = provider.log();
    assert_eq!(log.len(), 2);
    assert_eq!((log[0].authorization.as_deref(), log[0].status), (Some(header.as_str()), Some(401)));
    assert_eq!((log[1].body.as_str(), log[1].content_type.as_deref()), ("a=b&a=c%20d", Some("application/x-www-form-urlencoded")));
}

#[test]
fn faults_take_their_turns() {
    let provider = OidcProvider::start();
    provider.fault(Fault::on("/token").times(2).answer(503, "text/html", "<h1>busy</h1>").header("retry-after", "7"));
    provider.fault(Fault::on("/token").hang_up());
    provider.fault(Fault::on("/token").delay(Duration::from_millis(300)));

    for _ in 0..2 {
        let busy = ask(&provider, None, "");
        assert_eq!((busy.status, busy.header("retry-after"), busy.text().as_str()), (503, Some("7"), "<h1>busy</h1>"));
    }
    assert!(plain_http::send("POST", &provider.token_endpoint(), &[], b"").is_err());
    let before = Instant::now();
    token(&provider);
    assert!(before.elapsed() >= Duration::from_millis(300));
    token(&provider);
    assert_eq!(provider.log().iter().map(|request| request.status).collect::<Vec<_>>(), [Some(503), Some(503), None, Some(200), Some(200)]);
}

#[test]
fn a_token_says_how_long_it_lives() {
    let provider = OidcProvider::start();
    provider.issue_tokens_for_seconds(7);
    let answer =
        ask(&provider, Some(&basic(OidcProvider::BASIC.id, &encoded(OidcProvider::BASIC.secret))), "grant_type=client_credentials");
    assert_eq!(answer.json()["expires_in"], 7);
}

#[test]
fn an_assertion_without_its_signature_gets_no_token_and_opens_nothing() {
    let key = TestKey::p256("k");
    let provider = OidcProvider::start_with(&[AssertionClient { id: "signing", algorithm: "ES256", key: &key }]);
    let header = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ"; // {"alg":"ES256","kid":"k"}
    let none = "eyJhbGciOiJub25lIn0"; // {"alg":"none"}
    let claims = "eyJpc3MiOiJzaWduaW5nIiwic3ViIjoic2lnbmluZyIsImV4cCI6NDEwMjQ0NDgwMH0"; // {"iss":"signing","sub":"signing","exp":4102444800}
    for assertion in [format!("{header}.{claims}.AAAA"), format!("{none}.{claims}."), "x".to_owned()] {
        let form = format!(
            "grant_type=client_credentials&client_id=signing&client_assertion_type={}&client_assertion={assertion}",
            encoded("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        );
        assert!([400, 401].contains(&ask(&provider, None, &form).status), "{assertion}");
        let header = format!("Bearer {assertion}");
        assert_eq!(plain_http::send("GET", &provider.signed_api_url(), &[("Authorization", &header)], b"").unwrap().status, 401);
    }
    assert_eq!(plain_http::get(&provider.signed_api_url()).unwrap().status, 401);
    // A client with a key has no secret, so that nobody can leave the signature out.
    assert_eq!(ask(&provider, Some(&basic("signing", "SECRET-x")), "grant_type=client_credentials").status, 401);
}

#[test]
fn a_token_is_for_a_resource_that_the_server_knows_or_for_none() {
    let provider = OidcProvider::start();
    let header = basic(OidcProvider::BASIC.id, &encoded(OidcProvider::BASIC.secret));
    let asked = |resource: &str| ask(&provider, Some(&header), &format!("grant_type=client_credentials&resource={}", encoded(resource)));
    let one = asked("urn:sortie:one").json();
    assert_eq!(call(&provider, one["access_token"].as_str().unwrap()).json()["audience"], "urn:sortie:one");
    assert_eq!(asked("urn:sortie:other").json()["error"], "invalid_target");
    assert_eq!(call(&provider, &token(&provider)).json()["audience"], Value::Null);
    let log = provider.log();
    assert_eq!((log[0].target.as_str(), log[0].headers.iter().any(|(name, _)| name == "Authorization")), ("/token", true));
}
