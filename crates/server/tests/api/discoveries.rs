//! An issuer is asked by the server: what it publishes is told, and of everything else no more than that it is not there.

use serde_json::{Value, json};
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::office::Office;

fn discover(office: &Office, body: &Value) -> (u16, Value) {
    let (status, mut answer) = office.ask_as(&office.admin, "POST", "/api/v1/provider-discoveries", Some(body));
    answer.as_object_mut().unwrap().remove("request_id");
    (status, answer)
}

/// Publishes this at the address of OpenID, with its own URL in the place of `SELF`.
fn publishing(text: &'static str) -> RecordingUpstream {
    RecordingUpstream::start(move |received| {
        if received.target() != "/.well-known/openid-configuration" {
            return Reply::new(404).body("SECRET-page");
        }
        let host = format!("http://{}", received.header("host").unwrap());
        Reply::new(200).header("Content-Type", "application/json").body(text.replace("SELF", &host))
    })
}

const METADATA: &str = r#"{"issuer": "SELF", "token_endpoint": "SELF/token", "authorization_endpoint": "SELF/authorize",
    "response_types_supported": ["code"], "code_challenge_methods_supported": ["S256"]}"#;

#[test]
fn an_issuer_says_where_its_endpoints_are_and_nothing_is_stored() {
    let (office, issuer) = (Office::open(), publishing(METADATA));
    let (status, found) = discover(&office, &json!({"issuer": issuer.url(), "name": "Idp", "flow": "client_credentials"}));
    assert_eq!((status, &found["token_endpoint"]), (200, &json!(format!("{}/token", issuer.url()))), "{found}");
    assert_eq!((&found["pkce"], &found["user_info_endpoint"]), (&json!(true), &Value::Null));
    let definition = found["definition"].as_str().unwrap();
    assert!(definition.contains("- name: Idp\n") && definition.contains("flow: client_credentials"), "{definition}");
    assert_eq!(office.ask_as(&office.admin, "GET", "/api/v1/providers", None).1["providers"], json!([]));
    // What it suggests can be applied as it stands.
    let (status, done) = office.ask_as(&office.admin, "POST", "/api/v1/definitions/apply", Some(&json!({"definition": definition})));
    assert_eq!((status, &done["changes"][0]["name"]), (200, &json!("Idp")), "{done}");
}

#[test]
fn ssrf_what_is_behind_an_address_is_not_told() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let (office, page, text) = (Office::open(), RecordingUpstream::start(|_| Reply::new(404).body("SECRET-page")), publishing("no JSON"));
    let redirect = RecordingUpstream::start(|_| Reply::new(302).header("Location", "http://169.254.169.254/"));
    let mut issuers = vec![page.url(), text.url(), redirect.url()];
    issuers.extend([
        format!("http://127.0.0.1:{closed}"),
        // Not within what the policy of this office allows.
        "http://[::1]:1".to_owned(),
        "https://169.254.169.254".to_owned(),
        "https://10.0.0.1".to_owned(),
        "https://there-is-no-such-host.invalid".to_owned(),
    ]);
    for issuer in &issuers {
        let (status, answer) = discover(&office, &json!({"issuer": issuer}));
        assert_eq!((status, &answer["code"]), (502, &json!("metadata_not_found")), "{issuer}: {answer}");
        assert_eq!(answer["detail"], format!("this server finds no metadata of the issuer `{issuer}`"));
        // Nor by the other way to have an issuer asked.
        let definition = format!("external_auth_identity_providers: [{{name: Idp, flow: client_credentials, issuer: '{issuer}'}}]");
        let (status, answer) = office.ask_as(&office.admin, "POST", "/api/v1/definitions/apply", Some(&json!({"definition": definition})));
        let detail = answer["errors"][0]["detail"].as_str().unwrap();
        assert_eq!((status, &answer["errors"][0]["code"]), (400, &json!("metadata_not_found")), "{answer}");
        assert!(
            detail.contains("this server finds no metadata") && !detail.contains("status") && !detail.contains("well-known"),
            "{detail}"
        );
    }
}

#[test]
fn what_is_published_and_cannot_be_used_is_told() {
    let office = Office::open();
    let other = publishing(r#"{"issuer": "https://other.test", "token_endpoint": "SELF/token"}"#);
    assert_eq!(discover(&office, &json!({"issuer": other.url()})).1["code"], "metadata_issuer");
    let incomplete = publishing(r#"{"issuer": "SELF"}"#);
    assert_eq!(discover(&office, &json!({"issuer": incomplete.url()})).1["code"], "metadata_unusable");
    let (status, answer) = discover(&office, &json!({"issuer": "ftp://x", "name": "a b", "flow": "none"}));
    assert_eq!((status, answer["errors"].as_array().unwrap().len()), (400, 3), "{answer}");
}
