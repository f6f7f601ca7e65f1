//! Client certificates from the definition to the wire: Debian's nginx and OpenSSL ask for one, and say what they got.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sortie_model::{ApiName, KeyAlgorithm, SecretBytes};
use sortie_server::manage::Manage;
use sortie_server::manage::certificate::{self, Handover, ImportTarget, NewCertificate, Retirement, Subject};
use sortie_testkit::authority::{Authority, Issued};
use sortie_testkit::peers::{Admission, MutualTlsNginx, MutualTlsOpenssl, TestDatabase, TlsVersion};
use sortie_testkit::tls_front::TlsFront;
use sortie_testkit::upstream::RecordingUpstream;

use crate::identity_providers::apply_to;
use crate::support::{Answer, Stage, TestServer};

/// A stage that trusts servers of these authorities, besides all others.
fn stage(authorities: &[&str]) -> Stage {
    Stage::on(server(None, authorities))
}

fn server(database: Option<String>, authorities: &[&str]) -> TestServer {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authorities.concat()).unwrap();
    // Read again by each node: it stays until the system clears its temporary files.
    let (_, path) = file.keep().unwrap();
    TestServer::with(database, |config| config.trust.ca_files = vec![path])
}

fn manage<T>(server: &TestServer, operation: impl AsyncFnOnce(&Manage<'_>) -> T) -> T {
    let now = server.runtime.block_on(server.house.store().now()).unwrap();
    let done = server.runtime.block_on(operation(&Manage::of(&server.house, "operator:tester", now)));
    server.settle();
    done
}

fn name(text: &str) -> ApiName {
    ApiName::parse(text).unwrap()
}

fn import(server: &TestServer, text: &str, issued: &Issued) {
    let target = ImportTarget::New(NewCertificate::named(name(text)));
    let key = SecretBytes::new(issued.key_pem().into_bytes());
    manage(server, async |manage| certificate::import(manage, target, &key, issued.certificate_pem().as_bytes()).await.unwrap());
}

fn create(server: &TestServer, text: &str, algorithm: KeyAlgorithm) {
    let new = NewCertificate::named(name(text));
    manage(server, async |manage| certificate::create(manage, new, algorithm, &Subject::named(text), None).await.unwrap());
}

/// An external credential that sends nothing, and these names: where each leads, and what it presents.
fn define(server: &TestServer, names: &[(&str, &str, Option<&str>)]) {
    let mut text = "external_credentials:
- {name: Open, protocol: no_authentication, principals: [{name: Main, sequence_number: 1, enabled_for: {permission_sets: [Callers]}}]}
named_credentials:
"
    .to_owned();
    for (name, url, certificate) in names {
        let certificate = certificate.map_or_else(String::new, |certificate| format!(", client_certificate: {certificate}"));
        text.push_str(&format!("- {{name: {name}, url: '{url}', external_credential: Open{certificate}}}\n"));
    }
    apply_to(server, &text, "SECRET-none");
}

/// What nginx knows of the connection.
fn seen(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn names_at_one_server_are_whom_their_certificates_say() {
    let authority = Authority::default();
    for version in TlsVersion::ALL {
        let nginx = MutualTlsNginx::start(version, Admission::OrNobody, &authority.pem);
        let stage = stage(&[nginx.authority()]);
        for (name, algorithm) in [("Rsa", KeyAlgorithm::Rsa2048), ("Ec", KeyAlgorithm::P256)] {
            import(&stage.server, name, &authority.sign_client(name, algorithm));
        }
        let url = nginx.url();
        define(&stage.server, &[("Rsa", &url, Some("RSA")), ("Ec", &url, Some("ec")), ("Nobody", &url, None)]);
        for path in ["x", "close", "close", "x"] {
            for (name, verify, subject) in [("Rsa", "SUCCESS", "CN=Rsa"), ("Nobody", "NONE", ""), ("Ec", "SUCCESS", "CN=Ec")] {
                let seen = seen(&stage.get(&format!("/callout/{name}/{path}")));
                let expected = (json!(verify), json!(subject), json!(version.as_str()));
                assert_eq!(
                    (&seen["verify"], &seen["subject"], &seen["protocol"]),
                    (&expected.0, &expected.1, &expected.2),
                    "{name} {path}"
                );
            }
        }
    }
}

#[test]
fn a_renewed_certificate_is_presented_without_a_restart() {
    // REL-K07. nginx tells who comes and verifies nobody, so that what the house signs itself may come.
    let nginx = MutualTlsNginx::start(TlsVersion::Tls13, Admission::Unverified, &Authority::default().pem);
    let stage = stage(&[nginx.authority()]);
    create(&stage.server, "Bank", KeyAlgorithm::P256);
    define(&stage.server, &[("Bank", &nginx.url(), Some("Bank"))]);
    let call = || seen(&stage.get("/callout/Bank/x"));
    let first = call();
    assert_eq!((&first["subject"], &call()["connection"]), (&json!("CN=Bank"), &first["connection"]));
    let at_once = Handover { delay: Duration::ZERO, ..Handover::default() };
    manage(&stage.server, async |manage| certificate::renew(manage, &name("Bank"), at_once).await.unwrap());
    let second = call();
    assert_ne!((&second["serial"], &second["connection"]), (&first["serial"], &first["connection"]));
    // The pooled connection of the old one is not used again, nor is its session.
    for path in ["x", "close", "x"] {
        assert_eq!(seen(&stage.get(&format!("/callout/Bank/{path}")))["serial"], second["serial"]);
    }
    manage(&stage.server, async |manage| certificate::retire(manage, &name("Bank"), 1, Retirement::Now).await.unwrap());
    assert_eq!(call()["serial"], second["serial"]);
    // A renewal that is still to come changes nothing yet.
    manage(&stage.server, async |manage| certificate::renew(manage, &name("Bank"), Handover::default()).await.unwrap());
    assert_eq!(call()["serial"], second["serial"]);
    // And none any more.
    define(&stage.server, &[("Bank", &nginx.url(), None)]);
    assert_eq!(call()["verify"], "NONE");
}

#[test]
fn every_node_presents_what_the_definitions_say_within_seconds() {
    let authority = Authority::default();
    let nginx = MutualTlsNginx::start(TlsVersion::Tls13, Admission::OrNobody, &authority.pem);
    let database = TestDatabase::create();
    let stage = Stage::on(server(Some(database.url().to_owned()), &[nginx.authority()]));
    define(&stage.server, &[("Bank", &nginx.url(), None)]);
    let mut other = stage.server.second_node();
    other.setup.config.trust = stage.server.setup.config.trust.clone();
    other.start();
    let subject = || seen(&other.get(&stage.key, "/callout/Bank/x"))["subject"].clone();
    assert_eq!(subject(), "");
    for number in 1..3 {
        let name = format!("Bank_{number}");
        import(&stage.server, &name, &authority.sign_client(&name, KeyAlgorithm::P256));
        define(&stage.server, &[("Bank", &nginx.url(), Some(&name))]);
        let changed = Instant::now();
        while subject() != format!("CN={name}") {
            assert!(changed.elapsed() < Duration::from_secs(5), "P17: a change binds within 5 s");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    other.stop();
}

#[test]
fn a_server_that_refuses_us_is_told_by_a_code_and_whose_turn_it_is() {
    let (authority, other) = (Authority::default(), Authority::new("Another"));
    let (issued, stranger) = (authority.sign_client("bank", KeyAlgorithm::P256), other.sign_client("stranger", KeyAlgorithm::Rsa2048));
    // In the year 4188 every certificate of a test has expired.
    let servers = TlsVersion::ALL.map(|version| {
        (MutualTlsOpenssl::start(version, &authority.pem, None), MutualTlsOpenssl::start(version, &authority.pem, Some(70_000_000_000)))
    });
    let trusted: Vec<&str> = servers.iter().flat_map(|(now, later)| [now.authority(), later.authority()]).collect();
    let log = crate::leaks::log();
    let mut stage = stage(&trusted);
    import(&stage.server, "Bank", &issued);
    import(&stage.server, "Stranger", &stranger);
    let mut answers = String::new();
    for (now, later) in &servers {
        define(
            &stage.server,
            &[
                ("Good", &now.url(), Some("Bank")),
                ("None", &now.url(), None),
                ("Unknown", &now.url(), Some("Stranger")),
                ("Expired", &later.url(), Some("Bank")),
            ],
        );
        for (name, code, word) in [
            ("None", "client_certificate_required", "`client_certificate`"),
            ("Unknown", "client_certificate_refused", "sortie certificate export"),
            ("Expired", "client_certificate_refused", "sortie certificate export"),
        ] {
            let answer = stage.get(&format!("/callout/{name}/x"));
            assert_eq!(answer.verdict(), (502, Some(code)), "{}", answer.text());
            let problem: Value = serde_json::from_slice(&answer.body).unwrap();
            assert!(problem["next"].as_str().unwrap().contains(word), "{problem}");
            // Nothing of the upstream, and nothing of the certificate.
            assert!(!["127.0.0.1", "OpenSSL", "stranger"].iter().any(|word| answer.text().contains(word)), "{problem}");
            answers.push_str(&answer.text());
            stage.server.wait_for_record("result", |record| record["code"] == code);
        }
        assert_eq!(stage.get("/callout/Good/x").status, 200);
    }
    stage.server.stop();
    let mut kept = vec![("the answers".to_owned(), answers.into_bytes()), ("the log".to_owned(), log.lock().unwrap().clone())];
    files(stage.server.directory(), &mut kept);
    assert!(kept.len() > 4 && kept[1].1.len() > 1_000);
    // The operator is told what the caller is not.
    let logged = String::from_utf8_lossy(&kept[1].1).into_owned();
    for reason in ["it does not know the authority that signed it", "it has expired, or is not valid yet, by the clock of the service"] {
        assert!(logged.contains(&format!("was not delivered: the upstream refused the client certificate: {reason}")), "{reason}");
    }
    for issued in [issued, stranger] {
        // Where the private part of the key is: the end of PKCS#8 for RSA; for P-256 from the 36th byte on.
        let part = if issued.key.len() < 200 { &issued.key[36..68] } else { &issued.key[issued.key.len() - 64..] };
        let hexadecimal: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
        let pem = issued.key_pem();
        let line = pem.lines().nth(1 + pem.lines().count() / 2 - 1).unwrap();
        for (place, bytes) in &kept {
            for form in [part, hexadecimal.as_bytes(), line.as_bytes()] {
                assert!(!bytes.windows(form.len()).any(|window| window == form), "LEAK: a private key stands in {place}");
            }
        }
    }
}

fn files(directory: &std::path::Path, kept: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files(&entry, kept);
        } else {
            kept.push((entry.display().to_string(), std::fs::read(&entry).unwrap()));
        }
    }
}

#[test]
fn without_a_certificate_that_can_be_presented_no_connection_is_made() {
    let upstream = RecordingUpstream::answering("hello");
    let front = TlsFront::of(&upstream.url());
    let stage = stage(&[front.certificate()]);
    let new = NewCertificate::named(name("Bank"));
    let requested =
        manage(&stage.server, async |manage| certificate::request(manage, new, KeyAlgorithm::P256, &Subject::named("Bank")).await.unwrap());
    assert!(requested.request.contains("CERTIFICATE REQUEST"));
    define(&stage.server, &[("Bank", &front.url(), Some("Bank"))]);
    let answer = stage.get("/callout/Bank/x");
    assert_eq!(answer.verdict(), (424, Some("client_certificate_not_usable")), "{}", answer.text());
    assert_eq!(upstream.connections(), 0);
    // A server that does not ask is called all the same: there is nothing to present it to.
    create(&stage.server, "Own", KeyAlgorithm::Ed25519);
    define(&stage.server, &[("Bank", &front.url(), Some("Own"))]);
    assert_eq!(stage.get("/callout/Bank/x").status, 200);
}
