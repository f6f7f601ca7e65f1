//! Signed tokens in a callout: signed once, used until shortly before their end, and never for another user's claims.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sortie_callout::{Caller, Turn};
use sortie_model::IdentityType;

use crate::support::{EVERYBODY, Node, Scene, advance, answer, outcome, refusal};

/// A scene with one credential of this protocol, signing with the certificate `Key`, its principal `Main` and the name `Pay`. Nothing is stored for anybody.
fn signing(protocol: &str, identity_type: IdentityType, claims: Value) -> Scene {
    let mut scene = Scene::new();
    let credential = scene.credential("Ec", protocol);
    scene.change(credential, |credential| {
        let mut settings = json!({ "signing_certificate": "Key", "signing_algorithm": "ES256", "claims": { "body": claims } });
        if protocol != "jwt" {
            settings["token_endpoint"] = "https://idp.test/token".into();
        }
        credential.settings = settings.as_object().unwrap().clone();
    });
    let principal = scene.principal(credential, "Main", identity_type, 1);
    scene.enable(principal, EVERYBODY);
    scene.name("Pay", "https://up.test", credential);
    scene
}

fn user(scene: &mut Scene, name: &str, email: &str) -> Caller {
    let mut caller = scene.user(name);
    caller.attributes = [("Email".to_owned(), email.to_owned())].into();
    caller
}

/// What the token says, of a header or of an assertion.
fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// Calls, and gives the token that the upstream saw.
async fn call(node: &Node, caller: &Caller) -> String {
    assert_eq!(outcome(&node.get(caller, "callout:Pay/x").await), "200");
    node.upstream.last().header("authorization").unwrap().strip_prefix("Bearer ").unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_token_is_signed_once_and_anew_shortly_before_its_end() {
    let mut scene = signing("jwt", IdentityType::Named, json!({ "iss": "a", "sub": "b", "aud": "c" }));
    let (alice, bob) = (scene.user("alice"), scene.user("bob"));
    let node = scene.node();
    let first = call(&node, &alice).await;
    for _ in 0..20 {
        assert_eq!(call(&node, &bob).await, first);
    }
    // Another node finds it in custody.
    assert_eq!(call(&scene.node(), &bob).await, first);
    assert_eq!(scene.provider.signed(), 1);
    advance(109).await;
    let second = call(&node, &alice).await;
    assert_ne!(second, first);
    assert!(claims(&second)["exp"].as_i64() > claims(&first)["exp"].as_i64());
    assert_eq!((scene.provider.signed(), scene.provider.asked()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_signed_anew_and_sent_once_more() {
    let mut scene = signing("jwt", IdentityType::Named, json!({ "iss": "a", "sub": "b", "aud": "c" }));
    let alice = scene.user("alice");
    let node = scene.node();
    let refused = call(&node, &alice).await;
    let header = format!("Bearer {refused}");
    node.upstream.answers(move |received| answer(if received.header("authorization").as_deref() == Some(&*header) { 401 } else { 200 }));
    assert_ne!(call(&node, &alice).await, refused);
    assert_eq!(scene.provider.signed(), 2);
}

#[tokio::test(start_paused = true)]
async fn each_user_of_a_per_user_principal_has_an_own_token_and_stores_nothing() {
    for protocol in ["jwt", "oauth_jwt_bearer"] {
        let mut scene =
            signing(protocol, IdentityType::PerUser, json!({ "iss": "{!$User.UserName}", "sub": "{!$User.Email}", "aud": "c" }));
        let credential = scene.definitions.external_credentials[0].id;
        scene.change(credential, |credential| {
            if protocol != "jwt" {
                credential.settings.insert("scope".to_owned(), "of:{!$User.UserName}".into());
            }
        });
        let (alice, bob) = (user(&mut scene, "alice", "alice@example.com"), user(&mut scene, "bob", "bob@example.com"));
        let node = scene.node();
        assert!(node.explain(&alice, "callout:Pay/x").await.refusal.is_none());
        let tokens = [call(&node, &alice).await, call(&node, &bob).await, call(&node, &alice).await];
        assert_ne!(tokens[0], tokens[1]);
        assert_eq!(tokens[0], tokens[2]);
        assert_eq!(scene.provider.signed(), 2);
        let forms: Vec<String> =
            scene.provider.questions().into_iter().map(|ask| String::from_utf8(ask.body.expose().to_vec()).unwrap()).collect();
        let assertions: Vec<String> = match protocol {
            "jwt" => tokens[..2].to_vec(),
            _ => forms.iter().map(|form| form.rsplit_once("assertion=").unwrap().1.to_owned()).collect(),
        };
        let said: Vec<Value> = assertions.iter().map(|token| claims(token)).map(|body| json!([body["iss"], body["sub"]])).collect();
        assert_eq!(said, [json!(["alice", "alice@example.com"]), json!(["bob", "bob@example.com"])]);
        let scopes: Vec<bool> =
            forms.iter().zip(["alice", "bob"]).map(|(form, name)| form.contains(&format!("&scope=of%3A{name}&"))).collect();
        assert!(scopes.into_iter().all(|is_own| is_own), "{forms:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn per_user_principals_with_equal_claims_still_have_own_tokens() {
    let mut scene = signing("jwt", IdentityType::PerUser, json!({ "iss": "a", "sub": "b", "aud": "c" }));
    let (alice, bob) = (scene.user("alice"), scene.user("bob"));
    let node = scene.node();
    assert_ne!(call(&node, &alice).await, call(&node, &bob).await);
    assert_eq!(scene.provider.signed(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_named_principals_token_is_shared_by_users_with_equal_claims_only() {
    let claims_written =
        json!({ "iss": "a", "sub": "b", "aud": ["{!$User.Email}", "c"], "first": "{!$User.Email}", "day": "{!Text(TODAY())}" });
    let mut scene = signing("jwt", IdentityType::Named, claims_written);
    let callers = [("alice", "x@example.com"), ("bob", "y@example.com"), ("carol", "x@example.com")]
        .map(|(name, email)| user(&mut scene, name, email));
    let node = scene.node();
    let mut tokens = Vec::new();
    for caller in &callers {
        tokens.push(call(&node, caller).await);
    }
    assert_eq!(tokens[0], tokens[2]);
    assert_ne!(tokens[0], tokens[1]);
    assert_eq!((&claims(&tokens[1])["aud"], scene.provider.signed()), (&json!(["y@example.com", "c"]), 2));
}

#[tokio::test(start_paused = true)]
async fn what_a_user_is_called_stays_a_text_in_a_token() {
    // FRM-02, SIG-05.
    let mut scene = signing("jwt", IdentityType::PerUser, json!({ "iss": "a", "sub": "{!$User.Email}", "aud": "{!$User.Email}" }));
    let evil = [r#"a" , "role":"admin"#, "[\"x\",\"y\"]", "{!NOW()}", "\u{1}\r\n\\\"", "{!$Credential.Ec.Key}"];
    let callers: Vec<Caller> = evil.iter().enumerate().map(|(number, email)| user(&mut scene, &format!("user{number}"), email)).collect();
    let huge = user(&mut scene, "huge", &"x".repeat(1 << 20));
    let node = scene.node();
    for (caller, email) in callers.iter().zip(evil) {
        let body = claims(&call(&node, caller).await);
        assert_eq!((&body["sub"], &body["aud"]), (&json!(email), &json!(email)));
        assert_eq!(body.as_object().unwrap().len(), 6, "{body}");
    }
    let signed = scene.provider.signed();
    assert_eq!(outcome(&node.get(&huge, "callout:Pay/x").await), "credential_misconfigured");
    // It was signed, and is not sent: nobody else is kept waiting for it.
    assert_eq!((node.upstream.count(), scene.provider.signed()), (evil.len(), signed + 1));
}

#[tokio::test(start_paused = true)]
async fn a_claim_without_a_value_refuses_that_user_and_no_other() {
    let mut scene = signing("jwt", IdentityType::PerUser, json!({ "iss": "a", "sub": "{!$User.Email}", "aud": "c" }));
    let (nobody, alice) = (scene.user("nobody"), user(&mut scene, "alice", "alice@example.com"));
    let node = scene.node();
    let refused = refusal(node.get(&nobody, "callout:Pay/x").await).refused;
    assert_eq!((refused.code(), refused.turn()), ("formula_unresolved", Turn::Admin));
    assert_eq!(
        node.explain(&nobody, "callout:Pay/x").await.refusal.unwrap().message,
        "the setting `claims.body.sub`: `$User.Email` has no value"
    );
    call(&node, &alice).await;
    // An empty one is no subject either.
    let empty = user(&mut scene, "empty", "");
    assert_eq!(outcome(&node.get(&empty, "callout:Pay/x").await), "credential_misconfigured");
}
