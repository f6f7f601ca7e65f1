//! Group CACHE: no user ever gets what is another's.
//!
//! Elsewhere: CACHE-03 and CACHE-07 (who calls, and how soon a grant binds) are the gateway's; CACHE-10 needs pooled buffers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use sortie_callout::{Caller, GrantKey};
use sortie_model::{ExternalCredentialId, IdentityType, PrincipalId, UserId};
use uuid::Uuid;

use crate::support::{EVERYBODY, Fault, Operation, Reply, Scene, advance, outcome, settle};

/// The header of each of the two users, made with coreutils' base64.
const BASIC: [&str; 2] = ["Basic dXNlcjA6U0VDUkVULTA=", "Basic dXNlcjE6U0VDUkVULTE="];

fn two_users(protocol: &str) -> (Scene, PrincipalId, [Caller; 2]) {
    let mut scene = Scene::new();
    let credential = scene.credential("Ec", protocol);
    scene.change(credential, |credential| {
        if protocol == "oauth_client_credentials" {
            credential.settings.insert("token_endpoint".to_owned(), "https://idp.test/token".into());
        }
    });
    let principal = scene.principal(credential, "Own", IdentityType::PerUser, 1);
    scene.enable(principal, EVERYBODY);
    scene.name("Pay", "https://up.test", credential);
    let users = [scene.user("user0"), scene.user("user1")];
    for (user, (name, secret)) in users.iter().zip([("user0", "SECRET-0"), ("user1", "SECRET-1")]) {
        let fields = if protocol == "basic" { ["username", "password"] } else { ["client_id", "client_secret"] };
        scene.custody.store(principal, Some(user.user), &[(fields[0], name), (fields[1], secret)]);
    }
    (scene, principal, users)
}

#[tokio::test(start_paused = true)]
async fn two_users_in_turn_at_fifty_at_once_each_send_their_own() {
    // CACHE-01, on one core.
    let (scene, _, users) = two_users("basic");
    let node = scene.node();
    node.upstream.takes(Duration::from_millis(7));
    for _ in 0..20 {
        let calls = (0..50).map(|number| {
            let (node, users) = (&node, &users);
            async move { node.get(&users[number % 2], &format!("callout:Pay/{}", number % 2)).await }
        });
        assert!(join_all(calls).await.iter().all(|answered| outcome(answered) == "200"));
    }
    let received = node.upstream.received();
    assert_eq!(received.len(), 1000);
    for request in received {
        let number = usize::from(request.target == "/1");
        assert_eq!(request.header("authorization").as_deref(), Some(BASIC[number]));
    }
}

#[test]
fn two_users_on_several_cores_each_send_their_own() {
    // CACHE-01 as in production: one thread per core, the grants shared, the renewals on a runtime of their own; with tokens that die all the time.
    let renewals = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (scene, _, users) = two_users("oauth_client_credentials");
    let scene = Arc::new(scene);
    scene.provider.usually(Reply::token(0));
    let node = Arc::new(renewals.block_on(async { scene.node() }));
    let tokens_of = |number: usize| {
        let received = node.upstream.received();
        let of_user = received.into_iter().filter(move |request| request.target == format!("/{number}"));
        of_user.map(|request| request.header("authorization").unwrap()).collect::<std::collections::HashSet<_>>()
    };
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                let core = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                core.block_on(async {
                    for _ in 0..25 {
                        let calls = (0..10).map(|number| {
                            let (node, users) = (&node, &users);
                            async move { node.get(&users[number % 2], &format!("callout:Pay/{}", number % 2)).await }
                        });
                        assert!(join_all(calls).await.iter().all(|answered| outcome(answered) == "200"));
                    }
                });
            });
        }
    });
    assert_eq!(node.upstream.count(), 1000);
    assert!(tokens_of(0).is_disjoint(&tokens_of(1)), "no token was ever used for both");
    let issued = usize::try_from(scene.provider.issued()).unwrap();
    assert_eq!(scene.provider.asked(), issued);
    assert!(issued <= 1000);
}

#[test]
fn simultaneous_first_callouts_of_many_cores_make_one_token_request() {
    // REL-T03 with real threads: the race between the last renewal's end and the next caller's look.
    for _ in 0..30 {
        let renewals = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (mut scene, _) = Scene::oauth();
        let alice = scene.user("alice");
        let node = renewals.block_on(async { scene.node() });
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    let core = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    let calls = (0..25).map(|_| node.get(&alice, "callout:Pay/x"));
                    assert!(core.block_on(join_all(calls)).iter().all(|answered| outcome(answered) == "200"));
                });
            }
        });
        assert_eq!(scene.provider.asked(), 1);
        assert_eq!(scene.custody.count(Operation::Load), 1, "and nobody looked twice");
    }
}

#[test]
fn keys_are_structured_so_that_no_two_ids_run_together() {
    // CACHE-02.
    let id = |number: u128| Uuid::from_u128(number);
    let key = |credential: u128, principal: u128, user: Option<u128>, revision: i64| GrantKey {
        credential: ExternalCredentialId::from_uuid(id(credential)),
        principal: PrincipalId::from_uuid(id(principal)),
        user: user.map(|user| UserId::from_uuid(id(user))),
        revision,
        variant: None,
    };
    let keys = [
        key(1, 11, Some(1), 1),
        key(11, 1, Some(1), 1),
        key(1, 1, Some(11), 1),
        key(1, 1, Some(1), 11),
        key(1, 1, None, 111),
        key(1, 11, None, 11),
        key(11, 1, None, 1),
    ];
    let distinct: std::collections::HashSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len());
}

#[tokio::test(start_paused = true)]
async fn one_users_renewal_in_flight_is_not_joined_by_another() {
    // CACHE-06.
    let (scene, _, users) = two_users("oauth_client_credentials");
    let node = scene.node();
    scene.provider.next(Reply::token(3600).after(Duration::from_secs(10)));
    let (first, second) = tokio::join!(node.get(&users[0], "callout:Pay/0"), async {
        settle().await;
        let start = tokio::time::Instant::now();
        let answered = node.get(&users[1], "callout:Pay/1").await;
        assert_eq!(start.elapsed(), Duration::ZERO, "it does not wait for the other's");
        answered
    });
    assert_eq!([outcome(&first), outcome(&second)], ["200", "200"]);
    let received = node.upstream.received();
    assert_eq!(received[0].target, "/1");
    assert_ne!(received[0].header("authorization"), received[1].header("authorization"));
    let asked = scene.provider.questions();
    assert_ne!(asked[0].headers["authorization"], asked[1].headers["authorization"]);
}

#[tokio::test(start_paused = true)]
async fn one_users_failure_does_not_keep_another_away() {
    let (scene, _, users) = two_users("oauth_client_credentials");
    let node = scene.node();
    scene.provider.next(Reply::status(400, r#"{"error":"invalid_grant"}"#));
    assert_eq!(outcome(&node.get(&users[0], "callout:Pay/0").await), "needs_authentication"); // TOK-13
    assert_eq!(outcome(&node.get(&users[1], "callout:Pay/1").await), "200");
}

#[tokio::test(start_paused = true)]
async fn one_users_panic_is_not_anothers() {
    // CACHE-08.
    let (scene, _, users) = two_users("basic");
    let node = scene.node();
    let unlucky = users[0].user;
    scene.custody.on(move |_, key| (key.user == Some(unlucky)).then_some(Fault::Panic));
    let both = tokio::join!(node.get(&users[0], "callout:Pay/0"), node.get(&users[1], "callout:Pay/1"));
    assert_eq!([outcome(&both.0), outcome(&both.1)], ["internal", "200"]);
    assert_eq!(node.upstream.last().header("authorization").as_deref(), Some(BASIC[1]));
    scene.custody.calm_down();
    advance(2).await;
    assert_eq!(outcome(&node.get(&users[0], "callout:Pay/0").await), "200");
    assert_eq!(node.upstream.last().header("authorization").as_deref(), Some(BASIC[0]));
}

#[tokio::test(start_paused = true)]
async fn many_more_users_than_places_are_served_correctly() {
    // CACHE-09, with a cache of 1,000 places.
    let (mut scene, principal, _) = two_users("custom");
    scene.last_named().headers = vec![crate::support::custom_header("X-Key", "{!$Credential.Ec.Key}", 1)];
    let users: Vec<Caller> = (0..1500).map(|number| scene.user(&format!("many{number}"))).collect();
    for (number, user) in users.iter().enumerate() {
        scene.custody.store(principal, Some(user.user), &[("Key", &format!("SECRET-{number}"))]);
    }
    let node = scene.node();
    for round in 0..2 {
        for (number, user) in users.iter().enumerate() {
            assert_eq!(outcome(&node.get(user, "callout:Pay/x").await), "200");
            assert_eq!(node.upstream.last().header("x-key"), Some(format!("SECRET-{number}")), "round {round}");
        }
    }
    assert!(node.grants.health().len() <= 1_000);
}
