//! `sortie apply`.

use crate::harness::{BILLING, Sortie};

#[test]
fn applying_twice_says_unchanged() {
    let sortie = Sortie::new();
    sortie.file("billing.yaml", BILLING);
    let first = sortie.ok(&["apply", "-f", "billing.yaml"]);
    assert!(first.contains("created") && first.contains("external credential Billing") && first.ends_with("6 of 6 changed\n"), "{first}");
    let second = sortie.ok(&["apply", "-f", "billing.yaml"]);
    assert!(!second.contains("created") && second.ends_with("0 of 6 changed\n"), "{second}");
    sortie.file("billing.yaml", &BILLING.replace("api.test/v1", "api.test/v2"));
    let third = sortie.ok(&["apply", "-f", "billing.yaml"]);
    assert!(third.contains("named credential Billing (url)") && third.ends_with("1 of 6 changed\n"), "{third}");
}

#[test]
fn a_dry_run_changes_nothing() {
    let sortie = Sortie::new();
    sortie.file("billing.yaml", BILLING);
    assert!(sortie.ok(&["apply", "-f", "billing.yaml", "--dry-run"]).ends_with("6 of 6 would be changed\n"));
    assert_eq!(sortie.json(&["status"])["external_credentials"], serde_json::json!([]));
}

#[test]
fn standard_input_is_applied_too() {
    let sortie = Sortie::new();
    let said = sortie.run_with_input(&["apply", "-f", "-"], "permission_sets: [{name: Readers}]");
    assert_eq!(said.code, 0, "{said:?}");
    let said = sortie.run_with_input(&["apply", "-f", "-"], "permission_sets: [{nmae: Readers}]");
    assert!(said.err.contains("-:1:20: `permission_sets[0].nmae` is not known here; did you mean `name`?"), "{said:?}");
}

#[test]
fn an_unknown_key_is_refused_with_line_and_column() {
    let sortie = Sortie::new();
    sortie.file(
        "bad.yaml",
        "named_credentials:\n  - name: Billing\n    uri: https://api.test\n    external_credential: Billing\n    colour: red\n",
    );
    let err = sortie.refused(&["apply", "-f", "bad.yaml"]);
    assert!(err.starts_with("error[definition_refused]: "), "{err}");
    assert!(err.contains("\nbad.yaml:3:5: `named_credentials[0].uri` is not known here; did you mean `url`?"), "{err}");
    assert!(err.contains("bad.yaml:5:5: `named_credentials[0].colour`"), "all of it at once: {err}");
}

#[test]
fn refusals_are_data_with_json() {
    let sortie = Sortie::new();
    sortie.file("bad.yaml", "permission_sets:\n- name: a__b\n- name: 1a\n");
    let said = sortie.run(&["--json", "apply", "-f", "bad.yaml"]);
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    let error: serde_json::Value = serde_json::from_str(&said.err).unwrap();
    assert_eq!(error["error"]["code"], "definition_refused");
    let problem = &error["error"]["problems"][1];
    assert_eq!((&problem["source"], &problem["line"], &problem["column"]), (&"bad.yaml".into(), &3.into(), &9.into()));
    assert_eq!((&problem["path"], &problem["rule"]), (&"permission_sets[1].name".into(), &"name_format".into()));
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    let sortie = Sortie::new();
    sortie.file("bad.yaml", &BILLING.replace("{from_environment: BILLING_SECRET}", "SECRET-literal"));
    let err = sortie.refused(&["apply", "-f", "bad.yaml"]);
    assert!(err.contains("values.client_secret` must not stand in the file"), "{err}");
    // Not even by a parser that trips over it.
    for written in ["!SECRET-tag", "'SECRET-open", "{SECRET-a: SECRET-b", "*SECRET-alias", "[SECRET-list]"] {
        sortie.file("bad.yaml", &BILLING.replace("{from_environment: BILLING_SECRET}", written));
        sortie.refused(&["apply", "-f", "bad.yaml"]);
    }
}

#[test]
fn files_that_hold_values_are_found_beside_the_definition() {
    let sortie = Sortie::new();
    std::fs::create_dir(sortie.directory.path().join("definitions")).unwrap();
    sortie.file("definitions/billing.yaml", &BILLING.replace("{from_environment: BILLING_SECRET}", "{from_file: secret.txt}"));
    let err = sortie.refused(&["apply", "-f", "definitions/billing.yaml"]);
    assert!(err.contains("comes from the file secret.txt, which cannot be read"), "{err}");
    sortie.file("definitions/secret.txt", "SECRET-from-a-file\n");
    sortie.ok(&["apply", "-f", "definitions/billing.yaml"]);
    assert_eq!(sortie.json(&["status", "Billing"])["external_credentials"][0]["status"], "Configured");
}

#[test]
fn unlisted_principals_go_only_with_prune() {
    let sortie = Sortie::with_billing();
    sortie.file("less.yaml", "external_credentials:\n- name: Billing\n  protocol: oauth_client_credentials\n  settings: {token_endpoint: https://id.test/token}\n");
    assert!(sortie.ok(&["apply", "-f", "less.yaml"]).contains("left alone principal Billing/Service"));
    assert!(sortie.ok(&["apply", "-f", "less.yaml", "--prune"]).contains("deleted    principal Billing/Service"));
}

#[test]
fn what_is_stored_can_be_removed_by_name() {
    let sortie = Sortie::with_billing();
    assert_eq!(sortie.code(&["remove", "external-credential", "Billing"]), "in_use");
    sortie.ok(&["remove", "named-credential", "Billing"]);
    sortie.ok(&["remove", "principal", "Billing/Service"]);
    sortie.ok(&["remove", "external-credential", "Billing"]);
    sortie.ok(&["remove", "permission-set", "Readers"]);
    sortie.ok(&["remove", "profile", "Staff"]);
    assert_eq!(sortie.code(&["remove", "profile", "Staff"]), "profile_unknown");
    assert_eq!(sortie.json(&["status"])["external_credentials"], serde_json::json!([]));
}
