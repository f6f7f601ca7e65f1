//! `named-credentials/credential`: what is stored for principals, and where people go to log in.

use serde_json::{Value, json};

use crate::office::{Office, error_code};

const PATH: &str = "/named-credentials/credential";

const DEFINITIONS: &str = "
external_credentials:
- name: Pay
  protocol: basic
  principals:
  - {name: Shared, sequence_number: 1, enabled_for: {permission_sets: [Callers]}}
  - {name: Own, sequence_number: 2, identity_type: per_user, enabled_for: {permission_sets: [Callers]}}
- name: Keys
  protocol: custom
  principals: [{name: Main, sequence_number: 1, enabled_for: {permission_sets: [Callers]}}]
- name: Cloud
  protocol: aws_sts
  settings: {region: eu-central-1, service: s3}
  principals: [{name: Role, sequence_number: 1}, {name: AwsStsPrincipal, sequence_number: 2}]
- name: Client
  protocol: oauth_client_credentials
  settings: {token_endpoint: 'https://id.test/token', client_authentication: body}
  principals: [{name: Main, sequence_number: 1}]
external_auth_identity_providers:
- {name: Idp, flow: authorization_code, authorize_endpoint: 'https://id.test/a', token_endpoint: 'https://id.test/t'}
";

const LOGIN: &str = "
external_credentials:
- name: Cal
  protocol: oauth_browser
  settings: {external_auth_identity_provider: Idp}
  principals:
  - {name: Shared, sequence_number: 1}
  - {name: My own, sequence_number: 2, identity_type: per_user, enabled_for: {permission_sets: [Callers]}}
";

fn office() -> Office {
    let office = Office::open();
    office.apply(DEFINITIONS);
    office.apply(LOGIN);
    office
}

fn body(credential: &str, principal: &str, principal_type: &str, values: &[(&str, &str)]) -> Value {
    let credentials: serde_json::Map<String, Value> =
        values.iter().map(|(name, value)| ((*name).to_owned(), json!({"value": value}))).collect();
    json!({"externalCredential": credential, "principalName": principal, "principalType": principal_type, "credentials": credentials})
}

fn query(credential: &str, principal: &str, principal_type: &str) -> String {
    format!("{PATH}?externalCredential={credential}&principalName={principal}&principalType={principal_type}")
}

#[test]
fn what_is_stored_is_shown_without_what_is_secret() {
    let office = office();
    let stored = body("Pay", "Shared", "NamedPrincipal", &[("username", "robot"), ("password", "SECRET-1")]);
    let (status, created) = office.ask("POST", PATH, Some(&stored));
    let expected = json!({
        "authenticationProtocol": "Basic",
        "authenticationStatus": "Configured",
        "credentials": {
            "password": {"encrypted": true, "revision": 1},
            "username": {"encrypted": false, "revision": 1, "value": "robot"},
        },
        "externalCredential": "Pay",
        "principalName": "Shared",
        "principalType": "NamedPrincipal",
    });
    assert_eq!((status, &created), (201, &expected));
    assert_eq!(office.ask("GET", &query("pay", "shared", "NamedPrincipal"), None), (200, expected));
    let (status, again) = office.ask("POST", PATH, Some(&stored));
    assert_eq!((status, error_code(&again)), (409, "CONFLICT"));
    assert_eq!(again[0]["message"], "Authentication credentials already exist. Use the PUT method to overwrite them.");
    assert!(office.audit().contains("secret Pay/Shared"));
}

#[test]
fn a_body_that_is_an_answer_keeps_what_it_only_mentions() {
    let office = office();
    let stored = body("Pay", "Shared", "NamedPrincipal", &[("username", "robot"), ("password", "SECRET-1")]);
    office.ask("POST", PATH, Some(&stored));
    // GET, then PUT of the same: as deployment tools do.
    let (_, mut echo) = office.ask("GET", &query("Pay", "Shared", "NamedPrincipal"), None);
    echo["credentials"]["username"]["value"] = json!("other");
    let (status, replaced) = office.ask("PUT", PATH, Some(&echo));
    assert_eq!((status, &replaced["credentials"]["username"]["value"]), (200, &json!("other")), "{replaced}");
    assert_eq!(replaced["credentials"]["password"], json!({"encrypted": true, "revision": 1}));
    // Half of it is not enough, and all of it can go.
    let (status, refused) = office.ask("PUT", PATH, Some(&body("Pay", "Shared", "NamedPrincipal", &[("password", "SECRET-2")])));
    assert_eq!((status, error_code(&refused), &refused[0]["fields"]), (400, "INVALID_API_INPUT", &json!(["/credentials/username"])));
    let (status, emptied) = office.ask("PUT", PATH, Some(&body("Pay", "Shared", "NamedPrincipal", &[])));
    assert_eq!((status, &emptied["credentials"], &emptied["authenticationStatus"]), (200, &json!({}), &json!("NotConfigured")));
    // Nothing stays that is not there.
    echo["credentials"] = json!({"username": {"value": "robot"}, "password": {"encrypted": true}});
    assert_eq!(office.ask("PUT", PATH, Some(&echo)).0, 400);
}

#[test]
fn custom_credentials_are_changed_one_by_one() {
    let office = office();
    let names = |answer: &Value| answer["credentials"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let put = |method, values: &[(&str, &str)]| office.ask(method, PATH, Some(&body("Keys", "Main", "NamedPrincipal", values))).1;
    assert_eq!(names(&put("POST", &[("A", "SECRET-a"), ("B", "SECRET-b")])), ["A", "B"]);
    let amended = put("PATCH", &[("B", "SECRET-b2"), ("C", "SECRET-c")]);
    assert_eq!(
        (names(&amended), &amended["credentials"]["B"]),
        (vec!["A".into(), "B".into(), "C".into()], &json!({"encrypted": true, "revision": 2}))
    );
    assert_eq!(names(&put("PUT", &[("C", "SECRET-c")])), ["C"]);
    put("PATCH", &[("D", "SECRET-d"), ("E", "SECRET-e")]);
    let removed = office.ask("DELETE", &format!("{}&authenticationParameters=C,%20D", query("Keys", "Main", "NamedPrincipal")), None);
    assert_eq!(removed, (204, Value::Null));
    let (_, left) = office.ask("GET", &query("Keys", "Main", "NamedPrincipal"), None);
    assert_eq!((names(&left), &left["authenticationStatus"]), (vec!["E".into()], &json!("Unknown")));
    assert_eq!(office.ask("DELETE", &query("Keys", "Main", "NamedPrincipal"), None).0, 204);
    assert!(names(&office.ask("GET", &query("Keys", "Main", "NamedPrincipal"), None).1).is_empty());
    // Only there.
    let (status, refused) = office.ask("PATCH", PATH, Some(&body("Pay", "Shared", "NamedPrincipal", &[("username", "x")])));
    assert_eq!(status, 400, "{refused}");
    assert_eq!(
        office.ask("DELETE", &format!("{}&authenticationParameters=username", query("Pay", "Shared", "NamedPrincipal")), None).0,
        400
    );
}

#[test]
fn a_role_is_the_principals_and_the_key_is_the_lenders() {
    let office = office();
    let arn = "arn:aws:iam::123456789012:role/Reader";
    let (status, role) = office.ask("POST", PATH, Some(&body("Cloud", "Role", "NamedPrincipal", &[("awsRoleArn", arn)])));
    assert_eq!((status, &role["credentials"]), (201, &json!({"awsRoleArn": {"encrypted": false, "value": arn}})), "{role}");
    assert_eq!(role["authenticationProtocolVariant"], "AwsSv4_STS");
    let lender =
        body("Cloud", "AwsStsPrincipal", "AwsStsPrincipal", &[("awsAccessKeyId", "AKIDEXAMPLE"), ("awsSecretAccessKey", "SECRET-k")]);
    let (status, lender) = office.ask("POST", PATH, Some(&lender));
    assert_eq!((status, &lender["principalType"]), (201, &json!("AwsStsPrincipal")), "{lender}");
    assert_eq!(office.ask("POST", PATH, Some(&body("Cloud", "Role", "NamedPrincipal", &[("awsRoleArn", "arn:other")]))).0, 409);
    let (_, gone) = office.ask("PUT", PATH, Some(&body("Cloud", "Role", "NamedPrincipal", &[])));
    assert_eq!(gone["credentials"], json!({}));
}

#[test]
fn protocol_and_variant_may_be_left_out_and_must_be_right() {
    let office = office();
    let with = |protocol: Option<&str>, variant: Option<&str>| {
        let mut body = body("Client", "Main", "NamedPrincipal", &[("clientId", "id"), ("clientSecret", "SECRET-s")]);
        protocol.iter().for_each(|protocol| body["authenticationProtocol"] = json!(protocol));
        variant.iter().for_each(|variant| body["authenticationProtocolVariant"] = json!(variant));
        office.ask("PUT", PATH, Some(&body))
    };
    for protocol in [None, Some("OAuth"), Some("Oauth")] {
        let (status, answer) = with(protocol, Some("ClientCredentialsClientSecret"));
        assert_eq!((status, &answer["authenticationProtocol"]), (200, &json!("OAuth")), "{answer}");
    }
    for (protocol, variant, code) in [
        (Some("Basic"), None, "INVALID_API_INPUT"),
        (None, Some("JwtBearer"), "INVALID_API_INPUT"),
        (Some("oauth"), None, "POST_BODY_PARSE_ERROR"),
        (None, Some("Nonsense"), "POST_BODY_PARSE_ERROR"),
    ] {
        let (status, answer) = with(protocol, variant);
        assert_eq!((status, error_code(&answer)), (400, code), "{protocol:?} {variant:?}");
    }
    let (status, answer) = office.ask("PUT", PATH, Some(&body("Client", "Main", "NamedPrincipal", &[("password", "SECRET-x")])));
    assert_eq!((status, answer[0]["fields"][0].as_str()), (400, Some("/credentials/password")), "{answer}");
    // The version before variants.
    let (_, old) = office.ask_as(&office.admin, "GET", &format!("/services/data/v56.0{}", query("Client", "Main", "NamedPrincipal")), None);
    assert!(old.get("authenticationProtocolVariant").is_none() && old.get("authenticationProtocol").is_some());
}

#[test]
fn api_13_everybody_stores_their_own_and_sees_no_other() {
    let office = office();
    let (alice, nobody) = (office.key("alice"), office.key("nobody"));
    let own = body("Pay", "Own", "PerUserPrincipal", &[("username", "alice"), ("password", "SECRET-a")]);
    let path = format!("/api/v1{PATH}");
    let (status, stored) = office.ask_as(&alice, "POST", &path, Some(&own));
    assert_eq!((status, &stored["authenticationStatus"]), (201, &json!("Configured")), "{stored}");
    let get = |key, name| office.ask_as(key, "GET", &format!("/api/v1{}", query("Pay", name, "PerUserPrincipal")), None);
    assert_eq!(get(&alice, "Own").1["credentials"]["username"]["value"], "alice");
    // Neither who has no access nor who has all permissions.
    let unlike = |answer: (u16, Value)| (answer.0, answer.1["code"].clone(), answer.1["detail"].clone());
    let unknown = unlike(get(&nobody, "Nope"));
    assert_eq!(unknown.0, 404);
    assert_eq!(unlike(get(&nobody, "Own")), unknown);
    assert_eq!(unlike(get(&office.admin, "Own")), unknown);
    for (method, key) in [("POST", &nobody), ("PUT", &office.admin)] {
        assert_eq!(office.ask_as(key, method, &path, Some(&own)).0, 404, "{method}");
    }
    // What is everybody's is not alice's to see or to change.
    assert_eq!(office.ask_as(&alice, "GET", &format!("/api/v1{}", query("Pay", "Shared", "NamedPrincipal")), None).0, 403);
    let viewer = office.key("viewer");
    assert_eq!(office.ask_as(&viewer, "GET", &format!("/api/v1{}", query("Pay", "Shared", "NamedPrincipal")), None).0, 200);
    let shared = body("Pay", "Shared", "NamedPrincipal", &[("username", "x"), ("password", "SECRET-y")]);
    assert_eq!(office.ask_as(&viewer, "POST", &path, Some(&shared)).0, 403);
    assert_eq!(office.ask_as(&alice, "DELETE", &format!("/api/v1{}", query("Pay", "Own", "PerUserPrincipal")), None).0, 204);
    assert_eq!(get(&alice, "Own").1["credentials"], json!({}));
}

#[test]
fn a_login_begins_on_a_page_of_ours() {
    let office = office();
    let alice = office.key("alice");
    let path = format!("/services/data/v56.0{PATH}/auth-url/o-auth");
    let ask = |key, credential: &str, principal: &str, principal_type: &str| {
        let body = json!({"externalCredential": credential, "principalName": principal, "principalType": principal_type,
            "returnUrl": "lightning/setup/SetupOneHome/home"});
        office.ask_as(key, "POST", &path, Some(&body))
    };
    let (status, answer) = ask(&alice, "Cal", "My own", "PerUserPrincipal");
    let expected = json!({
        "authenticationUrl": office.url("/external-credentials/Cal/My%20own/authenticate"),
        "externalCredential": "Cal", "principalName": "My own", "principalType": "PerUserPrincipal",
    });
    assert_eq!((status, answer), (200, expected));
    assert_eq!(ask(&office.admin, "Cal", "Shared", "NamedPrincipal").0, 200);
    assert_eq!(ask(&alice, "Cal", "Shared", "NamedPrincipal").0, 403);
    assert_eq!(ask(&office.admin, "Cal", "My own", "PerUserPrincipal").0, 404);
    let (status, answer) = ask(&office.admin, "Pay", "Shared", "NamedPrincipal");
    assert_eq!((status, error_code(&answer)), (400, "INVALID_API_INPUT"));
    // The page asks who it is first.
    let page = office.send(None, "GET", "/external-credentials/Cal/My%20own/authenticate", None, &[]);
    assert_eq!((page.status, page.header("location")), (303, Some("/sign-in?return_to=/external-credentials/Cal/My%2520own/authenticate")));
}

#[test]
fn only_what_is_fetched_can_be_refreshed() {
    let office = office();
    let refresh = |credential| {
        let body = body(credential, "Main", "NamedPrincipal", &[]);
        let (status, answer) = office.ask_as(&office.admin, "POST", &format!("/api/v1{PATH}?action=Refresh"), Some(&body));
        (status, answer["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(refresh("Client"), (409, "credential_not_used".to_owned()));
    office.apply("named_credentials: [{name: Client, url: 'https://api.test', external_credential: Client}, {name: Keys, url: 'https://api.test', external_credential: Keys}]");
    assert_eq!(refresh("Keys"), (400, "not_renewable".to_owned()));
    assert_eq!(refresh("Client"), (424, "credential_not_configured".to_owned()));
    assert_eq!(office.ask("POST", &format!("{PATH}?action=Nonsense"), Some(&body("Client", "Main", "NamedPrincipal", &[]))).0, 400);
}
