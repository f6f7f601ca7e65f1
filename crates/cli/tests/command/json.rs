//! The shapes of `--json`: what a script may rely on. A key that goes or changes its meaning breaks somebody.

use serde_json::Value;

use crate::harness::{BILLING, Sortie};

/// All paths to leaves and empty containers, lists by `[]`.
fn shape(value: &Value) -> Vec<String> {
    let mut paths = match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().flat_map(|(name, value)| shape(value).into_iter().map(move |rest| format!(".{name}{rest}"))).collect()
        }
        Value::Array(items) if !items.is_empty() => items.iter().flat_map(shape).map(|rest| format!("[]{rest}")).collect(),
        _ => vec![String::new()],
    };
    paths.sort();
    paths.dedup();
    paths
}

#[track_caller]
fn has_shape(value: &Value, expected: &str) {
    assert_eq!(shape(value).join(" "), expected);
}

#[test]
fn changes() {
    let sortie = Sortie::new();
    sortie.file("billing.yaml", BILLING);
    let shape = ".changes[].action .changes[].fields .changes[].fields[] .changes[].name .changes[].object";
    has_shape(&sortie.json(&["apply", "-f", "billing.yaml"]), shape);
    let one = ".changes[].action .changes[].fields .changes[].name .changes[].object";
    has_shape(&sortie.json(&["user", "add", "bob"]), one);
    has_shape(&sortie.json(&["grant", "add", "Billing/Service", "--profile", "Staff"]), one);
}

#[test]
fn lists() {
    let sortie = Sortie::with_billing();
    sortie.ok(&["user", "set", "alice", "--profile", "Staff", "--attribute", "Email=a@example.test"]);
    has_shape(
        &sortie.json(&["user", "list"]),
        ".users[].active .users[].attributes.Email .users[].name .users[].password .users[].permission_sets[] .users[].permissions .users[].profile",
    );
    let made = sortie.json(&["key", "create", "--user", "alice", "--expires", "1h"]);
    has_shape(&made, ".expires_at .id .key .user");
    has_shape(
        &sortie.json(&["key", "list", "alice"]),
        ".keys[].created_at .keys[].expires_at .keys[].id .keys[].label .keys[].revoked_at .keys[].state",
    );
    has_shape(
        &sortie.json(&["grant", "list"]),
        ".grants[].external_credential .grants[].grantee .grants[].grantee_kind .grants[].principal",
    );
    has_shape(
        &sortie.json(&["secret", "list", "Billing/Service"]),
        ".values[].label .values[].name .values[].required .values[].set .values[].updated_at .values[].version",
    );
}

#[test]
fn status_and_audit() {
    let sortie = Sortie::with_billing();
    sortie.run_with_input(&["secret", "remove", "Billing/Service", "client_secret"], "");
    let status = sortie.json(&["status"]);
    let expected = [
        ".label",
        ".managed_by",
        ".missing",
        ".name",
        ".named_credentials[].client_certificate",
        ".named_credentials[].enabled",
        ".named_credentials[].name",
        ".named_credentials[].url",
        ".principals[].health.last_failure",
        ".principals[].health.last_failure_code",
        ".principals[].health.last_success",
        ".principals[].health.token_expires_at",
        ".principals[].identity_type",
        ".principals[].logins",
        ".principals[].missing[].code",
        ".principals[].missing[].message",
        ".principals[].name",
        ".principals[].permission_sets[]",
        ".principals[].profiles",
        ".principals[].sequence_number",
        ".principals[].status",
        ".principals[].unrevoked",
        ".principals[].users_with_values",
        ".principals[].values[]",
        ".protocol",
        ".protocol_title",
        ".status",
    ];
    let spool = " .spool.problem .spool.waiting";
    has_shape(&status, &(expected.map(|path| format!(".external_credentials[]{path}")).join(" ") + spool));
    assert_eq!(status["external_credentials"][0]["status"], "NotConfigured");
    has_shape(
        &sortie.json(&["audit", "verify"]),
        ".intact .lanes[].finding .lanes[].lane .lanes[].records .lanes[].unfinished .lanes_elsewhere",
    );
}

#[test]
fn errors() {
    let sortie = Sortie::new();
    let said = sortie.run(&["user", "show", "nobody", "--json"]);
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    has_shape(&serde_json::from_str(&said.err).unwrap(), ".error.code .error.message .error.next");
}
