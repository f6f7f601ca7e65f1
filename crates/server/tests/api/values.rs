//! Stored values one by one: they go in, what is there is listed, and none comes back.

use serde_json::{Value, json};
use sortie_model::Secret;

use crate::office::Office;

const DEFINITIONS: &str = "
permission_sets: [{name: Deputies, permissions: [act_on_behalf]}]
users: [{name: deputy, permission_sets: [Deputies]}]
external_auth_identity_providers: [{name: Idp, flow: client_credentials, token_endpoint: 'https://id.test/t'}]
external_credentials:
- name: Box
  protocol: basic
  principals:
  - {name: For all/of us, sequence_number: 1}
  - {name: Me, identity_type: per_user, sequence_number: 2, enabled_for: {permission_sets: [Callers]}}
- {name: Managed, protocol: oauth_managed, settings: {external_auth_identity_provider: Idp}, principals: [{name: Main, sequence_number: 1}]}
";

const SHARED: &str = "/api/v1/external-credentials/box/principals/for%20all%2Fof%20us/values";
const OWN: &str = "/api/v1/external-credentials/Box/principals/Me/values";
const PROVIDER: &str = "/api/v1/providers/idp/values";

fn office() -> Office {
    let office = Office::open();
    office.apply(DEFINITIONS);
    office
}

/// The names of those that are stored, each with its version.
fn stored(office: &Office, key: &Secret, path: &str) -> Vec<(String, i64)> {
    let (status, answer) = office.ask_as(key, "GET", path, None);
    assert_eq!(status, 200, "{answer}");
    let values = answer["values"].as_array().unwrap().iter().filter(|value| value["set"] == true);
    values.map(|value| (value["name"].as_str().unwrap().to_owned(), value["version"].as_i64().unwrap())).collect()
}

fn put(office: &Office, key: &Secret, path: &str, value: &str) -> (u16, Value) {
    office.ask_as(key, "PUT", path, Some(&json!({ "value": value })))
}

#[test]
fn one_value_is_stored_replaced_and_removed_beside_the_others() {
    for (path, name, other) in [(SHARED, "password", "username"), (PROVIDER, "client_secret", "client_id")] {
        let office = office();
        let one = format!("{path}/{name}");
        let (status, done) = put(&office, &office.admin, &one, "SECRET-first");
        assert_eq!((status, &done["action"], &done["fields"]), (201, &json!("created"), &json!([name])), "{done}");
        let (status, done) = put(&office, &office.admin, &one, "SECRET-second");
        assert_eq!((status, &done["action"]), (200, &json!("updated")), "{done}");
        assert_eq!(put(&office, &office.admin, &format!("{path}/{other}"), "robot").0, 201);
        let mut found = stored(&office, &office.admin, path);
        found.sort();
        let mut wanted = vec![(name.to_owned(), 2), (other.to_owned(), 1)];
        wanted.sort();
        assert_eq!(found, wanted);
        let (status, done) = office.ask_as(&office.admin, "DELETE", &one, None);
        assert_eq!((status, &done["action"]), (200, &json!("deleted")), "{done}");
        assert_eq!(stored(&office, &office.admin, path), [(other.to_owned(), 1)]);
        let (status, refused) = office.ask_as(&office.admin, "DELETE", &one, None);
        assert_eq!((status, &refused["code"]), (404, &json!("value_unknown")));
        assert!(office.audit().contains("user:admin"), "{}", office.audit());
    }
}

#[test]
fn a_list_says_what_is_missing_and_where_it_comes_from() {
    let office = office();
    let (_, answer) = office.ask_as(&office.admin, "GET", SHARED, None);
    assert_eq!(
        answer["values"][0],
        json!({"name": "username", "label": "Username", "required": true, "set": false, "version": null, "updated_at": null})
    );
    assert_eq!(put(&office, &office.admin, &format!("{SHARED}/username"), "robot").0, 201);
    let (_, answer) = office.ask_as(&office.admin, "GET", SHARED, None);
    assert!(answer["values"][0]["updated_at"].as_str().unwrap().ends_with('Z') && !answer.to_string().contains("robot"), "{answer}");
    let (_, answer) = office.ask_as(&office.admin, "GET", "/api/v1/external-credentials/Managed/principals/Main/values", None);
    assert_eq!(answer["values"][0]["from"], "provider:Idp", "{answer}");
}

#[test]
fn what_is_no_value_is_refused() {
    let office = office();
    let code = |path: &str, value: &str| {
        let (status, answer) = put(&office, &office.admin, path, value);
        (status, answer["code"].as_str().unwrap().to_owned())
    };
    assert_eq!(code(&format!("{SHARED}/nothing"), "x"), (400, "value_unknown".to_owned()));
    assert_eq!(code(&format!("{SHARED}/password"), ""), (400, "value_empty".to_owned()));
    assert_eq!(code(&format!("{PROVIDER}/password"), "x"), (400, "value_unknown".to_owned()));
    assert_eq!(code("/api/v1/external-credentials/Box/principals/Nope/values/password", "x"), (404, "principal_unknown".to_owned()));
    assert_eq!(code("/api/v1/external-credentials/No name/principals/Me/values/password".replace(' ', "%20").as_str(), "x").0, 404);
    assert_eq!(code("/api/v1/providers/Nope/values/client_id", "x"), (404, "provider_unknown".to_owned()));
}

#[test]
fn whoever_may_not_learns_nothing_and_stores_nothing() {
    let office = office();
    let (nobody, viewer) = (office.key("nobody"), office.key("viewer"));
    // To those who see no definitions, what is there looks like what is not.
    for path in [SHARED, OWN, "/api/v1/external-credentials/Box/principals/Nope/values"] {
        for (method, path, body) in
            [("GET", path.to_owned(), None), ("PUT", format!("{path}/password"), Some(json!({"value": "SECRET-x"})))]
        {
            let (status, answer) = office.ask_as(&nobody, method, &path, body.as_ref());
            assert_eq!((status, &answer["code"]), (404, &json!("principal_unknown")), "{method} {path}: {answer}");
        }
    }
    assert_eq!(stored(&office, &viewer, SHARED), []);
    for (method, path) in
        [("PUT", format!("{SHARED}/password")), ("DELETE", format!("{SHARED}/password")), ("PUT", format!("{PROVIDER}/client_id"))]
    {
        let (status, answer) = office.ask_as(&viewer, method, &path, (method == "PUT").then(|| json!({"value": "SECRET-x"})).as_ref());
        assert_eq!((status, &answer["code"]), (403, &json!("permission_missing")), "{method} {path}");
    }
    assert_eq!(stored(&office, &office.admin, SHARED), []);
}

#[test]
fn what_is_ones_own_needs_access_and_a_deputy_stores_it_for_its_owner() {
    let office = office();
    let (alice, deputy) = (office.key("alice"), office.key("deputy"));
    assert_eq!(put(&office, &alice, &format!("{OWN}/password"), "SECRET-hers").0, 201);
    assert_eq!(stored(&office, &alice, OWN), [("password".to_owned(), 1)]);
    // Whoever manages everything has none of their own there.
    assert_eq!(office.ask_as(&office.admin, "GET", OWN, None).0, 404);
    let for_alice = [("Sortie-On-Behalf-Of", "alice")];
    let answer = office.send(Some(&deputy), "PUT", &format!("{OWN}/username"), Some(&json!({"value": "alice"})), &for_alice);
    assert_eq!((answer.status, answer.json()["name"].as_str()), (201, Some("Box/Me of alice")), "{}", answer.text());
    assert_eq!(stored(&office, &alice, OWN).len(), 2);
    assert!(office.audit().contains("user:deputy for alice"));
    assert_eq!(office.send(Some(&deputy), "DELETE", &format!("{OWN}/username"), None, &for_alice).status, 200);
    assert_eq!(office.send(Some(&deputy), "PUT", &format!("{SHARED}/username"), Some(&json!({"value": "x"})), &for_alice).status, 404);
}
