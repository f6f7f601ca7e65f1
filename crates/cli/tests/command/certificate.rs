//! `sortie certificate`: made, requested, imported, renewed, and never a private key on the way out.

use std::process::{Command, Stdio};

use crate::harness::Sortie;

#[track_caller]
pub(crate) fn openssl(sortie: &Sortie, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(sortie.directory.path()).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("this test needs `openssl`: {error}"));
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

pub(crate) fn read(sortie: &Sortie, name: &str) -> String {
    std::fs::read_to_string(sortie.directory.path().join(name)).unwrap()
}

#[test]
fn a_certificate_is_made_renewed_retired_and_removed() {
    let sortie = Sortie::new();
    sortie.ok(&["certificate", "create", "Signer", "--key-algorithm", "p256", "--organization", "Example", "--country", "DE"]);
    let shown = sortie.json(&["certificate", "show", "signer"]);
    let version = &shown["versions"][0];
    assert_eq!((&version["state"], &version["kid"], &version["private_key"]), (&"signing".into(), &"Signer".into(), &"matches".into()));
    assert_eq!(version["days_left"], 364, "a year, less the moment since");
    sortie.ok(&["certificate", "renew", "Signer", "--at-once", "--overlap", "2h"]);
    let listed = sortie.json(&["certificate", "list"]);
    assert_eq!((&listed["certificates"][0]["kid"], &listed["certificates"][0]["state"]), (&"Signer-2".into(), &"signing".into()));
    let text = sortie.ok(&["certificate", "show", "Signer"]);
    assert!(text.contains("1. retiring  kid Signer ") && text.contains("2. signing  kid Signer-2 "), "{text}");
    assert!(text.contains("used by nothing") && text.contains("private key matches"), "{text}");
    assert_eq!(sortie.code(&["certificate", "retire", "Signer", "2"]), "certificate_version_active");
    sortie.ok(&["certificate", "retire", "Signer", "1"]);
    assert_eq!(sortie.json(&["certificate", "show", "Signer"])["versions"][0]["state"], "retired");
    sortie.ok(&["certificate", "remove", "Signer"]);
    assert_eq!(sortie.code(&["certificate", "show", "Signer"]), "certificate_unknown");
}

#[test]
fn a_request_is_signed_elsewhere_and_its_chain_installed() {
    let sortie = Sortie::new();
    let request = sortie.ok(&["certificate", "request", "Signer", "--common-name", "signer.test"]);
    assert!(request.starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"), "alone on standard output: {request}");
    assert_eq!(sortie.ok(&["certificate", "export", "Signer", "--request"]), request);
    sortie.file("signer.csr", &request);
    openssl(
        &sortie,
        "req -x509 -newkey rsa:2048 -noenc -keyout ca.key -out ca.pem -days 900 -subj /CN=Authority -addext basicConstraints=critical,CA:TRUE",
    );
    openssl(&sortie, "x509 -req -in signer.csr -CA ca.pem -CAkey ca.key -days 300 -out signer.pem");
    assert_eq!(sortie.code(&["certificate", "install", "Signer", "ca.pem"]), "certificate_key_mismatch");
    let chain = format!("{}{}", read(&sortie, "signer.pem"), read(&sortie, "ca.pem"));
    let said = sortie.run_with_input(&["certificate", "install", "Signer", "-"], &chain);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    sortie.file("exported.pem", &sortie.ok(&["certificate", "export", "Signer"]));
    openssl(&sortie, "verify -CAfile ca.pem exported.pem");
    // The next one needs a request again.
    assert!(sortie.json(&["certificate", "renew", "Signer"])["pem"].as_str().unwrap().contains("CERTIFICATE REQUEST"));
}

#[test]
fn keys_are_imported_from_files_standard_input_and_pkcs12() {
    let sortie = Sortie::new();
    openssl(&sortie, "req -x509 -newkey rsa:2048 -noenc -keyout own.key -out own.pem -days 100 -subj /CN=Own");
    openssl(&sortie, "pkcs12 -export -inkey own.key -in own.pem -passout pass:SECRET-password -out own.p12");
    sortie.ok(&["certificate", "import", "One", "--key", "own.key", "--chain", "own.pem"]);
    let said = sortie.run_with_input(&["certificate", "import", "Two", "--key", "-", "--chain", "own.pem"], &read(&sortie, "own.key"));
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    sortie.file("password", "SECRET-password\n");
    sortie.ok(&["certificate", "import", "Three", "--pkcs12", "own.p12", "--password-file", "password"]);
    sortie.file("password", "SECRET-other\n");
    let wrong = &["certificate", "import", "Four", "--pkcs12", "own.p12", "--password-file", "password"];
    assert_eq!(sortie.code(wrong), "key_store_unreadable");
    assert_eq!(sortie.code(&["certificate", "import", "Four", "--pkcs12", "own.p12"]), "password_missing");
    sortie.ok(&["certificate", "import", "One", "--renew", "--key", "own.key", "--chain", "own.pem"]);
    assert_eq!(sortie.json(&["certificate", "show", "One"])["versions"][1]["kid"], "One-2");
}

#[test]
fn neither_a_key_nor_a_password_can_be_an_argument_and_no_command_shows_a_key() {
    // OPS-01 and LEAK-04 of the attack catalogue.
    let sortie = Sortie::new();
    openssl(&sortie, "req -x509 -newkey rsa:2048 -noenc -keyout own.key -out own.pem -days 100 -subj /CN=Own");
    for argument in ["--password", "--passphrase", "--password=x"] {
        assert_eq!(sortie.run(&["certificate", "import", "Own", "--pkcs12", "own.p12", argument, "x"]).code, 2, "{argument}");
    }
    assert_eq!(sortie.run(&["certificate", "export", "Own", "--private-key"]).code, 2);
    sortie.ok(&["certificate", "import", "Own", "--key", "own.key", "--chain", "own.pem"]);
    let key = read(&sortie, "own.key");
    let line = key.lines().nth(12).unwrap();
    for arguments in [&["show", "Own"][..], &["list"], &["export", "Own"]] {
        let arguments = [&["certificate"], arguments].concat();
        let (text, json) = (sortie.ok(&arguments), sortie.json(&arguments).to_string());
        assert!(![&text, &json].into_iter().any(|said| said.contains("PRIVATE KEY") || said.contains(line)), "{arguments:?}");
    }
}
