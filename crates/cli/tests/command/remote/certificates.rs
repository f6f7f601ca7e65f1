//! Certificates over HTTP, with OpenSSL as the authority and as who made keys elsewhere.

use serde_json::Value;

use super::{Served, code_of};
use crate::certificate::{openssl, read};

impl Served {
    #[track_caller]
    fn done(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments, "");
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{arguments:?}: {said:?}");
        assert!(!said.out.contains("PRIVATE KEY"), "{arguments:?}: {said:?}");
        said.out
    }

    /// The states of a certificate's versions, oldest first.
    fn states(&self, name: &str) -> Vec<String> {
        let shown: Value = serde_json::from_str(&self.done(&["--json", "certificate", "show", name])).unwrap();
        shown["versions"].as_array().unwrap().iter().map(|version| version["state"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn a_request_goes_out_and_its_chain_comes_back() {
    let served = Served::start();
    let request = served.done(&["certificate", "request", "Issued", "--key-algorithm", "p256", "--common-name", "signer.test"]);
    assert!(request.starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"), "alone on standard output: {request}");
    assert_eq!(served.done(&["certificate", "export", "Issued", "--request"]), request);
    served.sortie.file("own.csr", &request);
    let authority = "req -x509 -newkey rsa:2048 -noenc -keyout ca.key -out ca.pem -days 900 -subj /CN=Authority -addext basicConstraints=critical,CA:TRUE";
    openssl(&served.sortie, authority);
    openssl(&served.sortie, "x509 -req -in own.csr -CA ca.pem -CAkey ca.key -days 300 -out own.pem");
    assert_eq!(served.code(&["certificate", "install", "Issued", "ca.pem"]), "certificate_key_mismatch");
    let chain = format!("{}{}", read(&served.sortie, "own.pem"), read(&served.sortie, "ca.pem"));
    let said = served.run(&["certificate", "install", "issued", "-"], &chain);
    assert_eq!((said.code, said.out.contains("version 1")), (0, true), "{said:?}");
    served.sortie.file("exported.pem", &served.done(&["certificate", "export", "Issued"]));
    openssl(&served.sortie, "verify -CAfile ca.pem exported.pem");
    let renewed: Value = serde_json::from_str(&served.done(&["--json", "certificate", "renew", "issued"])).unwrap();
    assert_eq!(renewed["changes"][0]["fields"][0], "version 2", "{renewed}");
    assert!(renewed["pem"].as_str().unwrap().contains("CERTIFICATE REQUEST"));
    assert!(served.done(&["certificate", "retire", "Issued", "2"]).contains("version 2"));
    assert_eq!(served.states("Issued"), ["signing"]);
}

#[test]
fn keys_come_from_files_in_every_form_and_never_out() {
    let served = Served::start();
    for name in ["a", "b", "c"] {
        let key = format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout {name}.key -out {name}.pem -days 100 -subj /CN={name}"
        );
        openssl(&served.sortie, &key);
    }
    served.done(&["certificate", "import", "Foreign", "--key", "a.key", "--chain", "a.pem", "--label", "From elsewhere"]);
    assert_eq!(served.code(&["certificate", "import", "Other", "--key", "a.key", "--chain", "b.pem"]), "certificate_key_mismatch");
    // SEC 1 in DER: no text at all.
    openssl(&served.sortie, "ec -in b.key -outform DER -out b.der");
    let renewed = served.done(&["certificate", "import", "foreign", "--renew", "--key", "b.der", "--chain", "b.pem", "--at-once"]);
    assert!(renewed.contains("Foreign") && renewed.contains("version 2"), "{renewed}");
    openssl(&served.sortie, "pkcs12 -export -inkey c.key -in c.pem -passout pass:SECRET-file -out c.p12");
    served.sortie.file("password", "SECRET-file\n");
    served.sortie.file("other", "SECRET-other");
    let import = |password| ["certificate", "import", "Foreign", "--renew", "--pkcs12", "c.p12", "--password-file", password, "--at-once"];
    let said = served.run(&import("other"), "");
    assert_eq!((said.code, code_of(&said).as_str()), (1, "key_store_unreadable"), "{said:?}");
    served.done(&import("password"));
    assert_eq!(served.states("Foreign"), ["retiring", "retiring", "signing"]);
    assert!(served.done(&["certificate", "export", "Foreign", "--number", "1"]).contains("BEGIN CERTIFICATE"));
    served.done(&["certificate", "retire", "Foreign", "1"]);
    assert_eq!(served.states("Foreign"), ["retired", "retiring", "signing"]);
}
