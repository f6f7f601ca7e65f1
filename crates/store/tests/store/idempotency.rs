//! Requests that must not be done twice.

use std::time::Duration;

use sortie_store::KeyedRequest;
use uuid::Uuid;

use crate::backend::{Backend, both_backends};
use crate::fixtures::user;

both_backends! {
    of_fifty_under_one_key_one_is_done,
    an_answer_is_kept_and_a_key_can_be_given_back,
}

const DAY: Duration = Duration::from_secs(86_400);

async fn of_fifty_under_one_key_one_is_done(backend: Backend) {
    let store = backend.store().await;
    let alice = user("alice", None);
    let mut change = store.change().await.unwrap();
    change.users().insert(&alice).await.unwrap();
    change.commit().await.unwrap();
    let take = |number: u128| {
        let (store, user) = (store.clone(), alice.id);
        let request = KeyedRequest { id: Uuid::from_u128(number), user, key_hash: [1; 32], request_hash: [2; 32] };
        tokio::spawn(async move { store.idempotency_keys().take(&request, DAY).await.unwrap() })
    };
    let mut taken = 0;
    for task in (1..=50).map(take).collect::<Vec<_>>() {
        taken += u32::from(task.await.unwrap());
    }
    assert_eq!(taken, 1);
    // It goes when it is old, and with its user.
    let again = KeyedRequest { id: Uuid::from_u128(99), user: alice.id, key_hash: [1; 32], request_hash: [2; 32] };
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(store.idempotency_keys().take(&again, Duration::from_millis(1)).await.unwrap());
    let mut change = store.change().await.unwrap();
    change.users().delete(alice.id).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(store.idempotency_keys().load(alice.id, [1; 32]).await.unwrap(), None);
}

async fn an_answer_is_kept_and_a_key_can_be_given_back(backend: Backend) {
    let store = backend.store().await;
    let (alice, bob) = (user("alice", None), user("bob", None));
    let mut change = store.change().await.unwrap();
    change.users().insert(&alice).await.unwrap();
    change.users().insert(&bob).await.unwrap();
    change.commit().await.unwrap();
    let keys = store.idempotency_keys();
    let request = |number, user| KeyedRequest { id: Uuid::from_u128(number), user, key_hash: [1; 32], request_hash: [2; 32] };
    assert!(keys.take(&request(1, alice.id), DAY).await.unwrap());
    assert!(keys.take(&request(2, bob.id), DAY).await.unwrap(), "everybody has keys of their own");
    assert!(keys.load(alice.id, [1; 32]).await.unwrap().is_some_and(|found| found.sealed.is_none() && found.request_hash == [2; 32]));
    keys.answer(Uuid::from_u128(1), b"sealed").await.unwrap();
    assert_eq!(keys.load(alice.id, [1; 32]).await.unwrap().unwrap().sealed.as_deref(), Some(b"sealed".as_slice()));
    keys.give_back(Uuid::from_u128(1)).await.unwrap();
    assert!(keys.take(&request(3, alice.id), DAY).await.unwrap());
}
