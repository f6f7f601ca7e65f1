#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use serde_json::{Value, json};

use super::OAuthJwtBearer;
use crate::testing::{Scripted, TestKey, settings};
use crate::{ObtainError, check_settings};

const ANSWER: &str = r#"{"access_token":"SECRET-token","token_type":"Bearer","expires_in":60}"#;

/// The parameters that came before the assertion, and what the assertion says.
fn ask(more: Value) -> (String, Value) {
    let mut settings = settings(json!({ "token_endpoint": "https://idp.test/token", "signing_certificate": "Key" }));
    settings.extend(more.as_object().unwrap().clone());
    check_settings(&OAuthJwtBearer, &settings).unwrap();
    let world = Scripted::new(ANSWER).with(TestKey::rsa());
    let grant = world.obtain(&OAuthJwtBearer, &settings, &[]).unwrap();
    assert_eq!((grant.parts["access_token"].expose(), grant.lifetime), ("SECRET-token", Some(Duration::from_secs(60))));
    let form = String::from_utf8(world.asked().unwrap().body.expose().to_vec()).unwrap();
    let (before, assertion) = form.split_once("&assertion=").unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    (validation.validate_exp, validation.validate_aud) = (false, false);
    let read = jsonwebtoken::decode::<Value>(assertion, &world.verifier(), &validation).unwrap();
    (before.to_owned(), read.claims)
}

#[test]
fn the_request_is_as_rfc_7523_section_2_1_shows_it() {
    let claims = json!({ "body": { "iss": "client", "sub": "alice@example.com" } });
    let (form, assertion) = ask(json!({ "claims": claims, "scope": "read" }));
    assert_eq!(form, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&scope=read");
    let expected = json!({
        "iss": "client", "sub": "alice@example.com", "aud": "https://idp.test/token", "jti": "AAAAAAAAAAAAAAAAAAAAAA",
        "iat": 1_795_328_676, "nbf": 1_795_328_676, "exp": 1_795_328_796,
    });
    assert_eq!(assertion, expected);
}

#[test]
fn the_audience_is_a_setting_or_a_claim() {
    let identity = |aud: Option<&str>| {
        let mut body = json!({ "iss": "a", "sub": "b" });
        body.as_object_mut().unwrap().extend(aud.map(|aud| ("aud".to_owned(), aud.into())));
        json!({ "body": body })
    };
    let (_, by_setting) = ask(json!({ "claims": identity(None), "audience": "https://login.salesforce.com" }));
    let (form, by_claim) = ask(json!({ "claims": identity(Some("\"https://login.salesforce.com\"")) }));
    assert_eq!([&by_setting["aud"], &by_claim["aud"]], ["https://login.salesforce.com"; 2]);
    assert_eq!(form, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer");
}

#[test]
fn an_identity_is_written_whole_once_anything_is_edited() {
    let refused = |claims: Value| {
        let settings = settings(json!({ "claims": { "body": claims } }));
        check_settings(&OAuthJwtBearer, &settings).err().map(|violations| violations.0[0].rule)
    };
    assert_eq!(refused(json!({})), None);
    assert_eq!(refused(json!({ "iss": "a", "sub": "b" })), None);
    for incomplete in [json!({ "iss": "a" }), json!({ "sub": "a" }), json!({ "aud": "a" }), json!({ "role": "a" })] {
        assert_eq!(refused(incomplete), Some("claims_incomplete"));
    }
}

#[test]
fn nobody_is_asked_without_a_signature() {
    let settings =
        settings(json!({ "token_endpoint": "https://idp.test/token", "signing_certificate": "Key", "signing_algorithm": "ES256" }));
    let world = Scripted::new(ANSWER).with(TestKey::rsa());
    assert!(matches!(
        world.obtain(&OAuthJwtBearer, &settings, &[]),
        Err(ObtainError::WrongConfiguration { field: "signing_algorithm", .. })
    ));
    assert!(world.asked().is_none());
}

#[test]
fn an_assertion_that_is_not_taken_is_the_admins_to_correct() {
    let world = Scripted::new(r#"{"error":"invalid_grant","error_description":"user hasn't approved this consumer"}"#).with(TestKey::rsa());
    let settings = settings(json!({ "token_endpoint": "https://idp.test/token", "signing_certificate": "Key" }));
    let refused = world.obtain(&OAuthJwtBearer, &settings, &[]).unwrap_err();
    assert_eq!(
        (refused.code(), refused.to_string().as_str()),
        ("token_refused", "the provider refused: invalid_grant (user hasn't approved this consumer)")
    );
}
