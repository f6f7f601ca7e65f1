//! Users and their keys.

use sortie_model::{ApiKeyId, SystemPermission, Timestamp, UserId};

use crate::backend::{Backend, both_backends};
use crate::fixtures::{api_key, permission_set, profile, user, user_name};

both_backends! {
    a_key_leads_to_its_user_and_permission_sets,
    users_are_found_by_name_in_any_case_and_listed_in_order,
    a_revoked_key_keeps_the_time_of_its_first_revocation,
    a_deleted_user_takes_keys_and_assignments_along,
    what_a_user_may_is_the_union_of_permission_sets_and_profile,
}

async fn a_key_leads_to_its_user_and_permission_sets(backend: Backend) {
    let store = backend.store().await;
    let team = profile("Team");
    let alice = user("Alice", Some(team.id));
    let bob = user("bob", None);
    let (one, two) = (permission_set("One"), permission_set("Two"));
    let (key, bare) = (api_key(&alice, "abcdefABCDE1"), api_key(&bob, "abcdefABCDE2"));
    let mut change = store.change().await.unwrap();
    change.profiles().insert(&team).await.unwrap();
    change.permission_sets().insert(&one).await.unwrap();
    change.permission_sets().insert(&two).await.unwrap();
    change.users().insert(&alice).await.unwrap();
    change.users().insert(&bob).await.unwrap();
    change.users().assign(alice.id, two.id).await.unwrap();
    change.users().assign(alice.id, one.id).await.unwrap();
    change.users().assign(alice.id, one.id).await.unwrap();
    change.api_keys().insert(&key).await.unwrap();
    change.api_keys().insert(&bare).await.unwrap();
    change.commit().await.unwrap();

    let caller = store.caller_by_key(key.id).await.unwrap().unwrap();
    assert_eq!((&caller.key, &caller.user), (&key, &alice));
    assert_eq!(caller.permission_sets, [one.id, two.id]);
    let caller = store.caller_by_key(bare.id).await.unwrap().unwrap();
    assert_eq!((caller.key, caller.user, caller.permission_sets.len()), (bare, bob, 0));
    assert_eq!(store.caller_by_key(ApiKeyId::parse("ABCDEFABCDE1").unwrap()).await.unwrap(), None, "identities have one case");

    let stored = store.caller_by_user(&user_name("aLICE")).await.unwrap().unwrap();
    assert_eq!((stored.user, stored.permission_sets), (alice.clone(), vec![one.id, two.id]));

    let mut change = store.change().await.unwrap();
    change.users().unassign(alice.id, one.id).await.unwrap();
    assert_eq!(change.users().permission_sets(alice.id).await.unwrap(), [two.id]);
    change.commit().await.unwrap();
    assert_eq!(store.users().permission_sets(alice.id).await.unwrap(), [two.id]);
}

async fn users_are_found_by_name_in_any_case_and_listed_in_order(backend: Backend) {
    let store = backend.store().await;
    let users: Vec<_> = ["Bob", "alice", "_", "carol+1@example.test", "Carol"]
        .into_iter()
        .filter(|text| *text != "_")
        .map(|text| user(text, None))
        .collect();
    let mut change = store.change().await.unwrap();
    for user in &users {
        change.users().insert(user).await.unwrap();
    }
    assert_eq!(change.users().find(&user_name("BOB")).await.unwrap(), Some(users[0].clone()));
    change.commit().await.unwrap();

    assert_eq!(store.users().find(&user_name("CAROL")).await.unwrap(), Some(users[3].clone()));
    assert_eq!(store.users().load(users[1].id).await.unwrap(), Some(users[1].clone()));
    let names = |page: Vec<sortie_model::User>| page.into_iter().map(|user| user.name.to_string()).collect::<Vec<_>>();
    let first = store.users().list(None, 3).await.unwrap();
    let rest = store.users().list(Some(&first[2].name), 3).await.unwrap();
    assert_eq!(names(first), ["alice", "Bob", "Carol"]);
    assert_eq!(names(rest), ["carol+1@example.test"]);
}

async fn a_revoked_key_keeps_the_time_of_its_first_revocation(backend: Backend) {
    let store = backend.store().await;
    let alice = user("alice", None);
    let key = api_key(&alice, "abcdefABCDE1");
    let mut change = store.change().await.unwrap();
    change.users().insert(&alice).await.unwrap();
    change.api_keys().insert(&key).await.unwrap();
    change.api_keys().revoke(key.id).await.unwrap();
    change.commit().await.unwrap();
    let revoked = store.api_keys().of_user(alice.id).await.unwrap().remove(0).revoked_at.unwrap();
    assert!(revoked > Timestamp::from_millis(1_700_000_000_000), "the database's clock, in milliseconds: {revoked}");

    let mut change = store.change().await.unwrap();
    change.api_keys().revoke(key.id).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(store.caller_by_key(key.id).await.unwrap().unwrap().key.revoked_at, Some(revoked));

    let mut change = store.change().await.unwrap();
    change.api_keys().delete(key.id).await.unwrap();
    assert_eq!(change.api_keys().revoke(key.id).await.unwrap_err().code(), "missing");
}

async fn a_deleted_user_takes_keys_and_assignments_along(backend: Backend) {
    let store = backend.store().await;
    let (alice, set) = (user("alice", None), permission_set("Set"));
    let key = api_key(&alice, "abcdefABCDE1");
    let mut change = store.change().await.unwrap();
    change.users().insert(&alice).await.unwrap();
    change.permission_sets().insert(&set).await.unwrap();
    change.users().assign(alice.id, set.id).await.unwrap();
    change.api_keys().insert(&key).await.unwrap();
    change.users().delete(alice.id).await.unwrap();
    let again = user("alice", None);
    change.users().insert(&again).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(store.caller_by_key(key.id).await.unwrap(), None);
    assert_eq!(store.caller_by_user(&again.name).await.unwrap().unwrap().permission_sets, []);
}

async fn what_a_user_may_is_the_union_of_permission_sets_and_profile(backend: Backend) {
    use SystemPermission::{ManageUsers, ViewAudit, ViewSetup};
    let store = backend.store().await;
    let (team, set) = (profile("Team"), permission_set("One"));
    let bare = sortie_model::PermissionSet { permissions: [].into(), ..permission_set("Bare") };
    let users = [user("both", Some(team.id)), user("only-set", None), user("only-profile", Some(team.id)), user("neither", None)];
    let mut change = store.change().await.unwrap();
    change.profiles().insert(&team).await.unwrap();
    change.permission_sets().insert(&set).await.unwrap();
    change.permission_sets().insert(&bare).await.unwrap();
    for user in &users {
        change.users().insert(user).await.unwrap();
        change.users().assign(user.id, bare.id).await.unwrap();
    }
    change.users().assign(users[0].id, set.id).await.unwrap();
    change.users().assign(users[1].id, set.id).await.unwrap();
    change.commit().await.unwrap();
    let expected = [&[ViewSetup, ManageUsers, ViewAudit][..], &[ViewSetup, ManageUsers], &[ViewSetup, ViewAudit], &[]];
    for (user, expected) in users.iter().zip(expected) {
        let held: Vec<_> = store.users().system_permissions(user.id).await.unwrap().into_iter().collect();
        assert_eq!(held, expected, "{}", user.name);
    }
    assert!(store.users().system_permissions(UserId::from_uuid(uuid::Uuid::now_v7())).await.unwrap().is_empty());
}
