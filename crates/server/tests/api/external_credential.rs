//! `named-credentials/external-credentials`: made, shown, replaced, removed.

use serde_json::{Value, json};

use crate::office::{Office, error_code};

const PATH: &str = "/named-credentials/external-credentials";
const CREDENTIAL: &str = "/named-credentials/credential";

fn parameter(kind: &str, name: &str, value: &str) -> Value {
    json!({"parameterType": kind, "parameterName": name, "parameterValue": value})
}

fn principal(name: &str, kind: &str, number: u32) -> Value {
    json!({"principalName": name, "principalType": kind, "sequenceNumber": number})
}

/// A body that can be made and replaced.
fn bearer(name: &str) -> Value {
    json!({
        "developerName": name,
        "masterLabel": "Bearer",
        "authenticationProtocol": "OAuth",
        "authenticationProtocolVariant": "JwtBearer",
        "parameters": [
            parameter("SigningCertificate", "SigningCertificate", "Signer"),
            parameter("JwtBodyClaim", "iss", "client"),
            parameter("JwtBodyClaim", "sub", "{!$User.UserName}"),
            parameter("JwtBodyClaim", "aud", "https://id.test"),
            parameter("JwtBodyClaim", "exp", "{!Text(FLOOR((NOW() - DATETIMEVALUE( \"1970-01-01 00:00:00\" )) * 86400 + 120))}"),
            parameter("Identity Provider URL", "x", ""),
        ],
        "principals": [principal("Shared", "NamedPrincipal", 1), principal("Own", "PerUserPrincipal", 2)],
        "customHeaders": [{"headerName": "X-Client", "headerValue": "{!$User.UserName}", "sequenceNumber": 1}],
    })
}

fn good_bearer(name: &str) -> Value {
    let mut body = bearer(name);
    body["parameters"][5] = parameter("AuthProviderUrl", "Identity Provider URL", "https://id.test/token");
    body
}

#[test]
fn what_was_sent_is_what_is_shown() {
    let office = Office::open();
    let (status, made) = office.ask("POST", PATH, Some(&good_bearer("Bear")));
    assert_eq!(status, 201, "{made}");
    assert_eq!((&made["authenticationProtocol"], &made["authenticationProtocolVariant"]), (&json!("OAuth"), &json!("JwtBearer")));
    assert_eq!(made["authenticationStatus"], "NotConfigured");
    assert_eq!(made["url"], "/services/data/v67.0/named-credentials/external-credentials/Bear");
    assert_eq!((made["relatedNamedCredentials"].clone(), made["id"].as_str().map(|id| &id[..3])), (json!([]), Some("0pt")));
    let plain = |list: &Value, names: &[&str]| -> Vec<Vec<Value>> {
        list.as_array().unwrap().iter().map(|one| names.iter().map(|name| one[*name].clone()).collect()).collect()
    };
    let sort = |mut rows: Vec<Vec<Value>>| {
        rows.sort_by_key(|row| format!("{row:?}"));
        rows
    };
    let words = ["parameterType", "parameterValue"];
    let sent = good_bearer("Bear");
    assert_eq!(sort(plain(&made["parameters"], &words)), sort(plain(&sent["parameters"], &words)));
    let words = ["principalName", "principalType", "sequenceNumber"];
    assert_eq!(plain(&made["principals"], &words), plain(&sent["principals"], &words));
    assert_eq!(made["customHeaders"][0]["headerValue"], "{!$User.UserName}");
    let (_, listed) = office.ask("GET", PATH, None);
    assert_eq!(listed["externalCredentials"], json!([made]));
    assert_eq!(office.ask("GET", &format!("{PATH}/bear"), None).1, made);
    // An older version has fewer members.
    let (_, old) = office.ask_as(&office.admin, "GET", &format!("/services/data/v56.0{PATH}/Bear"), None);
    let members: Vec<&String> = old.as_object().unwrap().keys().collect();
    let expected =
        ["authenticationProtocol", "authenticationStatus", "developerName", "masterLabel", "principals", "relatedNamedCredentials"];
    assert_eq!(members, expected);
    let again = office.ask("POST", PATH, Some(&good_bearer("bear")));
    assert_eq!((again.0, error_code(&again.1)), (409, "DUPLICATE_VALUE"));
}

#[test]
fn sending_back_what_was_shown_changes_nothing() {
    let office = Office::open();
    office.apply(
        "
external_credentials:
- name: Bear
  description: Stays
  protocol: oauth_jwt_bearer
  settings:
    token_endpoint: https://id.test/token
    signing_certificate: Signer
    expiration_seconds: 300
    claims: {header: {typ: JWT}, body: {iss: me, sub: me, aud: [a, b], level: 5, ok: true, text: '5'}}
  additional_status_codes: [403]
  principals: [{name: Shared, sequence_number: 1, settings: {scope: own}}]
- name: Client
  protocol: oauth_client_credentials
  settings: {token_endpoint: 'https://id.test/token', client_authentication: basic_plain}
  principals: [{name: Main, sequence_number: 1}]
- name: Plain
  protocol: oauth_client_credentials
  settings: {token_endpoint: 'https://id.test/token'}
- name: Role
  protocol: aws_sts
  settings: {region: eu-central-1, service: s3, external_id: x, duration_seconds: 900, session_tags: {team: a}}
  principals: [{name: Reader, sequence_number: 1, settings: {role_arn: 'arn:x'}}, {name: AwsStsPrincipal, sequence_number: 7}]
external_auth_identity_providers:
- {name: Idp, flow: client_credentials, token_endpoint: 'https://id.test/t'}
- {name: People, flow: authorization_code, authorize_endpoint: 'https://id.test/a', token_endpoint: 'https://id.test/t'}
",
    );
    office.apply(
        "
external_credentials:
- {name: Managed, protocol: oauth_managed, settings: {external_auth_identity_provider: Idp}}
- {name: Browser, protocol: oauth_browser, settings: {external_auth_identity_provider: People, scope: a b}}
",
    );
    let stored = || office.runtime.block_on(office.house.store().definitions()).unwrap();
    let before = stored();
    for credential in &before.external_credentials {
        let (_, shown) = office.ask("GET", &format!("{PATH}/{}", credential.name), None);
        let (status, echoed) = office.ask("PUT", &format!("{PATH}/{}", credential.name), Some(&shown));
        assert_eq!((status, &echoed), (200, &shown), "{}", credential.name);
    }
    let after = stored();
    assert_eq!(before.external_credentials, after.external_credentials);
    assert_eq!(before.principals, after.principals);
    assert_eq!(before.generation, after.generation, "nothing was written");
}

#[test]
fn a_principal_that_is_sent_again_keeps_its_secrets_and_one_that_is_not_loses_them() {
    let office = Office::open();
    let body = |principals: Value| json!({"developerName": "Keys", "masterLabel": "Keys", "authenticationProtocol": "Custom", "principals": principals});
    let both = json!([principal("A", "NamedPrincipal", 1), principal("B", "NamedPrincipal", 2)]);
    assert_eq!(office.ask("POST", PATH, Some(&body(both.clone()))).0, 201);
    office.apply("external_credentials: [{name: Keys, protocol: custom, principals: [{name: A, sequence_number: 1, enabled_for: {permission_sets: [Callers]}}]}]");
    let store = |name: &str| {
        let body = json!({"externalCredential": "Keys", "principalName": name, "principalType": "NamedPrincipal", "credentials": {"Key": {"value": "SECRET-k"}}});
        assert_eq!(office.ask("POST", CREDENTIAL, Some(&body)).0, 201);
    };
    store("A");
    store("B");
    let stored = |name: &str| {
        let query = format!("{CREDENTIAL}?externalCredential=Keys&principalType=NamedPrincipal&principalName={name}");
        office.ask("GET", &query, None).1["credentials"].clone()
    };
    // They swap their numbers, and one goes.
    let swapped = json!([principal("A", "NamedPrincipal", 2), principal("B", "NamedPrincipal", 1)]);
    let (status, answer) = office.ask("PUT", &format!("{PATH}/Keys"), Some(&body(swapped)));
    assert_eq!((status, answer["principals"][0]["principalName"].as_str()), (200, Some("B")), "{answer}");
    assert_eq!(answer["principals"][1]["principalAccess"][0]["developerName"], "Callers");
    assert_eq!(stored("A"), json!({"Key": {"encrypted": true, "revision": 1}}));
    let one = json!([principal("A", "NamedPrincipal", 1)]);
    assert_eq!(office.ask("PUT", &format!("{PATH}/Keys"), Some(&body(one))).0, 200);
    assert_eq!(office.ask("PUT", &format!("{PATH}/Keys"), Some(&body(both))).0, 200);
    assert_eq!((stored("A"), stored("B")), (json!({"Key": {"encrypted": true, "revision": 1}}), json!({})));
}

#[test]
fn what_is_wrong_is_said_at_its_place() {
    let office = Office::open();
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut body = good_bearer("Bear");
        change(&mut body);
        let answer = office.send(Some(&office.admin), "POST", &format!("/api/v1{PATH}"), Some(&body), &[]);
        assert_eq!(answer.status, 400, "{}", answer.text());
        let errors = answer.json()["errors"].clone();
        (
            errors[0]["pointer"].as_str().unwrap().to_owned(),
            errors[0]["code"].as_str().unwrap().to_owned(),
            errors[0]["detail"].as_str().unwrap().to_owned(),
        )
    };
    let at = |change: &dyn Fn(&mut Value)| {
        let (pointer, code, _) = refused(change);
        (pointer, code)
    };
    let expect = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
    // In the words that clients know.
    let (pointer, _, text) = refused(&|body| drop(body.as_object_mut().unwrap().remove("authenticationProtocolVariant")));
    let known = "The authentication protocol 'Oauth' doesn't support the following external credential parameter type(s): AuthProviderUrl, JwtBodyClaim, SigningCertificate.";
    assert_eq!((pointer.as_str(), text.as_str()), ("/parameters/0", known));
    assert_eq!(
        at(&|body| body["parameters"][5]["parameterValue"] = json!("www.identityprovider.com")),
        expect("/parameters/5/parameterValue", "url_format")
    );
    assert_eq!(at(&|body| body["parameters"][2]["parameterValue"] = json!("{!$User.Nonsense}")).0, "/parameters/2/parameterValue");
    assert_eq!(at(&|body| body["parameters"][4]["parameterValue"] = json!("12")), expect("/parameters/4/parameterValue", "claim_value"));
    assert_eq!(at(&|body| body["parameters"][0]["parameterType"] = json!("Nonsense")), expect("/parameters/0/parameterType", "word"));
    assert_eq!(at(&|body| body["parameters"][0]["parameterType"] = json!("ManagedByFeature")).1, "parameter_type_unsupported");
    assert_eq!(
        at(&|body| body["parameters"][0] = parameter("AuthParameter", "AwsRegion", "x")),
        expect("/parameters/0/parameterName", "parameter_unknown")
    );
    assert_eq!(at(&|body| body["parameters"][0] = parameter("AdditionalRefreshStatusCode", "x", "500")).0, "/parameters/0/parameterValue");
    assert_eq!(
        at(&|body| body["principals"][1]["sequenceNumber"] = json!(1)),
        expect("/principals/1/sequenceNumber", "duplicate_sequence_number")
    );
    assert_eq!(
        at(&|body| body["principals"][1]["principalName"] = json!("SHARED")),
        expect("/principals/1/principalName", "duplicate_name")
    );
    assert_eq!(at(&|body| body["principals"][1]["principalType"] = json!("PerUser")), expect("/principals/1/principalType", "word"));
    assert_eq!(
        at(&|body| body["principals"][1]["principalType"] = json!("AwsStsPrincipal")),
        expect("/principals/1/principalType", "principal_type")
    );
    assert_eq!(at(&|body| body["customHeaders"][0]["headerName"] = json!("Host")), expect("/customHeaders/0", "header_name_reserved"));
    assert_eq!(at(&|body| body["description"] = json!("x")), expect("/description", "unknown_member"));
    assert_eq!(at(&|body| body["developerName"] = json!("a__b")).0, "/developerName");
    assert_eq!(office.ask("GET", PATH, None).1["externalCredentials"], json!([]), "nothing was stored");
}

#[test]
fn what_never_changes_is_not_changed_by_put() {
    let office = Office::open();
    assert_eq!(office.ask("POST", PATH, Some(&good_bearer("Bear"))).0, 201);
    let put = |change: &dyn Fn(&mut Value)| {
        let mut body = good_bearer("Bear");
        change(&mut body);
        let (status, answer) = office.ask("PUT", &format!("{PATH}/Bear"), Some(&body));
        (status, answer[0]["fields"][0].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(put(&|body| body["developerName"] = json!("Other")), (400, "/developerName".to_owned()));
    assert_eq!(
        put(&|body| body["principals"][1]["principalType"] = json!("NamedPrincipal")),
        (400, "/principals/1/principalType".to_owned())
    );
    assert_eq!(
        put(&|body| *body = json!({"masterLabel": "x", "authenticationProtocol": "Basic"})),
        (400, "/authenticationProtocol".to_owned())
    );
    assert_eq!(put(&|body| drop(body.as_object_mut().unwrap().remove("developerName"))), (200, String::new()));
    assert_eq!(office.ask("PUT", &format!("{PATH}/Nope"), Some(&good_bearer("Nope"))).0, 404);
    assert_eq!(office.ask("DELETE", &format!("{PATH}/Nope"), None).0, 404);
    office.apply("named_credentials: [{name: Api, url: 'https://api.test', external_credential: Bear}]");
    assert_eq!(office.ask("GET", &format!("{PATH}/Bear"), None).1["relatedNamedCredentials"][0]["developerName"], "Api");
    assert_eq!(office.ask("DELETE", &format!("{PATH}/Bear"), None).0, 409);
    assert_eq!(office.ask("DELETE", "/named-credentials/named-credential-setup/Api", None).0, 204);
    assert_eq!(office.ask("DELETE", &format!("{PATH}/Bear"), None), (204, Value::Null));
    assert_eq!(office.ask("GET", &format!("{PATH}/Bear"), None).0, 404);
}

#[test]
fn api_18_of_two_who_have_seen_the_same_one_is_first() {
    let office = Office::open();
    let path = format!("/api/v1{PATH}");
    let made = office.send(Some(&office.admin), "POST", &path, Some(&good_bearer("Bear")), &[]);
    let etag = made.header("etag").unwrap().to_owned();
    let put = |label: &str, etag: &str| {
        let mut body = good_bearer("Bear");
        body["masterLabel"] = json!(label);
        office.send(Some(&office.admin), "PUT", &format!("{path}/Bear"), Some(&body), &[("If-Match", etag)])
    };
    let first = put("First", &etag);
    assert_eq!(first.status, 200);
    let second = put("Second", &etag);
    assert_eq!((second.status, &second.json()["code"]), (412, &json!("precondition_failed")));
    assert_eq!(put("Third", &format!("\"x\", {}", first.header("etag").unwrap())).status, 200);
    assert_eq!(put("Fourth", "*").status, 200);
    let removed = office.send(Some(&office.admin), "DELETE", &format!("{path}/Bear"), None, &[("If-Match", &etag)]);
    assert_eq!(removed.status, 412);
    // A status that changes by itself is no other version.
    let read = || office.send(Some(&office.admin), "GET", &format!("{path}/Bear"), None, &[]).header("etag").unwrap().to_owned();
    let before = read();
    office.apply("named_credentials: [{name: Api, url: 'https://api.test', external_credential: Bear}]");
    assert_eq!(read(), before);
}

#[test]
fn without_view_setup_one_sees_what_one_may_use_and_less_of_it() {
    let office = Office::open();
    office.apply(
        "
external_credentials:
- name: Pay
  protocol: basic
  headers: [{name: X-A, value: b}]
  principals:
  - {name: Mine, sequence_number: 1, enabled_for: {permission_sets: [Callers]}}
  - {name: Other, sequence_number: 2}
- {name: Hidden, protocol: basic, principals: [{name: Main, sequence_number: 1}]}
",
    );
    let alice = office.key("alice");
    let (_, listed) = office.ask_as(&alice, "GET", &format!("/api/v1{PATH}"), None);
    let seen = &listed["externalCredentials"];
    assert_eq!(seen.as_array().unwrap().len(), 1);
    assert_eq!((&seen[0]["developerName"], &seen[0]["customHeaders"], &seen[0]["parameters"]), (&json!("Pay"), &json!([]), &json!([])));
    assert_eq!(seen[0]["principals"].as_array().unwrap().len(), 1);
    assert_eq!((&seen[0]["principals"][0]["principalName"], &seen[0]["principals"][0]["principalAccess"]), (&json!("Mine"), &json!([])));
    let get = |name: &str| office.ask_as(&alice, "GET", &format!("/services/data/v60.0{PATH}/{name}"), None);
    let (hidden, unknown) = (get("Hidden"), get("Nope"));
    assert_eq!((hidden.0, hidden.1.to_string().replace("Hidden", "Nope")), (404, unknown.1.to_string()));
    let viewer = office.key("viewer");
    let (_, all) = office.ask_as(&viewer, "GET", &format!("/api/v1{PATH}"), None);
    assert_eq!(all["externalCredentials"].as_array().unwrap().len(), 2);
    assert_eq!(office.ask_as(&viewer, "DELETE", &format!("/api/v1{PATH}/Hidden"), None).0, 403);
}
