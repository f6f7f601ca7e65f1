//! What cannot be is refused with its place, all of it at once, and nothing is stored.

use sortie_model::KeyAlgorithm;

use crate::certificates::create;
use crate::fixture::{BILLING, Fixture, both_databases};

both_databases! {
    names_protocols_and_identity_types_never_change,
    what_a_protocol_does_not_know_is_refused,
    formulas_that_could_never_have_a_result_are_refused,
    formulas_read_what_some_user_has,
    claims_are_refused_at_their_place,
    tags_are_refused_at_their_place,
    a_principals_settings_replace_the_credentials_and_void_its_tokens,
    references_to_nothing_are_refused,
    a_client_certificate_is_there_and_the_url_is_https,
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

async fn formulas_that_could_never_have_a_result_are_refused(fixture: Fixture) {
    // FRM-04, FRM-05 of the attack catalogue, and every other name that is not there.
    let custom =
        |value: &str| format!("external_credentials:\n- name: A\n  protocol: custom\n  headers: [{{name: X-A, value: \"{value}\"}}]");
    for (value, rule) in [
        ("{!$Credential.B.Key}", "formula_foreign_credential"),
        ("{!$Credential.ns__A.Key}", "formula_foreign_credential"),
        ("{!HEX($Credential.B.Body)}", "formula_foreign_credential"),
        ("{!$User.Departmnt}", "formula_unknown_variable"),
        ("{!$User.Shoe_Size}", "formula_unknown_variable"),
    ] {
        assert_eq!(fixture.refused(&custom(value)).await, [format!("4:12 external_credentials[0].headers {rule}")], "{value}");
    }
    for (value, rule) in
        [("{!FLOR(1)}", "formula_unknown_function"), ("{!'a' & 1}", "formula_type"), ("{!$User}", "formula_unknown_variable")]
    {
        let refused = refused_reading(&custom(value));
        assert!(
            refused.len() == 1 && refused[0].ends_with(&format!("external_credentials[0].headers[0].value {rule}")),
            "{value}: {refused:?}"
        );
    }
    for good in
        ["{!$User.Department}", "{!$User.Region__c}", "{!$Credential.a.Anything}", "{!$Profile.Name}{!$Organization.Id}", "{!TEXT(NOW())}"]
    {
        fixture.apply(&custom(good)).await;
    }
    let basic = "external_credentials:\n- name: B\n  protocol: basic\n  headers: [{name: X-A, value: '{!$Credential.B.Passwrd}'}]";
    assert_eq!(fixture.refused(basic).await, ["4:12 external_credentials[0].headers formula_unknown_variable"]);
    fixture.apply(&basic.replace("Passwrd", "Password")).await;
    // A named credential's formulas are judged by the external credential that it names, in the file or stored.
    let named = "named_credentials:\n- name: N\n  url: https://up.test\n  external_credential: B\n  headers: [{name: X-A, value: '{!$Credential.A.Key}'}]";
    assert_eq!(fixture.refused(named).await, ["5:12 named_credentials[0].headers formula_foreign_credential"]);

    let scope = |value: &str| {
        format!(
            "external_credentials:\n- name: C\n  protocol: oauth_client_credentials\n  settings:\n    scope: \"{value}\"\n  principals:\n  - {{name: P, sequence_number: 1, settings: {{scope: 'read'}}}}"
        )
    };
    for (value, rule) in [
        ("{!$Credential.C.client_secret}", "formula_not_here"),
        ("{!$Credential.Password}", "formula_not_here"),
        ("{!$Credential.Endpoint.URL}", "formula_not_here"),
        ("at {!TEXT(NOW())}", "formula_not_here"),
        ("{!HEX(SIGN_WITH_CERTIFICATE('RSA-SHA256', BLOB('a'), 'Key'))}", "formula_not_here"),
        ("{!$User.Departmnt}", "formula_unknown_variable"),
        ("{!UPPR('a')}", "formula_unknown_function"),
        ("{!unclosed", "formula_unknown_variable"),
    ] {
        assert_eq!(fixture.refused(&scope(value)).await, [format!("5:12 external_credentials[0].settings.scope {rule}")], "{value}");
    }
    fixture.apply(&scope("session:role:{!$User.Department}")).await;
    assert_eq!(
        fixture.refused(&scope("x").replace("scope: 'read'", "token_endpoint: 'https://id.test/t', nothing: x")).await,
        [
            "7:62 external_credentials[0].principals[0].settings.token_endpoint setting_of_the_credential",
            "7:92 external_credentials[0].principals[0].settings.nothing setting_unknown",
        ]
    );
}

async fn claims_are_refused_at_their_place(fixture: Fixture) {
    let with = |claims: &str| {
        format!(
            "external_credentials:\n- name: J\n  protocol: jwt\n  settings:\n    signing_certificate: Key\n    claims:\n      {claims}\n"
        )
    };
    let identity = "iss: a, sub: '{!$User.Email}', aud: [b, '{!$User.Department}']";
    let refused = async |claims: &str| fixture.refused(&with(claims)).await;
    for (body, place, rule) in [
        ("sub: '{!$Credential.J.Key}'", "sub", "formula_not_here"),
        ("sub: '{!$User.Emial}'", "sub", "formula_unknown_variable"),
        ("at: '{!$User.Email & TEXT(NOW())}'", "at", "formula_not_here"),
        ("at: \"{!HEX(SIGN_WITH_CERTIFICATE('RSA-SHA256', BLOB('a'), 'Key'))}\"", "at", "formula_not_here"),
        ("deep: {list: [1, '{!$User.Emial}']}", "deep.list[1]", "formula_unknown_variable"),
        ("aud: '[\"a'", "aud", "claim_value"),
        ("exp: 5", "exp", "claim_value"),
        ("jti: x", "jti", "claim_name"),
    ] {
        let said = refused(&format!("body: {{{body}}}")).await;
        assert!(
            said.iter().any(|line| line.ends_with(&format!("external_credentials[0].settings.claims.body.{place} {rule}"))),
            "{body}: {said:?}"
        );
        assert!(said.iter().all(|line| line.starts_with("7:")), "{said:?}");
    }
    assert_eq!(refused("header: {alg: none}").await, ["7:21 external_credentials[0].settings.claims.header.alg claim_name"]);
    assert_eq!(refused("body: {iss: a}").await, ["7:13 external_credentials[0].settings.claims.body claims_incomplete"]);
    assert_eq!(refused("header: {kid: x}").await.len(), 1);
    let right = format!("body: {{{identity}, level: 3, admin: true, at: '{{!TEXT(NOW())}}'}}");
    fixture.apply(&with(&right)).await;
    let first = fixture.revision().await;
    let stored = fixture.house.store().definitions().await.unwrap().external_credentials.remove(0);
    assert_eq!(stored.settings["claims"]["body"]["level"], 3);
    assert_eq!(stored.settings["claims"]["body"]["aud"], serde_json::json!(["b", "{!$User.Department}"]));
    fixture.apply(&with(&right)).await;
    assert_eq!(fixture.revision().await, first, "the same claims change nothing");
    fixture.apply(&with(&right.replace("level: 3", "level: 4"))).await;
    assert!(fixture.revision().await > first, "a token with the old claims must not be used any more");
}

async fn tags_are_refused_at_their_place(fixture: Fixture) {
    let with = |tags: &str| {
        format!(
            "external_credentials:\n- name: T\n  protocol: aws_sts\n  settings:\n    session_tags: {tags}\n  principals:\n  - {{name: P, sequence_number: 1}}"
        )
    };
    for (tags, place, rule) in [
        ("{Team: '{!$User.Departmnt}'}", ".Team", "formula_unknown_variable"),
        ("{Team: '{!$Credential.T.access_key_id}'}", ".Team", "formula_not_here"),
        ("{Team: '{!TEXT(NOW())}'}", ".Team", "formula_not_here"),
        ("{Team: 'a;b'}", ".Team", "tag_value"),
        ("{'aws:Team': a}", ".aws:Team", "tag_key"),
        ("Team", "", "tags_kind"),
    ] {
        let refused = fixture.refused(&with(tags)).await;
        assert!(refused[0].ends_with(&format!("external_credentials[0].settings.session_tags{place} {rule}")), "{tags}: {refused:?}");
        assert!(refused[0].starts_with("5:"), "{refused:?}");
    }
    let right = with("{Department: '{!$User.Department}', Team: Platform}");
    fixture.apply(&right).await;
    let first = fixture.revision().await;
    let stored = fixture.house.store().definitions().await.unwrap().external_credentials.remove(0);
    assert_eq!(stored.settings["session_tags"], serde_json::json!({ "Department": "{!$User.Department}", "Team": "Platform" }));
    fixture.apply(&right.replace("Platform", "Billing")).await;
    assert!(fixture.revision().await > first, "a session with the old tags must not be used any more");
}

/// What is refused before anything is looked up.
fn refused_reading(text: &str) -> Vec<String> {
    let problems = sortie_metadata::Definition::parse("test.yaml", text).unwrap_err();
    problems.iter().map(|problem| format!("{} {}", problem.path, problem.rule)).collect()
}

async fn formulas_read_what_some_user_has(fixture: Fixture) {
    let header = "external_credentials:\n- name: A\n  protocol: custom\n  headers: [{name: X-A, value: '{!$User.SHOE_size}'}]\n";
    fixture.refused(header).await;
    // In the same file, or stored before; a value that looks like a name is none.
    fixture
        .apply(&format!("users: [{{name: bob, attributes: {{Note: 'x\"Cost_Centre\":'}}}}]\n{}", header.replace("SHOE_size", "note")))
        .await;
    fixture.refused(&header.replace("SHOE_size", "Cost_Centre")).await;
    fixture.apply(&format!("users: [{{name: alice, attributes: {{Shoe_Size: '38'}}}}]\n{header}")).await;
    fixture.apply(&header.replace("X-A", "X-B")).await;
}

async fn a_principals_settings_replace_the_credentials_and_void_its_tokens(fixture: Fixture) {
    let with = |settings: &str| {
        format!(
            "external_credentials:\n- name: C\n  protocol: oauth_client_credentials\n  principals:\n  - {{name: P, sequence_number: 1, settings: {settings}}}"
        )
    };
    fixture.apply(&with("{scope: a}")).await;
    let first = fixture.revision().await;
    fixture.apply(&with("{scope: a}")).await;
    assert_eq!(fixture.revision().await, first);
    fixture.apply(&with("{scope: b}")).await;
    assert!(fixture.revision().await > first, "a token with the old scope must not be used any more");
    let principal = fixture.house.store().definitions().await.unwrap().principals.remove(0);
    assert_eq!(principal.settings["scope"], "b");
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

async fn a_client_certificate_is_there_and_the_url_is_https(fixture: Fixture) {
    let with = |url: &str, certificate: &str| {
        format!(
            "external_credentials: [{{name: A, protocol: basic}}]\nnamed_credentials:\n- {{name: B, url: '{url}', external_credential: A, client_certificate: {certificate}}}\n"
        )
    };
    let place = |column, rule| [format!("3:{column} named_credentials[0].client_certificate {rule}")];
    assert_eq!(fixture.refused(&with("https://up.test", "Nobody")).await, place(81, "certificate_unknown"));
    create(&fixture.manage(), "Bank", KeyAlgorithm::P256).await.unwrap();
    assert_eq!(fixture.refused(&with("http://up.test", "Bank")).await, place(80, "client_certificate_needs_https"));
    let done = fixture.apply(&with("https://up.test", "bANK")).await;
    assert_eq!(done[1], "created named_credential B");
    assert_eq!(fixture.apply(&with("https://up.test", "Bank")).await[1], "unchanged named_credential B");
    let without = with("https://up.test", "Bank").replace(", client_certificate: Bank", "");
    assert_eq!(fixture.apply(&without).await[1], "updated named_credential B client_certificate");
    assert_eq!(fixture.apply(&with("https://up.test", "Bank")).await[1], "updated named_credential B client_certificate");
    assert_eq!(fixture.refused(&with("http://up.test", "Bank")).await, place(80, "client_certificate_needs_https"));
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
