//! What providers are still to be told.

use std::time::Duration;

use sortie_model::Timestamp;
use sortie_store::{
    Abandoned, Committed, GrantIdentity, Identity, LeaseOutcome, LeaseRequest, NewlyOwed, OwedRevocation, OwedSummary, SealedGrant, Store,
};
use uuid::Uuid;

use crate::backend::{Backend, both_backends};
use crate::fixtures::{external_credential, principal, user};

both_backends! {
    tok_22_what_is_taken_away_is_owed_with_the_same_statement,
    of_fifty_that_ask_at_once_one_tells_the_provider,
    what_is_given_up_is_told_and_not_tried,
    what_is_owed_outlives_principal_and_user,
}

const LONG: Duration = Duration::from_secs(30);

/// A principal with grants of a user in two variants, and one without a grant.
async fn scene(backend: &Backend) -> (Store, Identity) {
    let store = backend.store().await;
    let crm = external_credential("Crm");
    let (admin, alice) = (principal(&crm, "Admin", 1), user("alice", None));
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    change.principals().insert(&admin).await.unwrap();
    change.users().insert(&alice).await.unwrap();
    change.commit().await.unwrap();
    let identity = Identity::of_user(admin.id, alice.id);
    for (variant, sealed) in [(None, Some(b"one")), (Some([1; 16]), Some(b"two")), (Some([2; 16]), None)] {
        let (grant, duration) = (GrantIdentity { identity, variant }, LONG);
        let (owner, new_grant_id, abandoned) = (Uuid::new_v4(), Uuid::now_v7(), Abandoned::Take);
        let request = LeaseRequest { grant, seen_version: 0, owner, new_grant_id, duration, abandoned };
        let LeaseOutcome::Taken(lease) = store.grants().lease(&request).await.unwrap() else { panic!() };
        if let Some(sealed) = sealed {
            let grant =
                SealedGrant { revision: 1, sealed: sealed.to_vec(), issued_at: Timestamp::from_millis(1), expires_at: None, dies_at: None };
            assert_eq!(store.grants().commit(&lease, grant).await.unwrap(), Committed::Stored { version: 1 });
        }
    }
    (store, identity)
}

async fn take_away(store: &Store, identity: Identity, patience: Duration) -> Vec<OwedRevocation> {
    store.grants().delete(identity, Uuid::now_v7(), (Uuid::now_v7, patience)).await.unwrap()
}

async fn tok_22_what_is_taken_away_is_owed_with_the_same_statement(backend: Backend) {
    let (store, identity) = scene(&backend).await;
    let ids: Vec<Uuid> = rows(&store, identity).await;
    let mut owed = take_away(&store, identity, LONG).await;
    owed.sort_by(|one, other| one.sealed.cmp(&other.sealed));
    let found: Vec<_> =
        owed.iter().map(|one| (one.identity, one.grant_id, one.grant_version, one.sealed.as_slice(), one.attempt)).collect();
    assert_eq!(found, [(identity, ids[0], 1, b"one".as_slice(), 1), (identity, ids[1], 1, b"two", 1)]);
    // Whoever took them away has the time to tell the provider itself.
    assert_eq!(store.owed_revocations().take(LONG).await.unwrap(), None);
    let states = store.owed_revocations().of(identity).await.unwrap();
    assert!(states.iter().all(|state| state.attempts == 1 && state.try_at > Some(state.since) && state.failure_code.is_none()));
    store.owed_revocations().settle(owed[0].id).await.unwrap();
    assert_eq!(store.owed_revocations().of(identity).await.unwrap().len(), 1);
    assert_eq!(take_away(&store, identity, LONG).await, []);
}

/// The rows of the two grants.
async fn rows(store: &Store, identity: Identity) -> Vec<Uuid> {
    let mut ids = Vec::new();
    for variant in [None, Some([1; 16])] {
        ids.push(store.grants().load(GrantIdentity { identity, variant }).await.unwrap().unwrap().id);
    }
    ids
}

async fn add(store: &Store, identity: Identity, patience: Duration) -> OwedRevocation {
    let newly = NewlyOwed { id: Uuid::now_v7(), identity, grant_id: Uuid::now_v7(), grant_version: 7, sealed: b"sealed".to_vec() };
    store.owed_revocations().add(newly, patience).await.unwrap()
}

async fn of_fifty_that_ask_at_once_one_tells_the_provider(backend: Backend) {
    let (store, identity) = scene(&backend).await;
    let added = add(&store, identity, Duration::ZERO).await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let store = store.clone();
        asking.spawn(async move { store.owed_revocations().take(LONG).await.unwrap() });
    }
    let taken: Vec<_> = asking.join_all().await.into_iter().flatten().collect();
    assert_eq!(taken.len(), 1);
    assert_eq!((taken[0].id, taken[0].attempt, taken[0].sealed.as_slice()), (added.id, 2, b"sealed".as_slice()));
    // Who was too slow says nothing of it any more.
    assert!(!store.owed_revocations().put_off(added.id, added.attempt, "late", Duration::ZERO).await.unwrap());
    assert!(!store.owed_revocations().give_up(added.id, added.attempt, "late").await.unwrap());
    assert!(store.owed_revocations().put_off(added.id, 2, "down", Duration::ZERO).await.unwrap());
    let again = store.owed_revocations().take(LONG).await.unwrap().unwrap();
    assert_eq!((again.id, again.attempt), (added.id, 3));
    assert_eq!(store.owed_revocations().of(identity).await.unwrap()[0].failure_code.as_deref(), Some("down"));
}

async fn what_is_given_up_is_told_and_not_tried(backend: Backend) {
    let (store, identity) = scene(&backend).await;
    let (one, _) = (add(&store, identity, Duration::ZERO).await, add(&store, identity, LONG).await);
    assert!(store.owed_revocations().give_up(one.id, 1, "never").await.unwrap());
    assert_eq!(store.owed_revocations().take(LONG).await.unwrap(), None);
    assert!(!store.owed_revocations().put_off(one.id, 1, "late", Duration::ZERO).await.unwrap());
    let summary = store.owed_revocations().summary().await.unwrap();
    assert_eq!(summary[&identity.principal], OwedSummary { waiting: 1, given_up: 1 });
    assert_eq!(backend.query("SELECT COUNT(*) FROM owed_revocations WHERE given_up_at IS NOT NULL AND sealed IS NULL").await, ["1"]);
    // For a month.
    backend.query("UPDATE owed_revocations SET given_up_at = given_up_at - 2592000000 WHERE given_up_at IS NOT NULL").await;
    assert_eq!(store.owed_revocations().take(LONG).await.unwrap(), None);
    assert_eq!(store.owed_revocations().summary().await.unwrap()[&identity.principal], OwedSummary { waiting: 1, given_up: 0 });
}

async fn what_is_owed_outlives_principal_and_user(backend: Backend) {
    let (store, identity) = scene(&backend).await;
    take_away(&store, identity, Duration::ZERO).await;
    let mut change = store.change().await.unwrap();
    change.users().delete(identity.owner.unwrap()).await.unwrap();
    change.principals().delete(identity.principal).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(store.owed_revocations().take(LONG).await.unwrap().map(|one| one.identity), Some(identity));
}
