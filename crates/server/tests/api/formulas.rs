//! Formulas on trial: what they give is seen, what is stored is not, by no way.

use serde_json::{Value, json};
use sortie_model::Secret;

use crate::office::Office;

const DEFINITIONS: &str = "
users: [{name: bob, attributes: {Department: Finance}, permission_sets: [Callers]}]
permission_sets: [{name: Managers, permissions: [manage_named_credentials]}]
external_credentials:
- name: Ai
  protocol: custom
  principals:
  - {name: Main, sequence_number: 1, values: {Key: {from_environment: AI_KEY}}, enabled_for: {permission_sets: [Callers]}}
named_credentials: [{name: Ai, url: 'https://ai.test/v1', external_credential: Ai}]
";

fn office() -> Office {
    let office = Office::open();
    office.apply(DEFINITIONS);
    office
}

fn ask(office: &Office, key: &Secret, body: &Value) -> (u16, Value) {
    office.ask_as(key, "POST", "/api/v1/formulas/evaluate", Some(body))
}

/// Status, and the code of the fault of the formula.
#[track_caller]
fn fault(office: &Office, body: &Value) -> (u16, String) {
    let (status, answer) = ask(office, &office.admin, body);
    assert_eq!(answer["errors"][0]["pointer"], "/formula", "{answer}");
    (status, answer["errors"][0]["code"].as_str().unwrap().to_owned())
}

#[test]
fn a_formula_gives_what_it_would_give_in_a_callout() {
    let office = office();
    let as_bob = |formula: &str| json!({"formula": formula, "user": "bob", "target": "callout:Ai/models?x=1", "body": "az"});
    let gives = |formula: &str| ask(&office, &office.admin, &as_bob(formula));
    assert_eq!(gives("{!$User.Department}"), (200, json!({"secret": false, "result": "Finance", "characters": 7})));
    assert_eq!(gives("$Credential.Endpoint.URL").1["result"], "https://ai.test/v1/models?x=1");
    assert_eq!(gives("HEX($Credential.Ai.Body)").1["result"], "617a");
    // As oneself, and without a callout.
    assert_eq!(ask(&office, &office.admin, &json!({"formula": "$User.UserName"})).1["result"], "admin");
}

#[test]
fn of_a_secret_nothing_is_learnt_not_even_how_long_it_is() {
    let office = office();
    let with = |formula: &str| json!({"formula": formula, "user": "bob", "target": "callout:Ai/x"});
    for formula in [
        "{!$Credential.Ai.Key}",
        "Bearer {!$Credential.Ai.Key}",
        "BASE64ENCODE(BLOB($Credential.Ai.Key))",
        // Whether these have a result would depend on its length, and on what is in it.
        "RPAD('x', 4194300) & $Credential.Ai.Key",
        "HEX(SIGN('RSA-SHA256', BLOB('x'), $Credential.Ai.Key))",
    ] {
        assert_eq!(ask(&office, &office.admin, &with(formula)), (200, json!({"secret": true})), "{formula}");
    }
    for formula in [
        "IF(LEFT($Credential.Ai.Key, 1) = 'S', 'a', 'ab')",
        "TEXT(LEN($Credential.Ai.Key))",
        "IF(CONTAINS($Credential.Ai.Key, 'x'), 'a', TEXT(1 / 0))",
        "LEFT($Credential.Ai.Key, 1)",
        "CASE($Credential.Ai.Key, 'a', 'b', 'c')",
    ] {
        assert_eq!(fault(&office, &with(formula)), (400, "formula_inspects_secret".to_owned()), "{formula}");
    }
}

#[test]
fn what_has_no_result_says_why() {
    let office = office();
    assert_eq!(fault(&office, &json!({"formula": "$User.Title"})), (400, "formula_unresolved".to_owned()));
    assert_eq!(fault(&office, &json!({"formula": "TEXT(1 / 0)"})), (400, "formula_failed".to_owned()));
    assert_eq!(fault(&office, &json!({"formula": "FLOR(1)"})), (400, "formula_unknown_function".to_owned()));
    assert_eq!(fault(&office, &json!({"formula": "$Credential.Ai.Key"})), (400, "formula_unavailable".to_owned()));
    let code = |body: Value| {
        let (status, answer) = ask(&office, &office.admin, &body);
        (status, answer["code"].as_str().unwrap().to_owned())
    };
    assert_eq!(code(json!({"formula": "1", "user": "eve"})), (404, "user_unknown".to_owned()));
    // The same for what may not be used and for what is not there.
    assert_eq!(code(json!({"formula": "1", "target": "callout:Ai/x"})), (403, "not_permitted".to_owned()));
    assert_eq!(code(json!({"formula": "1", "target": "callout:Nope/x"})), (403, "not_permitted".to_owned()));
    assert_eq!(code(json!({"formula": "1", "target": "https://ai.test"})), (400, "target_invalid".to_owned()));
}

#[test]
fn what_is_known_of_others_is_for_those_who_see_users() {
    let office = office();
    office.apply("users: [{name: manager, permission_sets: [Managers]}]");
    let (manager, viewer) = (office.key("manager"), office.key("viewer"));
    let of_bob = json!({"formula": "$User.Department", "user": "bob"});
    let (status, answer) = ask(&office, &manager, &of_bob);
    assert_eq!((status, &answer["code"]), (403, &json!("permission_missing")));
    assert_eq!(ask(&office, &manager, &json!({"formula": "$User.UserName", "user": "manager"})).1["result"], "manager");
    assert_eq!(ask(&office, &viewer, &of_bob).1["result"], "Finance");
}
