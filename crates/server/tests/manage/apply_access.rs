//! What the file states becomes exactly so; what it does not state stays.

use sortie_server::manage::grant::{self, GranteeName};
use sortie_server::manage::user::{self as users, UserChange};

use crate::fixture::{BILLING, Fixture, both_databases, name, principal, user};

both_databases! {
    a_stated_list_is_the_whole_list,
    a_list_that_is_not_stated_stays,
    what_users_may_do_with_sortie_is_what_the_file_says,
    nobody_is_switched_on_again_by_accident,
}

async fn grants(fixture: &Fixture) -> Vec<String> {
    let grants = grant::list(&fixture.manage(), None).await.unwrap();
    grants
        .into_iter()
        .map(|grant| format!("{}/{} {} {}", grant.external_credential, grant.principal, grant.grantee_kind, grant.grantee))
        .collect()
}

async fn a_stated_list_is_the_whole_list(fixture: Fixture) {
    fixture.apply(BILLING).await;
    assert_eq!(grants(&fixture).await, ["Billing/Service permission_set Readers"]);
    let set = GranteeName::Profile(name("Staff"));
    grant::add(&fixture.manage(), &principal("Billing/Service"), &set).await.unwrap();
    // Only permission sets are stated: they become exact, and the profile stays.
    let none = BILLING.replace("enabled_for: {permission_sets: [Readers]}", "enabled_for: {permission_sets: []}");
    let said = fixture.apply(&none).await;
    assert!(said.contains(&"updated principal Billing/Service enabled_for.permission_sets".to_owned()), "{said:?}");
    assert_eq!(grants(&fixture).await, ["Billing/Service profile Staff"]);

    let none = none.replace("    permission_sets: [Readers]\n    attr", "    permission_sets: []\n    attr");
    assert!(fixture.apply(&none).await.contains(&"updated user alice permission_sets".to_owned()));
    assert_eq!(users::show(&fixture.manage(), &user("alice")).await.unwrap().permission_sets, Vec::<String>::new());
    let none = none.replace("profile: Staff", "profile: null");
    assert!(fixture.apply(&none).await.contains(&"updated user alice profile".to_owned()));
}

async fn a_list_that_is_not_stated_stays(fixture: Fixture) {
    fixture.apply(BILLING).await;
    let silent = BILLING
        .replace("        enabled_for: {permission_sets: [Readers]}\n", "")
        .replace("    permission_sets: [Readers]\n    attr", "    attr");
    let said = fixture.apply(&silent).await;
    assert!(said.iter().all(|line| line.starts_with("unchanged ")), "{said:?}");
    assert_eq!(grants(&fixture).await, ["Billing/Service permission_set Readers"]);
    assert_eq!(users::show(&fixture.manage(), &user("alice")).await.unwrap().permission_sets, ["Readers"]);
}

async fn nobody_is_switched_on_again_by_accident(fixture: Fixture) {
    fixture.apply(BILLING).await;
    let off = UserChange { is_active: Some(false), ..UserChange::default() };
    users::set(&fixture.manage(), &user("alice"), off).await.unwrap();
    fixture.apply(BILLING).await;
    assert!(!users::show(&fixture.manage(), &user("alice")).await.unwrap().active);
    fixture.apply(&BILLING.replace("    profile: Staff", "    active: true\n    profile: Staff")).await;
    assert!(users::show(&fixture.manage(), &user("alice")).await.unwrap().active);
}

async fn what_users_may_do_with_sortie_is_what_the_file_says(fixture: Fixture) {
    use sortie_model::SystemPermission::{ManageUsers, ViewAudit, ViewSetup};
    let text = "profiles: [{name: Staff, permissions: [view_setup]}]\n\
        permission_sets: [{name: Keepers, permissions: [view_audit, manage_users]}]\n\
        users: [{name: alice, profile: Staff, permission_sets: [Keepers]}]\n";
    fixture.apply(text).await;
    let held = async || users::show(&fixture.manage(), &user("alice")).await.unwrap().permissions.into_iter().collect::<Vec<_>>();
    assert_eq!(held().await, [ViewSetup, ManageUsers, ViewAudit]);
    assert!(fixture.apply(text).await.iter().all(|line| line.starts_with("unchanged ")));
    // They are part of the object itself: what is left out is not given any more.
    let less = text.replace(", permissions: [view_audit, manage_users]", "");
    assert!(fixture.apply(&less).await.contains(&"updated permission_set Keepers permissions".to_owned()));
    assert_eq!(held().await, [ViewSetup]);
}
