//! The management API: who may ask, and presigned URLs at an S3 server that verifies them.

use sortie_model::Secret;
use sortie_testkit::peers::S3Server;
use sortie_testkit::plain_http::{self, Answer};

use crate::identity_providers::apply;
use crate::support::Stage;

/// alice may use the S3 server's key.
fn stage(s3: &S3Server) -> Stage {
    let stage = Stage::new();
    let text = format!(
        "
external_credentials:
- name: Files
  protocol: aws_access_key
  settings: {{region: eu-central-1, service: s3}}
  principals:
  - name: Main
    sequence_number: 1
    enabled_for: {{permission_sets: [Callers]}}
    values: {{access_key_id: {}, secret_access_key: {{from_environment: CLIENT_SECRET}}}}
named_credentials: [{{name: Files, url: '{}', external_credential: Files}}]
",
        S3Server::KEY_ID,
        s3.url()
    );
    apply(&stage, &text, S3Server::SECRET);
    stage
}

fn ask(stage: &Stage, headers: &[(&str, &str)], body: &str) -> Answer {
    let url = format!("http://{}/api/v1/presign", stage.server.server().admin());
    let headers: Vec<_> = headers.iter().copied().chain([("Content-Type", "application/json")]).collect();
    plain_http::send("POST", &url, &headers, body.as_bytes()).unwrap()
}

fn code(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", answer.text());
    (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn whoever_has_the_presigned_url_may_do_what_it_says() {
    let s3 = S3Server::start();
    let stage = stage(&s3);
    let bearer = format!("Bearer {}", stage.key.expose());
    let presign = |method: &str| {
        let body = format!(r#"{{"target": "callout:Files/{}/a.txt", "method": "{method}", "expires_seconds": 60}}"#, S3Server::BUCKET);
        let answer = ask(&stage, &[("Authorization", &bearer)], &body);
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{}", answer.text());
        assert!(answer.json()["expires_at"].as_str().is_some_and(|at| at.ends_with('Z')));
        answer.json()["url"].as_str().unwrap().to_owned()
    };
    assert_eq!(plain_http::send("PUT", &presign("PUT"), &[], b"hello").unwrap().status, 200);
    assert_eq!(plain_http::get(&presign("GET")).unwrap().text(), "hello");
    let record = stage.server.wait_for_record("change", |record| record["action"] == "presigned");
    assert_eq!((record["actor"].as_str(), record["object"].as_str()), (Some("user:alice"), Some("named_credential Files")));
    assert!(!stage.server.audit().contains("X-Amz-Signature"));
}

#[test]
fn auth_01_to_06_only_a_good_key_in_the_one_place_is_heard() {
    let s3 = S3Server::start();
    let stage = stage(&s3);
    let good = stage.key.expose().to_owned();
    let body = format!(r#"{{"target": "callout:Files/{}/a.txt"}}"#, S3Server::BUCKET);
    let bearer = |key: &str| format!("Bearer {key}");
    let mut wrong = good.clone();
    let last = if wrong.ends_with('a') { 'b' } else { 'a' };
    wrong.pop();
    wrong.push(last);
    let unauthenticated = (401, "unauthenticated".to_owned());
    for (id, headers) in [
        ("AUTH-01", vec![]),
        ("AUTH-02", vec![("Authorization", bearer(&wrong))]),
        ("AUTH-02", vec![("Authorization", bearer(&good[..good.len() - 1]))]),
        ("AUTH-02", vec![("Authorization", bearer(&format!("{good}x")))]),
        ("AUTH-05", vec![("Cookie", format!("key={good}"))]),
        ("AUTH-05", vec![("X-Api-Key", good.clone())]),
        ("AUTH-13", vec![("X-Forwarded-User", "alice".to_owned())]),
    ] {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = ask(&stage, &headers, &body);
        assert_eq!(code(&answer), unauthenticated, "{id}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{id}");
    }
    let (first, second) = (bearer(&wrong), bearer(&good));
    assert_eq!(code(&ask(&stage, &[("Authorization", &first), ("Authorization", &second)], &body)), (400, "header_invalid".to_owned()));
    // A revoked key is as good as none.
    let id = crate::support::key_id(&Secret::new(good.as_str()));
    stage.server.change(async |change| change.api_keys().revoke(id).await.unwrap());
    assert_eq!(code(&ask(&stage, &[("Authorization", &second)], &body)), unauthenticated, "AUTH-04");
}

#[test]
fn what_cannot_be_presigned_says_why() {
    let s3 = S3Server::start();
    let stage = stage(&s3);
    let (_, stranger) = stage.server.user("stranger", &[]);
    let asks = |key: &Secret, body: &str| code(&ask(&stage, &[("Authorization", &format!("Bearer {}", key.expose()))], body));
    for (body, expected) in [
        ("", "request_malformed"),
        ("{", "request_malformed"),
        ("[]", "request_malformed"),
        ("{}", "request_invalid"),
        (r#"{"target": "callout:Files/x", "expires": 1}"#, "request_malformed"),
        (r#"{"target": "callout:Files/x", "expires_seconds": 0}"#, "request_malformed"),
        (r#"{"target": "callout:Files/x", "expires_seconds": 604801}"#, "request_malformed"),
        (r#"{"target": "callout:Files/x", "method": "A B"}"#, "request_invalid"),
    ] {
        assert_eq!(asks(&stage.key, body), (400, expected.to_owned()), "{body}");
    }
    let known = asks(&stranger, r#"{"target": "callout:Files/x"}"#);
    assert_eq!(known, (403, "not_permitted".to_owned()));
    assert_eq!(asks(&stranger, r#"{"target": "callout:Other/x"}"#), known, "what is not there looks the same");
    assert_eq!(asks(&stage.key, r#"{"target": "nonsense"}"#), (400, "target_invalid".to_owned()));
}
