//! Audit before release: group AUD as far as the flow decides it. How records are written and chained is the server's.

use std::time::Duration;

use sortie_callout::{AuditUnavailable, Ending, ForwardError, Refused};
use sortie_protocol::shared::sigv4::BodyFault;

use crate::support::{Reply, Scene, answer, outcome, refusal, settle};

#[tokio::test(start_paused = true)]
async fn without_a_record_nothing_is_decrypted_asked_or_sent() {
    // AUD-01, P14.
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    node.audit.fail();
    let refused = refusal(node.get(&alice, "callout:Pay/x").await);
    assert_eq!(refused.refused, Refused::Audit(AuditUnavailable));
    assert!(refused.intent.is_none());
    settle().await;
    assert_eq!((scene.custody.total(), scene.provider.asked(), node.upstream.count()), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_record_stands_before_the_request_leaves_and_holds_no_query() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    let audit = node.audit.clone();
    node.upstream.answers(move |_| answer(if audit.records().len() == 1 { 200 } else { 500 }));
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/invoices?card=4111").await), "200");
    let record = node.audit.records().remove(0);
    assert_eq!(
        [&*record.user, &*record.named, &*record.principal, &*record.method, &*record.path],
        ["alice", "Pay", "Main", "GET", "/invoices"]
    );
    assert!(record.outcomes.is_empty(), "a delivered answer is closed by whoever streams it");
}

#[tokio::test(start_paused = true)]
async fn a_hanging_audit_lets_nothing_through() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    node.audit.hang();
    assert!(tokio::time::timeout(Duration::from_secs(60), node.get(&alice, "callout:Pay/x")).await.is_err());
    assert_eq!((scene.custody.total(), node.upstream.count()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn every_intent_can_be_closed_whatever_happens_after_it() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    scene.provider.next(Reply::status(503, ""));
    let failed = refusal(node.get(&alice, "callout:Pay/x").await);
    assert_eq!(failed.refused.code(), "token_endpoint_unavailable");
    assert_eq!(failed.intent.unwrap().sequence, 0);
    crate::support::advance(5).await;
    for error in [
        ForwardError::Denied,
        ForwardError::Unreachable("x".to_owned()),
        ForwardError::Tls("x".to_owned()),
        ForwardError::ClientCertificateRequired,
        ForwardError::ClientCertificateRefused("x"),
        ForwardError::Timeout,
        ForwardError::Protocol("x".to_owned()),
        ForwardError::CallerAborted,
        ForwardError::FormulaWithheld,
        ForwardError::Body(BodyFault::Length),
    ] {
        node.upstream.fails(error.clone());
        let before = node.audit.records().len();
        let failed = refusal(node.get(&alice, "callout:Pay/x").await);
        assert_eq!(failed.refused, Refused::Upstream(error));
        assert_eq!(failed.intent.unwrap().sequence, before as u64);
    }
    let failed = refusal(node.get_with(&alice, "callout:Pay/x", &[("x-a", "{!$Credential.Idp.client_secret}")]).await);
    assert_eq!(failed.refused.code(), "formula_not_allowed");
    assert!(failed.intent.is_none(), "P4: a request that is not well-formed is refused before anything begins");
    assert!(node.audit.records().iter().all(|record| record.outcomes.is_empty()), "it is the gateway that closes them");
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_vanishes_leaves_a_closed_record() {
    // AUD-11: while the token is fetched, and while the upstream is at work.
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    scene.provider.next(Reply::token(3600).after(Duration::from_secs(5)));
    assert!(tokio::time::timeout(Duration::from_secs(2), node.get(&alice, "callout:Pay/x")).await.is_err());
    crate::support::advance(5).await;
    settle().await;
    node.upstream.takes(Duration::from_secs(5));
    assert!(tokio::time::timeout(Duration::from_secs(3), node.get(&alice, "callout:Pay/x")).await.is_err());
    let records = node.audit.records();
    assert_eq!(records.len(), 2);
    for (record, seconds) in records.iter().zip([2, 3]) {
        assert_eq!(record.outcomes.len(), 1);
        let outcome = record.outcomes[0];
        assert_eq!((outcome.completeness, outcome.status, outcome.code), (Ending::CallerAborted, None, Some("caller_aborted")));
        assert_eq!(outcome.duration, Duration::from_secs(seconds));
    }
}
