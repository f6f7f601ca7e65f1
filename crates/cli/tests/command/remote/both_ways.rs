//! One table of commands, run in a house and at a server: what is said is the same.

use serde_json::Value;

use super::{Served, code_of, house};
use crate::harness::Said;

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
    (&["user", "password", "alice", "--stdin"], "SECRET-four words from a dice"),
    (&["user", "password", "alice", "--stdin"], "SECRET-other words from a dice"),
    (&["user", "password", "alice", "--stdin"], "short"),
    (&["user", "password", "eve", "--stdin"], "SECRET-four words from a dice"),
    (&["user", "show", "alice"], ""),
    (&["user", "password", "alice", "--remove"], ""),
    (&["user", "password", "alice", "--remove"], ""),
    (&["user", "unlink", "alice"], ""),
    (&["user", "unlink", "eve"], ""),
    (&["key", "create", "--user", "alice", "--label", "night run", "--expires", "90d"], ""),
    (&["key", "create", "--user", "eve"], ""),
    (&["key", "list", "alice"], ""),
    (&["key", "revoke", "abcdefABCDEF", "--user", "alice"], ""),
    (&["key", "revoke", "abcdefABCDEF"], ""),
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
    (&["secret", "set", "Basic/Own", "password", "--user", "alice", "--stdin"], "SECRET-own"),
    (&["secret", "set", "Basic/Own", "password", "--user", "eve", "--stdin"], "SECRET-own"),
    (&["secret", "set", "Basic/Main", "username", "--stdin"], "robot"),
    (&["secret", "set", "Basic/Main", "nothing", "--stdin"], "robot"),
    (&["secret", "set", "Basic/Main", "password", "--stdin"], ""),
    (&["secret", "list", "Pay/Main"], ""),
    (&["secret", "list", "Basic/Main"], ""),
    (&["secret", "list", "Basic/Own", "--user", "alice"], ""),
    (&["secret", "list", "Basic/Own"], ""),
    (&["secret", "list", "Managed/Main"], ""),
    (&["secret", "list", "Pay/Nope"], ""),
    (&["secret", "remove", "Pay/Main", "Other"], ""),
    (&["secret", "remove", "Pay/Main", "Other"], ""),
    (&["secret", "remove", "Basic/Own", "password", "--user", "alice"], ""),
    (&["secret", "set", "provider:Idp", "client_secret", "--stdin"], "SECRET-next"),
    (&["secret", "set", "provider:Idp", "nothing", "--stdin"], "SECRET-next"),
    (&["secret", "list", "provider:Idp"], ""),
    (&["secret", "list", "provider:Nope"], ""),
    (&["secret", "remove", "provider:Idp", "client_id"], ""),
    (&["secret", "remove", "provider:Idp", "client_id"], ""),
    (&["auth", "status", "Calendar/Service"], ""),
    (&["auth", "status", "callout:Calendar"], ""),
    (&["auth", "status", "callout:Calendar", "--user", "alice"], ""),
    (&["auth", "status", "calendar/own", "--user", "alice"], ""),
    (&["auth", "status", "Calendar/Own"], ""),
    (&["auth", "status", "Calendar/Service", "--user", "alice"], ""),
    (&["auth", "status", "Calendar/Own", "--user", "eve"], ""),
    (&["auth", "status", "Calendar"], ""),
    (&["auth", "status", "Pay/Main"], ""),
    (&["auth", "revoke", "Calendar/Service"], ""),
    (&["auth", "revoke", "Calendar/Own", "--user", "alice"], ""),
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
    (&["certificate", "create", "Named", "--key-algorithm", "p256", "--common-name", "signer.test", "--country", "DE"], ""),
    (&["certificate", "show", "Named"], ""),
    (&["certificate", "create", "Wrong", "--key-algorithm", "p256", "--country", "DEU"], ""),
    (&["certificate", "renew", "signer", "--at-once", "--overlap", "2h"], ""),
    (&["certificate", "renew", "signer", "--delay", "30m"], ""),
    (&["certificate", "renew", "signer"], ""),
    (&["certificate", "renew", "Nope"], ""),
    (&["certificate", "retire", "signer", "1", "--in", "1h"], ""),
    (&["certificate", "retire", "signer", "3"], ""),
    (&["certificate", "retire", "signer", "9"], ""),
    (&["certificate", "show", "signer"], ""),
    (&["certificate", "request", "Issued", "--key-algorithm", "p256", "--organization", "Example"], ""),
    (&["certificate", "request", "Issued", "--key-algorithm", "p256"], ""),
    (&["certificate", "export", "issued", "--request"], ""),
    (&["certificate", "export", "Issued"], ""),
    (&["certificate", "export", "signer"], ""),
    (&["certificate", "export", "signer", "--number", "2"], ""),
    (&["certificate", "export", "signer", "--number", "9"], ""),
    (&["certificate", "install", "Issued", "chain.pem"], ""),
    (&["certificate", "install", "signer", "chain.pem"], ""),
    (&["certificate", "import", "Foreign", "--key", "chain.pem", "--chain", "chain.pem"], ""),
    (&["certificate", "import", "Foreign", "--key", "chain.pem", "--chain", "chain.pem", "--overlap", "1h"], ""),
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
    (&["formula", "eval", "{!$User.UserName & '!'}", "--as", "alice"], ""),
    (&["formula", "eval", "-", "--as", "alice"], "2 * 3 ^ 2\n"),
    (&["formula", "eval", "$Credential.Endpoint.URL", "--as", "alice", "--for", "callout:Pay/x?y=1"], ""),
    (&["formula", "eval", "HEX($Credential.Pay.Body)", "--as", "alice", "--for", "callout:Pay/x", "--body", "az"], ""),
    (&["formula", "eval", "$User.Title", "--as", "alice"], ""),
    (&["formula", "eval", "TEXT(1 / 0)", "--as", "alice"], ""),
    (&["formula", "eval", "FLOR(1)", "--as", "alice"], ""),
    (&["formula", "eval", "1 + 1", "--as", "eve"], ""),
    (&["formula", "eval", "1", "--as", "alice", "--for", "callout:Nope/x"], ""),
    (&["formula", "eval", "1", "--as", "alice", "--for", "callout:Idle/x"], ""),
    (&["provider", "discover", "ftp://x"], ""),
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
    "retires_at",
    "updated_at",
    "pem",
    "serial_number",
    "fingerprint",
    "last_failure",
];

fn without_chance(value: &mut Value) {
    match value {
        Value::Object(fields) => {
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
    let is_pem = text.starts_with("-----BEGIN ");
    text.lines().filter(|line| !is_pem || line.starts_with("-----")).map(line).collect::<Vec<_>>().join("\n")
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
