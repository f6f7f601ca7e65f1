#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::json;
use sortie_model::Settings;

use super::OAuthClientCredentials;
use crate::testing::{Scripted, settings};
use crate::{Ask, Grant, Material, ObtainError, Protocol as _, Values};

fn obtain(settings: &Settings, id: &str, secret: &str) -> (Result<Grant, ObtainError>, Ask) {
    let world = Scripted::new(r#"{"access_token":"SECRET-token","token_type":"bearer","expires_in":60}"#);
    let grant = world.obtain(&OAuthClientCredentials, settings, &[("client_id", id), ("client_secret", secret)]);
    (grant, world.asked().unwrap())
}

#[test]
fn id_and_secret_are_form_encoded_in_the_basic_header() {
    // RFC 6749, section 2.3.1. Base64 made with coreutils: printf '%s' 'cc+basic%3Aodd:p%25c%2Bd+%2F%3D%26%3A%7E%21' | base64 -w0
    let settings = settings(json!({ "token_endpoint": "https://idp.test/token" }));
    let (_, asked) = obtain(&settings, "cc basic:odd", "p%c+d /=&:~!");
    assert_eq!(asked.headers["authorization"], "Basic Y2MrYmFzaWMlM0FvZGQ6cCUyNWMlMkJkKyUyRiUzRCUyNiUzQSU3RSUyMQ==");
    assert_eq!(asked.body.expose(), b"grant_type=client_credentials");
    assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(asked.url.to_string(), "https://idp.test/token");
}

#[test]
fn id_and_secret_go_into_the_body_if_asked_for() {
    let settings = settings(json!({ "token_endpoint": "https://idp.test/token", "client_authentication": "body", "scope": "read write" }));
    let (_, asked) = obtain(&settings, "s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw");
    // Id and secret of the example in RFC 6749, section 2.3.1.
    assert_eq!(
        asked.body.expose(),
        b"grant_type=client_credentials&scope=read+write&client_id=s6BhdRkqt3&client_secret=7Fjfp0ZBr1KtDRbnfVdmIw"
    );
    assert!(!asked.headers.contains_key("authorization"));
}

#[test]
fn an_empty_scope_sends_no_scope() {
    let settings = settings(json!({ "token_endpoint": "https://idp.test/token", "scope": "" }));
    let (_, asked) = obtain(&settings, "a", "b");
    assert_eq!(asked.body.expose(), b"grant_type=client_credentials");
}

#[test]
fn the_token_is_sent_as_a_bearer() {
    let settings = settings(json!({ "token_endpoint": "https://idp.test/token" }));
    let (grant, _) = obtain(&settings, "a", "b");
    let grant = grant.unwrap();
    let proof = OAuthClientCredentials
        .prove(Material { settings: &settings, values: &Values::new(), grant: Some(&grant), provider: None })
        .unwrap();
    let headers = proof.placed();
    assert_eq!(headers[0].1, "Bearer SECRET-token");
    assert!(headers[0].1.is_sensitive());
}
