//! What happens when an upstream refuses the credential: TOK-18, TOK-19, HDR-20, RSP-14, REL-T19, and domain rule "renew, then resend once".

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::Response;
use http_body_util::{BodyExt, Full};
use sortie_callout::{Delivered, Peeked};
use sortie_model::{RenewalRule, RenewalSign, StatusCodes};

use crate::support::{Fault, Operation, Reply, Scene, TestBody, advance, answer, outcome, settle};

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_renewed_once_and_the_request_sent_once_more() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    node.upstream.accepts_only("SECRET-token-2");
    let delivered = node.post(&alice, "callout:Pay/x?q=1", TestBody::buffered("body")).await;
    assert_eq!(outcome(&delivered), "200");
    assert!(delivered.is_ok_and(|delivered| delivered.renewed));
    let received = node.upstream.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].body, received[1].body);
    assert_eq!((&received[0].target, &received[0].method), (&received[1].target, &received[1].method));
    assert_eq!(received[1].header("authorization").as_deref(), Some("Bearer SECRET-token-2"));
    assert_eq!(scene.provider.asked(), 2);
    assert_eq!(node.audit.records().len(), 1, "one callout, one record");
}

#[tokio::test(start_paused = true)]
async fn a_second_refusal_is_the_callers() {
    // RSP-14: it is the upstream's own answer, and nothing of ours is in it.
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    node.upstream.answers(|_| {
        let refusal = Response::builder().status(401).header("www-authenticate", "Basic realm=\"up\"").header("sortie-error", "forged");
        refusal.body(Bytes::from_static(b"no")).unwrap()
    });
    let delivered = node.get(&alice, "callout:Pay/x").await.ok().unwrap();
    assert_eq!(delivered.answer.status(), 401);
    assert_eq!(delivered.answer.headers()["www-authenticate"], "Basic realm=\"up\"");
    assert!(!delivered.answer.headers().contains_key("sortie-error"));
    assert!(delivered.renewed);
    assert_eq!(text(delivered).await, "no");
    assert_eq!((node.upstream.count(), scene.provider.asked()), (2, 2));
}

/// The body of an answer.
async fn text(delivered: Delivered<Peeked<Full<Bytes>>>) -> String {
    let bytes = delivered.answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_gone_is_not_made_up_but_the_token_is_renewed_for_the_next() {
    // HDR-20.
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    node.upstream.accepts_only("SECRET-token-2");
    let delivered = node.post(&alice, "callout:Pay/x", TestBody::streamed("gone")).await.ok().unwrap();
    assert_eq!(delivered.answer.status(), 401);
    assert!(!delivered.renewed, "it was not sent twice");
    assert_eq!((node.upstream.count(), scene.provider.asked()), (1, 2));
    assert_eq!(outcome(&node.post(&alice, "callout:Pay/x", TestBody::streamed("next")).await), "200");
    assert_eq!((node.upstream.count(), scene.provider.asked()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_repeated_is_delivered_even_if_the_renewal_fails() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    node.upstream.accepts_only("SECRET-token-2");
    assert_eq!(scene.provider.asked(), 0);
    scene.provider.next(Reply::token(3600));
    scene.provider.usually(Reply::status(503, ""));
    assert_eq!(outcome(&node.post(&alice, "callout:Pay/x", TestBody::streamed("gone")).await), "401");
    assert_eq!((node.upstream.count(), scene.provider.asked()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_after_a_refusal_fails_the_callout() {
    // As Salesforce: "The expired credentials couldn't be refreshed."
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    node.upstream.accepts_only("SECRET-token-2");
    scene.provider.next(Reply::token(3600));
    scene.provider.usually(Reply::status(400, r#"{"error":"invalid_client"}"#));
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "token_refused");
    assert_eq!(node.upstream.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_static_credential_is_never_sent_again() {
    let (mut scene, _) = Scene::of("basic", &[("username", "u"), ("password", "SECRET-p")]);
    let credential = scene.definitions.external_credentials[0].id;
    scene.change(credential, |credential| credential.additional_status_codes = StatusCodes::parse(vec![403]).unwrap());
    let alice = scene.user("alice");
    let node = scene.node();
    for status in [401, 403] {
        node.upstream.answers(move |_| answer(status));
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), status.to_string());
    }
    assert_eq!(node.upstream.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_listed_statuses_count_beside_401() {
    for (status, listed, sent) in
        [(403, vec![403], 2), (498, vec![403, 498], 2), (601, vec![601], 2), (403, vec![], 1), (500, vec![403], 1), (302, vec![403], 1)]
    {
        let (mut scene, _) = Scene::oauth();
        let credential = scene.definitions.external_credentials[0].id;
        scene.change(credential, |credential| credential.additional_status_codes = StatusCodes::parse(listed).unwrap());
        let alice = scene.user("alice");
        let node = scene.node();
        node.upstream.answers(move |_| answer(status));
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), status.to_string());
        assert_eq!(node.upstream.count(), sent, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn many_callers_with_one_refused_token_are_all_served_by_one_renewal() {
    // TOK-18, for a token of any age, also one that was fetched this very second.
    for age in [0, 5, 600] {
        let (mut scene, _) = Scene::oauth();
        let alice = scene.user("alice");
        let node = scene.node();
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
        advance(age).await;
        node.upstream.accepts_only("SECRET-token-2");
        node.upstream.takes(Duration::from_millis(50));
        scene.provider.usually(Reply::token(3600).after(Duration::from_millis(300)));
        // They come one after the other, so that some are refused while the renewal is under way, and some after it.
        let all = join_all((0..500u64).map(|number| {
            let (node, alice) = (&node, &alice);
            async move {
                tokio::time::sleep(Duration::from_millis(number)).await;
                node.get(alice, "callout:Pay/x").await
            }
        }))
        .await;
        let failed = all.iter().filter(|answered| outcome(answered) != "200").count();
        assert_eq!(failed, 0, "age {age}");
        assert_eq!(scene.provider.asked(), 2, "age {age}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_always_refuses_does_not_make_us_hammer_the_provider() {
    // TOK-19.
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    node.upstream.answers(|_| answer(401));
    let start = scene.clock.now();
    for _ in 0..3600 {
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "401");
        advance(1).await;
    }
    let moments: Vec<u64> = scene.provider.moments().iter().map(|at| at.since(start).as_secs()).collect();
    // One for the first call, one for its refusal, then pauses of 10, 20, 40, … up to 300 s, and the usual renewal when it is due.
    assert_eq!(moments[..7], [0, 0, 10, 30, 70, 150, 310]);
    assert!(moments.len() <= 20, "{moments:?}");
    assert!(moments.windows(2).skip(6).all(|pair| pair[1] - pair[0] >= 290), "{moments:?}");
}

#[tokio::test(start_paused = true)]
async fn one_path_that_always_refuses_does_not_make_us_hammer_the_provider_while_others_work() {
    // TOK-18, TOK-19: successes elsewhere must not end the pause.
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    node.upstream.answers(|received| answer(if received.target.ends_with("/forbidden") { 401 } else { 200 }));
    for _ in 0..600 {
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/forbidden").await), "401");
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/fine").await), "200");
        advance(1).await;
    }
    assert!(scene.provider.asked() <= 62, "{} in ten minutes: more than one in 10 s", scene.provider.asked());
}

#[tokio::test(start_paused = true)]
async fn after_a_pause_a_token_that_is_revoked_again_is_renewed_again() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    node.upstream.accepts_only("SECRET-token-2");
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    advance(11).await;
    node.upstream.accepts_only("SECRET-token-3");
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    assert_eq!(scene.provider.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_during_an_early_renewal_waits_for_it() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    scene.provider.usually(Reply::token(100));
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    advance(82).await;
    scene.provider.usually(Reply::token(100).after(Duration::from_secs(2)));
    node.upstream.accepts_only("SECRET-token-2");
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    assert_eq!(scene.provider.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_finds_the_refused_token_again_is_not_the_last_word() {
    // A user's slot was let go of meanwhile; a second call finds the token in custody, just as the upstream refuses it to the first.
    let (mut scene, shared) = Scene::oauth();
    let alice = scene.user("alice");
    scene.definitions.principals[0].identity_type = sortie_model::IdentityType::PerUser;
    scene.custody.store(shared, Some(alice.user), &[("client_id", "alice"), ("client_secret", "SECRET-alice")]);
    let node = scene.node();
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    node.upstream.accepts_only("SECRET-token-2");
    node.upstream.takes(Duration::from_secs(1));
    scene.custody.on(|operation, _| (operation == Operation::Load).then_some(Fault::Delay(Duration::from_secs(2))));
    let (first, second) = tokio::join!(node.get(&alice, "callout:Pay/first"), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        node.refresh(&scene);
        node.get(&alice, "callout:Pay/second").await
    });
    assert_eq!([outcome(&first), outcome(&second)], ["200", "200"]);
    assert_eq!(scene.provider.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn health_follows_what_the_upstream_says() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    node.upstream.answers(|_| answer(401));
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "401");
    let health = node.grants.health();
    assert_eq!(health.len(), 1);
    assert_eq!((health[0].last_success, health[0].last_failure_code), (None, Some("upstream_refused_credential")));
    advance(5).await;
    node.upstream.answers(|_| answer(200));
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    let health = node.grants.health();
    assert_eq!(health[0].last_success, Some(scene.clock.now()));
    assert!(health[0].token_expires_at.is_some());
    settle().await;
}

/// Answers as Marketo does: 200, and in the body that the token is stale.
fn marketo(body: &str) -> Response<Bytes> {
    let answer = Response::builder().status(200).header("content-type", "application/json; charset=utf-8");
    answer.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

const STALE: &str = r#"{"requestId": "1", "success": false, "errors": [{"code": "602", "message": "Access token expired"}]}"#;

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_a_rule_renews_whatever_its_status() {
    type Script = fn() -> Response<Bytes>;
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let pointer = |equals: &str| vec![RenewalRule::of_pointer(200, "/errors/0/code", equals).unwrap()];
    let header = vec![RenewalRule::of_header(403, "X-Token-State", "stale").unwrap()];
    let of_header: Script = || {
        let answer = Response::builder().status(403).header("x-token-state", "stale");
        answer.body(Bytes::from_static(b"no")).unwrap()
    };
    let answers: [(Vec<RenewalRule>, Script); 3] =
        [(pointer("602"), || marketo(STALE)), (pointer("602"), || marketo(&STALE.replace("\"602\"", "602"))), (header, of_header)];
    for (rules, answer_stale) in answers {
        let reads_body = matches!(rules[0].sign, RenewalSign::Pointer { .. });
        scene.revise(|credential| credential.renewal_rules = rules);
        let node = scene.node();
        let before = scene.provider.asked();
        let first = std::sync::atomic::AtomicBool::new(true);
        node.upstream.answers(move |_| {
            let is_first = first.swap(false, std::sync::atomic::Ordering::SeqCst);
            if is_first { answer_stale() } else { marketo(r#"{"success": true}"#) }
        });
        let gzip = [("accept-encoding", "gzip")];
        let delivered = node.get_with(&alice, "callout:Pay/x", &gzip).await.ok().unwrap();
        assert!(delivered.renewed);
        assert_eq!(text(delivered).await, r#"{"success": true}"#);
        // Only what is looked into is asked for uncompressed.
        let encoding = node.upstream.last().header("accept-encoding");
        assert_eq!(encoding.as_deref(), if reads_body { Some("identity") } else { Some("gzip") });
        assert_eq!((node.upstream.count(), scene.provider.asked() - before), (2, 2));
        // Another one within the pause is the caller's, whole.
        node.upstream.answers(move |_| marketo(STALE));
        assert_eq!(text(node.get(&alice, "callout:Pay/x").await.ok().unwrap()).await, STALE);
        assert_eq!(scene.provider.asked() - before, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_no_rule_arrives_as_it_was() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    scene.revise(|credential| {
        credential.renewal_rules = vec![
            RenewalRule::of_pointer(200, "/errors/0/code", "602").unwrap(),
            RenewalRule::of_header(200, "X-Token-State", "stale").unwrap(),
        ];
    });
    let node = scene.node();
    let large = format!(r#"{{"pad": "{}", "errors": [{{"code": 602}}]}}"#, "x".repeat(64 * 1024));
    for (kind, body) in [
        ("application/json", r#"{"errors": [{"code": 603}]}"#),
        ("application/json", r#"{"errors": []}"#),
        ("application/json", r#"{"errors": [{"code": {"602": 1}}]}"#),
        ("application/json", r#"{"errors": [{"code": 602}]"#),
        ("application/json", ""),
        ("application/json", large.as_str()),
        ("text/plain", r#"{"errors": [{"code": 602}]}"#),
        ("application/x-ndjson", r#"{"errors": [{"code": 602}]}"#),
    ] {
        let sent = Bytes::copy_from_slice(body.as_bytes());
        node.upstream.answers(move |_| Response::builder().status(200).header("content-type", kind).body(sent.clone()).unwrap());
        let delivered = node.get(&alice, "callout:Pay/x").await.ok().unwrap();
        assert!(!delivered.renewed, "{kind} {}", &body[..body.len().min(80)]);
        assert_eq!(text(delivered).await, body);
    }
    assert_eq!(scene.provider.asked(), 1);
}
