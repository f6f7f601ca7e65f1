//! What is at the edges of what the document allows. Most of it was found by Schemathesis.

use serde_json::{Value, json};

use crate::office::Office;

/// Status, code, and the first pointer of a refusal.
fn refused(office: &Office, method: &str, path: &str, body: Option<&Value>) -> (u16, String, String) {
    let (status, answer) = office.ask_as(&office.admin, method, &format!("/api/v1{path}"), body);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (status, text(&answer["code"]), text(&answer["errors"][0]["pointer"]))
}

#[test]
fn a_filter_that_was_left_empty_does_not_let_everything_through() {
    let office = Office::open();
    let invalid = (400, "parameter_invalid".to_owned(), String::new());
    assert_eq!(refused(&office, "GET", "/principal-access?external_credential=", None), invalid);
    assert_eq!(refused(&office, "GET", "/users?limit=", None), invalid);
    assert_eq!(refused(&office, "GET", "/audit?from=", None), invalid);
    assert_eq!(refused(&office, "GET", "/principal-access?external_credential=Nope", None).0, 404);
}

#[test]
fn the_character_that_postgresql_cannot_store_is_refused_at_its_place() {
    let office = Office::open();
    let set = json!({"name": "Odd", "description": "a\u{0}b"});
    assert_eq!(refused(&office, "POST", "/permission-sets", Some(&set)), (400, "request_malformed".to_owned(), "/description".to_owned()));
    let user = json!({"name": "odd", "attributes": {"City": "\u{0}"}});
    assert_eq!(refused(&office, "POST", "/users", Some(&user)).2, "/attributes/City");
    let definition = json!({"definition": "external_credentials: [{name: Odd, protocol: basic, description: \"a\\0b\"}]"});
    assert_eq!(refused(&office, "POST", "/definitions/apply", Some(&definition)).2, "/definition");
}

#[test]
fn a_certificate_may_have_a_longer_label_than_its_subject() {
    let office = Office::open();
    let body = json!({"name": "Long", "label": "é".repeat(80), "key_algorithm": "p256"});
    let (status, made) = office.ask_as(&office.admin, "POST", "/api/v1/certificates", Some(&body));
    assert_eq!((status, made["label"].as_str()), (201, body["label"].as_str()), "{made}");
    assert_eq!(made["versions"][0]["subject"].as_str().map(|subject| subject.matches('é').count()), Some(64));
    let body = json!({"name": "Never", "lifetime_days": 0});
    assert_eq!(refused(&office, "POST", "/certificates", Some(&body)).2, "/lifetime_days");
}

#[test]
fn an_idempotency_key_is_visible() {
    let office = Office::open();
    let send = |key: &str| {
        let body = json!({"formula": "1"});
        office.send(Some(&office.admin), "POST", "/api/v1/formulas/check", Some(&body), &[("Idempotency-Key", key)]).status
    };
    assert_eq!([send("a b"), send(""), send(&"x".repeat(256)), send("a-b")], [400, 400, 400, 200]);
}

#[test]
fn what_is_to_be_presigned_is_read_as_everything_else_is() {
    let office = Office::open();
    let path = "/presign";
    let body = json!({"target": "callout:Files/x", "method": "G T", "expires_seconds": 0, "more": 1});
    let (_, answer) = office.ask_as(&office.admin, "POST", &format!("/api/v1{path}"), Some(&body));
    let pointers: Vec<&str> = answer["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/method", "/expires_seconds", "/more"]);
    let answer = office.send(Some(&office.admin), "POST", "/api/v1/presign", Some(&body), &[("Content-Type", "text/plain")]);
    assert_eq!(answer.status, 415);
}

#[test]
fn of_a_body_that_is_nothing_but_mistakes_a_hundred_are_told() {
    // API-17.
    let office = Office::open();
    let body: serde_json::Map<_, _> = (0..5_000).map(|number| (format!("no{number}"), json!(0))).collect();
    let (status, answer) = office.ask_as(&office.admin, "POST", "/api/v1/formulas/check", Some(&Value::Object(body)));
    let errors = answer["errors"].as_array().unwrap();
    assert_eq!((status, errors.len()), (400, 101));
    assert!(errors[100]["detail"].as_str().unwrap().ends_with("more mistakes are not listed"), "{}", errors[100]);
}

#[test]
fn a_condition_that_nobody_looks_at_is_not_passed_over() {
    let office = Office::open();
    let conditional = |method: &str, path: &str, body: Option<&Value>| {
        let answer = office.send(Some(&office.admin), method, &format!("/api/v1{path}"), body, &[("If-Match", "\"old\"")]);
        (answer.status, answer.header("sortie-error").unwrap_or_default().to_owned())
    };
    let unknown = (400, "if_match_unknown".to_owned());
    assert_eq!(conditional("PATCH", "/users/alice", Some(&json!({"active": false}))), unknown);
    assert_eq!(conditional("DELETE", "/users/alice", None), unknown);
    assert_eq!(conditional("DELETE", "/permission-sets/Callers", None), (412, "precondition_failed".to_owned()));
    assert_eq!(conditional("GET", "/users/alice", None).0, 200);
}

#[test]
fn a_pointer_leads_to_a_name_with_a_slash() {
    // RFC 6901, section 3.
    let office = Office::open();
    office.apply("external_credentials: [{name: Own, protocol: custom, principals: [{name: Main, sequence_number: 1}]}]");
    let body = json!({"externalCredential": "Own", "principalName": "Main", "principalType": "NamedPrincipal",
        "credentials": {"a/b~c": {"value": "x"}}});
    assert_eq!(refused(&office, "PUT", "/named-credentials/credential", Some(&body)).2, "/credentials/a~1b~0c");
}
