//! `explain`: the same steps as a callout, without sending or asking anything. One test for each row of the troubleshooting table (domain 7.1) that applies;
//! 7.1 #4 and the rows about files, browsers and the platform itself do not, or not yet.

use std::time::Duration;

use sortie_callout::{Plan, TokenState};
use sortie_model::IdentityType;
use sortie_protocol::AskError;

use crate::support::{EVERYBODY, Node, Reply, Scene, advance, answer, custom_header, outcome, settle};

/// The plan, after making sure that it holds no secret and cost nothing.
async fn explained(scene: &Scene, node: &Node, caller: &sortie_callout::Caller, target: &str) -> Plan {
    let before = (scene.provider.asked(), node.upstream.count(), node.audit.records().len());
    let plan = node.explain(caller, target).await;
    settle().await;
    assert_eq!(before, (scene.provider.asked(), node.upstream.count(), node.audit.records().len()));
    let json = serde_json::to_string(&plan).unwrap();
    assert!(!json.contains("SECRET"), "{json}");
    plan
}

fn verdicts(plan: &Plan) -> Vec<(&str, u32, &str)> {
    plan.principals.iter().map(|principal| (principal.name.as_str(), principal.sequence_number, principal.verdict)).collect()
}

fn refused(plan: &Plan) -> (&str, &str, &str) {
    let refusal = plan.refusal.as_ref().unwrap();
    (refusal.code, refusal.reason, refusal.turn.as_str())
}

#[tokio::test(start_paused = true)]
async fn a_callout_that_works_is_described_without_its_secrets() {
    let (mut scene, _) = Scene::oauth();
    scene.last_named().headers =
        vec![custom_header("X-Secret", "{!$Credential.Idp.client_secret}", 1), custom_header("X-Literal", "SECRET-literal", 2)];
    let alice = scene.user("alice");
    let node = scene.node();
    let plan = explained(&scene, &node, &alice, "callout:pay/invoices?open=true").await;
    assert_eq!(plan.named_credential.as_deref(), Some("Pay"));
    assert_eq!(plan.destination.as_deref(), Some("https://up.test/v1/base/invoices?open=true"));
    assert_eq!((plan.external_credential.as_deref(), plan.protocol), (Some("Idp"), Some("oauth_client_credentials")));
    assert_eq!(verdicts(&plan), [("Main", 1, "chosen")]);
    assert_eq!(plan.token, Some(TokenState::WouldBeFetched));
    assert_eq!(plan.headers, ["authorization", "x-secret", "x-literal"]);
    assert_eq!((plan.refusal.is_none(), plan.last_failure.is_none()), (true, true));

    assert_eq!(outcome(&node.get(&alice, "callout:Pay/invoices").await), "200");
    let plan = explained(&scene, &node, &alice, "callout:Pay/invoices").await;
    assert_eq!(plan.token, Some(TokenState::Good { expires_at: scene.clock.now().after(Duration::from_secs(3600)) }));
    assert_eq!(plan.headers, ["authorization", "x-secret", "x-literal"]);
    // Another node, which has nothing in memory, finds the same in custody.
    let cold = scene.node();
    assert_eq!(explained(&scene, &cold, &alice, "callout:Pay/invoices").await.token, plan.token);
    // And what no callout would send any more would be fetched.
    advance(3580).await;
    for node in [&node, &cold] {
        assert_eq!(explained(&scene, node, &alice, "callout:Pay/invoices").await.token, Some(TokenState::WouldBeFetched));
    }
}

#[tokio::test(start_paused = true)]
async fn explaining_does_not_touch_what_callouts_have_prepared() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    explained(&scene, &node, &alice, "callout:Pay/x").await;
    let before = scene.custody.total();
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    assert_eq!(scene.custody.total(), before);
    assert_eq!(node.grants.health().len(), 1);
    assert_eq!(node.grants.health()[0].last_failure, None);
}

#[tokio::test(start_paused = true)]
async fn row_1_no_permission_names_the_principals_and_the_next_step() {
    let mut scene = Scene::new();
    let credential = scene.credential("Ec", "basic");
    let (late, early) =
        (scene.principal(credential, "Late", IdentityType::Named, 10), scene.principal(credential, "Early", IdentityType::PerUser, 5));
    scene.enable(late, EVERYBODY);
    scene.enable(early, 7);
    scene.name("Pay", "https://up.test", credential);
    let (stranger, alice, both) = (scene.user_with("stranger", &[]), scene.user("alice"), scene.user_with("both", &[EVERYBODY, 7]));
    let node = scene.node();

    let plan = explained(&scene, &node, &stranger, "callout:Pay/x").await;
    assert_eq!(refused(&plan), ("not_permitted", "no_principal", "admin"));
    assert_eq!(verdicts(&plan), [("Early", 5, "not_enabled"), ("Late", 10, "not_enabled")]);
    assert!(plan.refusal.as_ref().unwrap().next_step.contains("sortie grant add 'Ec/Early'"));
    assert!(plan.headers.is_empty() && plan.token.is_none());
    assert_eq!(scene.custody.total(), 0, "nothing was decrypted for it");

    assert_eq!(verdicts(&explained(&scene, &node, &alice, "callout:Pay/x").await), [("Early", 5, "not_enabled"), ("Late", 10, "chosen")]);
    assert_eq!(verdicts(&explained(&scene, &node, &both, "callout:Pay/x").await), [("Early", 5, "chosen"), ("Late", 10, "not_needed")]);

    scene.definitions.principals.clear();
    node.refresh(&scene);
    let plan = explained(&scene, &node, &alice, "callout:Pay/x").await;
    assert_eq!(refused(&plan), ("not_permitted", "no_principal", "admin"));
    assert!(plan.refusal.unwrap().message.contains("has no principal"));
}

#[tokio::test(start_paused = true)]
async fn row_2_an_unknown_name_is_told_apart_from_a_forbidden_one() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    let plan = explained(&scene, &node, &alice, "callout:Pya/x").await;
    assert_eq!(refused(&plan), ("not_permitted", "unknown_name", "admin"));
    assert_eq!((plan.named_credential, plan.destination), (None, None));
    // Switched off, and not a target at all.
    scene.last_named().is_enabled = false;
    node.refresh(&scene);
    assert_eq!(refused(&explained(&scene, &node, &alice, "callout:Pay/x").await), ("callout_disabled", "callout_disabled", "admin"));
    assert_eq!(refused(&explained(&scene, &node, &alice, "callout:Pay/../x").await), ("target_invalid", "target_invalid", "caller"));
    assert_eq!(refused(&explained(&scene, &node, &alice, "https://up.test/x").await), ("target_invalid", "target_invalid", "caller")); // Row 27.
}

#[tokio::test(start_paused = true)]
async fn row_3_what_is_not_configured_is_named() {
    let (mut scene, principal) = Scene::oauth();
    let credential = scene.definitions.external_credentials[0].id;
    let alice = scene.user("alice");
    for (values, endpoint, missing) in [
        (vec![("client_id", "client")], "https://idp.test/token", "client_secret"),
        (vec![("client_id", ""), ("client_secret", "SECRET-x")], "https://idp.test/token", "client_id"),
        (vec![("client_id", "client"), ("client_secret", "SECRET-x")], "", "token_endpoint"),
    ] {
        scene.custody.store(principal, None, &values);
        scene.change(credential, |credential| {
            credential.settings.insert("token_endpoint".to_owned(), endpoint.into());
        });
        let node = scene.node();
        let plan = explained(&scene, &node, &alice, "callout:Pay/x").await;
        assert_eq!(refused(&plan), ("credential_not_configured", "credential_not_configured", "admin"), "{missing}");
        assert!(plan.refusal.as_ref().unwrap().message.contains(missing), "{missing}");
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "credential_not_configured", "and the callout says the same");
    }
}

#[tokio::test(start_paused = true)]
async fn row_4_a_user_who_has_stored_nothing_is_told_so() {
    let mut scene = Scene::new();
    let credential = scene.credential("Ec", "basic");
    let principal = scene.principal(credential, "Own", IdentityType::PerUser, 1);
    scene.enable(principal, EVERYBODY);
    scene.name("Pay", "https://up.test", credential);
    let alice = scene.user("alice");
    let node = scene.node();
    let plan = explained(&scene, &node, &alice, "callout:Pay/x").await;
    assert_eq!(refused(&plan), ("needs_authentication", "needs_authentication", "caller"));
    let refusal = plan.refusal.unwrap();
    assert!(refusal.next_step.contains("sortie secret set 'Ec/Own' username --user 'alice'"), "{}", refusal.next_step);
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "needs_authentication");
}

#[tokio::test(start_paused = true)]
async fn rows_5_to_9_what_the_provider_said_is_passed_on_also_after_the_pause() {
    for (reply, code, turn, words) in [
        (
            Reply::status(401, r#"{"error":"invalid_client","error_description":"bad SECRET-client"}"#),
            "token_refused",
            "admin",
            "invalid_client",
        ), // 5
        (Reply::status(400, "<html>"), "token_refused", "admin", "status_400"), // 6
        (
            Reply::status(400, r#"{"error":"invalid_request","error_description":"scope parameter not supported"}"#),
            "token_refused",
            "admin",
            "scope parameter not supported",
        ), // 7
        (
            Reply::status(400, r#"{"error":"invalid_grant","error_description":"request not supported on this domain"}"#),
            "needs_authentication",
            "admin",
            "request not supported on this domain",
        ), // 8
        (
            Reply::status(400, r#"{"error":"no client credentials user enabled"}"#),
            "token_refused",
            "admin",
            "no client credentials user enabled",
        ), // 9
        (Reply::status(302, ""), "credential_misconfigured", "admin", "redirect"), // 12
        (Reply::status(400, r#"{"error":"invalid_scope"}"#), "token_refused", "admin", "invalid_scope"), // 20
        (
            Reply::Failure(AskError::NotSent { reason: "no address for idp.test".to_owned() }),
            "token_endpoint_unavailable",
            "provider",
            "no address for idp.test",
        ), // 32
        (Reply::Failure(AskError::NoAnswer), "token_endpoint_timeout", "provider", "did not answer in time"), // 33
        (Reply::status(200, "<html>"), "token_answer_malformed", "provider", "access_token"),
        (Reply::Failure(AskError::Denied), "egress_denied", "operator", "egress policy"),
    ] {
        let (mut scene, _) = Scene::oauth();
        let alice = scene.user("alice");
        let node = scene.node();
        scene.provider.usually(reply);
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), code);
        let plan = explained(&scene, &node, &alice, "callout:Pay/x").await;
        if code != "credential_misconfigured" {
            // During the pause the callout is refused, for the reason that led to it.
            assert_eq!(refused(&plan), (code, code, turn), "{words}");
            assert!(plan.refusal.as_ref().unwrap().message.contains(words), "{words}: {}", plan.refusal.as_ref().unwrap().message);
            assert!(matches!(plan.token, Some(TokenState::BackingOff { code: found, .. }) if found == code));
            // What the provider said is known, and with it the cause.
            let is_said = code == "token_refused" || code == "needs_authentication";
            assert_eq!(plan.refusal.as_ref().unwrap().cause.is_some(), is_said && !words.starts_with("status_400"), "{words}");
            // And so it is on a node that has only heard of it.
            let other = scene.node();
            let elsewhere = explained(&scene, &other, &alice, "callout:Pay/x").await;
            assert_eq!(refused(&elsewhere), (code, code, turn), "{words}");
            assert_eq!(elsewhere.refusal.unwrap().cause, plan.refusal.as_ref().unwrap().cause, "{words}");
            let noted = elsewhere.last_failure.unwrap();
            assert_eq!((noted.code, noted.at, noted.message.contains(words)), (code, scene.clock.now(), is_said), "{noted:?}");
            assert!(!noted.next_step.is_empty());
        }
        // After it a callout would try again; what went wrong the last time is still there.
        advance(3).await;
        let plan = explained(&scene, &node, &alice, "callout:Pay/x").await;
        assert_eq!((&plan.token, plan.refusal.is_none()), (&Some(TokenState::WouldBeFetched), true));
        let failure = plan.last_failure.unwrap();
        assert_eq!(failure.code, code);
        assert!(failure.message.contains(words), "{words}: {}", failure.message);
        assert!(!failure.next_step.is_empty());
        // Until it goes right.
        scene.provider.usually(Reply::token(3600));
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
        advance(1).await;
        assert!(explained(&scene, &node, &alice, "callout:Pay/x").await.last_failure.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn row_18_a_formula_that_cannot_be_resolved_is_named_before_a_token_is_fetched() {
    let (mut scene, _) = Scene::oauth();
    scene.last_named().headers = vec![custom_header("X-Key", "{!$Credential.Idp.Tenant}", 1)];
    let alice = scene.user("alice");
    let node = scene.node();
    let plan = explained(&scene, &node, &alice, "callout:Pay/x").await;
    assert_eq!(refused(&plan), ("formula_unresolved", "formula_unresolved", "admin"));
    assert!(plan.refusal.as_ref().unwrap().message.contains("$Credential.Idp.Tenant"));
    assert_eq!(plan.headers, ["authorization", "x-key"]);
    // The same with a good token.
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "formula_unresolved");
    assert_eq!(refused(&explained(&scene, &node, &alice, "callout:Pay/x").await).0, "formula_unresolved");
}

#[tokio::test(start_paused = true)]
async fn row_25_a_credential_that_the_upstream_refuses_is_told_although_all_is_configured() {
    let (mut scene, _) = Scene::of("basic", &[("username", "u"), ("password", "SECRET-old")]);
    let alice = scene.user("alice");
    let node = scene.node();
    node.upstream.answers(|_| answer(401));
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "401");
    let plan = explained(&scene, &node, &alice, "callout:Pay/x").await;
    assert_eq!((plan.refusal.is_none(), &plan.token), (true, &Some(TokenState::NotNeeded)));
    let failure = plan.last_failure.unwrap();
    assert_eq!((failure.code, failure.at), ("upstream_refused_credential", scene.clock.now()));
    assert!(failure.next_step.contains("sortie secret set"), "{}", failure.next_step);
    advance(1).await;
    node.upstream.answers(|_| answer(200));
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    assert!(explained(&scene, &node, &alice, "callout:Pay/x").await.last_failure.is_none());
}

#[tokio::test(start_paused = true)]
async fn static_protocols_need_no_token() {
    for (protocol, values, headers) in [
        ("basic", vec![("username", "u"), ("password", "SECRET-p")], vec!["authorization"]),
        ("custom", vec![], vec![]),
        ("no_authentication", vec![], vec![]),
    ] {
        let (mut scene, _) = Scene::of(protocol, &values);
        let alice = scene.user("alice");
        let node = scene.node();
        let plan = explained(&scene, &node, &alice, "callout:Pay/x").await;
        assert_eq!(
            (plan.token, plan.refusal, plan.headers),
            (Some(TokenState::NotNeeded), None, headers.iter().map(ToString::to_string).collect())
        );
    }
}
