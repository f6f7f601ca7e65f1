//! Signed tokens and assertions against npm's `oidc-provider` and `jose`, and PyPI's Authlib: what servers that nobody here wrote make of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use sortie_model::{Secret, Settings};
use sortie_outbound::OutboundWorld;
use sortie_protocol::{Grant, Material, ObtainError, Values, find};
use sortie_testkit::keys::{TestKey, WorldWithKeys};
use sortie_testkit::peers::{AssertionClient, AssertionServer, OidcProvider, TrustedIssuer};
use sortie_testkit::plain_http;

use crate::common::connector;

/// The real world, with this key behind the certificate `Key`.
fn world(key: &Arc<TestKey>, ahead_seconds: i64) -> WorldWithKeys<OutboundWorld> {
    let world = OutboundWorld::new(Arc::new(connector()));
    WorldWithKeys { world, keys: BTreeMap::from([("Key".to_owned(), Arc::clone(key))]), ahead_seconds }
}

fn settings(value: Value) -> Settings {
    let mut settings = value.as_object().unwrap().clone();
    settings.insert("signing_certificate".to_owned(), "Key".into());
    settings
}

#[tokio::main]
async fn obtain(world: &WorldWithKeys<OutboundWorld>, protocol: &str, settings: &Settings, client_id: &str) -> Result<Grant, ObtainError> {
    let values = Values::from([("client_id".to_owned(), Secret::new(client_id))]);
    find(protocol).unwrap().obtain(world, Material { settings, values: &values, grant: None, provider: None }).await
}

/// Calls with what the protocol proves, and gives status and answer.
fn call(url: &str, protocol: &str, settings: &Settings, grant: &Grant) -> (u16, Value) {
    let material = Material { settings, values: &Values::new(), grant: Some(grant), provider: None };
    let proof = find(protocol).unwrap().prove(material).unwrap();
    let headers = proof.placed();
    let answer = plain_http::send("GET", url, &[("Authorization", headers[0].1.to_str().unwrap())], b"").unwrap();
    (answer.status, answer.json())
}

#[test]
fn a_client_with_a_key_gets_tokens_by_every_algorithm() {
    let (rsa, p256, ed25519) = (TestKey::rsa("rsa"), TestKey::p256("p256"), TestKey::ed25519("ed"));
    let clients: Vec<(String, &str, &Arc<TestKey>)> =
        [("RS256", &rsa), ("RS384", &rsa), ("RS512", &rsa), ("PS256", &rsa), ("ES256", &p256), ("EdDSA", &ed25519)]
            .map(|(algorithm, key)| (format!("client-{algorithm}"), algorithm, key))
            .to_vec();
    let signing: Vec<AssertionClient<'_>> = clients.iter().map(|(id, algorithm, key)| AssertionClient { id, algorithm, key }).collect();
    let provider = OidcProvider::start_with(&signing);
    for (id, algorithm, key) in &clients {
        let settings = settings(json!({ "token_endpoint": provider.token_endpoint(), "signing_algorithm": algorithm, "scope": "read" }));
        let grant = obtain(&world(key, 0), "oauth_client_assertion", &settings, id).unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        let (status, echo) = call(&provider.api_url(), "oauth_client_assertion", &settings, &grant);
        assert_eq!((status, &echo["client"], &echo["scope"]), (200, &json!(id), &json!("read")), "{algorithm}");
    }
    let log = provider.log();
    assert!(log.iter().all(|request| request.authorization.is_none() && request.status == Some(200)));
    let start = "grant_type=client_credentials&scope=read&client_id=client-RS256\
                 &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=eyJ";
    assert!(log[0].body.starts_with(start), "{}", log[0].body);
}

#[test]
fn what_the_server_does_not_accept_is_told_with_its_words() {
    let (key, other) = (TestKey::rsa("k"), TestKey::rsa("k"));
    let provider = OidcProvider::start_with(&[AssertionClient { id: "client", algorithm: "RS256", key: &key }]);
    let base = || json!({ "token_endpoint": provider.token_endpoint() });
    let with = |more: Value| {
        let mut settings = base();
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self::settings(settings)
    };
    let ask = |world: &WorldWithKeys<OutboundWorld>, more: Value| obtain(world, "oauth_client_assertion", &with(more), "client");
    let right = world(&key, 0);
    // The issuer is an audience too (SIG-01), and so is a claim that says so.
    assert!(ask(&right, json!({ "audience": provider.issuer() })).is_ok());
    let claims = json!({ "body": { "iss": "client", "sub": "client", "aud": format!("[\"{}\"]", provider.issuer()) } });
    assert!(ask(&right, json!({ "claims": claims })).is_ok());
    // No key id: the server tries the client's only key.
    assert!(ask(&right, json!({ "claims": { "header": { "kid": null } } })).is_ok());
    for (world, more, why) in [
        (&world(&other, 0), json!({}), "another key"),
        (&right, json!({ "signing_algorithm": "RS512" }), "another algorithm"),
        (&right, json!({ "audience": "https://elsewhere.test" }), "another audience"),
        (&right, json!({ "claims": { "body": { "iss": "x", "sub": "client" } } }), "another issuer"),
        (&right, json!({ "token_id": "none" }), "no id"),
        (&world(&key, -600), json!({}), "expired"),
        (&world(&key, 600), json!({}), "not yet valid"),
    ] {
        let refused = ask(world, more).unwrap_err();
        assert!(matches!(&refused, ObtainError::Refused(said) if said.error == "invalid_client"), "{why}: {refused}");
    }
}

#[test]
fn an_assertion_is_taken_once_and_each_is_a_new_one() {
    let key = TestKey::p256("k");
    let provider = OidcProvider::start_with(&[AssertionClient { id: "client", algorithm: "ES256", key: &key }]);
    let settings = settings(json!({ "token_endpoint": provider.token_endpoint(), "signing_algorithm": "ES256" }));
    let world = world(&key, 0);
    for _ in 0..3 {
        assert!(obtain(&world, "oauth_client_assertion", &settings, "client").is_ok());
    }
    let first = provider.log().remove(0).body;
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let replayed = plain_http::send("POST", &provider.token_endpoint(), &headers, first.as_bytes()).unwrap();
    assert_eq!((replayed.status, &replayed.json()["error"]), (401, &json!("invalid_client")));
}

#[test]
fn a_signed_token_opens_a_resource_that_verifies_it() {
    let (key, other) = (TestKey::p256("k"), TestKey::p256("k"));
    let provider = OidcProvider::start_with(&[AssertionClient { id: "client", algorithm: "ES256", key: &key }]);
    let audience = provider.signed_api_url();
    let body = json!({ "iss": "https://sortie.test", "sub": "é\"\u{1}", "aud": ["https://a.test", audience], "level": 3, "admin": true });
    let settings = settings(json!({ "signing_algorithm": "ES256", "claims": { "body": body } }));
    let at = |world: &WorldWithKeys<OutboundWorld>, settings: &Settings| {
        let grant = obtain(world, "jwt", settings, "").unwrap();
        call(&format!("{audience}/x"), "jwt", settings, &grant)
    };
    let (status, read) = at(&world(&key, 0), &settings);
    assert_eq!((status, &read["header"]), (200, &json!({ "alg": "ES256", "typ": "JWT", "kid": "k" })));
    let (iat, exp) = (read["claims"]["iat"].as_i64().unwrap(), read["claims"]["exp"].as_i64().unwrap());
    assert_eq!((exp - iat, &read["claims"]["nbf"]), (120, &json!(iat)));
    for (name, value) in body.as_object().unwrap() {
        assert_eq!(&read["claims"][name], value);
    }
    let why = |(status, answer): (u16, Value)| (status, answer["why"].as_str().unwrap_or_default().to_owned());
    assert_eq!(why(at(&world(&other, 0), &settings)), (401, "ERR_JWS_SIGNATURE_VERIFICATION_FAILED".to_owned()));
    assert_eq!(why(at(&world(&key, -600), &settings)), (401, "ERR_JWT_EXPIRED".to_owned()));
    assert_eq!(why(at(&world(&key, 600), &settings)), (401, "ERR_JWT_CLAIM_VALIDATION_FAILED".to_owned()));
    assert_eq!(
        why(at(&world(&key, 0), &self::settings(json!({ "signing_algorithm": "ES256" })))),
        (401, "ERR_JWT_CLAIM_VALIDATION_FAILED".to_owned())
    );
}

#[test]
fn an_assertion_that_names_a_user_is_exchanged_for_that_users_token() {
    let (rsa, p256) = (TestKey::rsa("r"), TestKey::p256("e"));
    let clients = [("by-rsa", "RS256", &rsa), ("by-p256", "ES256", &p256)];
    let trusted = clients.map(|(id, _, key)| TrustedIssuer { id, key, users: &["alice@example.com", "bob"] });
    let server = AssertionServer::start(&trusted);
    for (id, algorithm, key) in clients {
        for (user, audience) in [("alice@example.com", None), ("bob", Some(server.issuer()))] {
            let mut settings = settings(json!({
                "token_endpoint": server.token_endpoint(), "signing_algorithm": algorithm, "scope": "read",
                "claims": { "body": { "iss": id, "sub": user, "level": 3 } },
            }));
            settings.extend(audience.map(|audience| ("audience".to_owned(), audience.into())));
            let grant = obtain(&world(key, 0), "oauth_jwt_bearer", &settings, "").unwrap();
            assert!(grant.lifetime.is_some());
            let answer = call(&format!("{}/x", server.api_url()), "oauth_jwt_bearer", &settings, &grant);
            assert_eq!(answer, (200, json!({ "user": user, "client": id, "scope": "read" })));
        }
    }
    let start = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&scope=read&assertion=eyJ";
    assert!(server.log().iter().all(|body| body.starts_with(start)));
}

#[test]
fn an_assertion_that_the_server_does_not_take_is_the_admins_to_correct() {
    let (key, other) = (TestKey::p256("k"), TestKey::p256("k"));
    let server = AssertionServer::start(&[TrustedIssuer { id: "client", key: &key, users: &["alice"] }]);
    let ask = |world: &WorldWithKeys<OutboundWorld>, body: Value, more: Value| {
        let mut settings =
            settings(json!({ "token_endpoint": server.token_endpoint(), "signing_algorithm": "ES256", "claims": { "body": body } }));
        settings.extend(more.as_object().unwrap().clone());
        obtain(world, "oauth_jwt_bearer", &settings, "")
    };
    let named = |iss: &str, sub: &str| json!({ "iss": iss, "sub": sub });
    let right = world(&key, 0);
    assert!(ask(&right, named("client", "alice"), json!({})).is_ok());
    for (world, body, more, why) in [
        (&world(&other, 0), named("client", "alice"), json!({}), "another key"),
        (&right, named("nobody", "alice"), json!({}), "another issuer"),
        (&right, named("client", "mallory"), json!({}), "another user"),
        (&right, named("client", "alice"), json!({ "audience": "https://elsewhere.test" }), "another audience"),
        (&world(&key, -600), named("client", "alice"), json!({}), "expired"),
        (&world(&key, 600), named("client", "alice"), json!({}), "not yet valid"),
    ] {
        let refused = ask(world, body, more).unwrap_err();
        assert!(matches!(&refused, ObtainError::Refused(said) if said.error == "invalid_grant"), "{why}: {refused}");
    }
}
