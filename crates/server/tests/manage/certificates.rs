//! Certificates: made, requested, installed, imported, exported, shown and removed; the private key goes nowhere.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use sortie_model::{KeyAlgorithm, Secret, SecretBytes, SigningAlgorithm, Timestamp};
use sortie_server::Signers;
use sortie_server::manage::certificate::{
    self, CertificateError, CertificateView, Exported, Handover, ImportTarget, NewCertificate, Subject, VersionStanding,
};
use sortie_server::manage::{Change, Manage};

use crate::fixture::{Fixture, NOW, both_databases, name, say};

both_databases! {
    a_self_signed_certificate_signs_at_once,
    a_requested_certificate_is_usable_when_its_chain_is_installed,
    a_chain_for_another_key_is_refused,
    keys_from_elsewhere_are_imported,
    a_used_certificate_is_not_removed,
    a_key_that_was_moved_in_the_database_does_not_sign,
    neither_answers_nor_records_nor_files_hold_a_key,
}

pub(crate) async fn create(manage: &Manage<'_>, text: &str, algorithm: KeyAlgorithm) -> Result<Change, CertificateError> {
    certificate::create(manage, NewCertificate::named(name(text)), algorithm, &Subject::named(text), None).await
}

pub(crate) async fn show(fixture: &Fixture, text: &str) -> CertificateView {
    certificate::show(&fixture.manage(), &name(text)).await.unwrap()
}

/// What signs at a moment: the `kid`, or the code of why nothing does.
pub(crate) async fn kid(fixture: &Fixture, signers: &Signers, text: &str, now: Timestamp) -> Result<String, &'static str> {
    signers.refresh(&fixture.house.store().definitions().await.unwrap().certificates, now);
    signers.signer(text, now).await.map(|signer| signer.kid().to_string()).map_err(|error| error.code())
}

#[track_caller]
pub(crate) fn openssl(directory: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("this test needs `openssl`: {error}"));
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An authority that OpenSSL plays: signs the request `own.csr` into `chain.pem`.
pub(crate) fn sign_request(at: &Path, request: &str) -> Vec<u8> {
    std::fs::write(at.join("own.csr"), request).unwrap();
    openssl(
        at,
        "req -x509 -newkey rsa:2048 -noenc -keyout ca.key -out ca.pem -days 900 -subj /CN=Authority -addext basicConstraints=critical,CA:TRUE",
    );
    openssl(at, "x509 -req -in own.csr -CA ca.pem -CAkey ca.key -days 300 -out own.pem");
    [std::fs::read(at.join("own.pem")).unwrap(), std::fs::read(at.join("ca.pem")).unwrap()].concat()
}

async fn a_self_signed_certificate_signs_at_once(fixture: Fixture) {
    let manage = fixture.manage();
    assert_eq!(say(&create(&manage, "Signer", KeyAlgorithm::P256).await.unwrap()), "created certificate Signer");
    let signers = Signers::new(fixture.house.clone());
    assert_eq!(kid(&fixture, &signers, "sIGNER", NOW).await.as_deref(), Ok("Signer"));
    let signer = signers.signer("Signer", NOW).await.unwrap();
    assert_eq!(signer.sign(SigningAlgorithm::Es256, b"x").unwrap().len(), 64);
    assert_eq!(signer.sign(SigningAlgorithm::Rs256, b"x").unwrap_err().code(), "signing_algorithm_mismatch");
    let shown = show(&fixture, "SIGNER").await;
    let version = &shown.versions[0];
    assert_eq!((version.state, version.private_key, version.days_left), (VersionStanding::Signing, "matches", Some(365)));
    assert_eq!((version.subject.as_deref(), version.signing_algorithms.as_slice()), (Some("CN=Signer"), ["ES256"].as_slice()));
    assert_eq!(kid(&fixture, &signers, "Signer", NOW.after(Duration::from_secs(365 * 86_400))).await, Err("certificate_expired"));
    assert_eq!(kid(&fixture, &signers, "Nobody", NOW).await, Err("certificate_unknown"));
    let again = create(&manage, "signer", KeyAlgorithm::P256).await.unwrap_err();
    assert_eq!(again.code(), "conflict");
    let same_kid = NewCertificate { kid: Some("Signer".to_owned().try_into().unwrap()), ..NewCertificate::named(name("Other")) };
    let same_kid = certificate::create(&manage, same_kid, KeyAlgorithm::P256, &Subject::named("x"), None).await.unwrap_err();
    assert_eq!(same_kid.code(), "conflict");
}

async fn a_requested_certificate_is_usable_when_its_chain_is_installed(fixture: Fixture) {
    let manage = fixture.manage();
    let new = NewCertificate::named(name("Signer"));
    let requested = certificate::request(&manage, new, KeyAlgorithm::Rsa2048, &Subject::named("signer.test")).await.unwrap();
    let signers = Signers::new(fixture.house.clone());
    assert_eq!(kid(&fixture, &signers, "Signer", NOW).await, Err("certificate_not_usable"));
    let export = async |what| certificate::export(&fixture.manage(), &name("Signer"), what).await;
    assert_eq!(export(Exported::Request).await.unwrap(), requested.request);
    assert_eq!(export(Exported::Chain).await.unwrap_err().code(), "certificate_not_issued");
    let chain = sign_request(fixture.directory.path(), &requested.request);
    let later = Manage { now: real_now(), ..fixture.manage() };
    let done = certificate::install(&later, &name("Signer"), &chain, Handover::default()).await.unwrap();
    assert_eq!(say(&done), "updated certificate Signer version 1");
    assert_eq!(kid(&fixture, &signers, "Signer", real_now().after(Duration::from_secs(1))).await.as_deref(), Ok("Signer"));
    let exported = export(Exported::ChainOf(1)).await.unwrap();
    assert_eq!(exported.matches("BEGIN CERTIFICATE").count(), 2);
    assert_eq!(export(Exported::Request).await.unwrap_err().code(), "certificate_not_pending");
    let again = certificate::install(&later, &name("Signer"), &chain, Handover::default()).await.unwrap_err();
    assert_eq!(again.code(), "certificate_not_pending");
    let version = show(&fixture, "Signer").await.versions.remove(0);
    assert_eq!((version.issuer.as_deref(), version.chain_length, version.origin), (Some("CN=Authority"), 2, "requested"));
}

/// OpenSSL signs by the machine's clock.
#[allow(clippy::disallowed_methods, reason = "tests against a program that reads the clock itself")]
pub(crate) fn real_now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

async fn a_chain_for_another_key_is_refused(fixture: Fixture) {
    let manage = fixture.manage();
    let request = async |text: &str| {
        certificate::request(&manage, NewCertificate::named(name(text)), KeyAlgorithm::P256, &Subject::named(text)).await.unwrap()
    };
    let (one, _other) = (request("One").await, request("Other").await);
    let chain = sign_request(fixture.directory.path(), &one.request);
    let refused = certificate::install(&manage, &name("Other"), &chain, Handover::default()).await.unwrap_err();
    assert_eq!(refused.code(), "certificate_key_mismatch");
    assert_eq!(show(&fixture, "Other").await.versions[0].state, VersionStanding::Pending);
}

fn target(text: &str) -> ImportTarget {
    ImportTarget::New(NewCertificate::named(name(text)))
}

async fn keys_from_elsewhere_are_imported(fixture: Fixture) {
    let at = fixture.directory.path();
    openssl(at, "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout a.key -out a.pem -days 100 -subj /CN=A");
    openssl(at, "req -x509 -newkey rsa:3072 -noenc -keyout b.key -out b.pem -days 100 -subj /CN=B");
    openssl(at, "pkcs12 -export -inkey b.key -in b.pem -passout pass:SECRET-password -out b.p12");
    let read = |file: &str| std::fs::read(at.join(file)).unwrap();
    let manage = Manage { now: real_now(), ..fixture.manage() };
    certificate::import(&manage, target("A"), &SecretBytes::new(read("a.key")), &read("a.pem")).await.unwrap();
    let file = SecretBytes::new(read("b.p12"));
    let wrong = certificate::import_pkcs12(&manage, target("B"), &file, &Secret::new("SECRET-other")).await.unwrap_err();
    assert_eq!(wrong.code(), "key_store_unreadable");
    certificate::import_pkcs12(&manage, target("B"), &file, &Secret::new("SECRET-password")).await.unwrap();
    let crossed = certificate::import(&manage, target("C"), &SecretBytes::new(read("a.key")), &read("b.pem")).await.unwrap_err();
    assert_eq!(crossed.code(), "certificate_key_mismatch");
    let (a, b) = (show(&fixture, "A").await.versions.remove(0), show(&fixture, "B").await.versions.remove(0));
    assert_eq!((a.key_algorithm, a.origin, a.private_key), ("p256", "imported", "matches"));
    assert_eq!((b.key_algorithm, b.origin, b.private_key), ("rsa_3072", "imported", "matches"));
    let renewed = certificate::renew(&manage, &name("A"), Handover::default()).await.unwrap_err();
    assert_eq!(renewed.code(), "certificate_imported");
    // A key that what uses the certificate cannot sign with would end every token once it takes over.
    let using = "external_credentials: [{name: Erp, protocol: jwt, settings: {signing_certificate: a, signing_algorithm: ES256}}]";
    fixture.apply(using).await;
    let next = || ImportTarget::Version(name("A"), Handover::default());
    let refused = certificate::import_pkcs12(&manage, next(), &file, &Secret::new("SECRET-password")).await.unwrap_err();
    assert_eq!(refused.code(), "signing_algorithm_mismatch");
    assert!(refused.to_string().contains("`Erp` signs with ES256"), "{refused}");
    assert_eq!(show(&fixture, "A").await.versions.len(), 1);
    fixture.apply(&using.replace("certificate: a", "certificate: B").replace("ES256", "RS256")).await;
    let done = certificate::import_pkcs12(&manage, next(), &file, &Secret::new("SECRET-password")).await.unwrap();
    assert_eq!(say(&done), "updated certificate A version 2");
    assert_eq!(show(&fixture, "A").await.versions[1].kid, "A-2");
    // The fixture's clock stands still and is behind OpenSSL's: no certificate signs before it is valid.
    certificate::import(&fixture.manage(), target("Early"), &SecretBytes::new(read("a.key")), &read("a.pem")).await.unwrap();
    let early = show(&fixture, "Early").await.versions.remove(0);
    assert_eq!(early.signs_from, early.not_before);
    assert_eq!(kid(&fixture, &Signers::new(fixture.house.clone()), "Early", NOW).await, Err("certificate_not_usable"));
    let listed = certificate::list(&manage).await.unwrap();
    let seen: Vec<_> = listed.iter().map(|one| (one.name.as_str(), one.key_algorithm, one.state)).collect();
    assert_eq!(
        seen,
        [
            ("A", "rsa_3072", VersionStanding::Published),
            ("B", "rsa_3072", VersionStanding::Signing),
            ("Early", "p256", VersionStanding::Signing)
        ]
    );
}

async fn a_used_certificate_is_not_removed(fixture: Fixture) {
    let manage = fixture.manage();
    create(&manage, "Signer", KeyAlgorithm::Ed25519).await.unwrap();
    let using = "
external_credentials:
- name: Erp
  protocol: jwt
  settings: {signing_certificate: SIGNER, signing_algorithm: EdDSA}
- name: Shop
  protocol: custom
  headers:
  - {name: X-Signature, value: \"{!HEX(SIGN_WITH_CERTIFICATE('RSA-SHA256', $Credential.Shop.Body, 'signer'))}\", sequence_number: 1}
named_credentials:
- {name: Bank, url: https://bank.test, external_credential: Shop, client_certificate: sIGNER}
- name: Pay
  url: https://pay.test
  external_credential: Erp
  headers:
  - {name: X-Signature, value: \"{!HEX(SIGN_WITH_CERTIFICATE('RSA-SHA256', $Credential.Erp.Body, 'Signer'))}\", sequence_number: 1}
";
    fixture.apply(using).await;
    let users = ["external credential `Erp`", "external credential `Shop`", "named credential `Bank`", "named credential `Pay`"];
    assert_eq!(show(&fixture, "Signer").await.used_by, users);
    let refused = certificate::remove(&manage, &name("Signer")).await.unwrap_err();
    assert_eq!(refused.code(), "in_use");
    for user in users {
        assert!(refused.to_string().contains(user), "{refused}");
    }
    let unused = using
        .replace(", client_certificate: sIGNER", "")
        .replace("SIGNER", "Other")
        .replace("'signer'", "'Other'")
        .replace("'Signer'", "'Other'");
    fixture.apply(&unused).await;
    assert_eq!(say(&certificate::remove(&manage, &name("signer")).await.unwrap()), "deleted certificate Signer");
    assert_eq!(certificate::remove(&manage, &name("Signer")).await.unwrap_err().code(), "certificate_unknown");
}

async fn a_key_that_was_moved_in_the_database_does_not_sign(fixture: Fixture) {
    // CRY-03 of the attack catalogue: a sealed value in another row.
    let manage = fixture.manage();
    create(&manage, "Mine", KeyAlgorithm::P256).await.unwrap();
    create(&manage, "Theirs", KeyAlgorithm::P256).await.unwrap();
    let store = fixture.house.store();
    let certificates = store.definitions().await.unwrap().certificates;
    let (mine, theirs) = (&certificates[0], &certificates[1]);
    let sealed = store.certificates().private_key(theirs.versions[0].id).await.unwrap().unwrap();
    let mut moved = mine.versions[0].clone();
    moved.number = 1;
    let mut change = store.change().await.unwrap();
    change.certificates().delete_version(moved.id).await.unwrap();
    change.certificates().insert_version(mine.id, &moved, &sealed).await.unwrap();
    change.commit().await.unwrap();
    let signers = Signers::new(fixture.house.clone());
    assert_eq!(kid(&fixture, &signers, "Mine", NOW).await, Err("sealed_value_tampered"));
    assert_eq!(show(&fixture, "Mine").await.versions[0].private_key, "sealed_value_tampered");
    assert_eq!(kid(&fixture, &signers, "Theirs", NOW).await.as_deref(), Ok("Theirs"));
}

async fn neither_answers_nor_records_nor_files_hold_a_key(fixture: Fixture) {
    // LEAK-04 of the attack catalogue.
    let (manage, at) = (fixture.manage(), fixture.directory.path());
    openssl(at, "req -x509 -newkey rsa:2048 -noenc -keyout own.key -out own.pem -days 100 -subj /CN=Own");
    openssl(at, "pkey -in own.key -outform DER -out own.der");
    let key = std::fs::read(at.join("own.key")).unwrap();
    let chain = std::fs::read(at.join("own.pem")).unwrap();
    let target = ImportTarget::New(NewCertificate::named(name("Own")));
    certificate::import(&manage, target, &SecretBytes::new(key.clone()), &chain).await.unwrap();
    let answers =
        format!("{:?} {}", show(&fixture, "Own").await, certificate::export(&manage, &name("Own"), Exported::Chain).await.unwrap());
    let record = std::fs::read_to_string(fixture.house.audit_directory().join("management.jsonl")).unwrap();
    assert!(record.contains("certificate Own"), "{record}");
    assert!(!answers.contains("PRIVATE") && !record.contains("PRIVATE"));
    // A line of the PEM that only the private key has, and bytes of its DER.
    let lines: Vec<&str> = std::str::from_utf8(&key).unwrap().lines().collect();
    let der = std::fs::read(at.join("own.der")).unwrap();
    let marks = [lines[20].as_bytes(), &der[600..640]];
    let mut files = 0;
    for entry in std::fs::read_dir(at.join("data")).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let content = std::fs::read(&entry).unwrap();
        files += 1;
        for mark in marks {
            assert!(!content.windows(mark.len()).any(|window| window == mark), "{}", entry.display());
        }
    }
    assert!(files > 0 && !answers.contains(lines[20]));
}
