#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};
use sortie_model::{AuthenticationStatus, IdentityType, KeyAlgorithm, Settings};

use super::OAuthClientAssertion;
use crate::testing::{Scripted, TestKey, settings};
use crate::{
    CertificateFacts, CredentialFacts, Grant, Material, ObtainError, PrincipalFacts, Protocol as _, Values, check_settings,
    principal_status,
};

const ANSWER: &str = r#"{"access_token":"SECRET-token","token_type":"Bearer","expires_in":60}"#;

/// The parameters that came before the assertion, and what the assertion says.
fn ask(more: Value, values: &[(&str, &str)]) -> (String, Value) {
    let mut settings =
        settings(json!({ "token_endpoint": "https://idp.test/token", "signing_certificate": "Key", "signing_algorithm": "ES256" }));
    settings.extend(more.as_object().unwrap().clone());
    check_settings(&OAuthClientAssertion, &settings).unwrap();
    let world = Scripted::new(ANSWER).with(TestKey::p256());
    world.obtain(&OAuthClientAssertion, &settings, values).unwrap();
    let asked = world.asked().unwrap();
    assert_eq!((asked.url.to_string().as_str(), asked.method), ("https://idp.test/token", http::Method::POST));
    let form = std::str::from_utf8(asked.body.expose()).unwrap();
    let (before, assertion) = form.split_once("&client_assertion=").unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    (validation.validate_exp, validation.validate_aud) = (false, false);
    let read = jsonwebtoken::decode::<Value>(assertion, &world.verifier(), &validation).unwrap();
    (before.to_owned(), read.claims)
}

#[test]
fn the_request_is_as_rfc_7523_section_2_2_shows_it() {
    let (form, assertion) = ask(json!({ "scope": "read write" }), &[("client_id", "s6BhdRkqt3")]);
    assert_eq!(
        form,
        "grant_type=client_credentials&scope=read+write&client_id=s6BhdRkqt3\
         &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
    );
    // SIG-01, SIG-02: one audience, two minutes, an id.
    let expected = json!({
        "iss": "s6BhdRkqt3", "sub": "s6BhdRkqt3", "aud": "https://idp.test/token", "jti": "AAAAAAAAAAAAAAAAAAAAAA",
        "iat": 1_795_328_676, "nbf": 1_795_328_676, "exp": 1_795_328_796,
    });
    assert_eq!(assertion, expected);
}

#[test]
fn the_audience_can_be_the_issuer() {
    let (_, assertion) = ask(json!({ "audience": "https://idp.test" }), &[("client_id", "a")]);
    assert_eq!(assertion["aud"], "https://idp.test");
}

#[test]
fn claims_may_say_who_the_client_is_instead_of_its_id() {
    let claims = json!({ "body": { "iss": "me", "sub": "me", "aud": "https://idp.test", "tenant": 7 } });
    let (form, assertion) = ask(json!({ "claims": claims, "token_id": "none" }), &[]);
    assert_eq!(
        form,
        "grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
    );
    assert_eq!(
        [&assertion["iss"], &assertion["sub"], &assertion["aud"], &assertion["tenant"]],
        [&json!("me"), &json!("me"), &json!("https://idp.test"), &json!(7)]
    );
    assert_eq!(assertion.get("jti"), None);
}

#[test]
fn without_either_nothing_is_asked_and_the_status_says_so() {
    let settings = settings(json!({ "token_endpoint": "https://idp.test/token", "signing_certificate": "Key" }));
    let world = Scripted::new(ANSWER).with(TestKey::rsa());
    assert_eq!(world.obtain(&OAuthClientAssertion, &settings, &[]), Err(ObtainError::NotConfigured { field: "client_id" }));
    assert!(world.asked().is_none());

    let status = |settings: &Settings| {
        let principal = PrincipalFacts {
            name: "P",
            settings: &sortie_model::Settings::new(),
            identity_type: IdentityType::Named,
            stored_values: Vec::new(),
            reach: crate::Reach::Users,
            users_with_values: 0,
            logins: 0,
        };
        let certificates = vec![CertificateFacts { name: "KEY".to_owned(), signs_with: KeyAlgorithm::Rsa2048.signing_algorithms() }];
        let facts = CredentialFacts { name: "C", settings, provider: None, certificates, principals: vec![principal] };
        let status = principal_status(&OAuthClientAssertion, &facts, &facts.principals[0]);
        (status.status, status.missing.into_iter().map(|step| step.message).collect::<Vec<_>>())
    };
    let missing = vec!["store client_id (Client ID): sortie secret set C/P client_id".to_owned()];
    assert_eq!(status(&settings), (AuthenticationStatus::NotConfigured, missing));
    let mut identified = settings;
    identified.insert("claims".to_owned(), json!({ "body": { "iss": "me", "sub": "me" } }));
    assert_eq!(status(&identified), (AuthenticationStatus::Configured, Vec::new()));
}

#[test]
fn an_identity_is_written_whole_and_an_audience_once() {
    let refused = |more: Value| {
        let mut settings = settings(json!({ "token_endpoint": "https://idp.test/token", "signing_certificate": "Key" }));
        settings.extend(more.as_object().unwrap().clone());
        check_settings(&OAuthClientAssertion, &settings).err().map(|violations| violations.0[0].rule)
    };
    assert_eq!(refused(json!({ "claims": { "body": { "role": "x" } } })), None);
    assert_eq!(refused(json!({ "claims": { "body": { "iss": "x" } } })), Some("claims_incomplete"));
    assert_eq!(refused(json!({ "claims": { "body": { "sub": "x" } } })), Some("claims_incomplete"));
    assert_eq!(refused(json!({ "claims": { "body": { "aud": "x" } }, "audience": "y" })), Some("audience_twice")); // SIG-04
}

#[test]
fn an_echoed_assertion_is_not_shown() {
    let settings = settings(
        json!({ "token_endpoint": "https://idp.test/token", "signing_certificate": "Key", "signing_algorithm": "EdDSA", "token_id": "none" }),
    );
    // Ed25519 is deterministic: the same token comes out twice, so that the second answer can echo the first.
    let key = || {
        let seed = [7; 32];
        TestKey::Ed25519(aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&seed).unwrap())
    };
    let first = Scripted::new(ANSWER).with(key());
    first.obtain(&OAuthClientAssertion, &settings, &[("client_id", "a")]).unwrap();
    let form = String::from_utf8(first.asked().unwrap().body.expose().to_vec()).unwrap();
    let assertion = form.rsplit_once('=').unwrap().1;
    let echo: &'static str = Box::leak(format!(r#"{{"error":"invalid_client","error_description":"got {assertion}"}}"#).into_boxed_str());
    let refused = Scripted::new(echo).with(key()).obtain(&OAuthClientAssertion, &settings, &[("client_id", "a")]).unwrap_err();
    assert_eq!(refused, ObtainError::Refused(crate::ProviderError { error: "invalid_client".to_owned(), description: None }));
}

#[test]
fn the_token_is_sent_as_a_bearer() {
    let grant = Grant { parts: [("access_token".to_owned(), sortie_model::Secret::new("SECRET-token"))].into(), lifetime: None };
    let material = Material { settings: &Settings::new(), values: &Values::new(), grant: Some(&grant), provider: None };
    let proof = OAuthClientAssertion.prove(material).unwrap();
    let headers = proof.placed();
    assert_eq!(headers[0].1, "Bearer SECRET-token");
}
