//! One renewal at a time, and none lost: security.md's refresh algorithm within one process. Group REL-T, and TOK-01 to -03.

use std::time::Duration;

use futures_util::future::join_all;
use sortie_callout::CustodyError;
use sortie_protocol::AskError;

use crate::support::{Fault, Operation, Reply, Scene, advance, outcome, settle};

#[tokio::test(start_paused = true)]
async fn two_hundred_simultaneous_first_callouts_make_one_token_request() {
    // REL-T03.
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    scene.provider.usually(Reply::token(3600).after(Duration::from_millis(300)));
    let all = join_all((0..200).map(|_| node.get(&alice, "callout:Pay/x"))).await;
    assert!(all.iter().all(|answered| outcome(answered) == "200"));
    assert_eq!(scene.provider.asked(), 1);
    assert_eq!(scene.custody.count(Operation::Lease), 1);
    assert!(node.upstream.received().iter().all(|received| received.header("authorization").unwrap() == "Bearer SECRET-token-1"));
}

#[tokio::test(start_paused = true)]
async fn waiters_are_released_only_when_the_grant_is_stored() {
    let (mut scene, principal) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    scene.custody.on(|operation, _| (operation == Operation::Commit).then_some(Fault::Delay(Duration::from_secs(3))));
    let (answered, ()) = tokio::join!(node.get(&alice, "callout:Pay/x"), async {
        settle().await;
        advance(2).await;
        settle().await;
        assert_eq!((scene.provider.asked(), node.upstream.count()), (1, 0), "the token is there, but not stored");
    });
    assert_eq!(outcome(&answered), "200");
    assert_eq!(scene.custody.version(principal, None), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_hangs_up_does_not_end_the_renewal() {
    let (mut scene, principal) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    scene.provider.usually(Reply::token(3600).after(Duration::from_secs(2)));
    assert!(tokio::time::timeout(Duration::from_secs(1), node.get(&alice, "callout:Pay/x")).await.is_err());
    advance(2).await;
    settle().await;
    assert_eq!(scene.custody.kept_token(principal, None).as_deref(), Some("SECRET-token-1"));
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    assert_eq!(scene.provider.asked(), 1, "the next caller gets what the first one asked for");
}

#[tokio::test(start_paused = true)]
async fn one_of_many_waiters_who_hangs_up_takes_nobody_along() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    scene.provider.usually(Reply::token(3600).after(Duration::from_secs(2)));
    let impatient = tokio::time::timeout(Duration::from_secs(1), node.get(&alice, "callout:Pay/x"));
    let (impatient, patient) = tokio::join!(impatient, node.get(&alice, "callout:Pay/y"));
    assert!(impatient.is_err());
    assert_eq!(outcome(&patient), "200");
    assert_eq!(scene.provider.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_old_token_serves_while_its_successor_is_fetched() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    scene.provider.usually(Reply::token(100).after(Duration::from_secs(2)));
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/1").await), "200");
    advance(70).await;
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/2").await), "200");
    settle().await;
    assert_eq!(scene.provider.asked(), 1, "not before three quarters of its life");
    advance(12).await; // 82 s: due, and not yet dead.
    let before = tokio::time::Instant::now();
    let all = join_all((0..50).map(|_| node.get(&alice, "callout:Pay/3"))).await;
    assert!(all.iter().all(|answered| outcome(answered) == "200"));
    assert_eq!(before.elapsed(), Duration::ZERO, "nobody waited");
    assert_eq!(node.upstream.last().header("authorization").as_deref(), Some("Bearer SECRET-token-1"));
    settle().await;
    advance(3).await;
    settle().await;
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/4").await), "200");
    assert_eq!(node.upstream.last().header("authorization").as_deref(), Some("Bearer SECRET-token-2"));
    assert_eq!(scene.provider.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_not_sent_in_its_last_moments() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    scene.provider.usually(Reply::token(100));
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/1").await), "200");
    advance(91).await; // Within the last tenth.
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/2").await), "200");
    assert_eq!(node.upstream.last().header("authorization").as_deref(), Some("Bearer SECRET-token-2"));
}

#[tokio::test(start_paused = true)]
async fn lifetimes_are_taken_as_they_come() {
    // TOK-01: none said, five minutes. TOK-02: zero serves those who wait for it, and nobody later. TOK-03: very short ones make no loop.
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    scene.provider.usually(Reply::Token { lifetime: None });
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/1").await), "200");
    advance(220).await;
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/2").await), "200");
    settle().await;
    assert_eq!(scene.provider.asked(), 1);
    advance(60).await;
    scene.provider.usually(Reply::token(0));
    let all = join_all((0..20).map(|_| node.get(&alice, "callout:Pay/3"))).await;
    assert!(all.iter().all(|answered| outcome(answered) == "200"));
    assert_eq!(scene.provider.asked(), 2);
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/4").await), "200");
    assert_eq!(scene.provider.asked(), 3);

    scene.provider.usually(Reply::token(3));
    let start = scene.provider.asked();
    for _ in 0..300 {
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/5").await), "200");
        tokio::time::advance(Duration::from_millis(100)).await;
        settle().await;
    }
    let fetched = scene.provider.asked() - start;
    assert!((10..=14).contains(&fetched), "{fetched} in 30 s");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_fails_while_the_token_is_good_fails_no_callout() {
    // REL-T13, and TOK-04 for the answers that are no token.
    let replies = [
        Reply::status(500, ""),
        Reply::status(503, "<html>"),
        Reply::status(200, "<html>"),
        Reply::status(200, r#"{"access_token":5}"#),
        Reply::status(400, r#"{"error":"invalid_client"}"#),
        Reply::status(400, r#"{"error":"invalid_grant"}"#),
        Reply::Failure(AskError::NoAnswer),
        Reply::Failure(AskError::NotSent { reason: "no address".to_owned() }),
        Reply::Failure(AskError::TooLarge),
        Reply::Never,
        Reply::Panic,
    ];
    for reply in replies {
        let (mut scene, _) = Scene::oauth();
        let alice = scene.user("alice");
        let node = scene.node();
        scene.provider.usually(Reply::token(1000));
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
        scene.provider.usually(reply);
        // Up to the last moments of its life.
        for _ in 0..96 {
            advance(10).await;
            settle().await;
            assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
        }
        assert!((2..=12).contains(&scene.provider.asked()), "{} questions", scene.provider.asked());
        advance(20).await;
        assert_ne!(outcome(&node.get(&alice, "callout:Pay/x").await), "200", "a dead token is never sent");
    }
}

#[tokio::test(start_paused = true)]
async fn custody_that_fails_while_the_token_is_good_fails_no_callout() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    scene.provider.usually(Reply::token(1000));
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    scene.custody.on(|_, _| Some(Fault::Fail(CustodyError::Unavailable)));
    for _ in 0..96 {
        advance(10).await;
        settle().await;
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    }
    advance(20).await;
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "store_unavailable");
    scene.custody.calm_down();
    advance(60).await;
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed_to_the_second() {
    // REL-T14.
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    scene.provider.usually(Reply::retry_after(429, 30));
    let start = scene.clock.now();
    for _ in 0..100 {
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "token_endpoint_unavailable");
        advance(1).await;
    }
    let moments: Vec<u64> = scene.provider.moments().iter().map(|at| at.since(start).as_secs()).collect();
    assert_eq!(moments, [0, 30, 60, 90]);
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_are_spread_further_and_further() {
    // REL-T15, TOK-14: no loop and no storm, whatever the failure is, also with many callers.
    let replies = [
        (Reply::status(200, "<html>"), "token_answer_malformed"),
        (Reply::status(401, r#"{"error":"invalid_client"}"#), "token_refused"),
        (Reply::status(503, ""), "token_endpoint_unavailable"),
        (Reply::Panic, "internal"),
    ];
    for (reply, code) in replies {
        let (mut scene, _) = Scene::oauth();
        let alice = scene.user("alice");
        let node = scene.node();
        scene.provider.usually(reply);
        let start = scene.clock.now();
        for _ in 0..1200 {
            let both = tokio::join!(node.get(&alice, "callout:Pay/x"), node.get(&alice, "callout:Pay/y"));
            assert_eq!([outcome(&both.0), outcome(&both.1)], [code, code]);
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        let moments: Vec<u64> = scene.provider.moments().iter().map(|at| at.since(start).as_secs()).collect();
        assert_eq!(moments, [0, 1, 3, 7, 15, 31, 63], "{code}");
        // One success makes all well, and the next failure is a first one again.
        scene.provider.usually(Reply::token(10));
        advance(60).await;
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
        scene.provider.usually(Reply::status(503, ""));
        advance(10).await;
        let (start, asked) = (scene.clock.now(), scene.provider.asked());
        for _ in 0..50 {
            assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "token_endpoint_unavailable");
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        let moments: Vec<u64> = scene.provider.moments()[asked..].iter().map(|at| at.since(start).as_secs()).collect();
        assert_eq!(moments, [0, 1, 3], "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_never_answers_is_cut_off_and_nothing_is_marked_dead() {
    // REL-T05.
    let (mut scene, principal) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    scene.provider.next(Reply::token(3600).after(Duration::from_secs(40)));
    let start = tokio::time::Instant::now();
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "token_endpoint_timeout");
    assert_eq!(start.elapsed().as_secs(), 20, "cut off before the lease ends");
    assert!(!scene.custody.is_leased(principal, None), "and the lease is given back");
    advance(2).await;
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    assert_eq!((scene.provider.asked(), scene.provider.issued()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn custody_that_never_answers_does_not_block_the_grant_for_ever() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    for stuck in [Operation::Values, Operation::Load, Operation::Lease, Operation::Commit] {
        scene.custody.on(move |operation, _| (operation == stuck).then_some(Fault::Never));
        let start = tokio::time::Instant::now();
        assert_ne!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
        assert!(start.elapsed() <= Duration::from_secs(25), "{stuck:?}");
        scene.custody.calm_down();
        // The stuck renewal has a limit of its own; after that and the lease, all is well again.
        advance(150).await;
        settle().await;
        advance(2).await;
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200", "{stuck:?}");
        scene.revise(|_| ());
        node.refresh(&scene);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_renewal_reaches_the_waiters_as_an_error_and_the_next_call_works() {
    // CACHE-08, wherever it strikes.
    let (mut scene, principal) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    for place in [Some(Operation::Values), Some(Operation::Load), Some(Operation::Lease), Some(Operation::Commit), None] {
        match place {
            Some(place) => scene.custody.on(move |operation, _| (operation == place).then_some(Fault::Panic)),
            None => scene.provider.next(Reply::Panic),
        }
        let start = tokio::time::Instant::now();
        let all = join_all((0..20).map(|_| node.get(&alice, "callout:Pay/x"))).await;
        assert!(all.iter().all(|answered| outcome(answered) == "internal"), "{place:?}");
        assert_eq!(start.elapsed(), Duration::ZERO, "nobody waits for a dead leader");
        scene.custody.calm_down();
        if place != Some(Operation::Commit) {
            assert!(!scene.custody.is_leased(principal, None), "{place:?}: nobody else waits for its lease");
        } else {
            advance(30).await; // A panic in custody itself leaves the lease to its own end.
        }
        advance(2).await;
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200", "{place:?}");
        scene.revise(|_| ());
        node.refresh(&scene);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_looked_for_again_at_once() {
    let (mut scene, principal) = Scene::oauth();
    let alice = scene.user("alice");
    scene.custody.remove_values(principal, None);
    let node = scene.node();
    for _ in 0..3 {
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "credential_not_configured");
    }
    assert_eq!(scene.provider.asked(), 0, "nobody is asked for it");
    scene.custody.store(principal, None, &[("client_id", "client"), ("client_secret", "SECRET-client")]);
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
}

#[tokio::test(start_paused = true)]
async fn an_edited_credential_has_no_use_for_its_old_token() {
    // CACHE-05: the revision is part of the key.
    let (mut scene, principal) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    scene.revise(|credential| {
        credential.settings.insert("scope".to_owned(), "wider".into());
    });
    node.refresh(&scene);
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    let tokens: Vec<_> = node.upstream.received().iter().map(|received| received.header("authorization").unwrap()).collect();
    assert_eq!(tokens, ["Bearer SECRET-token-1", "Bearer SECRET-token-2"]);
    assert!(String::from_utf8_lossy(scene.provider.questions()[1].body.expose()).contains("scope=wider"));
    assert_eq!(scene.custody.kept_token(principal, None).as_deref(), Some("SECRET-token-2"));
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_the_old_definition_does_not_delay_the_new_one() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    scene.provider.next(Reply::retry_after(401, 3600));
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "token_refused");
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "token_refused");
    assert_eq!(scene.provider.asked(), 1);
    scene.revise(|_| ());
    node.refresh(&scene);
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
}

#[tokio::test(start_paused = true)]
async fn one_clients_two_scopes_are_two_tokens() {
    // TOK-21.
    let (mut scene, _) = Scene::oauth();
    let (other, _) = scene.oauth_credential("Other");
    scene.change(other, |credential| {
        credential.settings.insert("scope".to_owned(), "narrow".into());
    });
    scene.name("Other", "https://up.test", other);
    let alice = scene.user("alice");
    let node = scene.node();
    for target in ["callout:Pay/x", "callout:Other/x", "callout:Pay/y", "callout:Other/y"] {
        assert_eq!(outcome(&node.get(&alice, target).await), "200");
    }
    let tokens: Vec<_> = node.upstream.received().iter().map(|received| received.header("authorization").unwrap()).collect();
    assert_eq!(tokens, ["Bearer SECRET-token-1", "Bearer SECRET-token-2", "Bearer SECRET-token-1", "Bearer SECRET-token-2"]);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_grants_of_one_age_are_not_renewed_at_one_moment() {
    // REL-T18: when each of them begins.
    const GRANTS: usize = 10_000;
    let mut scene = Scene::new();
    for number in 0..GRANTS {
        let (credential, _) = scene.oauth_credential(&format!("Ec{number}"));
        scene.name(&format!("N{number}"), "https://up.test", credential);
    }
    let alice = scene.user("alice");
    let node = scene.node();
    scene.provider.usually(Reply::token(1000));
    let call_all = async || {
        for number in 0..GRANTS {
            assert_eq!(outcome(&node.get(&alice, &format!("callout:N{number}")).await), "200");
        }
        settle().await;
    };
    call_all().await;
    assert_eq!(scene.provider.asked(), GRANTS);
    advance(740).await;
    let mut begun = Vec::new();
    for _ in 0..8 {
        let before = scene.provider.asked();
        advance(8).await;
        call_all().await;
        begun.push(scene.provider.asked() - before);
    }
    // Between three quarters and four fifths of their lives: 50 s, so that 8 s have a sixth of them, and no 8 s a quarter.
    assert_eq!(begun.iter().sum::<usize>(), GRANTS, "all before four fifths: {begun:?}");
    assert!(begun.iter().all(|count| *count <= GRANTS / 4), "{begun:?}");
}

#[tokio::test(start_paused = true)]
async fn a_provider_is_not_asked_for_everything_at_once() {
    // REL-T18: 100 tokens, of which none is there, and callers for all of them in the same moment.
    let mut scene = Scene::new();
    for number in 0..100 {
        let (credential, _) = scene.oauth_credential(&format!("Ec{number}"));
        scene.name(&format!("N{number}"), "https://up.test", credential);
    }
    let alice = scene.user("alice");
    let node = scene.node();
    scene.provider.usually(Reply::token(1000).after(Duration::from_secs(2)));
    let targets: Vec<String> = (0..100).map(|number| format!("callout:N{number}")).collect();
    let answered = join_all(targets.iter().map(|target| node.get(&alice, target))).await;
    assert!(answered.iter().all(|answered| outcome(answered) == "200"));
    let moments = scene.provider.moments();
    let asked: Vec<usize> = moments.chunk_by(|one, other| one == other).map(<[_]>::len).collect();
    assert_eq!(asked, [32, 32, 32, 4]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_a_providers_queue_for_too_long_is_told_so() {
    // Two seconds each, 32 at a time: 25 s are enough for twelve turns and not for a thirteenth.
    let mut scene = Scene::new();
    for number in 0..32 * 14 {
        let (credential, _) = scene.oauth_credential(&format!("Ec{number}"));
        scene.name(&format!("N{number}"), "https://up.test", credential);
    }
    let alice = scene.user("alice");
    let node = scene.node();
    scene.provider.usually(Reply::token(1000).after(Duration::from_secs(2)));
    let targets: Vec<String> = (0..32 * 14).map(|number| format!("callout:N{number}")).collect();
    let answered = join_all(targets.iter().map(|target| node.get(&alice, target))).await;
    let outcomes: Vec<String> = answered.iter().map(outcome).collect();
    let count = |wanted: &str| outcomes.iter().filter(|outcome| *outcome == wanted).count();
    assert_eq!((count("200"), count("token_endpoint_timeout"), count("store_unavailable")), (32 * 12, 32 * 2, 0));
}
