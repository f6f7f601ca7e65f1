//! The same handlers at both mounts, each in the words of its clients.

use serde_json::json;

use crate::office::{Office, error_code};

const CREDENTIAL: &str = "/named-credentials/credential?externalCredential=Nope&principalType=NamedPrincipal&principalName=x";

#[test]
fn versions_are_listed_for_anybody() {
    let office = Office::open();
    for path in ["/services/data", "/services/data/"] {
        let answer = office.send(None, "GET", path, None, &[]);
        let versions = answer.json();
        assert_eq!(answer.status, 200);
        assert_eq!(versions[0], json!({"label": "Winter '23", "url": "/services/data/v56.0", "version": "56.0"}));
        assert_eq!(versions.as_array().unwrap().len(), 12);
    }
    assert_eq!(office.send(None, "GET", "/services/data/v67.0", None, &[]).status, 401);
    let (status, resources) = office.ask("GET", "/", None);
    assert_eq!((status, &resources["named-credentials"]), (200, &json!("/services/data/v67.0/named-credentials")));
}

#[test]
fn a_refusal_is_in_the_words_of_its_mount() {
    let office = Office::open();
    let own = office.send(Some(&office.admin), "GET", &format!("/api/v1{CREDENTIAL}"), None, &[]);
    assert_eq!((own.status, own.header("content-type")), (404, Some("application/problem+json")));
    assert_eq!(own.json()["code"], "principal_unknown");
    assert_eq!(own.json()["request_id"].as_str(), own.header("sortie-request-id"));
    let theirs = office.send(Some(&office.admin), "GET", &format!("/services/data/v58.0{CREDENTIAL}"), None, &[]);
    assert_eq!((theirs.status, theirs.header("content-type")), (404, Some("application/json;charset=UTF-8")));
    assert_eq!(error_code(&theirs.json()), "NOT_FOUND");
    assert!(theirs.json()[0]["message"].as_str().unwrap().contains("the external credential \"Nope\" might not exist"));
    let unknown = office.send(None, "GET", &format!("/services/data/v58.0{CREDENTIAL}"), None, &[]);
    assert_eq!(unknown.json(), json!([{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]));
    assert_eq!(unknown.header("www-authenticate"), Some("Bearer"));
}

#[test]
fn there_is_nothing_at_other_versions_and_paths() {
    let office = Office::open();
    for path in
        ["/services/data/v55.0/query", "/services/data/v99.0", "/services/data/v58", "/services/data/v58.0/x", "/api/v1/x", "/api/v1/"]
    {
        assert_eq!(office.send(Some(&office.admin), "GET", path, None, &[]).status, 404, "{path}");
    }
    // PATCH came with 59.
    let body = json!({"externalCredential": "A", "principalType": "NamedPrincipal", "principalName": "x", "credentials": {}});
    let patch = |version: u16| {
        let path = format!("/services/data/v{version}.0/named-credentials/credential");
        office.send(Some(&office.admin), "PATCH", &path, Some(&body), &[]).json()[0]["message"].as_str().unwrap().to_owned()
    };
    assert!(patch(58).contains("nothing at this path") && patch(59).contains("might not exist"));
    // One slash at the end is as good as none.
    let slash = "/named-credentials/credential/?externalCredential=Nope&principalType=NamedPrincipal&principalName=x";
    assert!(office.ask("GET", slash, None).1[0]["message"].as_str().unwrap().contains("might not exist"));
    let wrong = office.send(Some(&office.admin), "TRACE", "/api/v1/presign", None, &[]);
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("POST")));
}

#[test]
fn api_15_to_17_bodies_are_read_in_one_way_only() {
    let office = Office::open();
    let path = "/api/v1/named-credentials/credential";
    let send = |media_type: &str, body: &str| {
        let bearer = format!("Bearer {}", office.admin.expose());
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", media_type)];
        let answer = sortie_testkit::plain_http::send("POST", &office.url(path), &headers, body.as_bytes()).unwrap();
        assert!(!answer.text().contains("SECRET-"), "{}", answer.text());
        (answer.status, answer.json())
    };
    for media_type in ["text/plain", "application/xml", "application/json; charset=utf-7", "application/x-www-form-urlencoded", ""] {
        assert_eq!(send(media_type, "{}").0, 415, "{media_type}");
    }
    assert_eq!(send("application/json; charset=UTF-8", "{}").0, 400);
    for body in ["", "{", r#"{"a":1,"a":2}"#, "[]", "1e999999", r#"{"x": SECRET-y}"#, &"[".repeat(100_000)] {
        let (status, problem) = send("application/json", body);
        assert_eq!((status, &problem["code"]), (400, &json!("request_malformed")), "{body:.40}");
    }
    assert_eq!(send("application/json", &" ".repeat(1_100_000)).0, 413);
    // All that is wrong, each with its pointer, and no value.
    let body = json!({"externalCredential": "A", "principalType": "PerUser", "role": "admin",
        "credentials": {"password": {"value": {"x": "SECRET-1"}}, "a/b": {"value": "SECRET-2", "secret": "SECRET-3"}}});
    let (status, problem) = send("application/json", &body.to_string());
    let mut pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    pointers.sort_unstable();
    assert_eq!((status, pointers), (400, vec!["/credentials/a~1b/secret", "/credentials/password/value", "/principalType", "/role"]));
    let theirs = office.ask("POST", "/named-credentials/credential", Some(&body)).1;
    assert!(
        theirs
            .as_array()
            .unwrap()
            .iter()
            .any(|error| error["errorCode"] == "POST_BODY_PARSE_ERROR" && error["fields"][0] == "/principalType")
    );
}

#[test]
fn answers_are_json_and_nothing_else() {
    let office = Office::open();
    let accept = |accept: &str| office.send(None, "GET", "/services/data", None, &[("Accept", accept)]).status;
    for good in ["*/*", "application/json", "text/html, application/json;q=0.9", "application/*"] {
        assert_eq!(accept(good), 200, "{good}");
    }
    for bad in ["text/html", "application/xml"] {
        assert_eq!(accept(bad), 406, "{bad}");
    }
}
