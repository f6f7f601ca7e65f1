//! What is made and read with a key: other keys, URLs, the audit.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use super::{Served, code_of};

#[test]
fn a_key_made_over_http_is_good_and_can_be_revoked() {
    let served = Served::start();
    let made = served.run(&["--json", "key", "create", "--user", "alice", "--expires", "1d"], "");
    let made: Value = serde_json::from_str(&made.out).unwrap();
    assert!(made["expires_at"].is_string(), "{made}");
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    // It is hers, who may not do this.
    let said = served.run_with(key, &["user", "list"], "");
    assert_eq!((said.code, code_of(&said).as_str()), (1, "permission_missing"));
    assert_eq!(served.code(&["key", "revoke", id, "--user", "admin"]), "key_unknown");
    assert_eq!(served.run(&["key", "revoke", id], "").code, 0);
    let said = served.run_with(key, &["user", "list"], "");
    assert_eq!(code_of(&said), "unauthenticated");
}

#[test]
fn the_audit_is_read_over_http() {
    let served = Served::start();
    assert_eq!(served.run(&["user", "add", "bob"], "").code, 0);
    let tail = served.run(&["audit", "tail", "-n", "1"], "");
    assert!(tail.out.contains("object=user bob") && tail.out.contains("actor=user:admin") && tail.out.lines().count() == 1, "{tail:?}");
    // Byte for byte what was written.
    let record = served.run(&["--json", "audit", "tail", "-n", "1"], "").out;
    let written = std::fs::read_to_string(served.sortie.data().join("audit/management.jsonl")).unwrap();
    assert!(written.contains(record.trim_end()), "{record}");
    let mut command = served.sortie.command(&["audit", "tail", "-n", "1", "--follow"]);
    command.env("SORTIE_URL", &served.url).env("SORTIE_KEY", &served.key);
    let mut following = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("user bob"));
    assert_eq!(served.run(&["user", "remove", "bob"], "").code, 0);
    assert!(lines.next().unwrap().unwrap().contains("deleted"));
    following.kill().unwrap();
    following.wait().unwrap();
}

#[test]
fn the_audit_is_verified_over_http() {
    let served = Served::start();
    let said = served.run(&["audit", "verify"], "");
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    assert!(said.out.contains("management") && said.out.lines().all(|line| line.ends_with("intact")), "{said:?}");
    let path = served.sortie.data().join("audit/management.jsonl");
    let written = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, written.replacen("user alice", "user mallory", 1)).unwrap();
    let said = served.run(&["audit", "verify"], "");
    assert!(said.code == 3 && said.out.contains("broken at line"), "{said:?}");
    let found: Value = serde_json::from_str(&served.run(&["--json", "audit", "verify"], "").out).unwrap();
    assert_eq!((&found["intact"], &found["lanes_elsewhere"]), (&false.into(), &0.into()));
}

#[test]
fn a_url_is_presigned_under_the_permissions_of_the_key() {
    let served = Served::start();
    served.sortie.file(
        "files.yaml",
        "
external_credentials:
- name: Files
  protocol: aws_access_key
  settings: {region: eu-central-1, service: s3}
  principals: [{name: Main, sequence_number: 1, values: {access_key_id: AKIAIOSFODNN7EXAMPLE}}]
named_credentials: [{name: Files, url: 'https://files.test', external_credential: Files}]
",
    );
    assert_eq!(served.run(&["apply", "-f", "files.yaml"], "").code, 0);
    let set = ["secret", "set", "Files/Main", "secret_access_key", "--stdin"];
    assert_eq!(served.run(&set, "SECRET-aws").code, 0, "what is stored stays beside it");
    assert_eq!(served.code(&["presign", "callout:Files/x"]), "not_permitted");
    assert_eq!(served.run(&["grant", "add", "Files/Main", "--permission-set", "Everything"], "").code, 0);
    let made = served.run(&["--json", "presign", "callout:Files/x", "--expires", "1m"], "");
    let made: Value = serde_json::from_str(&made.out).unwrap();
    assert!(made["url"].as_str().unwrap().contains("X-Amz-Expires=60&") && made["expires_at"].is_string(), "{made}");
    assert_eq!(served.sortie.code(&["presign", "callout:Files/x"]), "user_required");
    // For her, with what she may.
    assert_eq!(served.code(&["presign", "callout:Files/x", "--as", "alice"]), "not_permitted");
    assert_eq!(served.run(&["grant", "add", "Files/Main", "--permission-set", "Callers"], "").code, 0);
    assert_eq!(served.run(&["presign", "callout:Files/x", "--as", "alice"], "").code, 0);
    let tail = served.run(&["audit", "tail", "-n", "1"], "").out;
    assert!(tail.contains("user:admin for alice"), "{tail}");
}
