//! Several nodes, one custody: the lease and the fence. Group REL-T.

use std::time::Duration;

use futures_util::future::join_all;
use sortie_callout::CustodyError;

use crate::support::{Fault, Operation, Reply, Scene, advance, outcome, settle};

fn bearer(node: &crate::support::Node) -> String {
    node.upstream.last().header("authorization").unwrap()
}

#[tokio::test(start_paused = true)]
async fn of_three_nodes_one_fetches_and_the_others_adopt() {
    // REL-T02, -T03, -T04.
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let nodes = [scene.node(), scene.node(), scene.node()];
    scene.provider.usually(Reply::token(3600).after(Duration::from_secs(15)));
    let all = join_all(nodes.iter().flat_map(|node| (0..50).map(|_| node.get(&alice, "callout:Pay/x")))).await;
    assert!(all.iter().all(|answered| outcome(answered) == "200"));
    assert_eq!(scene.provider.asked(), 1);
    assert!(nodes.iter().all(|node| bearer(node) == "Bearer SECRET-token-1"));
}

#[tokio::test(start_paused = true)]
async fn over_many_expiries_every_token_is_fetched_once() {
    // REL-T01, -T02.
    let (mut scene, principal) = Scene::oauth();
    let alice = scene.user("alice");
    let nodes = [scene.node(), scene.node(), scene.node()];
    scene.provider.usually(Reply::token(60).after(Duration::from_millis(200)));
    for _ in 0..1200 {
        let all = join_all(nodes.iter().map(|node| node.get(&alice, "callout:Pay/x"))).await;
        assert!(all.iter().all(|answered| outcome(answered) == "200"));
        tokio::time::advance(Duration::from_millis(500)).await;
    }
    settle().await;
    let versions = usize::try_from(scene.custody.version(principal, None).unwrap()).unwrap();
    assert_eq!(scene.provider.asked(), versions, "no token was fetched and thrown away");
    assert_eq!(scene.custody.fenced(), 0);
    assert!((12..=15).contains(&versions), "{versions} in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_dies_with_the_lease_is_succeeded_when_it_ends() {
    // REL-T06: its renewals run on a runtime that is gone after the lease was taken.
    let (mut scene, principal) = Scene::oauth();
    let alice = scene.user("alice");
    let mortal = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (first, second) = (scene.node_on(mortal.handle()), scene.node());
    scene.provider.next(Reply::Never);
    let (dead, ()) = tokio::join!(first.get(&alice, "callout:Pay/x"), async {
        // The other runtime's time is real: wait for it without letting this one's jump.
        while scene.provider.asked() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(scene.custody.is_leased(principal, None));
        // Its death takes real time.
        std::thread::spawn(move || drop(mortal)).join().unwrap();
    });
    assert_eq!(outcome(&dead), "internal", "its callers are told at once");
    let start = tokio::time::Instant::now();
    assert_eq!(outcome(&second.get(&alice, "callout:Pay/x").await), "token_endpoint_timeout", "nobody waits for ever");
    while outcome(&second.get(&alice, "callout:Pay/x").await) != "200" {
        advance(1).await;
    }
    assert!(start.elapsed() <= Duration::from_secs(32), "a gap of {:?}", start.elapsed());
    assert_eq!(scene.provider.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_stale_holder_obtained_is_discarded() {
    // REL-T10: it slept through its lease and wakes up with a token.
    let (mut scene, principal) = Scene::oauth();
    let alice = scene.user("alice");
    let (stale, fresh) = (scene.node(), scene.node());
    // The stop strikes between the provider's answer and the commit.
    scene.custody.on({
        let stopped = std::sync::atomic::AtomicBool::new(false);
        move |operation, _| {
            let is_first = operation == Operation::Commit && !stopped.swap(true, std::sync::atomic::Ordering::SeqCst);
            is_first.then_some(Fault::Delay(Duration::from_secs(45)))
        }
    });
    let (slept, other) = tokio::join!(tokio::time::timeout(Duration::from_secs(60), stale.get(&alice, "callout:Pay/x")), async {
        tokio::time::sleep(Duration::from_secs(31)).await;
        fresh.get(&alice, "callout:Pay/x").await
    });
    assert_eq!(outcome(&other), "200");
    assert_eq!(bearer(&fresh), "Bearer SECRET-token-2");
    // Its own caller was sent away after 25 s; the renewal went on, was fenced, and adopted what the other one stored.
    assert_eq!(outcome(&slept.unwrap()), "token_endpoint_timeout");
    settle().await;
    advance(20).await;
    settle().await;
    assert_eq!(scene.custody.fenced(), 1);
    assert_eq!(scene.custody.kept_token(principal, None).as_deref(), Some("SECRET-token-2"));
    assert_eq!(outcome(&stale.get(&alice, "callout:Pay/x").await), "200");
    assert_eq!(bearer(&stale), "Bearer SECRET-token-2");
    assert_eq!(scene.provider.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_cold_node_serves_a_good_token_although_its_renewal_fails() {
    // REL-T13 across nodes: the token is due, its renewal has just failed on another node, and this one has nothing in memory.
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let warm = scene.node();
    scene.provider.usually(Reply::token(1000));
    assert_eq!(outcome(&warm.get(&alice, "callout:Pay/x").await), "200");
    scene.provider.usually(Reply::status(500, ""));
    advance(820).await;
    assert_eq!(outcome(&warm.get(&alice, "callout:Pay/x").await), "200");
    settle().await;
    assert_eq!(scene.provider.asked(), 2, "the early renewal has failed");
    let cold = scene.node();
    for _ in 0..14 {
        assert_eq!(outcome(&cold.get(&alice, "callout:Pay/x").await), "200");
        assert_eq!(bearer(&cold), "Bearer SECRET-token-1");
        advance(10).await;
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_on_one_node_keeps_the_others_away() {
    // REL-T14 across nodes.
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let nodes = [scene.node(), scene.node(), scene.node()];
    scene.provider.usually(Reply::retry_after(503, 30));
    let start = scene.clock.now();
    for _ in 0..60 {
        for node in &nodes {
            assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "token_endpoint_unavailable");
        }
        advance(1).await;
    }
    let moments: Vec<u64> = scene.provider.moments().iter().map(|at| at.since(start).as_secs()).collect();
    assert_eq!(moments, [0, 30]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_renewed_once_for_all_nodes() {
    // REL-T19: all tokens revoked.
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let nodes = [scene.node(), scene.node(), scene.node()];
    for node in &nodes {
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
        node.upstream.accepts_only("SECRET-token-2");
    }
    scene.provider.usually(Reply::token(3600).after(Duration::from_millis(200)));
    let all = join_all(nodes.iter().flat_map(|node| (0..20).map(|_| node.get(&alice, "callout:Pay/x")))).await;
    assert!(all.iter().all(|answered| outcome(answered) == "200"));
    assert_eq!(scene.provider.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_credential_deleted_during_its_renewal_is_not_resurrected() {
    // REL-T21.
    let (mut scene, principal) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    scene.provider.usually(Reply::token(3600).after(Duration::from_secs(2)));
    let credential = scene.definitions.external_credentials[0].id;
    let (answered, ()) = tokio::join!(node.get(&alice, "callout:Pay/x"), async {
        settle().await;
        scene.custody.delete(credential, principal);
        scene.definitions = sortie_callout::Definitions::default();
        node.refresh(&scene);
    });
    assert_eq!(outcome(&answered), "store_unavailable");
    assert_eq!(scene.custody.kept_token(principal, None), None);
    assert_eq!(scene.provider.asked(), 1);
    assert!(scene.custody.total() < 20, "{} operations: no busy loop", scene.custody.total());
    assert_eq!(node.upstream.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn nodes_of_different_generations_never_use_each_others_tokens() {
    // CACHE-05 across nodes, while the change feed is on its way.
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let lagging = scene.node();
    scene.revise(|credential| {
        credential.settings.insert("token_endpoint".to_owned(), "https://new-idp.test/token".into());
    });
    let current = scene.node();
    assert_eq!(outcome(&current.get(&alice, "callout:Pay/x").await), "200");
    assert_eq!(outcome(&lagging.get(&alice, "callout:Pay/x").await), "200");
    assert_eq!([bearer(&current), bearer(&lagging)], ["Bearer SECRET-token-1", "Bearer SECRET-token-2"]);
    let cold = scene.node();
    assert_eq!(outcome(&cold.get(&alice, "callout:Pay/x").await), "200");
    assert_eq!(bearer(&cold), "Bearer SECRET-token-3", "not the one of the old definition");
    lagging.refresh(&scene);
    assert_eq!(outcome(&lagging.get(&alice, "callout:Pay/x").await), "200");
    assert_eq!(bearer(&lagging), "Bearer SECRET-token-3");
    let asked: Vec<String> = scene.provider.questions().iter().map(|ask| ask.url.origin().to_string()).collect();
    assert_eq!(asked, ["https://new-idp.test", "https://idp.test", "https://new-idp.test"]);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_keeps_changing_is_not_chased_in_a_busy_loop() {
    let (mut scene, principal) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    let custody = std::sync::Arc::clone(&scene.custody);
    scene.custody.on(move |operation, _| {
        if operation == Operation::Lease {
            custody.bump(principal);
        }
        None
    });
    let start = tokio::time::Instant::now();
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "token_endpoint_timeout");
    assert!(start.elapsed() >= Duration::from_secs(20), "looked again after a pause");
    assert!(scene.custody.count(Operation::Lease) <= 310);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_goes_down_at_the_commit_costs_one_token_and_no_callout_after_it() {
    // REL-T09 for a grant that can be had again: it is not used before it is stored.
    let (mut scene, principal) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    scene
        .custody
        .on(|operation, _| matches!(operation, Operation::Commit | Operation::Fail).then_some(Fault::Fail(CustodyError::Unavailable)));
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "store_unavailable");
    assert_eq!(node.upstream.count(), 0);
    scene.custody.calm_down();
    advance(60).await;
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    assert_eq!(scene.custody.kept_token(principal, None).as_deref(), Some("SECRET-token-2"));
}

#[tokio::test(start_paused = true)]
async fn clocks_that_differ_by_seconds_make_no_second_fetch_and_send_no_dead_token() {
    // REL-T11 within the stop buffer of 30 s; ten minutes need custody to translate times (see `Custody`).
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let (early, late) = (scene.skewed_node(-20_000), scene.skewed_node(20_000));
    scene.provider.usually(Reply::token(3600));
    for _ in 0..720 {
        for node in [&early, &late] {
            assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
        }
        settle().await;
        advance(10).await;
    }
    assert!(scene.provider.asked() <= 3, "{} in two hours", scene.provider.asked());
}
