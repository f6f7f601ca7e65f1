//! Health, keys and audit anchors.

use std::collections::BTreeMap;

use sortie_model::{Health, Timestamp};
use sortie_store::{Identity, Initialised, Replaced, StoredKey};
use uuid::Uuid;

use crate::backend::{Backend, both_backends};
use crate::fixtures::{external_credential, principal, user};

both_backends! {
    health_keeps_the_newest_of_what_nodes_report,
    reports_of_what_is_gone_are_passed_over,
    two_nodes_that_report_at_once_do_not_stop_each_other,
    of_ten_that_begin_a_keyring_one_does,
    a_keyring_is_replaced_only_as_it_was_seen,
    anchors_are_kept_in_order_and_never_changed,
}

fn at(millis: i64) -> Option<Timestamp> {
    Some(Timestamp::from_millis(millis))
}

async fn health_keeps_the_newest_of_what_nodes_report(backend: Backend) {
    let store = backend.store().await;
    let crm = external_credential("Crm");
    let admin = principal(&crm, "Admin", 1);
    let alice = user("alice", None);
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    change.principals().insert(&admin).await.unwrap();
    change.users().insert(&alice).await.unwrap();
    change.commit().await.unwrap();
    let (shared, own) = (Identity::shared(admin.id), Identity::of_user(admin.id, alice.id));
    assert_eq!(store.health().load(shared).await.unwrap(), None);

    let one = Health { last_success: at(10), last_failure: at(20), last_failure_code: Some("a".to_owned()), token_expires_at: at(99) };
    store
        .health()
        .record(&BTreeMap::from([(shared, one.clone()), (own, Health { last_success: at(5), ..Health::default() })]))
        .await
        .unwrap();
    assert_eq!(store.health().load(shared).await.unwrap(), Some(one));
    assert_eq!(store.health().load(own).await.unwrap().unwrap().last_success, at(5));

    let older = Health { last_success: at(30), last_failure: at(15), last_failure_code: Some("older".to_owned()), token_expires_at: None };
    store.health().record(&BTreeMap::from([(shared, older)])).await.unwrap();
    let expected = Health { last_success: at(30), last_failure: at(20), last_failure_code: Some("a".to_owned()), token_expires_at: at(99) };
    assert_eq!(store.health().load(shared).await.unwrap(), Some(expected));

    let newer = Health { last_success: None, last_failure: at(40), last_failure_code: Some("newer".to_owned()), token_expires_at: at(100) };
    store.health().record(&BTreeMap::from([(shared, newer)])).await.unwrap();
    let expected =
        Health { last_success: at(30), last_failure: at(40), last_failure_code: Some("newer".to_owned()), token_expires_at: at(100) };
    assert_eq!(store.health().shared().await.unwrap(), BTreeMap::from([(admin.id, expected)]));
}

async fn reports_of_what_is_gone_are_passed_over(backend: Backend) {
    let store = backend.store().await;
    let crm = external_credential("Crm");
    let (admin, gone) = (principal(&crm, "Admin", 1), principal(&crm, "Gone", 2));
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    change.principals().insert(&admin).await.unwrap();
    change.commit().await.unwrap();
    let report = Health { last_success: at(1), ..Health::default() };
    let reports = [Identity::shared(gone.id), Identity::of_user(admin.id, user("nobody", None).id), Identity::shared(admin.id)];
    store.health().record(&reports.into_iter().map(|identity| (identity, report.clone())).collect()).await.unwrap();
    assert_eq!(backend.query("SELECT COUNT(*) FROM health").await, ["1"]);
    assert_eq!(store.health().load(reports[2]).await.unwrap(), Some(report));
}

async fn two_nodes_that_report_at_once_do_not_stop_each_other(backend: Backend) {
    let nodes = [backend.store().await, backend.store().await];
    let crm = external_credential("Crm");
    let principals: Vec<_> = (0..40).map(|number| principal(&crm, &format!("P{number}"), number)).collect();
    let mut change = nodes[0].change().await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    for principal in &principals {
        change.principals().insert(principal).await.unwrap();
    }
    change.commit().await.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|round| {
            let store = nodes[round % 2].clone();
            let report = Health { last_success: at(round as i64), ..Health::default() };
            let reports: BTreeMap<_, _> = principals.iter().map(|principal| (Identity::shared(principal.id), report.clone())).collect();
            tokio::spawn(async move { store.health().record(&reports).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let shared = nodes[0].health().shared().await.unwrap();
    assert_eq!(shared.len(), 40);
    assert!(shared.values().all(|health| health.last_success == at(7)));
}

fn key(state: &str, wrapped: u8) -> StoredKey {
    StoredKey { id: Uuid::new_v4(), state: state.to_owned(), wrapped: vec![wrapped; 132] }
}

/// CRY-09 of the attack catalogue, for nodes that start at the same time.
async fn of_ten_that_begin_a_keyring_one_does(backend: Backend) {
    let store = backend.store().await;
    assert_eq!(store.keyring().load().await.unwrap(), []);
    let tasks: Vec<_> = (0..10)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let first = key("active", number);
                (store.keyring().initialise(&first).await.unwrap(), first)
            })
        })
        .collect();
    let mut done = Vec::new();
    for task in tasks {
        if let (Initialised::Done, first) = task.await.unwrap() {
            done.push(first);
        }
    }
    assert_eq!(done.len(), 1);
    assert_eq!(store.keyring().load().await.unwrap(), done);
}

async fn a_keyring_is_replaced_only_as_it_was_seen(backend: Backend) {
    let store = backend.store().await;
    let first = key("active", 1);
    store.keyring().initialise(&first).await.unwrap();
    let seen = store.keyring().load().await.unwrap();
    let mut rotated = vec![StoredKey { state: "decrypt_only".to_owned(), ..first.clone() }, key("active", 2)];
    assert_eq!(store.keyring().replace(&seen, &rotated).await.unwrap(), Replaced::Done);
    assert_eq!(store.keyring().replace(&seen, &[key("active", 3)]).await.unwrap(), Replaced::Changed);
    rotated.sort_by_key(|key| key.id);
    assert_eq!(store.keyring().load().await.unwrap(), rotated);

    let refused = store.keyring().replace(&rotated, &[key("active", 4), key("active", 5)]).await.unwrap_err();
    assert_eq!(refused.code(), "identity_exists", "two active keys");
    assert_eq!(store.keyring().load().await.unwrap(), rotated, "and nothing was lost");
}

async fn anchors_are_kept_in_order_and_never_changed(backend: Backend) {
    let store = backend.store().await;
    for (lane, sequence) in [("core-0", 10), ("core-1", 3), ("core-0", 20), ("core-0", 15)] {
        store.audit_anchors().append(lane, sequence, &[sequence as u8; 32]).await.unwrap();
    }
    assert_eq!(store.audit_anchors().append("core-0", 20, &[0; 32]).await.unwrap_err().code(), "identity_exists");
    let last = store.audit_anchors().last_of_each().await.unwrap();
    let seen: Vec<_> = last.iter().map(|anchor| (anchor.lane.as_str(), anchor.sequence, anchor.hash[0])).collect();
    assert_eq!(seen, [("core-0", 20, 20), ("core-1", 3, 3)]);
    let behind = store.audit_anchors().of_lane("core-0", 10, 5).await.unwrap();
    assert_eq!(behind.iter().map(|anchor| anchor.sequence).collect::<Vec<_>>(), [15, 20]);
    assert!(behind[0].at <= store.now().await.unwrap());
}
