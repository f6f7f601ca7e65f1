//! Certificates from a request to retirement. OpenSSL is the authority, and who made keys elsewhere.

use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sortie_client::{CertificateName, CertificateToRequest, Handover, KeyAndChain, NewCertificate, Secret, VersionStanding};

use crate::witness::{Witness, code};

fn openssl(at: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(at).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("this test needs `openssl`: {error}"));
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

fn read(at: &Path, name: &str) -> String {
    std::fs::read_to_string(at.join(name)).unwrap()
}

const AT_ONCE: Handover = Handover { delay_seconds: Some(0), overlap_seconds: Some(60) };

pub(crate) async fn self_signed(witness: &Witness) {
    let certificates = witness.client.certificates();
    let new = NewCertificate {
        name: "Signer".to_owned(),
        key_algorithm: Some("p256".to_owned()),
        lifetime_days: Some(90),
        ..NewCertificate::default()
    };
    let made = certificates.create(&new).await.unwrap();
    witness.is_whole(&made);
    assert_eq!(made.versions[0].state, VersionStanding::Signing);
    witness.is_whole_at("certificates", &certificates.list().await.unwrap());
    witness.is_whole(&certificates.show("Signer").await.unwrap());
    let renewed = certificates.renew("Signer", AT_ONCE).await.unwrap();
    witness.is_whole(&renewed);
    assert_eq!((renewed.request, renewed.certificate.versions.len()), (None, 2));
    assert_eq!(certificates.chain("Signer", Some(1)).await.unwrap().matches("BEGIN CERTIFICATE").count(), 1);
    assert_eq!(code(certificates.retire("Signer", 9, None).await), "certificate_version_unknown");
    certificates.retire("Signer", 1, Some(3_600)).await.unwrap();
    certificates.remove("Signer").await.unwrap();
    assert_eq!(code(certificates.show("Signer").await), "certificate_unknown");
}

pub(crate) async fn from_an_authority_and_from_elsewhere(witness: &Witness) {
    let (certificates, directory) = (witness.client.certificates(), tempfile::tempdir().unwrap());
    let at = directory.path();
    let new = CertificateToRequest { name: "Issued".to_owned(), key_algorithm: Some("p256".to_owned()), ..CertificateToRequest::default() };
    let requested = certificates.request(&new).await.unwrap();
    witness.is_whole(&requested);
    let request = certificates.pending_request("Issued").await.unwrap();
    assert_eq!(requested.request.as_deref(), Some(request.as_str()));
    assert_eq!(code(certificates.chain("Issued", None).await), "certificate_not_issued");
    std::fs::write(at.join("own.csr"), request).unwrap();
    openssl(
        at,
        "req -x509 -newkey rsa:2048 -noenc -keyout ca.key -out ca.pem -days 900 -subj /CN=Authority -addext basicConstraints=critical,CA:TRUE",
    );
    openssl(at, "x509 -req -in own.csr -CA ca.pem -CAkey ca.key -days 300 -out own.pem");
    let chain = [read(at, "own.pem"), read(at, "ca.pem")].concat();
    let installed = certificates.install("Issued", &chain, Handover::default()).await.unwrap();
    witness.is_whole(&installed);
    assert_eq!(installed.versions[0].state, VersionStanding::Signing);

    openssl(at, "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout a.key -out a.pem -days 100 -subj /CN=A");
    openssl(at, "pkcs12 -export -inkey a.key -in a.pem -passout pass:SECRET-file -out a.p12");
    let pem = KeyAndChain::Pem { private_key: Secret::new(read(at, "a.key")), chain: read(at, "a.pem") };
    let name = CertificateName { name: "Imported".to_owned(), ..CertificateName::default() };
    witness.is_whole(&certificates.import(&name, &pem).await.unwrap());
    let file = Secret::new(STANDARD.encode(std::fs::read(at.join("a.p12")).unwrap()));
    let pkcs12 = |password: &str| KeyAndChain::Pkcs12 { file: file.clone(), password: Secret::new(password) };
    let refused = certificates.import_version("Imported", &pkcs12("SECRET-other"), AT_ONCE).await;
    assert_eq!(code(refused), "key_store_unreadable");
    witness.is_whole(&certificates.import_version("Imported", &pkcs12("SECRET-file"), AT_ONCE).await.unwrap());
    for name in ["Issued", "Imported"] {
        certificates.remove(name).await.unwrap();
    }
}
