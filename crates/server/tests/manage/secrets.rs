//! Stored values: in, and never out.

use sortie_model::{Secret, UserName};
use sortie_server::manage::PrincipalReference;
use sortie_server::manage::grant::{self, GranteeName};
use sortie_server::manage::secret;

use crate::fixture::{BILLING, Fixture, both_databases, name, principal, say, user};

both_databases! {
    values_are_stored_listed_and_removed,
    whose_value_it_is_must_be_clear,
    values_that_break_a_rule_are_refused_without_being_repeated,
    grants_come_and_go,
}

const CREDENTIALS: &str = "
external_credentials:
- name: Crm
  protocol: basic
  principals:
  - {name: Each, sequence_number: 1, identity_type: per_user}
  - {name: All of us, sequence_number: 2}
- name: Search
  protocol: custom
  principals: [{name: Key, sequence_number: 1}]
";

fn value(text: &str) -> Secret {
    Secret::new(text)
}

async fn values_are_stored_listed_and_removed(fixture: Fixture) {
    fixture.apply(CREDENTIALS).await;
    let (manage, shared) = (fixture.manage(), principal("crm/all of us"));
    let set = secret::set(&manage, &shared, "password", None, &value("SECRET-one")).await.unwrap();
    assert_eq!(say(&set), "created secret crm/all of us password");
    let revision = fixture.revision().await;
    let again = secret::set(&manage, &shared, "password", None, &value("SECRET-two")).await.unwrap();
    assert_eq!(say(&again), "updated secret crm/all of us password");
    assert!(fixture.revision().await > revision, "tokens of the value before are not used any more");
    let listed = secret::list(&manage, &shared, None).await.unwrap();
    let seen: Vec<_> = listed.iter().map(|value| (value.name.as_str(), value.required, value.set, value.version)).collect();
    assert_eq!(seen, [("username", true, false, None), ("password", true, true, Some(2))]);
    assert!(!format!("{listed:?}").contains("SECRET-"));
    secret::remove(&manage, &shared, "password", None).await.unwrap();
    assert_eq!(secret::remove(&manage, &shared, "password", None).await.unwrap_err().code(), "value_unknown");

    secret::set(&manage, &principal("Search/Key"), "Api_Key", None, &value("SECRET-free")).await.unwrap();
    let listed = secret::list(&manage, &principal("Search/Key"), None).await.unwrap();
    assert_eq!((listed[0].name.as_str(), listed[0].required, listed.len()), ("Api_Key", false, 1));
}

async fn whose_value_it_is_must_be_clear(fixture: Fixture) {
    fixture.apply(CREDENTIALS).await;
    fixture.apply(BILLING).await;
    let manage = fixture.manage();
    let (each, shared, alice) = (principal("Crm/Each"), principal("Crm/All of us"), user("alice"));
    let set = async |principal: &PrincipalReference, user: Option<&UserName>| {
        secret::set(&manage, principal, "password", user, &value("SECRET-x")).await.map_err(|error| error.code())
    };
    assert_eq!(set(&each, None).await.unwrap_err(), "user_required");
    assert_eq!(set(&shared, Some(&alice)).await.unwrap_err(), "user_not_wanted");
    assert_eq!(set(&each, Some(&user("bob"))).await.unwrap_err(), "user_unknown");
    assert_eq!(set(&principal("Crm/Nobody"), None).await.unwrap_err(), "principal_unknown");
    assert_eq!(set(&principal("Other/Nobody"), None).await.unwrap_err(), "external_credential_unknown");
    assert_eq!(say(&set(&each, Some(&alice)).await.unwrap()), "created secret Crm/Each of alice password");
    assert_eq!(secret::list(&manage, &each, None).await.unwrap_err().code(), "user_required");
}

async fn values_that_break_a_rule_are_refused_without_being_repeated(fixture: Fixture) {
    // API-02 of the attack catalogue, at the command line.
    fixture.apply(CREDENTIALS).await;
    let manage = fixture.manage();
    let long = "SECRET-x".repeat(10_000);
    for (target, name, text, rule) in [
        ("Crm/All of us", "username", "SECRET-a:b", "username_format"),
        ("Crm/All of us", "password", "", "value_empty"),
        ("Crm/All of us", "password", long.as_str(), "value_too_long"),
        ("Crm/All of us", "passwort", "SECRET-x", "value_unknown"),
        ("Search/Key", "no-name", "SECRET-x", "name_format"),
        ("Search/Key", "\x1b[2J", "SECRET-x", "name_format"),
    ] {
        let error = secret::set(&manage, &principal(target), name, None, &value(text)).await.unwrap_err();
        let shown = format!("{error} {error:?} {}", error.next_step());
        assert_eq!(error.code(), rule, "{shown}");
        assert!(!shown.contains("SECRET-") && !shown.contains('\x1b'), "{shown}");
    }
}

async fn grants_come_and_go(fixture: Fixture) {
    fixture.apply(BILLING).await;
    let (manage, service) = (fixture.manage(), principal("Billing/Service"));
    let staff = GranteeName::Profile(name("Staff"));
    assert_eq!(say(&grant::add(&manage, &service, &staff).await.unwrap()), "created grant Billing/Service for profile Staff");
    assert_eq!(say(&grant::add(&manage, &service, &staff).await.unwrap()), "unchanged grant Billing/Service for profile Staff");
    assert_eq!(grant::list(&manage, Some(&name("billing"))).await.unwrap().len(), 2);
    assert_eq!(say(&grant::remove(&manage, &service, &staff).await.unwrap()), "deleted grant Billing/Service for profile Staff");
    assert_eq!(say(&grant::remove(&manage, &service, &staff).await.unwrap()), "unchanged grant Billing/Service for profile Staff");
    assert_eq!(grant::list(&manage, Some(&name("Other"))).await.unwrap_err().code(), "external_credential_unknown");
    let nobody = GranteeName::PermissionSet(name("Nobody"));
    assert_eq!(grant::add(&manage, &service, &nobody).await.unwrap_err().code(), "permission_set_unknown");
}
