//! The OpenAPI document, and that what it shows as examples can be sent as it stands.

use serde_json::Value;
use sortie_server::api::document_text;

use crate::office::Office;

#[test]
fn whoever_reaches_the_server_reads_the_document_and_learns_nothing_of_the_server() {
    let office = Office::open();
    let answer = office.send(None, "GET", "/api/v1/openapi.json", None, &[]);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.text(), document_text());
    let document = answer.json();
    assert_eq!((&document["openapi"], &document["info"]["version"]), (&"3.1.0".into(), &"1".into()), "the program's version is not in it");
    // The other mount speaks of other things.
    assert_eq!(office.send(None, "GET", "/services/data/v67.0/openapi.json", None, &[]).status, 404);
}

#[test]
fn a_deputy_is_named_in_a_parameter_where_one_is_heard_and_nowhere_else() {
    let document: Value = serde_json::from_str(document_text()).unwrap();
    let name = "#/components/parameters/OnBehalfOf";
    let mut heard = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().unwrap();
            let is_documented = parameters.iter().any(|parameter| parameter["$ref"] == name);
            let is_heard = path.starts_with("/api/v1") && operation["security"] != serde_json::json!([]);
            assert_eq!(is_documented, is_heard, "{method} {path}");
            assert!(
                !is_heard || (operation["responses"].get("403").is_some() && operation["responses"].get("404").is_some()),
                "{method} {path}"
            );
            heard += usize::from(is_heard);
        }
    }
    assert!(heard > 70, "{heard}");
}

/// What the examples need, beside each other.
const BEFORE: &str = "
external_credentials:
- name: Files
  protocol: aws_access_key
  settings: {region: eu-central-1, service: s3}
  principals:
  - {name: Main, sequence_number: 1, enabled_for: {permission_sets: [Everything]},
     values: {access_key_id: AKIDEXAMPLE000000001, secret_access_key: {from_environment: FILES}}}
- name: Keys
  protocol: custom
  principals: [{name: Main, sequence_number: 1}]
- name: Calendar
  protocol: oauth_browser
  settings: {external_auth_identity_provider: Accounts}
  principals: [{name: Me, sequence_number: 1, identity_type: per_user, enabled_for: {permission_sets: [Everything]}}]
external_auth_identity_providers:
- name: Accounts
  flow: authorization_code
  authorize_endpoint: 'https://accounts.example.com/a'
  token_endpoint: 'https://accounts.example.com/t'
  values: {client_id: sortie, client_secret: {from_environment: ACCOUNTS}}
named_credentials: [{name: Files, url: 'https://files.example.com', external_credential: Files}]
";

/// Paths whose examples cannot be: ids are each installation's own, as are keys, chains, and what there is to renew; and nobody is at example.com.
const NOT_AS_THEY_STAND: &[&str] = &[
    "/services/data/v{version}/sobjects/SetupEntityAccess",
    "/services/data/v{version}/sobjects/ObjectPermissions",
    "/api/v1/provider-discoveries",
    "/api/v1/certificate-imports",
    "/api/v1/certificates/{name}/chain",
    "/api/v1/certificates/{name}/imports",
    "/api/v1/certificates/{name}/renewals",
];

#[test]
fn every_example_can_be_sent_as_it_stands() {
    let office = Office::open();
    office.apply(BEFORE);
    let document: Value = serde_json::from_str(document_text()).unwrap();
    let mut requests: Vec<Request> = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| !NOT_AS_THEY_STAND.contains(&path.as_str())) {
        for (method, operation) in item.as_object().unwrap() {
            let Some(body) = operation["requestBody"]["content"]["application/json"].get("example") else { continue };
            let name = ["name", "developerName", "fullName"].iter().find_map(|member| body[member].as_str()).unwrap_or("Login");
            // Where both mounts have it, one is made at the first and the other replaces.
            let version = path.contains("{version}");
            if version && method == "post" {
                continue;
            }
            // Any value can be stored for a principal of a Custom credential.
            let name = if path.contains("/principals/") { "Keys" } else { name };
            let path = path
                .replace("{principal}", "Main")
                .replace("{value}", "client_secret")
                .replace("{name}", name)
                .replace("{user}", "ada@example.com")
                .replace("{version}", "67.0");
            requests.push((method.to_uppercase(), path, body.clone(), operation["responses"].clone()));
        }
    }
    assert!(requests.len() > 25, "{}", requests.len());
    let (first, then) = requests.into_iter().partition(|(method, ..)| method == "POST");
    send_all(&office, first);
    send_all(&office, then);
}

type Request = (String, String, Value, Value);

/// One may need what another one makes: as long as some succeed, the others are sent again.
fn send_all(office: &Office, mut requests: Vec<Request>) {
    loop {
        let before = requests.len();
        let mut refused = Vec::new();
        requests.retain(|(method, path, body, responses)| {
            let answer = office.send(Some(&office.admin), method, path, Some(body), &[]);
            assert!(responses.get(answer.status.to_string()).is_some(), "{method} {path}: {}", answer.status);
            let is_done = answer.status < 300;
            if !is_done {
                refused.push(format!("{method} {path}: {} {}", answer.status, answer.text()));
            }
            !is_done
        });
        if requests.is_empty() {
            return;
        }
        assert!(requests.len() < before, "{refused:#?}");
    }
}
