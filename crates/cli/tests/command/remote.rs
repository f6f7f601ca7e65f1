//! The same commands in a house and over HTTP at a server: one table, two ways, and what is said is the same.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::harness::{Said, Sortie};

const SETTINGS: &str = "[gateway]\nlisten = '127.0.0.1:0'\ncores = 1\n[admin]\nlisten = '127.0.0.1:PORT'\n";

const HOUSE: &str = "
permission_sets:
- name: Everything
  permissions: [view_setup, manage_named_credentials, manage_users, manage_certificates, view_audit, act_on_behalf]
- {name: Callers}
profiles: [{name: Staff}]
users:
- {name: admin, permission_sets: [Everything, Callers]}
- {name: alice, permission_sets: [Callers]}
external_auth_identity_providers:
- {name: Idp, flow: client_credentials, token_endpoint: 'https://id.test/token', values: {client_id: sortie}}
external_credentials:
- name: Pay
  protocol: custom
  principals:
  - {name: Main, sequence_number: 1, enabled_for: {permission_sets: [Callers]}}
  - {name: Spare, sequence_number: 2}
- name: Basic
  protocol: basic
  principals: [{name: Main, sequence_number: 1}, {name: Own, sequence_number: 2, identity_type: per_user, enabled_for: {permission_sets: [Callers]}}]
- name: Managed
  protocol: oauth_managed
  settings: {external_auth_identity_provider: Idp}
  principals: [{name: Main, sequence_number: 1}]
named_credentials:
- {name: Pay, url: 'https://pay.test', external_credential: Pay}
- {name: Idle, url: 'https://idle.test', external_credential: Basic}
";

/// A house that is served, and the key of who may do everything.
struct Served {
    sortie: Sortie,
    server: Child,
    url: String,
    key: String,
}

impl Served {
    fn start() -> Self {
        let (sortie, key) = house();
        let mut server = sortie.command(&["serve", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let url = ready["admin"].as_str().unwrap().to_owned();
        Self { sortie, server, url, key }
    }

    /// Over HTTP, from a machine that has no data directory.
    fn run(&self, arguments: &[&str], input: &str) -> Said {
        self.run_with(&self.key, arguments, input)
    }

    fn run_with(&self, key: &str, arguments: &[&str], input: &str) -> Said {
        let mut command = self.sortie.command(arguments);
        let elsewhere = self.sortie.directory.path().join("nothing-here");
        command.env("SORTIE_DATA_DIR", &elsewhere).env("SORTIE_URL", &self.url).env("SORTIE_KEY", key);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        assert!(!elsewhere.exists(), "{arguments:?}: nothing is made here");
        let said = Said {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!said.out.contains("SECRET-") && !said.err.contains("SECRET-"), "{arguments:?}: {said:?}");
        assert!(!said.out.contains(key) && !said.err.contains(key), "{arguments:?}: {said:?}");
        said
    }

    #[track_caller]
    fn code(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments, "");
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{arguments:?}: {said:?}");
        code_of(&said)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = std::process::Command::new("kill").args(["-TERM", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}

/// Each time the same, with a key of the admin.
fn house() -> (Sortie, String) {
    let sortie = Sortie::new();
    std::fs::create_dir_all(sortie.data()).unwrap();
    std::fs::write(sortie.data().join("sortie.toml"), SETTINGS.replace("PORT", "0")).unwrap();
    sortie.file("house.yaml", HOUSE);
    sortie.file("fresh.yaml", "external_credentials: [{name: Fresh, protocol: basic, principals: [{name: A, sequence_number: 1}]}]");
    sortie.file("wrong.yaml", "external_credentials: [{name: Fresh, protocol: basix}]");
    sortie.file("unreadable.yaml", "external_credentials: [{name: No name}]");
    sortie.ok(&["apply", "-f", "house.yaml"]);
    assert_eq!(sortie.run_with_input(&["secret", "set", "provider:Idp", "client_secret", "--stdin"], "SECRET-idp").code, 0);
    let (_, key) = sortie.key("admin");
    (sortie, key)
}

fn code_of(said: &Said) -> String {
    said.err.trim_start_matches("error[").split(']').next().unwrap().to_owned()
}

/// In order. Each is done both ways, as text and with `--json`; what it changes, it changes in both.
const BOTH_WAYS: &[(&[&str], &str)] = &[
    (&["status"], ""),
    (&["status", "--check"], ""),
    (&["status", "pay"], ""),
    (&["status", "Nope"], ""),
    (&["user", "add", "bob@example.test", "--profile", "Staff", "--permission-set", "Callers", "--attribute", "City=Köln"], ""),
    (&["user", "add", "bob@example.test"], ""),
    (&["user", "add", "a b"], ""),
    (&["user", "list"], ""),
    (&["user", "show", "Bob@example.test"], ""),
    (&["user", "show", "eve"], ""),
    (&["user", "set", "bob@example.test", "--active", "false", "--no-profile", "--attribute", "Team=A", "--remove-attribute", "City"], ""),
    (&["user", "set", "bob@example.test", "--active", "false"], ""),
    (&["user", "assign", "bob@example.test", "everything"], ""),
    (&["user", "assign", "bob@example.test", "Everything"], ""),
    (&["user", "show", "bob@example.test"], ""),
    (&["user", "unassign", "bob@example.test", "Everything"], ""),
    (&["user", "unassign", "bob@example.test", "Everything"], ""),
    (&["user", "assign", "bob@example.test", "Nope"], ""),
    (&["user", "remove", "bob@example.test"], ""),
    (&["user", "remove", "bob@example.test"], ""),
    (&["key", "create", "--user", "alice", "--label", "night run", "--expires", "90d"], ""),
    (&["key", "create", "--user", "eve"], ""),
    (&["key", "list", "alice"], ""),
    (&["key", "revoke", "abcdefABCDEF", "--user", "alice"], ""),
    (&["grant", "list"], ""),
    (&["grant", "add", "Pay/Main", "--profile", "Staff"], ""),
    (&["grant", "add", "Pay/Main", "--profile", "Staff"], ""),
    (&["grant", "list", "Pay"], ""),
    (&["grant", "remove", "pay/main", "--profile", "staff"], ""),
    (&["grant", "remove", "pay/main", "--profile", "staff"], ""),
    (&["grant", "add", "Pay/Nope", "--profile", "Staff"], ""),
    (&["grant", "remove", "Pay/Main", "--profile", "Nope"], ""),
    (&["secret", "set", "Pay/Main", "Api_Key", "--stdin"], "SECRET-first"),
    (&["secret", "set", "Pay/Main", "Api_Key", "--stdin"], "SECRET-second"),
    (&["secret", "set", "Pay/Main", "Other", "--stdin"], "SECRET-other"),
    (&["secret", "set", "Pay/Nope", "Other", "--stdin"], "SECRET-other"),
    (&["secret", "set", "Pay/Main", "Api_Key", "--user", "alice", "--stdin"], "SECRET-own"),
    (&["secret", "set", "Basic/Own", "password", "--stdin"], "SECRET-other"),
    (&["status", "Pay"], ""),
    (&["explain", "callout:Pay/x?y=1", "--as", "alice"], ""),
    (&["explain", "callout:Idle/x", "--as", "alice"], ""),
    (&["explain", "callout:Nope/x", "--as", "alice"], ""),
    (&["explain", "callout:Pay/x", "--as", "eve"], ""),
    (&["provider", "list"], ""),
    (&["provider", "types", "google"], ""),
    (&["provider", "show", "idp"], ""),
    (&["provider", "show", "Nope"], ""),
    (&["certificate", "create", "Signer", "--key-algorithm", "p256", "--lifetime", "90d"], ""),
    (&["certificate", "create", "Signer"], ""),
    (&["certificate", "list"], ""),
    (&["certificate", "show", "signer"], ""),
    (&["certificate", "remove", "signer"], ""),
    (&["certificate", "remove", "signer"], ""),
    (&["apply", "-f", "fresh.yaml", "--dry-run"], ""),
    (&["apply", "-f", "fresh.yaml"], ""),
    (&["apply", "-f", "fresh.yaml", "--prune"], ""),
    (&["apply", "-f", "unreadable.yaml"], ""),
    (&["apply", "-f", "nowhere.yaml"], ""),
    (&["formula", "check", "{!$User.Email & \"x\"}"], ""),
    (&["formula", "check", "{!NOPE(1)}"], ""),
    (&["formula", "check", "{!("], ""),
    (&["remove", "principal", "pay/spare"], ""),
    (&["remove", "principal", "Pay/Spare"], ""),
    (&["remove", "principal", "Nope/Spare"], ""),
    (&["remove", "external-credential", "Pay"], ""),
    (&["remove", "named-credential", "idle"], ""),
    (&["remove", "external-credential", "basic"], ""),
    (&["remove", "provider", "Idp"], ""),
    (&["remove", "external-credential", "Managed"], ""),
    (&["remove", "provider", "idp"], ""),
    (&["remove", "permission-set", "callers"], ""),
    (&["remove", "profile", "staff"], ""),
    (&["remove", "profile", "Staff"], ""),
    (&["presign", "callout:Pay/x", "--expires", "8d"], ""),
    (&["presign", "callout:Pay/x", "--as", "alice"], ""),
    (&["presign", "callout:Pay/x", "--as", "eve"], ""),
    (&["status"], ""),
];

/// What differs from house to house: chance, and the time.
const BY_CHANCE: &[&str] = &[
    "id",
    "key",
    "created_at",
    "revoked_at",
    "expires_at",
    "signs_from",
    "not_before",
    "not_after",
    "serial_number",
    "fingerprint",
    "last_failure",
];

fn without_chance(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // Of its own disk a house tells more than a server does.
            fields.insert("spool".to_owned(), Value::Null).is_none().then(|| fields.remove("spool"));
            for (name, value) in fields.iter_mut() {
                if BY_CHANCE.contains(&name.as_str()) && !value.is_null() && !value.is_object() {
                    *value = Value::String("…".to_owned());
                } else {
                    without_chance(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_chance),
        _ => {}
    }
}

/// Text with every word masked that holds a digit and is longer than a name: times, keys, hashes. Ids of keys may hold none.
fn words(command: &str, text: &str) -> String {
    let is_id = |word: &str| command == "key" && word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_long = |word: &str| word.len() >= 12 && word.bytes().any(|byte| byte.is_ascii_digit()) && !word.contains("://");
    let line = |line: &str| {
        let words = line.split_whitespace().map(|word| if is_id(word) || is_long(word) { "…" } else { word });
        words.collect::<Vec<_>>().join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_command_says_the_same_in_a_house_and_over_http() {
    // One pair of houses for text and one for JSON: a change is made once in each.
    for is_json in [false, true] {
        let (local, _) = house();
        let served = Served::start();
        for (arguments, input) in BOTH_WAYS {
            let all = if is_json { [&["--json"], *arguments].concat() } else { arguments.to_vec() };
            let (here, there) = (local.run_with_input(&all, input), served.run(&all, input));
            assert_eq!(here.code, there.code, "{all:?}\n{here:?}\n{there:?}");
            if !here.err.is_empty() || !there.err.is_empty() {
                // Of what is refused, code and status: a server says it in other words to those who are not beside it.
                let code = |said: &Said| match serde_json::from_str::<Value>(&said.err) {
                    Ok(error) => error["error"]["code"].as_str().unwrap().to_owned(),
                    Err(_) => code_of(said),
                };
                assert_eq!(code(&here), code(&there), "{all:?}\n{here:?}\n{there:?}");
                assert!(here.out.is_empty() && there.out.is_empty(), "{all:?}");
                continue;
            }
            if is_json {
                let read = |said: &Said| -> Value {
                    let mut value = serde_json::from_str(&said.out).unwrap();
                    without_chance(&mut value);
                    value
                };
                assert_eq!(read(&here), read(&there), "{all:?}");
            } else {
                assert_eq!(words(arguments[0], &here.out), words(arguments[0], &there.out), "{all:?}");
            }
        }
    }
}

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
    assert_eq!(served.code(&["key", "revoke", id]), "user_required");
    assert_eq!(served.run(&["key", "revoke", id, "--user", "alice"], "").code, 0);
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
fn what_cannot_be_done_over_http_is_said() {
    let served = Served::start();
    served.sortie.file("people.yaml", "users: [{name: eve}]");
    served.sortie.file("chain.pem", "");
    for arguments in [
        &["user", "password", "alice", "--stdin"][..],
        &["user", "unlink", "alice"],
        &["secret", "list", "Pay/Main"],
        &["secret", "remove", "Pay/Main", "Key"],
        &["secret", "set", "provider:Idp", "client_secret", "--stdin"],
        &["certificate", "request", "Signer"],
        &["certificate", "install", "Signer", "chain.pem"],
        &["certificate", "import", "Signer", "--key", "chain.pem", "--chain", "chain.pem"],
        &["certificate", "export", "Signer"],
        &["certificate", "renew", "Signer"],
        &["certificate", "retire", "Signer", "1"],
        &["certificate", "create", "Signer", "--common-name", "x"],
        &["provider", "discover", "https://id.test"],
        &["auth", "status", "Pay/Main"],
        &["audit", "verify"],
        &["formula", "eval", "1 + 1", "--as", "alice"],
    ] {
        let said = served.run(arguments, "SECRET-value");
        assert_eq!((said.code, code_of(&said).as_str()), (1, "not_over_http"), "{arguments:?}: {said:?}");
    }
    assert_eq!(served.code(&["key", "create", "--user", "alice", "--expires", "12h"]), "whole_days_only");
    assert_eq!(served.code(&["apply", "-f", "people.yaml"]), "request_invalid");
    // Values that belong together are stored together, by the API.
    let said = served.run(&["secret", "set", "Basic/Main", "username", "--stdin"], "robot");
    assert_eq!((said.code, code_of(&said).as_str()), (1, "request_invalid"), "{said:?}");
    let said = served.run(&["secret", "set", "Basic/Own", "username", "--user", "alice", "--stdin"], "robot");
    assert_eq!((said.code, code_of(&said).as_str()), (1, "request_invalid"), "asked for her: {said:?}");
}

#[test]
fn who_asks_and_whom_is_checked_before_anything_is_sent() {
    let served = Served::start();
    let run = |arguments: &[&str]| served.sortie.code(arguments);
    assert_eq!(run(&["--server", &served.url, "status"]), "unauthenticated");
    assert_eq!(run(&["--server", &served.url, "--key-file", "nowhere", "status"]), "file_unusable");
    served.sortie.file("key", &format!("{}\n", served.key));
    assert!(served.sortie.ok(&["--server", &served.url, "--key-file", "key", "status"]).contains("callout:Pay"));
    assert_eq!(run(&["--server", "http://192.0.2.1:8586", "--key-file", "key", "status"]), "plain_http");
    assert_eq!(run(&["--server", "ftp://x", "--key-file", "key", "status"]), "url_invalid");
    assert_eq!(run(&["--server", "http://127.0.0.1:1", "--key-file", "key", "status"]), "server_unreachable");
    assert_eq!(run(&["--server", "https://x.test", "--ca-file", "nowhere", "--key-file", "key", "status"]), "roots_unusable");
}

#[test]
fn who_types_where_the_house_is_means_the_house() {
    let served = Served::start();
    let data = served.sortie.data().display().to_string();
    let run = |arguments: &[&str]| {
        let mut command = served.sortie.command(arguments);
        command.env("SORTIE_URL", "http://127.0.0.1:1").env("SORTIE_KEY", "sortie_none").output().unwrap()
    };
    for arguments in [&["--data-dir", &data, "user", "list"][..], &["user", "list", "--data-dir", &data]] {
        assert_eq!(run(arguments).status.code(), Some(0), "{arguments:?}");
    }
    assert_eq!(run(&["user", "list"]).status.code(), Some(1), "the environment names a server that is not there");
    assert_eq!(run(&["--data-dir", &data, "--server", &served.url, "user", "list"]).status.code(), Some(2));
    assert_eq!(run(&["--data-dir", &data, "user", "list", "--server", &served.url]).status.code(), Some(2));
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
