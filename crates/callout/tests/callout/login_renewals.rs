//! What a renewal leaves alone, and what it does not take for what it is not: leases that come late, answers that could not be heard out, logins made anew.

use std::time::Duration;

use sortie_callout::{Authority, Caller, place};
use sortie_model::IdentityType;

use crate::logins::{bearer, get, log_in, presented, redeem, revoke, scene};
use crate::support::{Fault, Node, Operation, Reply, Scene, advance, outcome, settle};

#[tokio::test(start_paused = true)]
async fn rel_t10_a_lease_that_came_too_late_to_be_used_is_given_back() {
    let (mut scene, principal) = scene(IdentityType::Named);
    let (alice, slow, other) = (scene.user("alice"), scene.node(), scene.node());
    log_in(&other, &alice).await;
    advance(99).await;
    let is_first = std::sync::atomic::AtomicBool::new(true);
    scene.custody.on(move |operation, _| {
        let delays = operation == Operation::Lease && is_first.swap(false, std::sync::atomic::Ordering::SeqCst);
        delays.then_some(Fault::DelayAnswer(Duration::from_secs(11)))
    });
    let start = tokio::time::Instant::now();
    let (answered, ()) = tokio::join!(get(&slow, &alice), async {
        tokio::time::sleep(Duration::from_millis(11_500)).await;
        assert_eq!(get(&other, &alice).await, "200");
    });
    assert_eq!((answered.as_str(), start.elapsed() < Duration::from_secs(13)), ("200", true), "nobody waits for a lease that nobody uses");
    assert_eq!((presented(&scene), scene.custody.version(principal, None)), (vec!["SECRET-refresh-1".to_owned()], Some(2)));
    assert_eq!((scene.custody.count(Operation::GiveBack), scene.custody.count(Operation::Fail)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn p11_a_login_made_after_a_revocation_is_not_taken_for_the_one_that_was_refused() {
    // Both are the first in their rows. The callout that is refused began before either.
    let (mut scene, _) = scene(IdentityType::Named);
    let (alice, node) = (scene.user("alice"), scene.node());
    log_in(&node, &alice).await;
    node.upstream.takes(Duration::from_secs(2));
    // The second answer is the one to the revocation.
    node.upstream.accepts_only("SECRET-token-3");
    let (answered, ()) = tokio::join!(get(&node, &alice), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        revoke(&node, &alice).await;
        log_in(&node, &alice).await;
    });
    assert_eq!((answered.as_str(), bearer(&node)), ("200", "Bearer SECRET-token-3".to_owned()));
    assert!(presented(&scene).is_empty(), "nobody asks for another one: {:?}", presented(&scene));
}

#[tokio::test(start_paused = true)]
async fn p12_no_provider_is_asked_whose_answer_could_not_be_heard_out() {
    // What comes back is not lost: the whole renewal has 60 s, of which 20 are the provider's.
    for (late, operation, seconds, is_asked) in [
        ("when the values come", Operation::Values, 30, true),
        ("when the values come", Operation::Values, 36, false),
        ("when the row comes", Operation::Load, 36, false),
    ] {
        let (mut scene, _) = Scene::oauth();
        let (alice, node) = (scene.user("alice"), scene.node());
        scene.custody.on(move |done, _| (done == operation).then_some(Fault::Delay(Duration::from_secs(seconds))));
        scene.provider.usually(Reply::token(3600).after(Duration::from_secs(19)));
        assert_eq!(get_pay(&node, &alice).await, "token_endpoint_timeout", "{late}");
        scene.custody.calm_down();
        tokio::time::sleep(Duration::from_secs(40)).await;
        settle().await;
        assert_eq!(
            (scene.provider.asked(), scene.custody.count(Operation::Commit)),
            (usize::from(is_asked), usize::from(is_asked)),
            "{late}"
        );
        assert_eq!(scene.custody.count(Operation::Lease), usize::from(is_asked), "{late}: no lease that is not used");
    }
    // A lease that comes in time by itself, and too late for the whole.
    let (mut scene, principal) = Scene::oauth();
    let (alice, node) = (scene.user("alice"), scene.node());
    scene.custody.on(|operation, _| match operation {
        Operation::Values => Some(Fault::Delay(Duration::from_secs(34))),
        Operation::Lease => Some(Fault::DelayAnswer(Duration::from_secs(5))),
        _ => None,
    });
    assert_eq!(get_pay(&node, &alice).await, "token_endpoint_timeout");
    tokio::time::sleep(Duration::from_secs(20)).await;
    settle().await;
    assert_eq!((scene.provider.asked(), scene.custody.is_leased(principal, None)), (0, false));
}

async fn get_pay(node: &Node, caller: &Caller) -> String {
    outcome(&node.get(caller, "callout:Pay/x").await)
}

#[tokio::test(start_paused = true)]
async fn tok_01_a_token_lives_from_before_the_question_on() {
    // RFC 6749, section 5.1: it was made at any time between the question and the answer.
    let (mut scene, _) = scene(IdentityType::Named);
    let (alice, node) = (scene.user("alice"), scene.node());
    scene.provider.usually(Reply::Rotated { lifetime: 100 }.after(Duration::from_secs(15)));
    let before = scene.clock.now();
    let redeemed = redeem(&node, &alice).await.unwrap();
    assert_eq!((redeemed.issued_at, redeemed.expires_at), (before, before.after(Duration::from_secs(100))));
    log_in(&node, &alice).await;
    advance(99).await;
    let before = scene.clock.now();
    assert_eq!(get(&node, &alice).await, "200");
    let snapshot = node.snapshot();
    let place = place(&snapshot, &alice, Authority::Operator, ("Cal", "Main")).unwrap();
    let state = node.grants.login_state(&place).await.unwrap().unwrap();
    assert_eq!(state.expires_at, before.after(Duration::from_secs(100)));
}
