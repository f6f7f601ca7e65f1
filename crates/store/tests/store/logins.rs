//! Logins with a browser that are under way.

use std::time::Duration;

use sortie_model::{Principal, User};
use sortie_store::{Identity, LoginStage, NewLogin, Store, WriteError};
use uuid::Uuid;

use crate::backend::{Backend, both_backends};
use crate::fixtures::{external_credential, principal, user};

both_backends! {
    a_login_keeps_every_field_and_goes_stage_by_stage,
    of_fifty_with_the_same_address_one_goes_on,
    a_login_that_is_over_is_not_there,
    what_nobody_confirmed_is_taken_away_once_when_it_is_over,
    of_one_user_only_so_many_are_under_way,
    a_login_goes_with_its_user_and_its_principal,
}

const LONG: Duration = Duration::from_secs(600);

async fn scene(backend: &Backend) -> (Store, Principal, User) {
    let store = backend.store().await;
    let crm = external_credential("Crm");
    let (admin, alice) = (principal(&crm, "Admin", 1), user("alice", None));
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    change.principals().insert(&admin).await.unwrap();
    change.users().insert(&alice).await.unwrap();
    change.commit().await.unwrap();
    (store, admin, alice)
}

fn login(number: u8, user: Option<&User>, identity: Identity, lifetime: Duration) -> NewLogin {
    let user = user.map(|user| user.id);
    NewLogin { id: Uuid::now_v7(), state_hash: [number; 32], browser_hash: [9; 32], user, identity, sealed: vec![0, number], lifetime }
}

async fn a_login_keeps_every_field_and_goes_stage_by_stage(backend: Backend) {
    let (store, admin, alice) = scene(&backend).await;
    let (logins, identity) = (store.logins(), Identity::of_user(admin.id, alice.id));
    let new = login(1, Some(&alice), identity, LONG);
    let before = store.now().await.unwrap();
    logins.start(new.clone(), 20).await.unwrap();
    let stored = logins.by_state([1; 32]).await.unwrap().unwrap();
    assert_eq!((stored.id, stored.state_hash, stored.browser_hash), (new.id, [1; 32], [9; 32]));
    assert_eq!((stored.user, stored.identity, stored.stage, &stored.sealed), (Some(alice.id), identity, LoginStage::Started, &new.sealed));
    assert!(stored.expires_at.since(before).abs_diff(LONG) < Duration::from_secs(5));
    assert_eq!(logins.load(new.id).await.unwrap(), Some(stored));
    assert_eq!(logins.by_state([2; 32]).await.unwrap(), None);
    let steps = [LoginStage::Started, LoginStage::Returned, LoginStage::Redeeming, LoginStage::Redeemed];
    for pair in steps.windows(2) {
        assert!(logins.advance(new.id, (pair[0], pair[1]), b"next").await.unwrap());
        assert!(!logins.advance(new.id, (pair[0], pair[1]), b"again").await.unwrap(), "{pair:?} only once");
        let stored = logins.load(new.id).await.unwrap().unwrap();
        assert_eq!((stored.stage, stored.sealed.as_slice()), (pair[1], b"next".as_slice()));
    }
    assert!(!logins.end(new.id, LoginStage::Started).await.unwrap());
    assert!(logins.end(new.id, LoginStage::Redeemed).await.unwrap());
    assert!(!logins.end(new.id, LoginStage::Redeemed).await.unwrap());
    assert_eq!(logins.load(new.id).await.unwrap(), None);
}

async fn of_fifty_with_the_same_address_one_goes_on(backend: Backend) {
    // OAU-03, OAU-17.
    let (store, admin, _) = scene(&backend).await;
    let new = login(1, None, Identity::shared(admin.id), LONG);
    store.logins().start(new.clone(), 20).await.unwrap();
    let attempts = (0..50).map(|_| {
        let (store, id) = (store.clone(), new.id);
        tokio::spawn(async move { store.logins().advance(id, (LoginStage::Started, LoginStage::Returned), b"x").await.unwrap() })
    });
    let mut went_on = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        went_on += usize::from(attempt.await.unwrap());
    }
    assert_eq!(went_on, 1);
}

async fn a_login_that_is_over_is_not_there(backend: Backend) {
    // OAU-04.
    let (store, admin, _) = scene(&backend).await;
    let old = login(1, None, Identity::shared(admin.id), Duration::from_millis(1));
    store.logins().start(old.clone(), 20).await.unwrap();
    while store.logins().load(old.id).await.unwrap().is_some() {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.logins().by_state([1; 32]).await.unwrap(), None);
    assert!(!store.logins().advance(old.id, (LoginStage::Started, LoginStage::Returned), b"x").await.unwrap());
    // The next one sweeps it away: its state is free again.
    let next = login(1, None, Identity::shared(admin.id), LONG);
    store.logins().start(next.clone(), 20).await.unwrap();
    assert_eq!(store.logins().take_over().await.unwrap(), []);
    assert!(store.logins().load(next.id).await.unwrap().is_some());
}

async fn what_nobody_confirmed_is_taken_away_once_when_it_is_over(backend: Backend) {
    let (store, admin, alice) = scene(&backend).await;
    let identity = Identity::of_user(admin.id, alice.id);
    let waiting = login(1, Some(&alice), identity, LONG);
    store.logins().start(waiting.clone(), 1).await.unwrap();
    for pair in [LoginStage::Started, LoginStage::Redeeming, LoginStage::Redeemed].windows(2) {
        assert!(store.logins().advance(waiting.id, (pair[0], pair[1]), b"grant").await.unwrap());
    }
    assert_eq!(store.logins().take_over().await.unwrap(), []);
    // Another one ends it, and leaves it to whoever discards its grant.
    store.logins().start(login(2, Some(&alice), identity, LONG), 1).await.unwrap();
    store.logins().start(login(3, Some(&alice), identity, LONG), 1).await.unwrap();
    assert_eq!(store.logins().load(waiting.id).await.unwrap(), None);
    let takers = (0..20).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.logins().take_over().await.unwrap() })
    });
    let mut taken = Vec::new();
    for taker in takers.collect::<Vec<_>>() {
        taken.extend(taker.await.unwrap());
    }
    let redeemed: Vec<_> = taken.iter().filter(|login| login.stage == LoginStage::Redeemed).collect();
    assert!(redeemed.len() == 1 && redeemed[0].id == waiting.id && redeemed[0].sealed == b"grant", "{taken:?}");
}

async fn of_one_user_only_so_many_are_under_way(backend: Backend) {
    // OAU-23.
    let (store, admin, alice) = scene(&backend).await;
    let identity = Identity::of_user(admin.id, alice.id);
    store.logins().start(login(100, None, identity, LONG), 3).await.unwrap();
    for number in 1..=10 {
        store.logins().start(login(number, Some(&alice), identity, LONG), 3).await.unwrap();
    }
    let mut there = Vec::new();
    for number in (1..=10).chain([100]) {
        if store.logins().by_state([number; 32]).await.unwrap().is_some() {
            there.push(number);
        }
    }
    assert_eq!(there, [8, 9, 10, 100]);
}

async fn a_login_goes_with_its_user_and_its_principal(backend: Backend) {
    let (store, admin, alice) = scene(&backend).await;
    let new = login(1, Some(&alice), Identity::of_user(admin.id, alice.id), LONG);
    store.logins().start(new.clone(), 20).await.unwrap();
    let mut change = store.change().await.unwrap();
    change.users().delete(alice.id).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(store.logins().load(new.id).await.unwrap(), None);
    let refused = store.logins().start(new, 20).await.unwrap_err();
    assert!(matches!(refused, WriteError::Gone), "{refused:?}");
}
