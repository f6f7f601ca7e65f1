//! Users and their keys.

use sortie_model::{Label, Timestamp};
use sortie_server::manage::key::{self, KeyText, NewKeyRequest};
use sortie_server::manage::secret;
use sortie_server::manage::user::{self as users, NewUser, UserChange};

use crate::fixture::{BILLING, Fixture, NOW, both_databases, name, principal, say, user};

both_databases! {
    users_are_added_shown_changed_and_removed,
    what_breaks_a_rule_or_does_not_exist_is_refused,
    a_user_made_again_gets_nothing_of_the_former_one,
    keys_are_made_listed_and_revoked,
    more_users_than_one_page_are_listed_in_order,
}

fn new_user(text: &str) -> NewUser {
    NewUser { name: user(text), profile: None, permission_sets: Vec::new(), attributes: Default::default() }
}

async fn users_are_added_shown_changed_and_removed(fixture: Fixture) {
    fixture.apply(BILLING).await;
    let manage = fixture.manage();
    let bob = NewUser { profile: Some(name("staff")), permission_sets: vec![name("Readers")], ..new_user("bob") };
    assert_eq!(say(&users::add(&manage, bob).await.unwrap()), "created user bob");
    let change = UserChange {
        profile: Some(None),
        is_active: Some(false),
        attributes: [("Email".to_owned(), "bob@example.test".to_owned()), ("Team".to_owned(), "A".to_owned())].into(),
        removed_attributes: vec!["Team".to_owned()],
    };
    assert_eq!(say(&users::set(&manage, &user("BOB"), change.clone()).await.unwrap()), "updated user bob profile active attributes");
    assert_eq!(say(&users::set(&manage, &user("bob"), change).await.unwrap()), "unchanged user bob");
    let shown = users::show(&manage, &user("bob")).await.unwrap();
    assert_eq!((shown.active, shown.profile, shown.permission_sets, shown.attributes.len()), (false, None, vec!["Readers".to_owned()], 1));
    assert_eq!(say(&users::unassign(&manage, &user("bob"), &name("Readers")).await.unwrap()), "updated user bob permission_sets");
    assert_eq!(say(&users::unassign(&manage, &user("bob"), &name("Readers")).await.unwrap()), "unchanged user bob");
    assert_eq!(say(&users::assign(&manage, &user("bob"), &name("readers")).await.unwrap()), "updated user bob permission_sets");
    assert_eq!(say(&users::remove(&manage, &user("bob")).await.unwrap()), "deleted user bob");
    assert_eq!(users::show(&manage, &user("bob")).await.unwrap_err().code(), "user_unknown");
}

async fn what_breaks_a_rule_or_does_not_exist_is_refused(fixture: Fixture) {
    fixture.apply(BILLING).await;
    let manage = fixture.manage();
    assert_eq!(users::add(&manage, new_user("ALICE")).await.unwrap_err().code(), "conflict");
    let attributes = [("Email".to_owned(), "a\r\nX-Admin: 1".to_owned())].into();
    assert_eq!(users::add(&manage, NewUser { attributes, ..new_user("bob") }).await.unwrap_err().code(), "attribute_format");
    let with_profile = NewUser { profile: Some(name("Nobody")), ..new_user("bob") };
    assert_eq!(users::add(&manage, with_profile).await.unwrap_err().to_string(), "there is no profile `Nobody`");
    let with_set = NewUser { permission_sets: vec![name("None_Such")], ..new_user("bob") };
    assert_eq!(users::add(&manage, with_set).await.unwrap_err().code(), "permission_set_unknown");
    assert_eq!(users::show(&manage, &user("bob")).await.unwrap_err().code(), "user_unknown", "nothing of it was stored");
    assert_eq!(users::remove(&manage, &user("bob")).await.unwrap_err().code(), "user_unknown");
    assert_eq!(users::set(&manage, &user("bob"), UserChange::default()).await.unwrap_err().code(), "user_unknown");
    assert_eq!(users::assign(&manage, &user("bob"), &name("Readers")).await.unwrap_err().code(), "user_unknown");
    assert_eq!(key::list(&manage, &user("bob")).await.unwrap_err().code(), "user_unknown");
}

async fn a_user_made_again_gets_nothing_of_the_former_one(fixture: Fixture) {
    // AZ-12 of the attack catalogue.
    fixture.apply(BILLING).await;
    let manage = fixture.manage();
    let each = "external_credentials:\n- name: Crm\n  protocol: basic\n  principals:\n  - {name: Each, sequence_number: 1, identity_type: per_user}\n";
    fixture.apply(each).await;
    secret::set(&manage, &principal("Crm/Each"), "password", Some(&user("alice")), &sortie_model::Secret::new("SECRET-own")).await.unwrap();
    key::create(&manage, NewKeyRequest { user: user("alice"), label: None, expires_at: None }).await.unwrap();
    users::remove(&manage, &user("alice")).await.unwrap();
    users::add(&manage, new_user("alice")).await.unwrap();
    assert!(key::list(&manage, &user("alice")).await.unwrap().is_empty());
    assert!(users::show(&manage, &user("alice")).await.unwrap().permission_sets.is_empty());
    let listed = secret::list(&manage, &principal("Crm/Each"), Some(&user("alice"))).await.unwrap();
    assert!(listed.iter().all(|value| !value.set));
}

async fn keys_are_made_listed_and_revoked(fixture: Fixture) {
    fixture.apply(BILLING).await;
    let manage = fixture.manage();
    let at = |millis| Timestamp::from_millis(NOW.as_millis() + millis);
    let request = |expires_at| NewKeyRequest { user: user("alice"), label: Some(Label::parse("laptop").unwrap()), expires_at };
    assert_eq!(key::create(&manage, request(Some(NOW))).await.unwrap_err().code(), "expiry_past");
    let made = key::create(&manage, request(Some(at(1)))).await.unwrap();
    let parsed = KeyText::parse(made.text.expose()).unwrap();
    let stored = fixture.house.store().caller_by_key(made.id).await.unwrap().unwrap();
    assert_eq!((parsed.id(), parsed.secret_hash(), &stored.user.name), (made.id, stored.key.secret_hash, &user("alice")));
    let secret_part = made.text.expose().split('_').nth(2).unwrap().to_owned();
    assert!(!format!("{stored:?}").contains(&secret_part));

    let states = async |manage: &sortie_server::manage::Manage<'_>| {
        let listed = key::list(manage, &user("alice")).await.unwrap();
        listed.into_iter().map(|key| (key.label, key.state.as_str())).collect::<Vec<_>>()
    };
    assert_eq!(states(&manage).await, [("laptop".to_owned(), "active")]);
    let mut later = fixture.manage();
    later.now = at(1);
    assert_eq!(states(&later).await, [("laptop".to_owned(), "expired")]);
    key::revoke(&manage, made.id).await.unwrap();
    key::revoke(&manage, made.id).await.unwrap();
    assert_eq!(states(&manage).await, [("laptop".to_owned(), "revoked")]);
    let unknown = sortie_model::ApiKeyId::parse("abcdefABCDEF").unwrap();
    assert_eq!(key::revoke(&manage, unknown).await.unwrap_err().code(), "key_unknown");
}

async fn more_users_than_one_page_are_listed_in_order(fixture: Fixture) {
    let names: Vec<String> = (0..450).map(|number| format!("user{number:03}")).collect();
    let lines: String = names.iter().rev().map(|name| format!("- name: {name}\n")).collect();
    fixture.apply(&format!("users:\n{lines}")).await;
    let listed: Vec<String> = users::list(&fixture.manage()).await.unwrap().into_iter().map(|user| user.name).collect();
    assert_eq!(listed, names);
}
