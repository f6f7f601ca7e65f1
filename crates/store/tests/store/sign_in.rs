//! Passwords, sessions, failures, and identities at an OpenID provider.

use std::time::Duration;

use sortie_model::{Timestamp, User};
use sortie_store::{SessionHash, SignInMethod, Store, WriteError};

use crate::backend::{Backend, both_backends};
use crate::fixtures::{permission_set, profile, user, user_name};

both_backends! {
    a_password_is_found_by_name_and_only_of_active_users,
    a_session_goes_on_until_it_is_idle_or_over,
    a_session_knows_who_it_is_of,
    sessions_end_with_password_user_and_sign_out,
    failures_are_counted_within_a_window,
    an_identity_belongs_to_one_user,
}

const NOW: Timestamp = Timestamp::from_millis(1_795_328_676_000);
const IDLE: Duration = Duration::from_secs(1_800);
const ID: SessionHash = SessionHash([7; 32]);

fn at(seconds: u64) -> Timestamp {
    NOW.after(Duration::from_secs(seconds))
}

async fn with_alice(store: &Store) -> User {
    let alice = user("Alice", None);
    let mut change = store.change().await.unwrap();
    change.users().insert(&alice).await.unwrap();
    change.passwords().set(alice.id, "$argon2id$1").await.unwrap();
    change.commit().await.unwrap();
    alice
}

async fn begin(store: &Store, id: SessionHash, user: &User) {
    store.sessions().begin(id, user.id, SignInMethod::Password, NOW, at(43_200)).await.unwrap();
}

async fn goes_on(store: &Store, id: SessionHash, seconds: u64) -> bool {
    store.sessions().find(id, at(seconds), IDLE).await.unwrap().is_some()
}

async fn a_password_is_found_by_name_and_only_of_active_users(backend: Backend) {
    let store = backend.store().await;
    let alice = with_alice(&store).await;
    let found = store.passwords().find(&user_name("ALICE")).await.unwrap().unwrap();
    assert_eq!((found.user, found.hash.as_str()), (alice.id, "$argon2id$1"));
    assert!(store.passwords().find(&user_name("bob")).await.unwrap().is_none());

    let mut change = store.change().await.unwrap();
    assert!(change.passwords().set(alice.id, "$argon2id$2").await.unwrap());
    change.commit().await.unwrap();
    assert_eq!(store.passwords().find(&alice.name).await.unwrap().unwrap().hash, "$argon2id$2");

    let mut change = store.change().await.unwrap();
    change.users().update(&User { is_active: false, ..alice.clone() }).await.unwrap();
    change.commit().await.unwrap();
    assert!(store.passwords().find(&alice.name).await.unwrap().is_none());
    assert!(store.passwords().is_set(alice.id).await.unwrap());

    let mut change = store.change().await.unwrap();
    change.passwords().delete(alice.id).await.unwrap();
    assert_eq!(change.passwords().delete(alice.id).await.unwrap_err().code(), "missing");
    assert_eq!(change.passwords().set(user("nobody", None).id, "x").await.unwrap_err().code(), "missing");
}

async fn a_session_goes_on_until_it_is_idle_or_over(backend: Backend) {
    // UI-11 of the attack catalogue.
    let store = backend.store().await;
    let alice = with_alice(&store).await;
    begin(&store, ID, &alice).await;
    assert!(goes_on(&store, ID, 1_799).await);
    // That was a use: half an hour counts from there.
    assert!(goes_on(&store, ID, 3_598).await);
    assert!(!goes_on(&store, ID, 3_598 + 1_800).await);

    let other = SessionHash([8; 32]);
    begin(&store, other, &alice).await;
    for seconds in (0..43_200).step_by(1_500) {
        assert!(goes_on(&store, other, seconds).await, "{seconds}");
    }
    assert!(!goes_on(&store, other, 43_200).await);
    assert!(!goes_on(&store, SessionHash([9; 32]), 0).await);

    // Those that are over are forgotten when another begins.
    store.sessions().begin(SessionHash([9; 32]), alice.id, SignInMethod::OpenId, at(43_201), at(90_000)).await.unwrap();
    assert_eq!(store.sessions().count(alice.id).await.unwrap(), 1);
}

async fn a_session_knows_who_it_is_of(backend: Backend) {
    let store = backend.store().await;
    let (team, set) = (profile("Team"), permission_set("One"));
    let bob = user("bob", Some(team.id));
    let mut change = store.change().await.unwrap();
    change.profiles().insert(&team).await.unwrap();
    change.permission_sets().insert(&set).await.unwrap();
    change.users().insert(&bob).await.unwrap();
    change.users().assign(bob.id, set.id).await.unwrap();
    change.commit().await.unwrap();
    store.sessions().begin(ID, bob.id, SignInMethod::OpenId, NOW, at(100)).await.unwrap();
    let session = store.sessions().find(ID, at(1), IDLE).await.unwrap().unwrap();
    assert_eq!((session.method, session.started_at, session.ends_at), (SignInMethod::OpenId, NOW, at(100)));
    assert_eq!((session.user.user, session.user.profile_name.as_deref()), (bob.clone(), Some("Team")));
    assert_eq!(session.user.permission_sets, [set.id]);
    let again = store.sessions().begin(ID, bob.id, SignInMethod::OpenId, NOW, at(100)).await.unwrap_err();
    assert_eq!(again, WriteError::Exists);
}

async fn sessions_end_with_password_user_and_sign_out(backend: Backend) {
    // UI-10 of the attack catalogue.
    let store = backend.store().await;
    let alice = with_alice(&store).await;
    begin(&store, ID, &alice).await;
    store.sessions().end(ID).await.unwrap();
    assert!(!goes_on(&store, ID, 1).await);

    begin(&store, ID, &alice).await;
    let mut change = store.change().await.unwrap();
    change.passwords().set(alice.id, "$argon2id$2").await.unwrap();
    change.commit().await.unwrap();
    assert!(!goes_on(&store, ID, 1).await);

    begin(&store, ID, &alice).await;
    for is_active in [false, true] {
        let mut change = store.change().await.unwrap();
        change.users().update(&User { is_active, ..alice.clone() }).await.unwrap();
        change.commit().await.unwrap();
        assert!(!goes_on(&store, ID, 1).await, "not even when the user is active again");
        let begun = store.sessions().begin(SessionHash([1; 32]), alice.id, SignInMethod::Password, NOW, at(9)).await;
        assert_eq!(begun.is_ok(), is_active);
    }

    begin(&store, ID, &alice).await;
    let mut change = store.change().await.unwrap();
    change.users().delete(alice.id).await.unwrap();
    change.commit().await.unwrap();
    assert!(!goes_on(&store, ID, 1).await);
}

async fn failures_are_counted_within_a_window(backend: Backend) {
    let store = backend.store().await;
    let count = async |account: &str, source: &str, seconds: u64| {
        store.sign_in_failures().count(account, source, at(seconds), Duration::from_secs(900)).await.unwrap()
    };
    assert_eq!([count("alice", "10.0.0.1", 0).await, count("alice", "10.0.0.1", 1).await], [1, 2]);
    assert_eq!([count("bob", "10.0.0.1", 1).await, count("alice", "10.0.0.2", 1).await], [1, 1]);
    assert_eq!(count("alice", "10.0.0.1", 899).await, 3);
    assert_eq!(count("alice", "10.0.0.1", 900).await, 1);
    store.sign_in_failures().forget("alice", "10.0.0.1").await.unwrap();
    assert_eq!(count("alice", "10.0.0.1", 901).await, 1);
    assert_eq!(twenty_at_once(&store).await, (1..=20).collect::<Vec<_>>(), "tries at the same moment all count");
}

/// Which one each of twenty tries was.
async fn twenty_at_once(store: &Store) -> Vec<u64> {
    let one = |store: Store| async move { store.sign_in_failures().count("carol", "x", at(902), Duration::from_secs(900)).await.unwrap() };
    let tries: Vec<_> = (0..20).map(|_| tokio::spawn(one(store.clone()))).collect();
    let mut counts = Vec::new();
    for one in tries {
        counts.push(one.await.unwrap());
    }
    counts.sort_unstable();
    counts
}

async fn an_identity_belongs_to_one_user(backend: Backend) {
    let store = backend.store().await;
    let alice = with_alice(&store).await;
    let bob = user("bob", None);
    let mut change = store.change().await.unwrap();
    change.users().insert(&bob).await.unwrap();
    assert!(!change.openid_identities().is_linked("https://login.test", alice.id).await.unwrap());
    change.openid_identities().link("https://login.test", "248", alice.id).await.unwrap();
    assert!(change.openid_identities().is_linked("https://login.test", alice.id).await.unwrap());
    change.commit().await.unwrap();
    assert_eq!(store.openid_identities().find("https://login.test", "248").await.unwrap().unwrap().user, alice);
    assert_eq!(store.openid_identities().find("https://login.test/", "248").await.unwrap(), None);
    assert_eq!(store.openid_identities().find("https://login.test", "249").await.unwrap(), None);

    let mut change = store.change().await.unwrap();
    let taken = change.openid_identities().link("https://login.test", "248", bob.id).await.unwrap_err();
    assert_eq!(taken.code(), "conflict");
    drop(change);
    begin(&store, ID, &alice).await;
    let mut change = store.change().await.unwrap();
    assert_eq!(change.openid_identities().unlink(alice.id).await.unwrap(), 1);
    change.commit().await.unwrap();
    assert_eq!(store.openid_identities().find("https://login.test", "248").await.unwrap(), None);
    assert!(!goes_on(&store, ID, 1).await);
}
