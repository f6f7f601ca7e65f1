//! Users and what they may.

use std::collections::BTreeMap;

use sortie_client::{Grantee, KeyState, NewKey, NewUser, PermissionSet, Secret, SystemPermission, UserChange};

use crate::witness::{Witness, code};

pub(crate) async fn users(witness: &Witness) {
    let users = witness.client.users();
    let attributes =
        |city: &str| BTreeMap::from([("Email".to_owned(), "bob@example.test".to_owned()), ("City".to_owned(), city.to_owned())]);
    let new = NewUser {
        name: "bob@example.test".to_owned(),
        profile: Some("Staff".to_owned()),
        permission_sets: vec!["Callers".to_owned()],
        attributes: attributes("Köln"),
    };
    let made = users.create(&new).await.unwrap();
    witness.is_whole(&made);
    assert_eq!((made.active, made.profile.as_deref(), &made.attributes), (true, Some("Staff"), &attributes("Köln")));
    assert_eq!(code(users.create(&new).await), "conflict");
    let change = UserChange {
        profile: Some(None),
        active: Some(false),
        attributes: BTreeMap::from([("Email".to_owned(), None), ("City".to_owned(), Some("Bonn".to_owned()))]),
    };
    let changed = users.amend("bob@example.test", &change).await.unwrap();
    assert_eq!((changed.active, changed.profile, changed.attributes.get("City").unwrap().as_str()), (false, None, "Bonn"));
    assert!(!users.amend("bob@example.test", &UserChange::default()).await.unwrap().active);
    users.assign("bob@example.test", "Everything").await.unwrap();
    let shown = users.show("bob@example.test").await.unwrap();
    witness.is_whole(&shown);
    assert!(shown.permissions.contains(&SystemPermission::ViewAudit));
    users.unassign("bob@example.test", "Everything").await.unwrap();
    let (mut pages, mut names) = (users.pages(2), Vec::new());
    while let Some(page) = pages.next().await.unwrap() {
        witness.is_whole_at("users", &page);
        names.extend(page.into_iter().map(|user| user.name));
    }
    assert_eq!(names, ["admin", "alice", "bob@example.test"]);
    assert_eq!(users.all().await.unwrap().len(), 3);
    users.set_password("bob@example.test", &Secret::new("SECRET-four words from a dice")).await.unwrap();
    assert!(users.show("bob@example.test").await.unwrap().password);
    users.remove_password("bob@example.test").await.unwrap();
    assert_eq!(code(users.remove_password("bob@example.test").await), "password_unknown");
    let unlinked = users.unlink("bob@example.test").await.unwrap();
    witness.is_whole(&unlinked);
    assert!(!unlinked.action.is_made(), "nobody has signed in as him");
    users.remove("bob@example.test").await.unwrap();
    assert_eq!(code(users.show("bob@example.test").await), "user_unknown");
}

pub(crate) async fn keys(witness: &Witness) {
    let keys = witness.client.keys();
    let made = keys.create("alice", &NewKey { label: Some("ci".to_owned()), expires_in_days: Some(1) }).await.unwrap();
    assert!(!format!("{made:?}").contains(made.key.expose()));
    let owned = keys.show(&made.id).await.unwrap();
    witness.is_whole(&owned);
    assert_eq!((owned.user.as_str(), &owned.key.expires_at), ("alice", &made.expires_at));
    assert!(made.expires_at.unwrap().ends_with('Z'));
    assert_eq!(code(keys.show("abcdefABCDEF").await), "key_unknown");
    let listed = keys.list("alice").await.unwrap();
    witness.is_whole_at("keys", &listed);
    assert_eq!((listed[0].id.as_str(), listed[0].state), (made.id.as_str(), KeyState::Active));
    keys.revoke("alice", &made.id).await.unwrap();
    assert_eq!(keys.list("alice").await.unwrap()[0].state, KeyState::Revoked);
    assert_eq!(code(keys.revoke("admin", &made.id).await), "key_unknown");
}

pub(crate) async fn permission_sets(witness: &Witness) {
    let sets = witness.client.permission_sets();
    let new = PermissionSet {
        name: "Night".to_owned(),
        label: "Night shift".to_owned(),
        description: "At night".to_owned(),
        permissions: [SystemPermission::ViewSetup].into(),
    };
    let mut made = sets.create(&new).await.unwrap();
    witness.is_whole(&made.value);
    assert_eq!(made.value, new);
    let first = made.etag.clone();
    made.label = "N".to_owned();
    let replaced = sets.replace(&made.value, Some(&first)).await.unwrap();
    assert_eq!(replaced.label, "N");
    assert_ne!(replaced.etag, first);
    // Somebody who has seen what was there before.
    assert_eq!(code(sets.replace(&new, Some(&first)).await), "precondition_failed");
    assert_eq!(code(sets.remove("Night", Some(&first)).await), "precondition_failed");
    assert_eq!(sets.show("Night").await.unwrap().etag, replaced.etag);
    let listed = sets.list().await.unwrap();
    witness.is_whole_at("permission_sets", &listed);
    assert_eq!(listed.len(), 3);
    sets.remove("Night", Some(&replaced.etag)).await.unwrap();
    assert_eq!(code(sets.show("Night").await), "permission_set_unknown");
}

pub(crate) async fn profiles(witness: &Witness) {
    let profiles = witness.client.profiles();
    let new = PermissionSet { name: "Day".to_owned(), label: "Day shift".to_owned(), ..PermissionSet::default() };
    let made = profiles.create(&new).await.unwrap();
    assert_eq!(profiles.replace(&new, Some(&made.etag)).await.unwrap().etag, made.etag);
    witness.is_whole(&profiles.show("day").await.unwrap().value);
    witness.is_whole_at("profiles", &profiles.list().await.unwrap());
    profiles.remove("Day", None).await.unwrap();
    assert_eq!(code(profiles.show("Day").await), "profile_unknown");
}

pub(crate) async fn principal_access(witness: &Witness) {
    let access = witness.client.principal_access();
    let staff = Grantee::Profile("Staff".to_owned());
    let given = access.give("Pay", "Main", &staff).await.unwrap();
    witness.is_whole(&given);
    assert!(given.action.is_made() && !access.give("Pay", "Main", &staff).await.unwrap().action.is_made());
    let listed = access.list(Some("Pay")).await.unwrap();
    witness.is_whole_at("principal_access", &listed);
    assert!(listed.iter().any(|access| access.grantee == "Staff" && access.grantee_kind == "profile"));
    access.take("Pay", "Main", &staff).await.unwrap();
    assert!(!access.list(None).await.unwrap().iter().any(|access| access.grantee == "Staff"));
    assert_eq!(code(access.give("Pay", "Nope", &Grantee::PermissionSet("Callers".to_owned())).await), "principal_unknown");
}

pub(crate) async fn access_in_salesforces_way(witness: &Witness) {
    let salesforce = witness.client.salesforce();
    let found = salesforce.query("SELECT Id, Name FROM PermissionSet WHERE Name = 'Everything'").await.unwrap();
    witness.is_whole(&found);
    let set = found.records[0]["Id"].as_str().unwrap();
    let principal = witness.client.external_credentials().show("Own").await.unwrap().principals[0].id.clone();
    let id = salesforce.give_access(set, &principal).await.unwrap();
    let asked = format!("SELECT Id FROM SetupEntityAccess WHERE ParentId = '{set}'");
    assert_eq!(salesforce.query(&asked).await.unwrap().total_size, 1);
    assert_eq!(code(salesforce.give_access(set, &principal).await), "already_exists");
    let permission = salesforce.permit_stored_credentials(set).await.unwrap();
    let asked_for_it = format!("SELECT Id FROM ObjectPermissions WHERE ParentId = '{set}'");
    assert_eq!(salesforce.query(&asked_for_it).await.unwrap().records[0]["Id"], permission);
    salesforce.take_access(&id).await.unwrap();
    assert_eq!(salesforce.query(&asked).await.unwrap().total_size, 0);
    assert_eq!(code(salesforce.query("SELECT nothing").await), "query_malformed");
}
