//! Formulas in a callout: custom headers over the user and the body, formulas of callers, and scopes (groups FRM and SIG as far as they apply).

use sortie_callout::{Caller, Turn};
use sortie_model::{CallerFormulas, IdentityType, Organization};

use crate::support::{Answered, Scene, TestBody, answer, custom_header, outcome, refusal};

fn with(scene: &mut Scene, name: &str, attributes: &[(&str, &str)]) -> Caller {
    let mut caller = scene.user(name).with_profile(Some("Standard".to_owned()));
    caller.attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    caller
}

fn custom() -> Scene {
    let (mut scene, _) = Scene::of("custom", &[("Key", "SECRET-key")]);
    scene.definitions.organization = Organization { id: "org-1".to_owned(), name: Some("Example".to_owned()) };
    scene
}

#[tokio::test(start_paused = true)]
async fn headers_over_the_user_are_made_for_each_user() {
    // FRM-09, CACHE-01: what was made for one user is never sent for another.
    let mut scene = custom();
    let value = "{!$User.UserName & '/' & $Profile.Name & '/' & $User.Department & '/' & $Organization.Name & '/' & $Organization.Id}";
    scene.last_named().headers = vec![custom_header("X-Who", value, 1), custom_header("X-Key", "{!$Credential.Ec.Key}", 2)];
    let alice = with(&mut scene, "alice", &[("Department", "Finance")]);
    // Nobody passes for another by an attribute.
    let bob = with(&mut scene, "bob", &[("department", "Sales"), ("UserName", "alice"), ("Id", "1")]);
    let carol = with(&mut scene, "carol", &[]);
    let node = scene.node();
    for _ in 0..2 {
        for (caller, who) in [(&alice, "alice/Standard/Finance/Example/org-1"), (&bob, "bob/Standard/Sales/Example/org-1")] {
            assert_eq!(outcome(&node.get(caller, "callout:Pay/x").await), "200");
            assert_eq!(node.upstream.last().header("x-who").as_deref(), Some(who));
            assert_eq!(node.upstream.last().header("x-key").as_deref(), Some("SECRET-key"));
        }
        let refused = refusal(node.get(&carol, "callout:Pay/x").await).refused;
        assert_eq!((refused.code(), refused.turn()), ("formula_unresolved", Turn::Admin));
        assert!(refused.to_string().contains("$User.Department"), "{refused}");
    }
    assert_eq!(node.upstream.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_header_over_the_body_or_the_address_is_made_of_what_is_sent() {
    let mut scene = custom();
    scene.last_named().headers = vec![
        custom_header("X-Digest", "{!HEX(HASH('SHA-256', $Credential.Ec.Body))}", 1),
        custom_header("X-Url", "{!$Credential.Endpoint.URL}", 2),
        custom_header("X-Time", "{!TEXT(UNIXTIMESTAMP(NOW()))}", 3),
    ];
    let alice = scene.user("alice");
    let node = scene.node();
    // SHA-256 of "abc": FIPS 180-4, and of nothing.
    let digests = [
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ];
    for (body, digest) in digests {
        assert_eq!(outcome(&node.post(&alice, "callout:Pay/a/b?c=1", TestBody::streamed(body)).await), "200");
        let received = node.upstream.last();
        assert_eq!(received.header("x-digest").as_deref(), Some(digest));
        assert_eq!(received.header("x-url").as_deref(), Some("https://up.test/v1/base/a/b?c=1"));
        assert_eq!(received.body, body);
        assert_eq!(received.header("content-length"), Some(body.len().to_string()));
    }
    let first = node.upstream.last().header("x-time");
    crate::support::advance(10).await;
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    assert_ne!(node.upstream.last().header("x-time"), first);
}

#[tokio::test(start_paused = true)]
async fn nothing_that_a_user_is_called_ends_a_header() {
    // FRM-01: checked when it is stored, and here again, whoever stored it.
    let mut scene = custom();
    scene.last_named().headers = vec![custom_header("X-Who", "{!$User.Department}", 1)];
    for bad in ["x\r\nX-Admin: 1", "x\ny", "x\0y"] {
        let mallory = with(&mut scene, "mallory", &[("Department", bad)]);
        let node = scene.node();
        let refused = refusal(node.get(&mallory, "callout:Pay/x").await).refused;
        assert_eq!(refused.code(), "formula_not_a_header", "{bad:?}");
        assert_eq!(node.upstream.count(), 0);
    }
    // FRM-08: nothing is cut to fit.
    let long = with(&mut scene, "long", &[("Department", &"x".repeat(70_000))]);
    assert_eq!(outcome(&scene.node().get(&long, "callout:Pay/x").await), "formula_limit");
}

async fn sends(scene: &Scene, caller: &Caller, header: &str) -> (Answered, crate::support::Node) {
    let node = scene.node();
    (node.get_with(caller, "callout:Pay/x", &[("X-Mine", header)]).await, node)
}

#[tokio::test(start_paused = true)]
async fn callers_formulas_are_refused_evaluated_or_text_as_the_name_says() {
    let mut scene = custom();
    let alice = with(&mut scene, "alice", &[("Department", "Finance")]);
    for (policy, sent, arrived) in [
        (CallerFormulas::Refused, "{!$User.Department}", Err("formula_not_allowed")),
        (CallerFormulas::Refused, "a { ! } b", Ok("a { ! } b")),
        (CallerFormulas::Literal, "{!$User.Department}", Ok("{!$User.Department}")),
        (CallerFormulas::Evaluated, "dept {!UPPER($User.Department)}", Ok("dept FINANCE")),
        (CallerFormulas::Evaluated, "{!'Key ' & $Credential.Ec.Key}", Ok("Key SECRET-key")),
        (CallerFormulas::Evaluated, "plain", Ok("plain")),
        (CallerFormulas::Evaluated, "{!$Credential.Other.Key}", Err("formula_unavailable")), // FRM-04
        (CallerFormulas::Evaluated, "{!$Credential.Ec.Missing}", Err("formula_unresolved")),
        (CallerFormulas::Evaluated, "{!$User.Title}", Err("formula_unresolved")),
        (CallerFormulas::Evaluated, "{!FLOR(1)}", Err("formula_unknown_function")),
        (CallerFormulas::Evaluated, "{!'a\\r\\nX-Admin: 1'}", Err("formula_not_a_header")),
        (CallerFormulas::Evaluated, "{!TEXT(1 / 0)}", Err("formula_failed")),
        // Whoever may use a key must not be able to guess it letter by letter.
        (CallerFormulas::Evaluated, "{!IF(BEGINS($Credential.Ec.Key, 'S'), 'a', TEXT(1 / 0))}", Err("formula_inspects_secret")),
    ] {
        scene.last_named().allow_formulas_in_header = policy;
        let (answered, node) = sends(&scene, &alice, sent).await;
        match arrived {
            Ok(text) => {
                assert_eq!(outcome(&answered), "200", "{sent}");
                assert_eq!(node.upstream.last().header("x-mine").as_deref(), Some(text));
            }
            Err(code) => {
                let refused = refusal(answered).refused;
                assert_eq!((refused.code(), refused.turn()), (code, Turn::Caller), "{sent}");
                assert!(!refused.to_string().contains("SECRET"), "{refused}");
                assert_eq!(node.upstream.count(), 0);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_filled_in_by_a_caller_is_as_secret_as_what_we_inject() {
    let mut scene = custom();
    scene.last_named().allow_formulas_in_header = CallerFormulas::Evaluated;
    let alice = scene.user("alice");
    let (answered, node) = sends(&scene, &alice, "{!$Credential.Ec.Key}").await;
    assert_eq!(outcome(&answered), "200");
    assert!(node.upstream.last().headers["x-mine"].is_sensitive());
    // Ours still wins over a formula of the caller's.
    scene.last_named().headers = vec![custom_header("X-Mine", "ours", 1)];
    let (_, node) = sends(&scene, &alice, "{!'mine'}").await;
    assert_eq!(node.upstream.last().header("x-mine").as_deref(), Some("ours"));
}

#[tokio::test(start_paused = true)]
async fn bodies_with_formulas_are_refused_evaluated_or_text() {
    let mut scene = custom();
    let alice = with(&mut scene, "alice", &[("Department", "R&D")]);
    let json = "{\"dept\": \"{!HTMLENCODE($User.Department)}\", \"key\": \"{!$Credential.Ec.Key}\"}";
    for (policy, body, arrived) in [
        (CallerFormulas::Refused, json, Err("formula_not_allowed")),
        (CallerFormulas::Refused, "{\"a\": \"{ !\"}", Ok("{\"a\": \"{ !\"}")),
        (CallerFormulas::Literal, json, Ok(json)),
        (CallerFormulas::Evaluated, json, Ok("{\"dept\": \"R&amp;D\", \"key\": \"SECRET-key\"}")),
        (CallerFormulas::Evaluated, "nothing", Ok("nothing")),
        (CallerFormulas::Evaluated, "{!$Credential.Ec.Body}", Err("formula_type")),
        (CallerFormulas::Evaluated, "{!HEX($Credential.Ec.Body)}", Err("formula_unresolved")),
        (CallerFormulas::Evaluated, "{!IF($Credential.Ec.Key = 'a', 'b', 'c')}", Err("formula_inspects_secret")),
    ] {
        scene.last_named().allow_formulas_in_body = policy;
        let node = scene.node();
        let answered = node.post(&alice, "callout:Pay/x", TestBody::streamed(body)).await;
        match arrived {
            Ok(text) => {
                assert_eq!(outcome(&answered), "200", "{body}");
                assert_eq!(node.upstream.last().body, text);
            }
            Err(code) => {
                let refused = refusal(answered).refused;
                assert_eq!((refused.code(), refused.turn()), (code, Turn::Caller), "{policy:?} {body}");
                assert_eq!(node.upstream.count(), 0);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_formulas_need_is_held_up_to_a_limit() {
    // FRM-11
    let mut scene = custom();
    scene.last_named().headers = vec![custom_header("X-Digest", "{!HEX(HASH('SHA-256', $Credential.Ec.Body))}", 1)];
    let alice = scene.user("alice");
    let node = scene.node();
    let large: &'static str = "x".repeat(1024 * 1024 + 1).leak();
    let refused = refusal(node.post(&alice, "callout:Pay/x", TestBody::streamed(large)).await).refused;
    assert_eq!((refused.code(), refused.turn()), ("formula_body_too_large", Turn::Caller));
    assert_eq!(node.upstream.count(), 0);
    assert_eq!(outcome(&node.post(&alice, "callout:Pay/x", TestBody::streamed(&large[1..])).await), "200");
}

#[tokio::test(start_paused = true)]
async fn a_body_made_of_a_token_is_made_anew_with_the_new_token() {
    let (mut scene, _) = Scene::oauth();
    scene.last_named().allow_formulas_in_body = CallerFormulas::Evaluated;
    let alice = scene.user("alice");
    let node = scene.node();
    node.upstream.accepts_only("SECRET-token-2");
    let answered = node.post(&alice, "callout:Pay/x", TestBody::streamed("token={!$Credential.OAuthToken}")).await;
    assert_eq!(outcome(&answered), "200");
    let bodies: Vec<_> = node.upstream.received().iter().map(|received| received.body.clone()).collect();
    assert_eq!(bodies, ["token=SECRET-token-1", "token=SECRET-token-2"]);
}

#[tokio::test(start_paused = true)]
async fn the_fields_from_before_external_credentials_read_the_chosen_principal() {
    let value = "{!$Credential.AuthorizationMethod}|{!$Credential.AuthorizationHeaderValue}";
    let (mut scene, _) = Scene::of("basic", &[("username", "u"), ("password", "SECRET-p")]);
    scene.last_named().headers = vec![custom_header("X-A", &format!("{value}|{{!$Credential.Username}}|{{!$Credential.Password}}"), 1)];
    let alice = scene.user("alice");
    let node = scene.node();
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    assert_eq!(node.upstream.last().header("x-a").as_deref(), Some("Basic|dTpTRUNSRVQtcA==|u|SECRET-p"));

    let (mut scene, _) = Scene::oauth();
    scene.last_named().headers =
        vec![custom_header("X-A", &format!("{value}|{{!$Credential.OAuthToken}}|{{!$Credential.OAuthConsumerKey}}"), 1)];
    let alice = scene.user("alice");
    let node = scene.node();
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    assert_eq!(node.upstream.last().header("x-a").as_deref(), Some("Bearer|SECRET-token-1|SECRET-token-1|client"));

    // Without authentication the method is null, which is empty text; there is no password.
    let mut scene = custom();
    scene.last_named().headers = vec![custom_header("X-A", &format!("[{value}]"), 1)];
    let alice = scene.user("alice");
    let node = scene.node();
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    assert_eq!(node.upstream.last().header("x-a").as_deref(), Some("[|]"));
    scene.last_named().headers = vec![custom_header("X-A", "{!$Credential.Password}", 1)];
    assert_eq!(outcome(&scene.node().get(&alice, "callout:Pay/x").await), "formula_unresolved");
}

#[tokio::test(start_paused = true)]
async fn users_with_different_scopes_never_share_a_token() {
    let (mut scene, _) = Scene::oauth();
    let credential = scene.definitions.external_credentials[0].id;
    scene.change(credential, |credential| {
        credential.settings.insert("scope".to_owned(), "{!\"session:role:\" + $User.Department}".into());
    });
    let finance = ["alice", "albert"].map(|name| with(&mut scene, name, &[("Department", "Finance")]));
    let sales = with(&mut scene, "bob", &[("Department", "Sales")]);
    let nobody = with(&mut scene, "carol", &[]);
    let node = scene.node();
    let mut tokens = Vec::new();
    for caller in [&finance[0], &finance[1], &sales, &finance[0]] {
        assert_eq!(outcome(&node.get(caller, "callout:Pay/x").await), "200");
        tokens.push(node.upstream.last().header("authorization").unwrap());
    }
    // The same scope is the same grant, for whomever.
    assert_eq!(tokens, ["Bearer SECRET-token-1", "Bearer SECRET-token-1", "Bearer SECRET-token-2", "Bearer SECRET-token-1"]);
    let asked: Vec<String> = scene.provider.questions().iter().map(|ask| String::from_utf8_lossy(ask.body.expose()).into_owned()).collect();
    assert!(asked[0].contains("scope=session%3Arole%3AFinance") && asked[1].contains("scope=session%3Arole%3ASales"), "{asked:?}");
    let refused = refusal(node.get(&nobody, "callout:Pay/x").await);
    assert_eq!((refused.refused.code(), refused.refused.turn()), ("formula_unresolved", Turn::Admin));
    assert!(refused.intent.is_none() && scene.provider.asked() == 2);
    // Another node finds both in custody.
    let other = scene.node();
    assert_eq!(outcome(&other.get(&sales, "callout:Pay/x").await), "200");
    assert_eq!((other.upstream.last().header("authorization").as_deref(), scene.provider.asked()), (Some("Bearer SECRET-token-2"), 2));
    // What is explained is what happens.
    assert_eq!(other.explain(&nobody, "callout:Pay/x").await.refusal.unwrap().code, "formula_unresolved");
    assert!(other.explain(&sales, "callout:Pay/x").await.refusal.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_principals_own_scope_replaces_the_credentials() {
    let (mut scene, _) = Scene::oauth();
    let credential = scene.definitions.external_credentials[0].id;
    scene.change(credential, |credential| {
        credential.settings.insert("scope".to_owned(), "read".into());
    });
    let second = scene.principal(credential, "Second", IdentityType::Named, 2);
    scene.custody.store(second, None, &[("client_id", "client"), ("client_secret", "SECRET-client")]);
    scene.enable(second, 7);
    scene.definitions.principals.last_mut().unwrap().settings.insert("scope".to_owned(), "write".into());
    let (alice, bob) = (scene.user("alice"), scene.user_with("bob", &[7]));
    let node = scene.node();
    for caller in [&alice, &bob, &alice] {
        assert_eq!(outcome(&node.get(caller, "callout:Pay/x").await), "200");
    }
    let asked: Vec<String> = scene.provider.questions().iter().map(|ask| String::from_utf8_lossy(ask.body.expose()).into_owned()).collect();
    assert!(asked.len() == 2 && asked[0].contains("scope=read") && asked[1].contains("scope=write"), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_scope_for_each_user_is_renewed_for_each_user() {
    let (mut scene, _) = Scene::oauth();
    let credential = scene.definitions.external_credentials[0].id;
    scene.change(credential, |credential| {
        credential.settings.insert("scope".to_owned(), "{!$User.Department}".into());
    });
    let (alice, bob) = (with(&mut scene, "alice", &[("Department", "A")]), with(&mut scene, "bob", &[("Department", "B")]));
    let node = scene.node();
    for caller in [&alice, &bob] {
        assert_eq!(outcome(&node.get(caller, "callout:Pay/x").await), "200");
    }
    // The upstream takes Alice's first token no more.
    node.upstream
        .answers(|received| answer(if received.header("authorization").as_deref() == Some("Bearer SECRET-token-1") { 401 } else { 200 }));
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    assert_eq!(node.upstream.last().header("authorization").as_deref(), Some("Bearer SECRET-token-3"));
    assert_eq!(outcome(&node.get(&bob, "callout:Pay/x").await), "200");
    assert_eq!(node.upstream.last().header("authorization").as_deref(), Some("Bearer SECRET-token-2"));
}

#[tokio::test(start_paused = true)]
async fn a_header_is_signed_with_a_certificate_of_the_house() {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
    let mut scene = custom();
    let signed = |algorithm: &str, certificate: &str| {
        format!("{{!HEX(SIGN_WITH_CERTIFICATE('{algorithm}', $Credential.Ec.Body, '{certificate}'))}}")
    };
    scene.last_named().headers = vec![custom_header("X-Signature", &signed("ECDSA-SHA256", "Key"), 1)];
    let alice = scene.user("alice");
    let node = scene.node();
    // Often enough that R and S begin with every kind of byte.
    for _ in 0..64 {
        assert_eq!(outcome(&node.post(&alice, "callout:Pay/x", TestBody::streamed("abc")).await), "200");
        let hex = node.upstream.last().header("x-signature").unwrap();
        let signature: Vec<u8> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let verified = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, scene.provider.key.public_key()).verify(b"abc", &signature);
        assert!(verified.is_ok(), "{hex}");
    }
    // Nothing of it is kept: the certificate may be renewed between two callouts. Each ECDSA signature is another, even of the same text.
    let same = "{!HEX(SIGN_WITH_CERTIFICATE('ECDSA-SHA256', BLOB('same'), 'Key'))}";
    scene.last_named().headers = vec![custom_header("X-Signature", same, 1)];
    let node = scene.node();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
        seen.insert(node.upstream.last().header("x-signature").unwrap());
    }
    assert_eq!(seen.len(), 3);
    for (algorithm, certificate) in [("ECDSA-SHA256", "Nobody"), ("RSA-SHA256", "Key"), ("ECDSA-SHA384", "Key")] {
        scene.last_named().headers = vec![custom_header("X-Signature", &signed(algorithm, certificate), 1)];
        let refused = refusal(scene.node().get(&alice, "callout:Pay/x").await).refused;
        assert_eq!((refused.code(), refused.turn()), ("formula_failed", Turn::Admin), "{algorithm} {certificate}");
    }
    // A caller who may use formulas must not sign with our keys whatever it likes.
    scene.last_named().headers = vec![custom_header("X-Signature", &signed("ECDSA-SHA256", "Key"), 1)];
    scene.last_named().allow_formulas_in_header = CallerFormulas::Evaluated;
    let (answered, _) = sends(&scene, &alice, "{!HEX(SIGN_WITH_CERTIFICATE('ECDSA-SHA256', BLOB('x'), 'Key'))}").await;
    assert_eq!(outcome(&answered), "formula_unavailable");
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_cannot_sign_is_not_said_to_be_missing() {
    for (certificate, code, words) in [
        ("None", "formula_failed", "no certificate of this name"),
        ("Early", "formula_failed", "not valid yet"),
        ("Late", "formula_failed", "has expired"),
        ("Away", "formula_unavailable", "cannot be read now"),
        ("Sealed", "formula_unavailable", "without the root key"),
    ] {
        let mut scene = custom();
        let value = format!("{{!HEX(SIGN_WITH_CERTIFICATE('ECDSA-SHA256', BLOB('x'), '{certificate}'))}}");
        scene.last_named().headers = vec![custom_header("X-Signature", &value, 1)];
        let (alice, node) = (scene.user("alice"), scene.node());
        let refused = refusal(node.get(&alice, "callout:Pay/x").await).refused;
        assert_eq!(refused.code(), code, "{certificate}");
        assert!(refused.to_string().contains(words), "{certificate}: {refused}");
    }
}
