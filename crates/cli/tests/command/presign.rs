//! `sortie presign`: a URL that anybody can use for a while, at an S3 server that verifies it.

use sortie_testkit::peers::S3Server;
use sortie_testkit::plain_http;

use crate::harness::Sortie;

/// alice may use the S3 server's key, and bob may not.
fn sortie(s3: &S3Server) -> Sortie {
    let sortie = Sortie::new();
    sortie.file(
        "files.yaml",
        &format!(
            "
permission_sets: [{{name: Readers}}]
users:
- {{name: alice, permission_sets: [Readers]}}
- {{name: bob}}
external_credentials:
- name: Files
  protocol: aws_access_key
  settings: {{region: eu-central-1, service: s3}}
  principals:
  - {{name: Main, sequence_number: 1, enabled_for: {{permission_sets: [Readers]}}, values: {{access_key_id: {}}}}}
named_credentials: [{{name: Files, url: '{}', external_credential: Files}}]
",
            S3Server::KEY_ID,
            s3.url()
        ),
    );
    sortie.ok(&["apply", "-f", "files.yaml"]);
    let said = sortie.run_with_input(&["secret", "set", "Files/Main", "secret_access_key", "--stdin"], S3Server::SECRET);
    assert_eq!(said.code, 0, "{said:?}");
    sortie
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the server's clock is the machine's: a URL has to be waited for")]
fn whoever_has_the_url_may_do_what_it_says_and_nothing_else() {
    let s3 = S3Server::start();
    let sortie = sortie(&s3);
    let target = format!("callout:Files/{}/a%20report.txt", S3Server::BUCKET);
    let presign = |method: &str, expires: &str| {
        sortie.ok(&["presign", &target, "--as", "alice", "--method", method, "--expires", expires]).trim().to_owned()
    };
    let (put, get) = (presign("PUT", "15m"), presign("GET", "1s"));
    assert_eq!(plain_http::send("PUT", &put, &[], b"hello").unwrap().status, 200);
    assert_eq!(std::fs::read(s3.object("a report.txt")).unwrap(), b"hello");
    assert_eq!(plain_http::send("GET", &put, &[], b"").unwrap().status, 403);
    assert_eq!(plain_http::send("PUT", &put.replace("report", "secret"), &[], b"hello").unwrap().status, 403);
    assert_eq!(plain_http::get(&presign("GET", "15m")).unwrap().text(), "hello");
    std::thread::sleep(std::time::Duration::from_millis(2100));
    assert_eq!(plain_http::get(&get).unwrap().status, 403, "it has ended");
    let printed = sortie.json(&["presign", &target, "--as", "alice"]);
    assert!(printed["url"].as_str().is_some_and(|url| url.contains("&X-Amz-Expires=900&")) && printed["expires_at"].is_i64(), "{printed}");
    let recorded = sortie.ok(&["audit", "tail"]);
    assert!(recorded.contains("presigned") && !recorded.contains("X-Amz-Signature"), "{recorded}");
}

#[test]
fn a_url_needs_the_permissions_of_a_callout() {
    let s3 = S3Server::start();
    let sortie = sortie(&s3);
    assert_eq!(sortie.code(&["presign", "callout:Files/files/x", "--as", "bob"]), "not_permitted");
    assert_eq!(sortie.code(&["presign", "callout:Files/files/x", "--as", "nobody"]), "user_unknown");
    assert_eq!(sortie.code(&["presign", "callout:Nothing/x", "--as", "alice"]), "not_permitted");
    assert_eq!(sortie.code(&["presign", "callout:Files/files/x", "--as", "alice", "--expires", "8d"]), "lifetime_invalid");
}
