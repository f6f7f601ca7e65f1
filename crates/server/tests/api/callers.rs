//! Who asks, how often, and for whom.

use serde_json::{Value, json};
use sortie_model::Secret;

use crate::office::{Office, error_code};

const CREDENTIAL: &str = "/api/v1/named-credentials/credential";
const QUERY: &str = "?externalCredential=Own&principalType=PerUserPrincipal&principalName=Me";

const OWN: &str = "
permission_sets:
- {name: Deputies, permissions: [act_on_behalf]}
users: [{name: deputy, permission_sets: [Deputies]}]
external_credentials:
- name: Own
  protocol: basic
  principals: [{name: Me, identity_type: per_user, sequence_number: 1, enabled_for: {permission_sets: [Callers]}}]
named_credentials: [{name: Own, url: 'https://api.test', external_credential: Own}]";

fn for_alice(office: &Office, key: &Secret, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let answer = office.send(Some(key), method, path, body, &[("Sortie-On-Behalf-Of", "alice")]);
    (answer.status, if answer.body.is_empty() { Value::Null } else { answer.json() })
}

#[test]
fn a_deputy_stores_what_is_alices_and_nothing_else() {
    let office = Office::open();
    office.apply(OWN);
    let (deputy, alice) = (office.key("deputy"), office.key("alice"));
    let body = json!({"externalCredential": "Own", "principalName": "Me", "principalType": "PerUserPrincipal",
        "credentials": {"username": {"value": "alice"}, "password": {"value": "SECRET-alice"}}});
    assert_eq!(office.ask_as(&deputy, "POST", CREDENTIAL, Some(&body)).0, 404, "as themselves they have none");
    let (status, made) = for_alice(&office, &deputy, "POST", CREDENTIAL, Some(&body));
    assert_eq!((status, &made["authenticationStatus"]), (201, &json!("Configured")), "{made}");
    assert_eq!(office.ask_as(&alice, "GET", &format!("{CREDENTIAL}{QUERY}"), None).1["authenticationStatus"], "Configured");
    assert!(office.audit().contains("user:deputy for alice"), "{}", office.audit());
    // For alice, they may what alice may.
    assert_eq!(for_alice(&office, &deputy, "GET", "/api/v1/users", None).0, 403);
    assert_eq!(for_alice(&office, &office.admin, "GET", "/api/v1/users", None).0, 403);
    assert_eq!(for_alice(&office, &deputy, "DELETE", &format!("{CREDENTIAL}{QUERY}"), None).0, 204);
}

#[test]
fn nobody_acts_for_whom_they_must_not() {
    let office = Office::open();
    office.apply(OWN);
    let (deputy, viewer) = (office.key("deputy"), office.key("viewer"));
    let refused = |key: &Secret, path: &str, values: &[&str]| {
        let headers: Vec<(&str, &str)> = values.iter().map(|value| ("Sortie-On-Behalf-Of", *value)).collect();
        let answer = office.send(Some(key), "GET", path, None, &headers);
        (answer.status, answer.header("sortie-error").unwrap_or_default().to_owned())
    };
    let path = "/api/v1/named-credentials/external-credentials";
    for (key, values, expected) in [
        (&viewer, &["alice"][..], (403, "permission_missing")),
        (&deputy, &["admin"], (403, "permission_beyond_own")),
        (&deputy, &["ghost"], (404, "user_unknown")),
        (&deputy, &["alice", "alice"], (400, "header_invalid")),
        (&deputy, &["\u{e9}"], (400, "header_invalid")),
        (&deputy, &[""], (400, "header_invalid")),
    ] {
        assert_eq!(refused(key, path, values), (expected.0, expected.1.to_owned()), "{values:?}");
    }
    let salesforce = path.replace("/api/v1", "/services/data/v67.0");
    assert_eq!(refused(&deputy, &salesforce, &["alice"]), (400, "header_invalid".to_owned()));
    assert_eq!(office.send(None, "GET", path, None, &[("Sortie-On-Behalf-Of", "alice")]).status, 401);
    // AUD-06, AUD-08: who tried it is named.
    let audit = office.audit();
    for (who, code) in [("user:viewer", "permission_missing"), ("user:deputy", "permission_beyond_own")] {
        assert!(audit.lines().any(|line| line.contains(who) && line.contains(code)), "{who}: {audit}");
    }
    // For oneself anybody asks.
    let alice = office.key("alice");
    assert_eq!(refused(&alice, path, &["alice"]).0, 200);
    // Somebody who is inactive has nobody act for them.
    assert_eq!(office.ask_as(&office.admin, "PATCH", "/api/v1/users/alice", Some(&json!({"active": false}))).0, 200);
    assert_eq!(refused(&deputy, path, &["alice"]), (404, "user_unknown".to_owned()));
}

#[test]
fn aud_06_what_was_refused_stands_in_the_audit_and_never_without_end() {
    let office = Office::open();
    let viewer = office.key("viewer");
    assert_eq!(office.send(Some(&viewer), "DELETE", "/api/v1/users/alice?key=SECRET-query", None, &[]).status, 403);
    assert_eq!(office.send(Some(&Secret::new("sortie_no_such_key")), "GET", "/api/v1/users", None, &[]).status, 401);
    assert_eq!(office.send(None, "GET", "/api/v1/permission-sets", None, &[]).status, 401);
    let refused = || office.audit().lines().filter(|line| line.contains("\"refused\"")).map(str::to_owned).collect::<Vec<_>>();
    let said = refused();
    assert!(
        said[0].contains("user:viewer") && said[0].contains("DELETE /users/alice") && said[0].contains("permission_missing"),
        "{said:?}"
    );
    assert!(said.len() == 2 && said[1].contains("unknown") && said[1].contains("unauthenticated"), "{said:?}");
    for _ in 0..100 {
        assert_eq!(office.send(Some(&viewer), "DELETE", "/api/v1/users/alice", None, &[]).status, 403);
    }
    assert!((50..100).contains(&refused().len()), "{}", refused().len());
    // Whoever asks without end hides only themselves.
    let alice = office.key("alice");
    assert_eq!(office.send(Some(&alice), "GET", "/api/v1/users", None, &[]).status, 403);
    assert_eq!(office.send(Some(&Secret::new("sortie_no_such_key")), "GET", "/api/v1/users/x", None, &[]).status, 401);
    let said = refused();
    assert!(said.iter().any(|line| line.contains("user:alice")) && said.iter().any(|line| line.contains("GET /users/x")), "{said:?}");
    for _ in 0..10 {
        office.send(Some(&viewer), "DELETE", "/api/v1/users/alice", None, &[]);
    }
    std::thread::sleep(std::time::Duration::from_millis(1_200));
    office.send(Some(&viewer), "DELETE", "/api/v1/users/alice", None, &[]);
    assert!(refused().last().unwrap().contains("refusals more that are not recorded"), "{:?}", refused().last());
}

#[test]
fn whoever_asks_too_often_waits_and_others_do_not() {
    let office = Office::with(|config| config.admin.requests_per_minute = 30);
    let (viewer, alice) = (office.key("viewer"), office.key("alice"));
    let path = "/api/v1/named-credentials/external-credentials";
    let mut statuses: Vec<u16> = (0..30).map(|_| office.send(Some(&viewer), "GET", path, None, &[]).status).collect();
    statuses.dedup();
    assert_eq!(statuses, [200]);
    let refused = loop {
        let answer = office.send(Some(&viewer), "GET", path, None, &[]);
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!((refused.status, refused.header("retry-after").is_some()), (429, true), "{}", refused.text());
    assert_eq!(refused.header("sortie-error"), Some("too_many_requests"));
    assert_eq!(office.send(Some(&alice), "GET", path, None, &[]).status, 200);
    let salesforce = office.send(Some(&viewer), "GET", &path.replace("/api/v1", "/services/data/v67.0"), None, &[]);
    assert_eq!((salesforce.status, error_code(&salesforce.json())), (429, "REQUEST_LIMIT_EXCEEDED"));
    let wait = refused.header("retry-after").unwrap().parse().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(wait));
    assert_eq!(office.send(Some(&viewer), "GET", path, None, &[]).status, 200, "after what it says");
}
