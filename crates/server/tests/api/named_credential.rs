//! `named-credentials/named-credential-setup`.

use serde_json::{Value, json};
use sortie_model::{ApiName, KeyAlgorithm};
use sortie_server::manage::certificate::{self, NewCertificate, Subject};

use crate::office::{Office, error_code};

const PATH: &str = "/named-credentials/named-credential-setup";

fn office() -> Office {
    let office = Office::open();
    office.apply("external_credentials: [{name: Pay, protocol: basic}, {name: Other, protocol: basic}]");
    office
}

fn body(name: &str, url: &str) -> Value {
    json!({
        "developerName": name,
        "masterLabel": "Billing",
        "type": "SecuredEndpoint",
        "calloutUrl": url,
        "externalCredentials": [{"developerName": "Pay"}],
        "calloutOptions": {"allowMergeFieldsInBody": false, "allowMergeFieldsInHeader": true, "generateAuthorizationHeader": true},
        "customHeaders": [{"headerName": "X-A", "headerValue": "1", "sequenceNumber": 2}, {"headerName": "X-B", "headerValue": "2", "sequenceNumber": 1}],
    })
}

#[test]
fn a_named_credential_is_made_shown_replaced_and_removed() {
    let office = office();
    let (status, made) = office.ask("POST", PATH, Some(&body("Billing", "https://api.test/v1")));
    assert_eq!(status, 201, "{made}");
    assert_eq!(
        (&made["calloutUrl"], &made["calloutStatus"], &made["type"]),
        (&json!("https://api.test/v1"), &json!("Enabled"), &json!("SecuredEndpoint"))
    );
    assert_eq!(made["calloutOptions"], body("", "")["calloutOptions"]);
    assert_eq!(made["externalCredentials"][0]["developerName"], "Pay");
    assert_eq!((&made["customHeaders"][0]["headerName"], &made["parameters"]), (&json!("x-b"), &json!([])));
    assert_eq!(office.ask("GET", PATH, None).1["namedCredentials"], json!([made]));
    // Sending back what was shown changes nothing.
    let stored = || office.runtime.block_on(office.house.store().definitions()).unwrap();
    let before = stored();
    assert_eq!(office.ask("PUT", &format!("{PATH}/Billing"), Some(&made)), (200, made));
    assert_eq!(stored(), before);
    let mut other = body("Billing", "https://api.test/v2");
    other["externalCredentials"][0]["developerName"] = json!("Other");
    other.as_object_mut().unwrap().remove("customHeaders");
    let (status, replaced) = office.ask("PUT", &format!("{PATH}/billing"), Some(&other));
    assert_eq!(
        (status, &replaced["customHeaders"], &replaced["externalCredentials"][0]["developerName"]),
        (200, &json!([]), &json!("Other"))
    );
    assert_eq!(office.ask("DELETE", &format!("{PATH}/Billing"), None).0, 204);
    assert_eq!(office.ask("GET", &format!("{PATH}/Billing"), None).0, 404);
}

#[test]
fn a_client_certificate_is_a_parameter() {
    let office = office();
    office.manage(async |manage| {
        let named = NewCertificate::named(ApiName::parse("Bank").unwrap());
        certificate::create(manage, named, KeyAlgorithm::P256, &Subject::named("Bank"), None).await.unwrap()
    });
    let mut wanted = body("Billing", "https://api.test/v1");
    wanted["parameters"] =
        json!([{"parameterName": "AnyName", "parameterType": "ClientCertificate", "parameterValue": "bank", "parameterDescription": "x"}]);
    let (status, made) = office.ask("POST", PATH, Some(&wanted));
    assert_eq!(status, 201, "{made}");
    let shown = &made["parameters"][0];
    assert_eq!(
        (&shown["parameterName"], &shown["parameterType"], &shown["parameterValue"]),
        (&json!("ClientCertificate"), &json!("ClientCertificate"), &json!("Bank"))
    );
    assert!(shown["id"].as_str().unwrap().starts_with("0pw"), "{shown}");
    assert_eq!(office.ask("GET", PATH, None).1["namedCredentials"], json!([made]));
    // Every version that has the resource has the parameter; sending back what was shown changes nothing.
    let stored = || office.runtime.block_on(office.house.store().definitions()).unwrap().named_credentials;
    let before = stored();
    for version in [58, 67] {
        let path = format!("/services/data/v{version}.0{PATH}/Billing");
        let (_, shown) = office.ask_as(&office.admin, "GET", &path, None);
        assert_eq!(office.ask_as(&office.admin, "PUT", &path, Some(&shown)).0, 200);
        assert_eq!(stored(), before, "{version}");
    }
    let used = office.ask_as(&office.admin, "DELETE", "/api/v1/certificates/Bank", None);
    assert_eq!((used.0, &used.1["code"]), (409, &json!("in_use")), "{}", used.1);
    // A PUT replaces: what is not sent again is gone.
    wanted.as_object_mut().unwrap().remove("parameters");
    let (status, replaced) = office.ask("PUT", &format!("{PATH}/Billing"), Some(&wanted));
    assert_eq!((status, &replaced["parameters"]), (200, &json!([])));
    assert_eq!(office.ask_as(&office.admin, "DELETE", "/api/v1/certificates/Bank", None).0, 204);
}

#[test]
fn what_has_no_word_there_stays() {
    let office = office();
    office.apply(
        "named_credentials: [{name: Billing, description: About, url: 'https://api.test', external_credential: Pay, enabled: false,
            allow_formulas_in_body: literal, forwarded_headers: [x-ms-version], timeouts: {answer_ms: 5000}}]",
    );
    let stored = || office.runtime.block_on(office.house.store().definitions()).unwrap().named_credentials;
    let before = stored();
    // 58 has no description.
    for version in [58, 67] {
        let path = format!("/services/data/v{version}.0{PATH}/Billing");
        let (_, shown) = office.ask_as(&office.admin, "GET", &path, None);
        assert_eq!(shown.get("description").is_some(), version >= 64);
        assert_eq!(shown.get("calloutStatus").is_some(), version >= 59);
        assert_eq!(office.ask_as(&office.admin, "PUT", &path, Some(&shown)).0, 200);
        assert_eq!(stored(), before, "{version}");
    }
    let mut with = body("Billing", "https://api.test");
    with["description"] = json!("New");
    let refused = office.ask_as(&office.admin, "PUT", &format!("/services/data/v63.0{PATH}/Billing"), Some(&with));
    assert_eq!((refused.0, error_code(&refused.1), &refused.1[0]["fields"]), (400, "POST_BODY_PARSE_ERROR", &json!(["/description"])));
}

#[test]
fn what_cannot_be_is_said() {
    let office = office();
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut body = body("Billing", "https://api.test");
        change(&mut body);
        let (status, answer) = office.ask("POST", PATH, Some(&body));
        assert_eq!(status, 400, "{answer}");
        answer[0]["fields"][0].as_str().unwrap().to_owned()
    };
    assert_eq!(refused(&|body| body["type"] = json!("PrivateEndpoint")), "/type");
    assert_eq!(refused(&|body| body["calloutUrl"] = json!("ftp://x")), "/calloutUrl");
    assert_eq!(refused(&|body| body["externalCredentials"] = json!([])), "/externalCredentials");
    assert_eq!(refused(&|body| body["externalCredentials"][0]["developerName"] = json!("Nope")), "/externalCredentials/0/developerName");
    let parameter = |kind: &str, value: &str| json!({"parameterName": "x", "parameterType": kind, "parameterValue": value});
    for kind in ["AllowedManagedPackageNamespaces", "ConnectionStatus", "SfHttpRequestExtensionName", "Unheard_Of"] {
        assert_eq!(refused(&|body| body["parameters"] = json!([parameter(kind, "y")])), "/parameters/0/parameterType", "{kind}");
    }
    office.manage(async |manage| {
        let named = NewCertificate::named(ApiName::parse("Bank").unwrap());
        certificate::create(manage, named, KeyAlgorithm::P256, &Subject::named("Bank"), None).await.unwrap()
    });
    let certificate = |value: &str| parameter("ClientCertificate", value);
    for value in ["Nobody", "no name", ""] {
        assert_eq!(refused(&|body| body["parameters"] = json!([certificate(value)])), "/parameters/0/parameterValue", "{value}");
    }
    let twice = json!([certificate("Bank"), certificate("Bank")]);
    assert_eq!(refused(&|body| body["parameters"] = twice.clone()), "/parameters/1/parameterType");
    let plain = &|body: &mut Value| {
        body["calloutUrl"] = json!("http://api.test");
        body["parameters"] = json!([certificate("Bank")]);
    };
    assert_eq!(refused(plain), "/parameters/0/parameterValue");
    assert_eq!(refused(&|body| body["customHeaders"][0]["headerValue"] = json!("{!$User.Nonsense}")), "/customHeaders");
    assert_eq!(refused(&|body| drop(body.as_object_mut().unwrap().remove("calloutOptions"))), "/calloutOptions");
}
