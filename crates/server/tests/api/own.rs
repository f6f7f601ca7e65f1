//! Our own resources: people and what they may, certificates, providers, the audit, how things are.

use serde_json::{Value, json};
use sortie_model::Secret;

use crate::office::Office;

struct Asking {
    office: Office,
}

impl Asking {
    fn new() -> Self {
        let office = Office::open();
        office.apply(
            "
external_credentials:
- {name: Pay, protocol: basic, principals: [{name: Main, sequence_number: 1}]}
named_credentials: [{name: Pay, url: 'https://api.test', external_credential: Pay}]
permission_sets:
- {name: Helpers, permissions: [manage_users]}
users: [{name: helper, permission_sets: [Helpers]}]
",
        );
        Self { office }
    }

    fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.ask_as(&self.office.admin, method, path, body)
    }

    fn ask_as(&self, key: &Secret, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.office.ask_as(key, method, &format!("/api/v1{path}"), body.as_ref())
    }
}

fn code(answer: (u16, Value)) -> (u16, String) {
    (answer.0, answer.1["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_user_comes_and_goes() {
    let asking = Asking::new();
    let body = json!({"name": "bob@example.test", "profile": "Staff", "permission_sets": ["Callers"], "attributes": {"Email": "bob@example.test"}});
    let (status, made) = asking.ask("POST", "/users", Some(body.clone()));
    assert_eq!(
        (status, &made["permission_sets"], &made["profile"], &made["active"]),
        (201, &json!(["Callers"]), &json!("Staff"), &json!(true)),
        "{made}"
    );
    assert_eq!(asking.ask("POST", "/users", Some(body)).0, 409);
    let path = "/users/bob%40example.test";
    assert_eq!(asking.ask("GET", path, None).1, made);
    let change = json!({"active": false, "profile": null, "attributes": {"Email": null, "City": "Köln"}});
    let (_, changed) = asking.ask("PATCH", path, Some(change));
    assert_eq!((&changed["active"], &changed["profile"], &changed["attributes"]), (&json!(false), &Value::Null, &json!({"City": "Köln"})));
    // An answer that is sent back changes nothing.
    assert_eq!(asking.ask("PATCH", path, Some(changed.clone())), (200, changed));
    assert_eq!(asking.ask("PUT", &format!("{path}/permission-sets/Viewers"), None).0, 204);
    assert_eq!(asking.ask("GET", path, None).1["permission_sets"], json!(["Callers", "Viewers"]));
    assert_eq!(asking.ask("DELETE", &format!("{path}/permission-sets/Viewers"), None).0, 204);
    assert_eq!(asking.ask("DELETE", path, None).0, 204);
    assert_eq!(code(asking.ask("GET", path, None)), (404, "user_unknown".to_owned()));
    assert_eq!(asking.ask("POST", "/users", Some(json!({"name": "x", "role": "admin"}))).0, 400);
}

#[test]
fn users_come_in_pages() {
    let asking = Asking::new();
    let (mut path, mut names) = ("/users?limit=2".to_owned(), Vec::new());
    loop {
        let (status, page) = asking.ask("GET", &path, None);
        assert_eq!(status, 200, "{page}");
        let users = page["users"].as_array().unwrap();
        assert!(users.len() <= 2);
        names.extend(users.iter().map(|user| user["name"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => path = next.strip_prefix("/api/v1").unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(names, ["admin", "alice", "helper", "nobody", "viewer"]);
    for bad in ["limit=0", "limit=1001", "limit=x"] {
        assert_eq!(code(asking.ask("GET", &format!("/users?{bad}"), None)), (400, "parameter_invalid".to_owned()));
    }
}

#[test]
fn a_key_is_shown_once_and_is_good_until_it_is_revoked() {
    let asking = Asking::new();
    let (status, made) = asking.ask("POST", "/users/viewer/keys", Some(json!({"label": "ci", "expires_in_days": 1})));
    assert_eq!(status, 201, "{made}");
    let key = Secret::new(made["key"].as_str().unwrap());
    assert_eq!(asking.ask_as(&key, "GET", "/status", None).0, 200);
    let (_, listed) = asking.ask("GET", "/users/viewer/keys", None);
    assert_eq!((&listed["keys"][0]["label"], &listed["keys"][0]["state"]), (&json!("ci"), &json!("active")));
    assert!(!listed.to_string().contains(key.expose()));
    let id = made["id"].as_str().unwrap();
    assert_eq!(asking.ask("DELETE", &format!("/users/alice/keys/{id}"), None).0, 404, "it is not hers");
    assert_eq!(asking.ask("DELETE", &format!("/users/viewer/keys/{id}"), None).0, 204);
    assert_eq!(asking.ask_as(&key, "GET", "/status", None).0, 401);
}

#[test]
fn api_20_nobody_gives_what_they_do_not_have() {
    let asking = Asking::new();
    let helper = asking.office.key("helper");
    let beyond = (403, "permission_beyond_own".to_owned());
    let ask = |method, path, body| code(asking.ask_as(&helper, method, path, body));
    assert_eq!(ask("POST", "/users/admin/keys", Some(json!({}))), beyond);
    assert_eq!(ask("PUT", "/users/helper/permission-sets/Everything", None), beyond);
    assert_eq!(ask("POST", "/users", Some(json!({"name": "x", "permission_sets": ["Viewers"]}))), beyond);
    assert_eq!(ask("PATCH", "/users/admin", Some(json!({"active": false}))), beyond);
    assert_eq!(ask("DELETE", "/users/admin", None), beyond);
    assert_eq!(ask("POST", "/permission-sets", Some(json!({"name": "Mine", "permissions": ["view_audit"]}))), beyond);
    assert_eq!(ask("PUT", "/permission-sets/Viewers", Some(json!({"permissions": []}))), beyond);
    assert_eq!(ask("DELETE", "/permission-sets/Everything", None), beyond);
    assert_eq!(ask("POST", "/users/alice/keys", Some(json!({}))).0, 201);
    assert_eq!(ask("PUT", "/users/alice/permission-sets/Helpers", None).0, 204);
    assert_eq!(ask("GET", "/status", None), (403, "permission_missing".to_owned()));
}

#[test]
fn permission_sets_and_profiles_are_made_replaced_and_removed() {
    let asking = Asking::new();
    for path in ["/permission-sets", "/profiles"] {
        let body = json!({"name": "Night", "label": "Night shift", "description": "At night", "permissions": ["view_setup"]});
        assert_eq!(asking.ask("POST", path, Some(body.clone())), (201, body.clone()), "{path}");
        assert_eq!(code(asking.ask("POST", path, Some(body.clone()))), (409, "already_exists".to_owned()));
        let one = format!("{path}/night");
        assert_eq!(asking.ask("GET", &one, None), (200, body.clone()));
        let (_, replaced) = asking.ask("PUT", &one, Some(json!({"label": "N", "permissions": ["view_setup", "view_audit"]})));
        assert_eq!((&replaced["description"], &replaced["permissions"]), (&json!(""), &json!(["view_setup", "view_audit"])));
        let stale = asking.office.send(Some(&asking.office.admin), "PUT", &format!("/api/v1{one}"), Some(&body), &[("If-Match", "\"x\"")]);
        assert_eq!(stale.status, 412);
        assert_eq!(code(asking.ask("PUT", &one, Some(json!({"permissions": ["modify_all_data"]})))), (400, "request_invalid".to_owned()));
        assert_eq!(asking.ask("DELETE", &one, None).0, 204);
        assert_eq!(asking.ask("PUT", &one, Some(body)).0, 404);
    }
    assert_eq!(code(asking.ask("DELETE", "/profiles/Nope", None)), (404, "profile_unknown".to_owned()));
}

#[test]
fn access_to_principals_is_given_and_taken() {
    let asking = Asking::new();
    let body = json!({"external_credential": "Pay", "principal": "Main", "permission_set": "Callers"});
    assert_eq!(asking.ask("POST", "/principal-access", Some(body.clone())).0, 201);
    assert_eq!(asking.ask("POST", "/principal-access", Some(body)).0, 200, "twice is as good as once");
    let (_, listed) = asking.ask("GET", "/principal-access?external_credential=Pay", None);
    let expected = json!([{"external_credential": "Pay", "principal": "Main", "grantee_kind": "permission_set", "grantee": "Callers"}]);
    assert_eq!(listed["principal_access"], expected);
    let query = "external_credential=Pay&principal=Main&permission_set=Callers";
    assert_eq!(asking.ask("DELETE", &format!("/principal-access?{query}"), None).0, 204);
    assert_eq!(asking.ask("GET", "/principal-access", None).1["principal_access"], json!([]));
    for body in [
        json!({"external_credential": "Pay", "principal": "Main"}),
        json!({"external_credential": "Pay", "principal": "Main", "permission_set": "A", "profile": "B"}),
    ] {
        assert_eq!(asking.ask("POST", "/principal-access", Some(body)).0, 400);
    }
    let unknown = json!({"external_credential": "Pay", "principal": "Nope", "profile": "Staff"});
    assert_eq!(code(asking.ask("POST", "/principal-access", Some(unknown))), (404, "principal_unknown".to_owned()));
}

#[test]
fn certificates_and_providers_show_no_secret() {
    let asking = Asking::new();
    let (status, made) = asking.ask("POST", "/certificates", Some(json!({"name": "Signer", "key_algorithm": "p256", "lifetime_days": 30})));
    assert_eq!(
        (status, &made["versions"][0]["state"], &made["versions"][0]["private_key"]),
        (201, &json!("signing"), &json!("matches")),
        "{made}"
    );
    assert_eq!(asking.ask("GET", "/certificates", None).1["certificates"][0]["name"], "Signer");
    assert!(!made.to_string().contains("PRIVATE"));
    assert_eq!(asking.ask("POST", "/certificates", Some(json!({"name": "Signer"}))).0, 409);
    assert_eq!(asking.ask("DELETE", "/certificates/Signer", None).0, 204);
    assert_eq!(code(asking.ask("GET", "/certificates/Signer", None)), (404, "certificate_unknown".to_owned()));
    asking.office.apply("external_auth_identity_providers: [{name: Idp, flow: client_credentials, token_endpoint: 'https://id.test/t'}]");
    let (status, shown) = asking.ask("PUT", "/providers/Idp/values", Some(json!({"client_id": "id", "client_secret": "SECRET-c"})));
    assert_eq!((status, &shown["stored_values"], &shown["missing_values"]), (200, &json!(["client_id", "client_secret"]), &json!([])));
    assert_eq!(shown["callback_url"], asking.office.url("/services/externalauthcallback/Idp"));
    assert_eq!(
        asking.ask("GET", "/providers/idp", None).1["callback_url"],
        shown["callback_url"],
        "as it is stored, however it is asked for"
    );
    assert_eq!(asking.ask("GET", "/providers", None).1["providers"][0]["name"], "Idp");
    assert_eq!(asking.ask("PUT", "/providers/Idp/values", Some(json!({"password": "SECRET-x"}))).0, 400);
    assert_eq!(asking.ask("DELETE", "/providers/Idp", None).0, 204);
}

#[test]
fn the_audit_is_read_in_pages_without_a_gap() {
    let asking = Asking::new();
    for name in ["a", "b", "c", "d", "e"] {
        assert_eq!(asking.ask("POST", "/users", Some(json!({"name": name}))).0, 201);
    }
    let (mut path, mut seen) = ("/audit?from=start&limit=3".to_owned(), Vec::new());
    loop {
        let (status, page) = asking.ask("GET", &path, None);
        assert_eq!(status, 200, "{page}");
        let records = page["records"].as_array().unwrap().clone();
        if records.is_empty() {
            break;
        }
        seen.extend(records);
        path = page["next"].as_str().unwrap().strip_prefix("/api/v1").unwrap().to_owned();
    }
    let all: Vec<Value> = asking.office.audit().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(seen.len(), all.len());
    assert!(all.iter().all(|record| seen.contains(record)));
    // And goes on when there is more.
    assert_eq!(asking.ask("DELETE", "/users/a", None).0, 204);
    let (_, page) = asking.ask("GET", &path, None);
    assert_eq!((page["records"].as_array().unwrap().len(), &page["records"][0]["action"]), (1, &json!("deleted")));
    let (_, newest) = asking.ask("GET", "/audit?limit=1", None);
    assert_eq!(newest["records"], page["records"]);
    // "core-0.jsonl:18446744073709551615": no file has such a place.
    for bad in ["after=!!", "after=YQ", "from=x", "after=Y29yZS0wLmpzb25sOjE4NDQ2NzQ0MDczNzA5NTUxNjE1"] {
        assert_eq!(code(asking.ask("GET", &format!("/audit?{bad}"), None)), (400, "parameter_invalid".to_owned()), "{bad}");
    }
}

#[test]
fn records_that_were_begun_in_another_order_than_they_were_written_are_each_read_once() {
    let asking = Asking::new();
    let line = |at: &str, name: &str| format!("{{\"seq\":1,\"at\":\"{at}\",\"event\":\"change\",\"object\":\"{name}\"}}\n");
    let written = [("2026-01-01T00:00:02.000Z", "late"), ("2026-01-01T00:00:01.000Z", "early"), ("2026-01-01T00:00:03.000Z", "last")];
    let text: String = written.iter().map(|(at, name)| line(at, name)).collect();
    std::fs::write(asking.office.house.audit_directory().join("other.jsonl"), text).unwrap();
    for limit in [1, 2, 3] {
        let (mut path, mut seen) = (format!("/audit?from=start&limit={limit}"), Vec::new());
        loop {
            let (_, page) = asking.ask("GET", &path, None);
            let records = page["records"].as_array().unwrap();
            if records.is_empty() {
                break;
            }
            seen.extend(records.iter().filter_map(|record| record["object"].as_str().map(str::to_owned)));
            path = page["next"].as_str().unwrap().strip_prefix("/api/v1").unwrap().to_owned();
        }
        seen.retain(|name| written.iter().any(|(_, written)| written == name));
        assert_eq!(seen, ["late", "early", "last"], "{limit}");
    }
}

#[test]
fn how_things_are_is_told() {
    let asking = Asking::new();
    let (_, all) = asking.ask("GET", "/status", None);
    assert_eq!(
        (&all["external_credentials"][0]["name"], &all["external_credentials"][0]["status"]),
        (&json!("Pay"), &json!("NotConfigured"))
    );
    let (_, one) = asking.ask("GET", "/status/pay", None);
    assert_eq!((&one, one["principals"][0]["health"]["last_success"].clone()), (&all["external_credentials"][0], Value::Null));
    assert_eq!(asking.ask("GET", "/status/Nope", None).0, 404);
    let (_, before) = asking.ask("GET", "/snapshot", None);
    assert_eq!(before["in_force"], before["stored"]);
    asking.ask("POST", "/permission-sets", Some(json!({"name": "New"})));
    let (_, after) = asking.ask("GET", "/snapshot", None);
    assert!(after["in_force"].as_i64() > before["in_force"].as_i64() && after["in_force"] == after["stored"]);
    let (_, plan) = asking.ask("POST", "/explain", Some(json!({"target": "callout:Pay/x", "user": "alice"})));
    assert_eq!((&plan["user"], &plan["refusal"]["code"]), (&json!("alice"), &json!("not_permitted")), "{plan}");
    assert_eq!(asking.ask("POST", "/explain", Some(json!({"target": "callout:Pay/x", "user": "stranger"}))).0, 404);
    let (status, found) = asking.ask("POST", "/formulas/check", Some(json!({"formula": "{!$User.Email}"})));
    assert_eq!((status, &found["variables"]), (200, &json!(["$User.Email"])), "{found}");
    let (status, wrong) = asking.ask("POST", "/formulas/check", Some(json!({"formula": "{!UPPER(}"})));
    assert_eq!((status, &wrong["errors"][0]["pointer"]), (400, &json!("/formula")));
}

#[test]
fn a_definition_is_applied_without_a_hand_on_the_server() {
    let asking = Asking::new();
    let apply = |text: &str, more: Value| {
        let mut body = json!({"definition": text});
        more.as_object().unwrap().iter().for_each(|(name, value)| body[name.as_str()] = value.clone());
        asking.ask("POST", "/definitions/apply", Some(body))
    };
    let text = "auth_providers: [{name: Code, type: github, values: {client_id: id}}]";
    let (status, tried) = apply(text, json!({"dry_run": true}));
    assert_eq!((status, &tried["changes"][0]["action"]), (200, &json!("created")), "{tried}");
    assert_eq!(asking.ask("GET", "/providers/Code", None).0, 404, "it was only tried");
    assert_eq!(apply(text, json!({})).0, 200);
    assert_eq!(asking.ask("GET", "/providers/Code", None).1["type"], "github");
    assert_eq!(apply(text, json!({})).1["changes"][0]["action"], "unchanged");
    // Neither files nor variables of the server, nor people.
    let beyond = |text: &str| {
        let (status, problem) = apply(text, json!({}));
        (status, problem["errors"][0]["code"].as_str().unwrap_or_default().to_owned())
    };
    let file = "external_credentials: [{name: Leak, protocol: basic, principals: [{name: A, sequence_number: 1, values: {password: {from_file: /etc/passwd}}}]}]";
    assert_eq!(beyond(file), (400, "value_source".to_owned()));
    assert_eq!(beyond(&file.replace("from_file: /etc/passwd", "from_environment: HOME")), (400, "value_source".to_owned()));
    assert_eq!(beyond("permission_sets: [{name: Mine, permissions: [view_audit]}]"), (400, "not_here".to_owned()));
    assert_eq!(beyond("users: [{name: mallory, permission_sets: [Everything]}]"), (400, "not_here".to_owned()));
    assert_eq!(beyond("external_credentials: [{name: X, protocol: nonsense}]"), (400, "protocol_unknown".to_owned()));
    assert_eq!(beyond("nonsense: 1"), (400, "unknown_key".to_owned()));
    assert_eq!(asking.ask("GET", "/status/Leak", None).0, 404);
}
