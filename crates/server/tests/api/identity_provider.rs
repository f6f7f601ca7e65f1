//! `named-credentials/external-auth-identity-providers`, and the client's id and secret beside them.

use serde_json::{Value, json};

use crate::office::{Office, error_code};

const PATH: &str = "/named-credentials/external-auth-identity-providers";
const CREDENTIALS: &str = "/named-credentials/external-auth-identity-provider-credentials";

fn body() -> Value {
    json!({
        "label": "Idp", "fullName": "Idp", "description": "Where people log in",
        "authenticationProtocol": "OAuth", "authenticationFlow": "AuthorizationCode", "clientAuthentication": "ClientSecretPost",
        "authorizeUrl": "https://id.test/authorize", "tokenUrl": "https://id.test/token", "userInfoUrl": "https://id.test/me",
        "parameters": [
            {"parameterName": "PkceEnabled", "parameterType": "IdentityProviderOptions", "parameterValue": "true"},
            {"parameterName": "prompt", "parameterType": "AuthorizeRequestQueryParameter", "parameterValue": "consent", "sequenceNumber": 1},
            {"parameterName": "X-Tenant", "parameterType": "TokenRequestHttpHeader", "parameterValue": "t", "sequenceNumber": 2},
        ],
    })
}

fn pairs(pairs: &[(&str, &str)]) -> Value {
    json!({"credentials": pairs.iter().map(|(name, value)| json!({"credentialName": name, "credentialValue": value})).collect::<Vec<_>>()})
}

#[test]
fn a_provider_is_made_shown_replaced_and_removed() {
    let office = Office::open();
    let (status, made) = office.ask("POST", PATH, Some(&body()));
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["callbackUrl"], office.url("/services/externalauthcallback/Idp"));
    assert_eq!((&made["clientAuthentication"], &made["credentials"]), (&json!("ClientSecretPost"), &json!([])));
    assert_eq!(made["parameters"].as_array().unwrap().len(), 3);
    assert!(made["id"].as_str().unwrap().starts_with("0so"));
    assert_eq!(office.ask("GET", PATH, None).1["externalAuthIdentityProviders"], json!([made]));
    let stored = || office.runtime.block_on(office.house.store().definitions()).unwrap();
    let before = stored();
    assert_eq!(office.ask("PUT", &format!("{PATH}/Idp"), Some(&made)).0, 200);
    assert_eq!(stored(), before);
    // 62 knows no parameters: they stay.
    let (_, old) = office.ask_as(&office.admin, "GET", &format!("/services/data/v62.0{PATH}/Idp"), None);
    assert!(old.get("parameters").is_none() && old.get("clientAuthentication").is_none());
    assert_eq!(office.ask_as(&office.admin, "PUT", &format!("/services/data/v62.0{PATH}/Idp"), Some(&old)).0, 200);
    assert_eq!(stored(), before);
    assert_eq!(office.ask_as(&office.admin, "GET", &format!("/services/data/v61.0{PATH}"), None).0, 404);
    let (status, again) = office.ask("POST", PATH, Some(&body()));
    assert_eq!((status, error_code(&again)), (409, "DUPLICATE_VALUE"));
    office.apply("external_credentials: [{name: Cal, protocol: oauth_browser, settings: {external_auth_identity_provider: Idp}}]");
    assert_eq!(office.ask("DELETE", &format!("{PATH}/Idp"), None).0, 409);
    assert_eq!(office.ask("DELETE", "/named-credentials/external-credentials/Cal", None).0, 204);
    assert_eq!(office.ask("DELETE", &format!("{PATH}/Idp"), None).0, 204);
}

#[test]
fn the_secret_of_its_client_goes_in_and_never_comes_out() {
    let office = Office::open();
    assert_eq!(office.ask("POST", PATH, Some(&body())).0, 201);
    let path = format!("{CREDENTIALS}/Idp");
    assert_eq!(office.ask("GET", &path, None), (200, json!({"credentials": []})));
    let first = pairs(&[("clientId", "id"), ("clientSecret", "SECRET-1")]);
    let shown = json!({"credentials": [{"credentialName": "clientId", "credentialValue": "id", "encrypted": false}, {"credentialName": "clientSecret", "encrypted": true}]});
    assert_eq!(office.ask("POST", &path, Some(&first)), (201, shown.clone()));
    let (status, again) = office.ask("POST", &path, Some(&first));
    assert_eq!((status, error_code(&again)), (409, "CONFLICT"));
    let second = pairs(&[("clientId", "other"), ("clientSecret", "SECRET-2")]);
    assert_eq!(office.ask("PUT", &path, Some(&second)).1["credentials"][0]["credentialValue"], "other");
    assert_eq!(office.ask("GET", &format!("{PATH}/Idp"), None).1["credentials"][1], shown["credentials"][1]);
    for bad in [
        pairs(&[("clientId", "x")]),
        pairs(&[("clientId", "x"), ("clientSecret", "")]),
        pairs(&[("clientId", "x"), ("clientSecret", "SECRET-3"), ("other", "SECRET-4")]),
    ] {
        assert_eq!(office.ask("PUT", &path, Some(&bad)).0, 400, "{bad}");
    }
    assert_eq!(office.ask("PUT", &format!("{CREDENTIALS}/Nope"), Some(&second)).0, 404);
    let delete = office.send(Some(&office.admin), "DELETE", &format!("/services/data/v67.0{path}"), None, &[]);
    assert_eq!(delete.status, 405);
}

#[test]
fn what_cannot_be_is_said_at_its_place() {
    let office = Office::open();
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut body = body();
        change(&mut body);
        let (status, answer) = office.ask("POST", PATH, Some(&body));
        assert_eq!(status, 400, "{answer}");
        answer[0]["fields"][0].as_str().unwrap().to_owned()
    };
    assert_eq!(refused(&|body| drop(body.as_object_mut().unwrap().remove("authorizeUrl"))), "/authorizeUrl");
    assert_eq!(refused(&|body| body["tokenUrl"] = json!("x")), "/tokenUrl");
    assert_eq!(refused(&|body| body["authenticationFlow"] = json!("Implicit")), "/authenticationFlow");
    assert_eq!(refused(&|body| body["parameters"][1]["parameterName"] = json!("state")), "/parameters/1");
    assert_eq!(refused(&|body| body["parameters"][2]["parameterType"] = json!("ManagedByFeature")), "/parameters/2/parameterType");
    assert_eq!(refused(&|body| body["standardExternalIdentityProvider"] = json!("Google")), "/standardExternalIdentityProvider");
}
