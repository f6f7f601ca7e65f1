//! Tokens that Sortie signs itself: made with a certificate of the house, for the user who calls, and verified by who knows only the JWK Set.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sortie_model::{ApiName, IdentityType, KeyAlgorithm};
use sortie_server::manage::Manage;
use sortie_server::manage::certificate::{self, NewCertificate, Subject};

use crate::jwks::judged;
use crate::support::{Credential, Scene};

fn claims(token: &str) -> (Value, Value) {
    let parts: Vec<&str> = token.split('.').collect();
    let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    (read(parts[0]), read(parts[1]))
}

#[test]
fn a_token_is_signed_once_for_each_user_and_anybody_can_verify_it() {
    let scene = Scene::new();
    let server = &scene.server;
    let now = server.runtime.block_on(server.house.store().now()).unwrap();
    let manage = Manage::of(&server.house, "operator:tester", now);
    let subject = Subject::named("Signing");
    let made = certificate::create(&manage, NewCertificate::named(ApiName::parse("Signing").unwrap()), KeyAlgorithm::P256, &subject, None);
    server.runtime.block_on(made).unwrap();
    let settings = [("signing_certificate", "signing"), ("signing_algorithm", "ES256")];
    let mut external = server.external_credential(&Credential { settings: &settings, ..Credential::new("Signed", "jwt") });
    let body = json!({ "iss": "sortie", "sub": "{!$User.UserName}", "aud": "https://api.test", "note": "a\"b {!UPPER($User.UserName)}" });
    external.settings.insert("claims".to_owned(), json!({ "body": body }));
    server.change(async |change| change.external_credentials().update(&external).await.unwrap());
    server.principal(&external, "Each", 1, IdentityType::PerUser, &[scene.callers]);
    server.named_credential("Signed", &scene.upstream.url(), &external);
    let (_, bob) = server.user("bob", &[scene.callers]);
    server.settle();

    let mut tokens = Vec::new();
    for key in [&scene.key, &bob, &scene.key] {
        let answer = server.get(key, "/callout/Signed/x");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let received = scene.upstream.requests();
        tokens.push(received.last().unwrap().header("authorization").unwrap().strip_prefix("Bearer ").unwrap().to_owned());
    }
    assert_eq!(tokens[0], tokens[2], "signed once, and used until it ends");
    assert_ne!(tokens[0], tokens[1]);
    let set = server.raw("GET /.well-known/jwks.json HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n").body;
    for (token, user) in [(&tokens[0], "alice"), (&tokens[1], "bob")] {
        assert_eq!(judged(&set, token), "taken");
        let (header, body) = claims(token);
        assert_eq!((&header["alg"], &header["kid"], &header["typ"]), (&json!("ES256"), &json!("Signing"), &json!("JWT")));
        assert_eq!((&body["iss"], &body["sub"], &body["aud"]), (&json!("sortie"), &json!(user), &json!("https://api.test")));
        assert_eq!(body["note"], format!("a\"b {}", user.to_uppercase()));
        assert_eq!(body["exp"].as_i64().unwrap() - body["iat"].as_i64().unwrap(), 120);
    }
    let mut forged = tokens[0].clone();
    let last = forged.pop().unwrap();
    forged.insert(forged.len() - 20, if last == 'A' { 'B' } else { 'A' });
    assert_ne!(judged(&set, &forged), "taken");
}

#[test]
fn a_token_without_its_certificate_says_so() {
    let scene = Scene::new();
    let settings = [("signing_certificate", "Nowhere")];
    let external = scene.server.external_credential(&Credential { settings: &settings, ..Credential::new("Signed", "jwt") });
    scene.server.principal(&external, "Main", 1, IdentityType::Named, &[scene.callers]);
    scene.server.named_credential("Signed", &scene.upstream.url(), &external);
    scene.server.settle();
    assert_eq!(scene.server.get(&scene.key, "/callout/Signed/x").code(), Some("credential_misconfigured"));
    assert_eq!(scene.upstream.requests().len(), 0);
}
