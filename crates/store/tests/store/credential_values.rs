//! Stored secrets.

use sortie_model::{ExternalCredential, Principal};
use sortie_store::{Abandoned, Identity, LeaseOutcome, LeaseRequest, Store, ValueHead};
use std::time::Duration;
use uuid::Uuid;

use crate::backend::{Backend, both_backends};
use crate::fixtures::{external_credential, principal, user};

both_backends! {
    secrets_are_kept_replaced_and_removed,
    a_replacement_of_something_older_is_refused,
    a_name_holds_one_secret,
    a_user_made_again_gets_nothing_of_the_former_one,
    the_summary_tells_which_fields_and_how_many_users,
    a_change_sees_all_secrets_of_a_credential,
    a_shared_secret_moves_the_revision_and_an_own_one_drops_only_that_grant,
}

async fn store_with_principal(backend: &Backend) -> (Store, ExternalCredential, Principal) {
    let store = backend.store().await;
    let crm = external_credential("Crm");
    let admin = principal(&crm, "Admin", 1);
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    change.principals().insert(&admin).await.unwrap();
    change.commit().await.unwrap();
    (store, crm, admin)
}

async fn insert(store: &Store, identity: Identity, name: &str) -> Uuid {
    let id = Uuid::now_v7();
    let mut change = store.change().await.unwrap();
    change.credential_values().insert(identity, id, name, b"sealed").await.unwrap();
    change.commit().await.unwrap();
    id
}

async fn head(store: &Store, identity: Identity) -> ValueHead {
    store.credential_values().heads(identity).await.unwrap().remove(0)
}

async fn secrets_are_kept_replaced_and_removed(backend: Backend) {
    let (store, _, admin) = store_with_principal(&backend).await;
    let identity = Identity::shared(admin.id);
    let (password, username) = (insert(&store, identity, "password").await, insert(&store, identity, "Username").await);
    let heads = store.credential_values().heads(identity).await.unwrap();
    let seen: Vec<_> = heads.iter().map(|head| (head.id, head.name.as_str(), head.version)).collect();
    assert_eq!(seen, [(username, "Username", 1), (password, "password", 1)], "in byte order on both databases");

    let mut change = store.change().await.unwrap();
    change.credential_values().replace(identity, &heads[1], b"\0resealed\xFE").await.unwrap();
    change.commit().await.unwrap();
    let values = store.credential_values().load(identity).await.unwrap();
    assert_eq!((values[1].head.id, values[1].head.version, values[1].sealed.as_slice()), (password, 2, b"\0resealed\xFE".as_slice()));
    assert!(values[1].head.updated_at >= heads[1].updated_at);
    assert_eq!(values[0].sealed, b"sealed");

    let mut change = store.change().await.unwrap();
    change.credential_values().delete(identity, "password").await.unwrap();
    assert_eq!(change.credential_values().delete(identity, "password").await.unwrap_err().code(), "missing");
    drop(change);
    let mut change = store.change().await.unwrap();
    change.credential_values().delete_all(identity).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(store.credential_values().load(identity).await.unwrap(), []);
}

async fn a_replacement_of_something_older_is_refused(backend: Backend) {
    let (store, _, admin) = store_with_principal(&backend).await;
    let identity = Identity::shared(admin.id);
    insert(&store, identity, "password").await;
    let seen = head(&store, identity).await;
    let mut change = store.change().await.unwrap();
    change.credential_values().replace(identity, &seen, b"two").await.unwrap();
    change.commit().await.unwrap();
    let mut change = store.change().await.unwrap();
    assert_eq!(change.credential_values().replace(identity, &seen, b"other two").await.unwrap_err().code(), "changed_meanwhile");
    drop(change);
    assert_eq!(store.credential_values().load(identity).await.unwrap()[0].sealed, b"two");
}

async fn a_name_holds_one_secret(backend: Backend) {
    let (store, _, admin) = store_with_principal(&backend).await;
    let alice = user("alice", None);
    let mut change = store.change().await.unwrap();
    change.users().insert(&alice).await.unwrap();
    change.commit().await.unwrap();
    for identity in [Identity::shared(admin.id), Identity::of_user(admin.id, alice.id)] {
        insert(&store, identity, "password").await;
        let mut change = store.change().await.unwrap();
        let refused = change.credential_values().insert(identity, Uuid::now_v7(), "password", b"x").await.unwrap_err();
        assert_eq!(refused.to_string(), "there is a stored secret `password` already");
    }
    let nobody = Identity::of_user(admin.id, user("nobody", None).id);
    let mut change = store.change().await.unwrap();
    let refused = change.credential_values().insert(nobody, Uuid::now_v7(), "password", b"x").await.unwrap_err();
    assert_eq!(refused.code(), "missing");
}

/// AZ-12 of the attack catalogue.
async fn a_user_made_again_gets_nothing_of_the_former_one(backend: Backend) {
    let (store, _, admin) = store_with_principal(&backend).await;
    let (former, again) = (user("alice", None), user("alice", None));
    let mut change = store.change().await.unwrap();
    change.users().insert(&former).await.unwrap();
    change.commit().await.unwrap();
    insert(&store, Identity::of_user(admin.id, former.id), "password").await;

    let mut change = store.change().await.unwrap();
    change.users().delete(former.id).await.unwrap();
    change.users().insert(&again).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(store.users().find(&again.name).await.unwrap(), Some(again.clone()));
    for user in [former.id, again.id] {
        assert_eq!(store.credential_values().load(Identity::of_user(admin.id, user)).await.unwrap(), []);
    }
    assert_eq!(backend.query("SELECT COUNT(*) FROM credential_values").await, ["0"]);
}

async fn the_summary_tells_which_fields_and_how_many_users(backend: Backend) {
    let (store, crm, admin) = store_with_principal(&backend).await;
    let each = principal(&crm, "Each", 2);
    let users = [user("alice", None), user("bob", None)];
    let mut change = store.change().await.unwrap();
    change.principals().insert(&each).await.unwrap();
    for user in &users {
        change.users().insert(user).await.unwrap();
    }
    change.commit().await.unwrap();
    assert!(store.credential_values().summary().await.unwrap().is_empty());

    insert(&store, Identity::shared(admin.id), "username").await;
    insert(&store, Identity::shared(admin.id), "password").await;
    for user in &users {
        insert(&store, Identity::of_user(each.id, user.id), "username").await;
        insert(&store, Identity::of_user(each.id, user.id), "password").await;
    }
    let carol = user("carol", None);
    let mut change = store.change().await.unwrap();
    change.users().insert(&carol).await.unwrap();
    change.commit().await.unwrap();
    insert(&store, Identity::of_user(each.id, carol.id), "username").await;
    let summary = store.credential_values().summary().await.unwrap();
    assert_eq!(summary[&admin.id].shared.iter().collect::<Vec<_>>(), ["password", "username"]);
    assert_eq!((summary[&admin.id].users_with(&[]), summary[&each.id].shared.len()), (0, 0));
    let counts = [&["password", "username"][..], &["username"], &["other"], &[]].map(|fields| summary[&each.id].users_with(fields));
    assert_eq!(counts, [2, 3, 0, 3]);
    assert_eq!(store.credential_values().user_count(each.id).await.unwrap(), 3);
    assert_eq!(store.credential_values().user_count(admin.id).await.unwrap(), 0);
}

async fn a_change_sees_all_secrets_of_a_credential(backend: Backend) {
    let (store, crm, admin) = store_with_principal(&backend).await;
    let (other, alice) = (external_credential("Other"), user("alice", None));
    let elsewhere = principal(&other, "Admin", 1);
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&other).await.unwrap();
    change.principals().insert(&elsewhere).await.unwrap();
    change.users().insert(&alice).await.unwrap();
    change.commit().await.unwrap();
    let (shared, own) = (Identity::shared(admin.id), Identity::of_user(admin.id, alice.id));
    insert(&store, own, "password").await;
    insert(&store, Identity::shared(elsewhere.id), "password").await;

    let mut change = store.change().await.unwrap();
    change.credential_values().insert(shared, Uuid::now_v7(), "password", b"of this change").await.unwrap();
    let seen = change.credential_values().of_credential(crm.id).await.unwrap();
    let seen: Vec<_> = seen.iter().map(|(identity, value)| (*identity, value.head.name.as_str(), value.sealed.as_slice())).collect();
    assert_eq!(seen, [(shared, "password", b"of this change".as_slice()), (own, "password", b"sealed".as_slice())]);
}

async fn a_shared_secret_moves_the_revision_and_an_own_one_drops_only_that_grant(backend: Backend) {
    let (store, crm, admin) = store_with_principal(&backend).await;
    let alice = user("alice", None);
    let mut change = store.change().await.unwrap();
    change.users().insert(&alice).await.unwrap();
    change.commit().await.unwrap();
    let (shared, own) = (Identity::shared(admin.id), Identity::of_user(admin.id, alice.id));
    for identity in [shared, own] {
        let request = LeaseRequest {
            grant: identity.into(),
            seen_version: 0,
            owner: Uuid::nil(),
            new_grant_id: Uuid::now_v7(),
            duration: Duration::from_secs(9),
            abandoned: Abandoned::Take,
        };
        assert!(matches!(store.grants().lease(&request).await.unwrap(), LeaseOutcome::Taken(_)));
    }
    let revision = async || {
        let definitions = store.definitions().await.unwrap();
        definitions.external_credentials.iter().find(|credential| credential.id == crm.id).unwrap().revision
    };

    let edition = async || store.progress().await.unwrap().edition;
    let (before, read, since) = (revision().await, edition().await, store.now().await.unwrap());
    insert(&store, own, "password").await;
    assert_eq!(revision().await, before, "nobody else's token depends on it");
    assert_eq!(edition().await, read, "no node has definitions to read again");
    let announced = store.grants().announced(since).await.unwrap();
    assert_eq!(announced.iter().map(|one| one.identity).collect::<Vec<_>>(), [own], "every node drops what it holds of them");
    assert!(store.grants().load(own).await.unwrap().is_none());
    assert!(store.grants().load(shared).await.unwrap().is_some());

    insert(&store, shared, "password").await;
    assert_eq!(revision().await, store.generation().await.unwrap().as_i64());
    assert!(edition().await > read);
    assert_eq!(store.grants().announced(since).await.unwrap().len(), 1);
}
