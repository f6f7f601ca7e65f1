//! Certificates and their versions over HTTP: requested and signed by an authority, imported, renewed, retired. OpenSSL is the authority, and who made the keys elsewhere.

use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::office::Office;

#[track_caller]
fn openssl(directory: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("this test needs `openssl`: {error}"));
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Signs a request, and says the chain in PEM.
fn signed(at: &Path, request: &str) -> String {
    std::fs::write(at.join("own.csr"), request).unwrap();
    if !at.join("ca.pem").exists() {
        openssl(
            at,
            "req -x509 -newkey rsa:2048 -noenc -keyout ca.key -out ca.pem -days 900 -subj /CN=Authority -addext basicConstraints=critical,CA:TRUE",
        );
    }
    openssl(at, "x509 -req -in own.csr -CA ca.pem -CAkey ca.key -days 300 -out own.pem");
    [std::fs::read_to_string(at.join("own.pem")).unwrap(), std::fs::read_to_string(at.join("ca.pem")).unwrap()].concat()
}

struct Asking(Office);

impl Asking {
    fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let answer = self.0.ask_as(&self.0.admin, method, &format!("/api/v1{path}"), body.as_ref());
        assert!(!answer.1.to_string().contains("PRIVATE KEY"), "{path}");
        answer
    }

    fn code(&self, method: &str, path: &str, body: Option<Value>) -> (u16, String) {
        let (status, answer) = self.ask(method, path, body);
        let code = answer["errors"][0]["code"].as_str().or_else(|| answer["code"].as_str());
        (status, code.unwrap_or_default().to_owned())
    }
}

#[test]
fn an_authority_signs_a_certificate_and_its_next_version() {
    let (asking, directory) = (Asking(Office::open()), tempfile::tempdir().unwrap());
    let subject = json!({"common_name": "api.example.test", "organization": "Example", "country": "DE"});
    let wanted = json!({"name": "Signer", "key_algorithm": "p256", "subject": subject});
    let (status, made) = asking.ask("POST", "/certificate-requests", Some(wanted.clone()));
    assert_eq!((status, &made["certificate"]["versions"][0]["state"]), (201, &json!("pending")), "{made}");
    assert_eq!(asking.ask("GET", "/certificates/Signer/request", None), (200, json!({"request": made["request"]})));
    assert_eq!(asking.code("GET", "/certificates/Signer/chain", None), (409, "certificate_not_issued".to_owned()));
    assert_eq!(asking.code("POST", "/certificate-requests", Some(wanted)), (409, "conflict".to_owned()));
    let chain = signed(directory.path(), made["request"].as_str().unwrap());
    let (status, shown) = asking.ask("PUT", "/certificates/Signer/chain", Some(json!({"chain": chain})));
    assert_eq!((status, &shown["versions"][0]["state"]), (200, &json!("signing")), "{shown}");
    let subject = shown["versions"][0]["subject"].as_str().unwrap();
    assert!(subject.contains("CN=api.example.test") && subject.contains("C=DE"), "{subject}");
    let exported = asking.ask("GET", "/certificates/Signer/chain?version=1", None).1;
    assert_eq!(exported["chain"].as_str().unwrap().matches("BEGIN CERTIFICATE").count(), 2);
    assert_eq!(asking.code("GET", "/certificates/Signer/request", None), (409, "certificate_not_pending".to_owned()));
    assert_eq!(asking.code("GET", "/certificates/Signer/chain?version=7", None).0, 404);
    assert_eq!(asking.code("GET", "/certificates/Signer/chain?version=0", None), (400, "parameter_invalid".to_owned()));
    assert_eq!(asking.code("PUT", "/certificates/Signer/chain", Some(json!({"chain": "none"}))).0, 400);

    // The next version, with a request of its own; the old one retires when it is told to.
    let (status, renewed) = asking.ask("POST", "/certificates/Signer/renewals", Some(json!({})));
    assert_eq!((status, &renewed["certificate"]["versions"][1]["state"]), (201, &json!("pending")), "{renewed}");
    assert_eq!(asking.code("POST", "/certificates/Signer/renewals", Some(json!({}))), (409, "renewal_under_way".to_owned()));
    let chain = signed(directory.path(), renewed["request"].as_str().unwrap());
    let handover = json!({"chain": chain, "delay_seconds": 0, "overlap_seconds": 3600});
    assert_eq!(asking.ask("PUT", "/certificates/Signer/chain", Some(handover)).0, 200);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(asking.code("DELETE", "/certificates/Signer/versions/2", None).0, 409);
    assert_eq!(asking.ask("DELETE", "/certificates/Signer/versions/1?after_seconds=60", None).0, 204);
    assert_eq!(asking.ask("DELETE", "/certificates/Signer/versions/1", None).0, 204);
    assert_eq!(asking.ask("GET", "/certificates/Signer", None).1["versions"][0]["state"], "retired");
    for version in ["9", "x", "-1"] {
        assert_eq!(asking.code("DELETE", &format!("/certificates/Signer/versions/{version}"), None).0, 404, "{version}");
    }
}

#[test]
fn keys_from_elsewhere_come_in_and_never_go_out() {
    let (asking, directory) = (Asking(Office::open()), tempfile::tempdir().unwrap());
    let at = directory.path();
    openssl(at, "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout a.key -out a.pem -days 100 -subj /CN=A");
    openssl(at, "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout b.key -out b.pem -days 100 -subj /CN=B");
    openssl(at, "pkcs12 -export -inkey b.key -in b.pem -passout pass:SECRET-password -out b.p12");
    let text = |file: &str| std::fs::read_to_string(at.join(file)).unwrap();
    let pkcs12 = STANDARD.encode(std::fs::read(at.join("b.p12")).unwrap());
    let pem = json!({"name": "A", "private_key": text("a.key"), "chain": text("a.pem")});
    let (status, made) = asking.ask("POST", "/certificate-imports", Some(pem.clone()));
    assert_eq!(
        (status, &made["versions"][0]["private_key"], &made["versions"][0]["origin"]),
        (201, &json!("matches"), &json!("imported")),
        "{made}"
    );
    let crossed = json!({"name": "B", "private_key": text("a.key"), "chain": text("b.pem")});
    assert_eq!(asking.code("POST", "/certificate-imports", Some(crossed)), (400, "certificate_key_mismatch".to_owned()));
    let next = |password: &str| json!({"pkcs12": pkcs12, "password": password, "delay_seconds": 0, "overlap_seconds": 60});
    assert_eq!(asking.code("POST", "/certificates/A/imports", Some(next("SECRET-other"))), (400, "key_store_unreadable".to_owned()));
    let (status, renewed) = asking.ask("POST", "/certificates/A/imports", Some(next("SECRET-password")));
    assert_eq!((status, renewed["versions"].as_array().map(Vec::len)), (201, Some(2)), "{renewed}");
    assert_eq!(asking.code("POST", "/certificates/A/renewals", Some(json!({}))), (409, "certificate_imported".to_owned()));
    for (body, code) in [
        (json!({"name": "C"}), "exactly_one"),
        (json!({"name": "C", "private_key": "x"}), "required"),
        (json!({"name": "C", "private_key": "x", "chain": "y", "pkcs12": "MIIK", "password": "z"}), "not_together"),
        (json!({"name": "C", "pkcs12": "MIIK"}), "required"),
        (json!({"name": "C", "pkcs12": "not base64!", "password": "z"}), "base64"),
        (json!({"name": "C", "private_key": "SECRET-no key", "chain": text("a.pem")}), "private_key_unreadable"),
    ] {
        assert_eq!(asking.code("POST", "/certificate-imports", Some(body.clone())), (400, code.to_owned()), "{body}");
    }
}

#[test]
fn a_password_is_stored_and_taken_away_by_who_may() {
    let asking = Asking(Office::open());
    let password = |text: &str| Some(json!({ "password": text }));
    assert_eq!(asking.code("DELETE", "/users/alice/password", None).0, 404);
    assert_eq!(asking.ask("PUT", "/users/alice/password", password("SECRET-four words from a dice")), (204, Value::Null));
    assert_eq!(asking.ask("GET", "/users/alice", None).1["password"], true);
    assert_eq!(asking.code("PUT", "/users/alice/password", password("short")).0, 400);
    assert_eq!(asking.code("PUT", "/users/ghost/password", password("SECRET-four words from a dice")).0, 404);
    assert_eq!(asking.ask("DELETE", "/users/alice/password", None).0, 204);
    // Whoever manages users, and no more, takes over nobody who may more.
    asking.0.apply("permission_sets: [{name: Helpers, permissions: [manage_users]}]\nusers: [{name: helper, permission_sets: [Helpers]}]");
    let helper = asking.0.key("helper");
    let put = |user: &str| {
        let body = json!({"password": "SECRET-four words from a dice"});
        asking.0.ask_as(&helper, "PUT", &format!("/api/v1/users/{user}/password"), Some(&body)).0
    };
    assert_eq!((put("alice"), put("admin")), (204, 403));
    assert_eq!(asking.0.ask_as(&helper, "DELETE", "/api/v1/users/admin/password", None).0, 403);
}
