//! What cannot be is refused with its place, all of it at once, and nothing is stored.

use crate::fixture::{BILLING, Fixture, both_databases};

both_databases! {
    names_protocols_and_identity_types_never_change,
    what_a_protocol_does_not_know_is_refused,
    references_to_nothing_are_refused,
    a_number_that_an_unlisted_principal_holds_is_refused,
    everything_is_said_at_once_and_nothing_is_stored,
}

async fn names_protocols_and_identity_types_never_change(fixture: Fixture) {
    let basic = "
external_credentials:
- name: Crm
  protocol: basic
  principals:
  - {name: Each, sequence_number: 1, identity_type: per_user}
permission_sets: [{name: Set}]
profiles: [{name: Staff}]
users: [{name: alice}]
named_credentials: [{name: Crm, url: https://crm.test, external_credential: Crm}]
";
    fixture.apply(basic).await;
    let generation = fixture.generation().await;
    let refused = async |from: &str, to: &str| fixture.refused(&basic.replacen(from, to, 1)).await;
    assert_eq!(
        refused("protocol: basic", "protocol: custom").await,
        [
            "4:13 external_credentials[0].protocol immutable",
            "6:53 external_credentials[0].principals[0].identity_type identity_type_not_possible",
        ]
    );
    assert_eq!(refused("per_user", "named").await, ["6:53 external_credentials[0].principals[0].identity_type immutable"]);
    assert_eq!(refused("name: Each", "name: each").await, ["6:12 external_credentials[0].principals[0].name immutable"]);
    assert_eq!(refused("- name: Crm", "- name: CRM").await, ["3:9 external_credentials[0].name immutable"]);
    assert_eq!(refused("name: Set", "name: SET").await, ["7:26 permission_sets[0].name immutable"]);
    assert_eq!(refused("name: Staff", "name: staff").await, ["8:19 profiles[0].name immutable"]);
    assert_eq!(refused("name: alice", "name: Alice").await, ["9:16 users[0].name immutable"]);
    assert_eq!(refused("[{name: Crm", "[{name: crm").await, ["10:28 named_credentials[0].name immutable"]);
    assert_eq!(fixture.generation().await, generation);
}

async fn what_a_protocol_does_not_know_is_refused(fixture: Fixture) {
    let with = |lines: &str| format!("external_credentials:\n- name: A\n{lines}");
    assert_eq!(fixture.refused(&with("  protocol: kerberos")).await, ["3:13 external_credentials[0].protocol protocol_unknown"]);
    assert_eq!(
        fixture.refused(&with("  protocol: basic\n  settings: {realm: x}")).await,
        ["4:21 external_credentials[0].settings.realm setting_unknown"]
    );
    assert_eq!(
        fixture.refused(&with("  protocol: basic\n  settings: {password: SECRET-x}")).await,
        ["4:24 external_credentials[0].settings.password setting_is_a_value"]
    );
    let oauth = |setting: &str| with(&format!("  protocol: oauth_client_credentials\n  settings: {{{setting}}}"));
    assert_eq!(
        fixture.refused(&oauth("token_endpoint: ftp://id.test")).await,
        ["4:30 external_credentials[0].settings.token_endpoint url_format"]
    );
    assert_eq!(
        fixture.refused(&oauth("client_authentication: header")).await,
        ["4:37 external_credentials[0].settings.client_authentication setting_choice"]
    );
    assert_eq!(fixture.refused(&oauth("scope: 7")).await, ["4:21 external_credentials[0].settings.scope setting_kind"]);
    let headers = with("  protocol: custom\n  headers: [{name: X-A, value: '{!$Credential.Other.Key}'}]");
    assert_eq!(fixture.refused(&headers).await, ["4:12 external_credentials[0].headers formula_foreign_credential"]);
}

async fn references_to_nothing_are_refused(fixture: Fixture) {
    let text = "
users:
- name: alice
  profile: Nobody
  permission_sets: [None_Such]
external_credentials:
- name: A
  protocol: basic
  principals:
  - {name: P, sequence_number: 1, enabled_for: {permission_sets: [None_Such], profiles: [Nobody]}}
named_credentials:
- {name: B, url: https://up.test, external_credential: C}
";
    assert_eq!(
        fixture.refused(text).await,
        [
            "4:12 users[0].profile profile_unknown",
            "5:21 users[0].permission_sets[0] permission_set_unknown",
            "10:67 external_credentials[0].principals[0].enabled_for.permission_sets[0] permission_set_unknown",
            "10:90 external_credentials[0].principals[0].enabled_for.profiles[0] profile_unknown",
            "12:56 named_credentials[0].external_credential external_credential_unknown",
        ]
    );
}

async fn a_number_that_an_unlisted_principal_holds_is_refused(fixture: Fixture) {
    // AZ-05 of the attack catalogue, between a file and what is stored.
    let with = |principals: &str| format!("external_credentials:\n- name: A\n  protocol: basic\n  principals: [{principals}]\n");
    fixture.apply(&with("{name: P, sequence_number: 1}, {name: Q, sequence_number: 2}")).await;
    assert_eq!(
        fixture.refused(&with("{name: P, sequence_number: 2}")).await,
        ["4:43 external_credentials[0].principals[0].sequence_number duplicate_sequence_number"]
    );
    assert_eq!(
        fixture.refused(&with("{name: P, sequence_number: 1}, {name: R, sequence_number: 2}")).await,
        ["4:74 external_credentials[0].principals[1].sequence_number duplicate_sequence_number"]
    );
}

async fn everything_is_said_at_once_and_nothing_is_stored(fixture: Fixture) {
    let text = BILLING
        .replace("scope: read", "scoop: read")
        .replace("{from_environment: SECRET_ONE}", "{from_environment: NOT_SET}")
        .replace("permission_sets: [Readers]\n    attr", "permission_sets: [Reeders]\n    attr");
    let refused = fixture.refused(&text).await;
    let rules: Vec<&str> = refused.iter().map(|problem| problem.rsplit(' ').next().unwrap()).collect();
    assert_eq!(rules, ["permission_set_unknown", "setting_unknown", "variable_unset"], "{refused:?}");
    assert_eq!(fixture.generation().await, 0);
    assert!(!fixture.house.audit_directory().join("management.jsonl").exists());
}
