//! `sortie formula`.

use crate::harness::Sortie;

const DEFINITION: &str = "
permission_sets: [{name: Callers}]
profiles: [{name: Standard}]
users:
- {name: alice, profile: Standard, permission_sets: [Callers], attributes: {Department: Finance}}
- {name: bob}
external_credentials:
- name: Ai
  protocol: custom
  headers: [{name: Authorization, value: 'Bearer {!$Credential.Ai.Key}'}]
  principals:
  - {name: Main, sequence_number: 1, enabled_for: {permission_sets: [Callers]}, values: {Key: {from_environment: BILLING_SECRET}}}
named_credentials:
- {name: Ai, url: 'https://ai.test/v1', external_credential: Ai}
";

fn sortie() -> Sortie {
    let sortie = Sortie::new();
    sortie.file("definition.yaml", DEFINITION);
    sortie.ok(&["apply", "-f", "definition.yaml"]);
    sortie
}

#[test]
fn a_formula_is_evaluated_for_a_user() {
    let sortie = sortie();
    let eval = |formula: &str| sortie.ok(&["formula", "eval", formula, "--as", "alice"]);
    assert_eq!(eval("{!\"session:role:\" + $User.Department}"), "session:role:Finance\n");
    assert_eq!(eval("$User.UserName & '/' & $Profile.Name"), "alice/Standard\n");
    assert_eq!(eval("2 * 3 ^ 2"), "36\n");
    let seconds: i64 = eval("{!Text(FLOOR((NOW() - DATETIMEVALUE( \"1970-01-01 00:00:00\" )) * 86400))}").trim().parse().unwrap();
    assert!(seconds > 1_790_000_000, "{seconds}");
    assert_eq!(
        sortie.json(&["formula", "eval", "LEFT('abc', 2)", "--as", "alice"]),
        serde_json::json!({ "secret": false, "result": "ab", "characters": 2 })
    );
    let said = sortie.run_with_input(&["formula", "eval", "-", "--as", "alice"], "{!UPPER($User.Department)}\n");
    assert_eq!((said.code, said.out.as_str()), (0, "FINANCE\n"));
}

#[test]
fn a_secret_is_counted_and_not_shown() {
    let sortie = sortie();
    let arguments = ["formula", "eval", "Bearer {!$Credential.Ai.Key}", "--as", "alice", "--for", "callout:Ai/models"];
    assert_eq!(sortie.ok(&arguments), "a secret of 30 characters, which is not shown\n");
    assert_eq!(sortie.json(&arguments), serde_json::json!({ "secret": true, "characters": 30 }));
    let url = ["formula", "eval", "$Credential.Endpoint.URL", "--as", "alice", "--for", "callout:Ai/models?x=1"];
    assert_eq!(sortie.ok(&url), "https://ai.test/v1/models?x=1\n");
    let body = ["formula", "eval", "HEX($Credential.Ai.Body)", "--as", "alice", "--for", "callout:Ai/x", "--body", "az"];
    assert_eq!(sortie.ok(&body), "617a\n");
}

#[test]
fn what_has_no_result_says_why() {
    let sortie = sortie();
    for (formula, code) in [
        ("$User.Title", "formula_unresolved"),
        ("TEXT(1 / 0)", "formula_failed"),
        ("$Credential.Ai.Key", "formula_unavailable"),
        ("FLOR(1)", "formula_unknown_function"),
    ] {
        assert_eq!(sortie.code(&["formula", "eval", formula, "--as", "alice"]), code, "{formula}");
    }
    assert_eq!(sortie.code(&["formula", "eval", "1", "--as", "nobody"]), "user_unknown");
    assert_eq!(sortie.code(&["formula", "eval", "1", "--as", "bob", "--for", "callout:Ai/x"]), "not_permitted");
    let err = sortie.refused(&["formula", "eval", "a {!FLOR(1.5)}", "--as", "alice"]);
    assert!(err.contains("there is no function `FLOR` (at character 5); did you mean `FLOOR`?\na {!FLOR(1.5)}\n    ^^^^\n"), "{err}");
}

#[test]
fn a_check_says_what_is_read() {
    let sortie = Sortie::new();
    let said = sortie.ok(&["formula", "check", "Bearer {!$Credential.Ai.Key & $User.Shoe_Size}"]);
    assert!(said.contains("$Credential.Ai.Key, $User.Shoe_Size") && said.contains("a secret") && said.contains("Shoe_Size:"), "{said}");
    let found = sortie.json(&["formula", "check", "{!IF($Credential.Ai.Key = 'x', TEXT(NOW()), '')}"]);
    assert_eq!((&found["secret"], &found["per_callout"], &found["discreet"]), (&true.into(), &true.into(), &false.into()));
    assert_eq!(found["variables"], serde_json::json!(["$Credential.Ai.Key"]));
    assert!(!sortie.data().exists(), "it needs no data directory");
    assert_eq!(sortie.code(&["formula", "check", "{!1 +}"]), "formula_syntax");
}

#[test]
fn the_language_can_be_looked_up() {
    let sortie = Sortie::new();
    let all = sortie.ok(&["formula", "functions"]);
    assert!(all.contains("Dates and times") && all.contains("  LPAD(text, length, [pad])"), "{all}");
    let one = sortie.ok(&["formula", "functions", "left"]);
    assert!(one.starts_with("LEFT(text, characters)\n") && one.contains("LEFT('Sortie', 3)  →  Sor"), "{one}");
    assert!(sortie.json(&["formula", "functions"]).as_array().unwrap().len() > 80);
    let err = sortie.refused(&["formula", "functions", "LEFFT"]);
    assert!(err.contains("did you mean LEFT?"), "{err}");
}

#[test]
fn a_definition_with_a_wrong_formula_shows_its_place() {
    let sortie = Sortie::new();
    sortie.file("wrong.yaml", &DEFINITION.replace("$Credential.Ai.Key", "BASE64ENCOD(BLOB($Credential.Ai.Key))"));
    let err = sortie.refused(&["apply", "-f", "wrong.yaml"]);
    assert!(err.contains("there is no function `BASE64ENCOD` (at character 10); did you mean `BASE64ENCODE`?"), "{err}");
    assert!(err.contains("\nBearer {!BASE64ENCOD(BLOB($Credential.Ai.Key))}\n         ^^^^^^^^^^^"), "{err}");
}
