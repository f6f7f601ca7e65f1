//! `named-credentials/named-credential-setup`.

use serde_json::{Value, json};

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
    assert_eq!(
        refused(&|body| body["parameters"] = json!([{"parameterName": "x", "parameterType": "ClientCertificate", "parameterValue": "y"}])),
        "/parameters/0/parameterType"
    );
    assert_eq!(refused(&|body| body["customHeaders"][0]["headerValue"] = json!("{!$User.Nonsense}")), "/customHeaders");
    assert_eq!(refused(&|body| drop(body.as_object_mut().unwrap().remove("calloutOptions"))), "/calloutOptions");
}
