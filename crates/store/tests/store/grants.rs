//! Grants and their leases.

use std::collections::BTreeMap;
use std::time::Duration;

use sortie_model::{Principal, Timestamp};
use sortie_store::{
    Abandoned, Committed, Failure, GrantIdentity, GrantState, Identity, Lease, LeaseOutcome, LeaseRequest, OwedRevocation, Released,
    Replacement, SealedGrant, Store, WriteError,
};
use uuid::Uuid;

use crate::backend::{Backend, both_backends};
use crate::fixtures::{external_credential, principal, user};

both_backends! {
    a_grant_keeps_every_field,
    of_fifty_that_ask_at_once_one_gets_the_lease,
    of_fifty_that_ask_for_an_expired_grant_one_gets_the_lease,
    a_lease_that_was_taken_over_can_store_nothing,
    a_lease_that_ended_alone_can_still_store,
    a_lease_that_is_given_back_is_anybodys_at_once,
    a_commit_counts_once,
    a_failure_stays_until_a_renewal_succeeds,
    a_deleted_grant_does_not_come_back,
    a_lease_on_an_older_version_is_told_to_read_again,
    users_have_grants_of_their_own,
    variants_of_a_grant_are_apart_and_go_together,
    a_grant_of_a_principal_that_is_gone_is_refused,
    a_new_login_takes_the_place_of_whatever_is_there,
    of_fifty_new_logins_at_once_each_is_stored_or_told_to_look_again,
    identities_with_a_good_grant_are_counted,
    what_is_done_by_hand_is_announced_to_every_node,
}

const LONG: Duration = Duration::from_secs(30);

async fn store_with_principal(backend: &Backend) -> (Store, Principal) {
    let store = backend.store().await;
    let crm = external_credential("Crm");
    let admin = principal(&crm, "Admin", 1);
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    change.principals().insert(&admin).await.unwrap();
    change.commit().await.unwrap();
    (store, admin)
}

fn request(identity: Identity, seen_version: i64, duration: Duration) -> LeaseRequest {
    LeaseRequest {
        grant: identity.into(),
        seen_version,
        owner: Uuid::new_v4(),
        new_grant_id: Uuid::now_v7(),
        duration,
        abandoned: Abandoned::Take,
    }
}

async fn take(store: &Store, identity: Identity, seen_version: i64, duration: Duration) -> Lease {
    match store.grants().lease(&request(identity, seen_version, duration)).await.unwrap() {
        LeaseOutcome::Taken(lease) => lease,
        other => panic!("{other:?}"),
    }
}

async fn delete(store: &Store, identity: Identity) -> Vec<OwedRevocation> {
    store.grants().delete(identity, Uuid::now_v7(), (Uuid::now_v7, LONG)).await.unwrap()
}

fn grant(revision: i64, sealed: &[u8]) -> SealedGrant {
    SealedGrant {
        revision,
        sealed: sealed.to_vec(),
        issued_at: Timestamp::from_millis(1_790_000_000_001),
        expires_at: Some(Timestamp::from_millis(1_790_000_060_002)),
        dies_at: None,
    }
}

/// Lets the database's clock pass the end of a lease of one millisecond.
async fn wait_out(store: &Store, identity: Identity) {
    while store.grants().load(identity).await.unwrap().unwrap().leased_until.is_some() {
        tokio::task::yield_now().await;
    }
}

async fn a_grant_keeps_every_field(backend: Backend) {
    let (store, admin) = store_with_principal(&backend).await;
    let identity = Identity::shared(admin.id);
    assert_eq!(store.grants().load(identity).await.unwrap(), None);

    let before = store.now().await.unwrap();
    let asked = request(identity, 0, LONG);
    let LeaseOutcome::Taken(lease) = store.grants().lease(&asked).await.unwrap() else { panic!("it was free") };
    assert_eq!(lease, Lease { grant_id: asked.new_grant_id, fence: 1, next_version: 1 });
    let leased = store.grants().load(identity).await.unwrap().unwrap();
    assert_eq!((leased.id, leased.version, leased.grant, leased.failure), (asked.new_grant_id, 0, None, None));
    let (since, until) = (leased.inflight_since.unwrap(), leased.leased_until.unwrap());
    assert!(before <= since && since <= leased.read_at, "{before} {since} {}", leased.read_at);
    assert!(until.since(since).abs_diff(LONG) < Duration::from_secs(1), "{since} {until}");

    assert_eq!(store.grants().commit(&lease, grant(3, b"\0sealed\xFF")).await.unwrap(), Committed::Stored { version: 1 });
    let stored = store.grants().load(identity).await.unwrap().unwrap();
    assert_eq!((stored.id, stored.version, stored.grant), (asked.new_grant_id, 1, Some(grant(3, b"\0sealed\xFF"))));
    assert_eq!((stored.failure, stored.leased_until, stored.inflight_since), (None, None, None));

    let lease = take(&store, identity, 1, LONG).await;
    assert_eq!(lease, Lease { grant_id: asked.new_grant_id, fence: 2, next_version: 2 });
    let endless = SealedGrant { expires_at: None, ..grant(4, b"next") };
    assert_eq!(store.grants().commit(&lease, endless.clone()).await.unwrap(), Committed::Stored { version: 2 });
    assert_eq!(store.grants().load(identity).await.unwrap().unwrap().grant, Some(endless));
}

async fn race(backend: &Backend, identity: Identity, seen_version: i64) {
    // Several stores on one database, as several nodes have.
    let mut stores = Vec::new();
    for _ in 0..5 {
        stores.push(backend.store().await);
    }
    let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(50));
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let (store, barrier) = (stores[number % stores.len()].clone(), barrier.clone());
            tokio::spawn(async move {
                barrier.wait().await;
                store.grants().lease(&request(identity, seen_version, LONG)).await.unwrap()
            })
        })
        .collect();
    let (mut taken, mut busy) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            LeaseOutcome::Taken(_) => taken += 1,
            LeaseOutcome::Busy { remaining, .. } => {
                assert!(remaining > Duration::from_secs(20) && remaining <= LONG, "{remaining:?}");
                busy += 1;
            }
            LeaseOutcome::Changed => panic!("nothing has changed"),
        }
    }
    assert_eq!((taken, busy), (1, 49));
}

async fn of_fifty_that_ask_at_once_one_gets_the_lease(backend: Backend) {
    let (_store, admin) = store_with_principal(&backend).await;
    race(&backend, Identity::shared(admin.id), 0).await;
}

async fn of_fifty_that_ask_for_an_expired_grant_one_gets_the_lease(backend: Backend) {
    let (store, admin) = store_with_principal(&backend).await;
    let identity = Identity::shared(admin.id);
    let lease = take(&store, identity, 0, LONG).await;
    store.grants().commit(&lease, grant(1, b"one")).await.unwrap();
    race(&backend, identity, 1).await;
}

/// REL-T10 of the fault catalogue: a leader sleeps through its lease and wakes up.
async fn a_lease_that_was_taken_over_can_store_nothing(backend: Backend) {
    let (store, admin) = store_with_principal(&backend).await;
    let identity = Identity::shared(admin.id);
    let asleep = take(&store, identity, 0, Duration::from_millis(1)).await;
    wait_out(&store, identity).await;
    let awake = take(&store, identity, 0, LONG).await;
    assert!(awake.fence > asleep.fence);

    assert_eq!(store.grants().commit(&asleep, grant(1, b"stale")).await.unwrap(), Committed::Fenced);
    let failure = Failure {
        revision: 1,
        state: GrantState::NeedsAuthentication,
        code: "invalid_grant".to_owned(),
        retry_not_before: None,
        at: None,
        said: None,
    };
    assert_eq!(store.grants().release(&asleep, &failure).await.unwrap(), Released::Fenced);
    assert!(store.grants().load(identity).await.unwrap().unwrap().leased_until.is_some(), "the lease of the other one still stands");

    assert_eq!(store.grants().commit(&awake, grant(1, b"fresh")).await.unwrap(), Committed::Stored { version: 1 });
    assert_eq!(store.grants().commit(&asleep, grant(1, b"stale")).await.unwrap(), Committed::Fenced);
    let stored = store.grants().load(identity).await.unwrap().unwrap();
    assert_eq!((stored.grant, stored.failure), (Some(grant(1, b"fresh")), None));
}

async fn a_lease_that_ended_alone_can_still_store(backend: Backend) {
    let (store, admin) = store_with_principal(&backend).await;
    let identity = Identity::shared(admin.id);
    let late = take(&store, identity, 0, Duration::from_millis(1)).await;
    wait_out(&store, identity).await;
    assert_eq!(store.grants().commit(&late, grant(1, b"late")).await.unwrap(), Committed::Stored { version: 1 });
}

/// REL-T10: whoever has it too late to use it keeps nobody waiting.
async fn a_lease_that_is_given_back_is_anybodys_at_once(backend: Backend) {
    let (store, admin) = store_with_principal(&backend).await;
    let identity = Identity::shared(admin.id);
    let first = take(&store, identity, 0, LONG).await;
    assert!(matches!(store.grants().lease(&request(identity, 0, LONG)).await.unwrap(), LeaseOutcome::Busy { .. }));
    store.grants().give_back(&first).await.unwrap();
    let given_back = store.grants().load(identity).await.unwrap().unwrap();
    assert_eq!((given_back.leased_until, given_back.inflight_since, given_back.failure), (None, None, None));
    let second = take(&store, identity, 0, LONG).await;
    // Not the later one.
    store.grants().give_back(&first).await.unwrap();
    assert!(store.grants().load(identity).await.unwrap().unwrap().leased_until.is_some());
    assert_eq!(store.grants().commit(&second, grant(1, b"fresh")).await.unwrap(), Committed::Stored { version: 1 });
    store.grants().give_back(&second).await.unwrap();
    assert_eq!(store.grants().load(identity).await.unwrap().unwrap().version, 1);
}

async fn a_commit_counts_once(backend: Backend) {
    let (store, admin) = store_with_principal(&backend).await;
    let lease = take(&store, Identity::shared(admin.id), 0, LONG).await;
    assert_eq!(store.grants().commit(&lease, grant(1, b"one")).await.unwrap(), Committed::Stored { version: 1 });
    assert_eq!(store.grants().commit(&lease, grant(1, b"one")).await.unwrap(), Committed::Fenced);
}

async fn a_failure_stays_until_a_renewal_succeeds(backend: Backend) {
    let (store, admin) = store_with_principal(&backend).await;
    let identity = Identity::shared(admin.id);
    let lease = take(&store, identity, 0, LONG).await;
    store.grants().commit(&lease, grant(1, b"one")).await.unwrap();
    for state in [GrantState::Ok, GrantState::NeedsAuthentication, GrantState::ConfigurationError] {
        let failure = Failure {
            revision: 6,
            state,
            code: "provider_unavailable".to_owned(),
            retry_not_before: Some(Timestamp::from_millis(77)),
            at: Some(Timestamp::from_millis(76)),
            said: Some("{\"error\":\"x\"}".to_owned()),
        };
        let lease = take(&store, identity, 1, LONG).await;
        assert_eq!(store.grants().release(&lease, &failure).await.unwrap(), Released::Done);
        let stored = store.grants().load(identity).await.unwrap().unwrap();
        assert_eq!(stored.failure, Some(failure));
        assert_eq!((stored.version, stored.grant, stored.leased_until), (1, Some(grant(1, b"one")), None), "the old grant serves on");
    }
    let lease = take(&store, identity, 1, LONG).await;
    store.grants().commit(&lease, grant(2, b"two")).await.unwrap();
    assert_eq!(store.grants().load(identity).await.unwrap().unwrap().failure, None);
}

/// REL-T21 of the fault catalogue.
async fn a_deleted_grant_does_not_come_back(backend: Backend) {
    let (store, admin) = store_with_principal(&backend).await;
    let identity = Identity::shared(admin.id);
    let lease = take(&store, identity, 0, LONG).await;
    assert_eq!(delete(&store, identity).await, []);
    assert_eq!(delete(&store, identity).await, []);
    assert_eq!(store.grants().commit(&lease, grant(1, b"late")).await.unwrap(), Committed::Fenced);
    assert_eq!(store.grants().load(identity).await.unwrap(), None);
    // Not even where a new row stands in the same place.
    take(&store, identity, 0, LONG).await;
    assert_eq!(store.grants().commit(&lease, grant(1, b"late")).await.unwrap(), Committed::Fenced);
}

async fn a_lease_on_an_older_version_is_told_to_read_again(backend: Backend) {
    let (store, admin) = store_with_principal(&backend).await;
    let identity = Identity::shared(admin.id);
    assert_eq!(store.grants().lease(&request(identity, 3, LONG)).await.unwrap(), LeaseOutcome::Changed, "there is no row any more");
    assert_eq!(store.grants().load(identity).await.unwrap(), None, "and none was made");
    let lease = take(&store, identity, 0, LONG).await;
    store.grants().commit(&lease, grant(1, b"one")).await.unwrap();
    for seen in [0, 2] {
        assert_eq!(store.grants().lease(&request(identity, seen, LONG)).await.unwrap(), LeaseOutcome::Changed);
    }
}

async fn users_have_grants_of_their_own(backend: Backend) {
    let (store, admin) = store_with_principal(&backend).await;
    let (alice, bob) = (user("alice", None), user("bob", None));
    let mut change = store.change().await.unwrap();
    change.users().insert(&alice).await.unwrap();
    change.users().insert(&bob).await.unwrap();
    change.commit().await.unwrap();
    let identities = [Identity::shared(admin.id), Identity::of_user(admin.id, alice.id), Identity::of_user(admin.id, bob.id)];
    let mut expected = BTreeMap::new();
    for (identity, sealed) in identities.into_iter().zip([b"shared", b"alice'", b"bob's "]) {
        let lease = take(&store, identity, 0, LONG).await;
        store.grants().commit(&lease, grant(1, sealed)).await.unwrap();
        expected.insert(identity, grant(1, sealed));
    }
    for (identity, grant) in expected {
        assert_eq!(store.grants().load(identity).await.unwrap().unwrap().grant, Some(grant));
    }
    let mut change = store.change().await.unwrap();
    change.users().delete(alice.id).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(store.grants().load(identities[1]).await.unwrap(), None);
    assert!(store.grants().load(identities[2]).await.unwrap().is_some());
}

/// Tokens of one principal with different scopes.
async fn variants_of_a_grant_are_apart_and_go_together(backend: Backend) {
    let (store, admin) = store_with_principal(&backend).await;
    let identity = Identity::shared(admin.id);
    let variants = [None, Some([0; 16]), Some([0xAB; 16]), Some([0xFF; 16])].map(|variant| GrantIdentity { identity, variant });
    let sealed = [b"plain", b"zeros", b"mixed", b"fulls"];
    for (grant_identity, sealed) in variants.iter().zip(sealed) {
        let ask = LeaseRequest { grant: *grant_identity, ..request(identity, 0, LONG) };
        let LeaseOutcome::Taken(lease) = store.grants().lease(&ask).await.unwrap() else { panic!("each has a lease of its own") };
        assert!(matches!(store.grants().lease(&ask).await.unwrap(), LeaseOutcome::Busy { .. }));
        store.grants().commit(&lease, grant(1, sealed)).await.unwrap();
    }
    for (grant_identity, sealed) in variants.iter().zip(sealed) {
        assert_eq!(store.grants().load(*grant_identity).await.unwrap().unwrap().grant, Some(grant(1, sealed)));
        let renew = LeaseRequest { grant: *grant_identity, ..request(identity, 1, LONG) };
        assert!(matches!(store.grants().lease(&renew).await.unwrap(), LeaseOutcome::Taken(_)));
    }
    assert!(!delete(&store, identity).await.is_empty());
    for grant_identity in variants {
        assert_eq!(store.grants().load(grant_identity).await.unwrap(), None);
    }
}

async fn a_grant_of_a_principal_that_is_gone_is_refused(backend: Backend) {
    let (store, admin) = store_with_principal(&backend).await;
    let nobody = user("nobody", None);
    let refused = store.grants().lease(&request(Identity::of_user(admin.id, nobody.id), 0, LONG)).await.unwrap_err();
    assert_eq!(refused.code(), "identity_gone");
    let mut change = store.change().await.unwrap();
    change.principals().delete(admin.id).await.unwrap();
    change.commit().await.unwrap();
    let refused = store.grants().lease(&request(Identity::shared(admin.id), 0, LONG)).await.unwrap_err();
    assert_eq!(refused.code(), "identity_gone");
}

async fn a_new_login_takes_the_place_of_whatever_is_there(backend: Backend) {
    let (store, admin) = store_with_principal(&backend).await;
    let identity = Identity::shared(admin.id);
    let (id, grants) = (Uuid::now_v7(), store.grants());
    assert_eq!(grants.replace(identity.into(), (id, 1), grant(1, b"first"), Uuid::now_v7()).await.unwrap(), Replacement::Stored);
    // A renewal is under way, and has failed before.
    let lease = take(&store, identity, 1, LONG).await;
    assert_eq!(grants.replace(identity.into(), (id, 2), grant(2, b"second"), Uuid::now_v7()).await.unwrap(), Replacement::Stored);
    let stored = grants.load(identity).await.unwrap().unwrap();
    assert_eq!((stored.id, stored.version, stored.grant), (id, 2, Some(grant(2, b"second"))));
    assert_eq!((stored.failure, stored.leased_until, stored.inflight_since), (None, None, None));
    // What the renewal brings is void (REL-T20).
    assert_eq!(grants.commit(&lease, grant(1, b"late")).await.unwrap(), Committed::Fenced);
    // Sealed for another row or for another version than is there: look again.
    assert_eq!(grants.replace(identity.into(), (Uuid::now_v7(), 3), grant(3, b"x"), Uuid::now_v7()).await.unwrap(), Replacement::Changed);
    assert_eq!(grants.replace(identity.into(), (id, 2), grant(3, b"x"), Uuid::now_v7()).await.unwrap(), Replacement::Changed);
    assert_eq!(grants.load(identity).await.unwrap().unwrap().version, 2);
    let gone = principal(&external_credential("Gone"), "P", 1);
    let refused = grants.replace(Identity::shared(gone.id).into(), (Uuid::now_v7(), 1), grant(1, b"x"), Uuid::now_v7()).await.unwrap_err();
    assert!(matches!(refused, WriteError::Gone), "{refused:?}");
}

async fn of_fifty_new_logins_at_once_each_is_stored_or_told_to_look_again(backend: Backend) {
    let (store, admin) = store_with_principal(&backend).await;
    let identity = Identity::shared(admin.id);
    let attempts = (0..50).map(|_| {
        let store = store.clone();
        tokio::spawn(
            async move { store.grants().replace(identity.into(), (Uuid::now_v7(), 1), grant(1, b"x"), Uuid::now_v7()).await.unwrap() },
        )
    });
    let mut stored = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        stored += usize::from(attempt.await.unwrap() == Replacement::Stored);
    }
    assert_eq!((stored, store.grants().load(identity).await.unwrap().unwrap().version), (1, 1));
}

async fn identities_with_a_good_grant_are_counted(backend: Backend) {
    let (store, admin) = store_with_principal(&backend).await;
    let users = [user("alice", None), user("bob", None), user("carol", None)];
    let mut change = store.change().await.unwrap();
    for user in &users {
        change.users().insert(user).await.unwrap();
    }
    change.commit().await.unwrap();
    assert_eq!(store.grants().counts().await.unwrap(), BTreeMap::new());
    for user in &users {
        let identity = Identity::of_user(admin.id, user.id);
        store.grants().replace(identity.into(), (Uuid::now_v7(), 1), grant(1, b"x"), Uuid::now_v7()).await.unwrap();
    }
    // Two grants of one identity count once; one that somebody must authenticate for again does not.
    let variant = GrantIdentity { identity: Identity::of_user(admin.id, users[0].id), variant: Some([7; 16]) };
    store.grants().replace(variant, (Uuid::now_v7(), 1), grant(1, b"x"), Uuid::now_v7()).await.unwrap();
    let lease = take(&store, Identity::of_user(admin.id, users[1].id), 1, LONG).await;
    let (state, code) = (GrantState::NeedsAuthentication, "needs_authentication".to_owned());
    let failure = Failure { revision: 1, state, code, retry_not_before: None, at: None, said: None };
    store.grants().release(&lease, &failure).await.unwrap();
    assert_eq!(store.grants().counts().await.unwrap(), BTreeMap::from([(admin.id, 2)]));
    // One that is not renewed counts until it dies.
    let carol = Identity::of_user(admin.id, users[2].id);
    let now = store.now().await.unwrap().as_millis();
    for (version, dies_in, is_usable) in [(2, 60_000, true), (3, -1, false)] {
        let dying = SealedGrant { dies_at: Some(Timestamp::from_millis(now + dies_in)), ..grant(1, b"x") };
        let row = store.grants().load(carol).await.unwrap().unwrap();
        store.grants().replace(carol.into(), (row.id, version), dying, Uuid::now_v7()).await.unwrap();
        assert_eq!(store.grants().counts().await.unwrap(), BTreeMap::from([(admin.id, if is_usable { 2 } else { 1 })]));
        assert_eq!(store.grants().load(carol).await.unwrap().unwrap().is_usable(), is_usable);
    }
    assert!(!store.grants().load(Identity::of_user(admin.id, users[1].id)).await.unwrap().unwrap().is_usable());
}

async fn what_is_done_by_hand_is_announced_to_every_node(backend: Backend) {
    let (store, admin) = store_with_principal(&backend).await;
    let (grants, identity) = (store.grants(), Identity::shared(admin.id));
    let start = store.now().await.unwrap();
    let names = [Uuid::now_v7(), Uuid::now_v7()];
    assert_eq!(grants.replace(identity.into(), (Uuid::now_v7(), 1), grant(1, b"x"), names[0]).await.unwrap(), Replacement::Stored);
    // What changed nothing is not announced.
    let refused = grants.replace(identity.into(), (Uuid::now_v7(), 1), grant(1, b"x"), Uuid::now_v7()).await.unwrap();
    assert_eq!(refused, Replacement::Changed);
    grants.delete(identity, names[1], (Uuid::now_v7, LONG)).await.unwrap();
    let announced = grants.announced(start).await.unwrap();
    assert_eq!(announced.iter().map(|one| (one.id, one.identity)).collect::<Vec<_>>(), names.map(|name| (name, identity)));
    let later = announced[1].at.after(Duration::from_millis(1));
    assert_eq!(grants.announced(later).await.unwrap(), []);
}
