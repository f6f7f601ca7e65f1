//! Certificates and requests that Sortie makes, as OpenSSL reads them.

use std::time::Duration;

use sortie_model::KeyAlgorithm;
use sortie_vault::signing::{SigningKey, Subject, request, self_sign, verify_chain};

use super::tools::{NOW, openssl};

fn subject() -> Subject {
    let text = |text: &str| Some(text.to_owned());
    Subject {
        common_name: "Signer".to_owned(),
        organization: text("Örtliche Gesellschaft"),
        organizational_unit: text("Billing"),
        locality: text("Köln"),
        state: text("NRW"),
        country: text("DE"),
    }
}

#[test]
fn a_self_signed_certificate_is_whole_and_lives_as_long_as_asked() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    for kind in KeyAlgorithm::ALL {
        let key = SigningKey::generate(kind).unwrap();
        let der = self_sign(&key, &subject(), NOW, kind.default_lifetime()).unwrap();
        std::fs::write(at.join("own.der"), &der).unwrap();
        let issued = verify_chain(vec![der.clone()], key.public_key(), NOW).unwrap();
        assert_eq!((issued.not_before, issued.not_after), (NOW, NOW.after(kind.default_lifetime())));
        openssl(at, "x509 -in own.der -inform DER -out own.pem");
        openssl(at, &format!("verify -x509_strict -check_ss_sig -attime {} -CAfile own.pem own.pem", NOW.as_seconds() + 60));
        let text = openssl(at, "x509 -in own.pem -noout -text -nameopt utf8,sep_comma_plus");
        assert!(text.contains("CA:FALSE") && text.contains("Digital Signature"), "{text}");
        assert!(text.contains("CN=Signer") && text.contains("O=Örtliche Gesellschaft") && text.contains("C=DE"), "{text}");
        // The renewal repeats the subject.
        assert_eq!(Subject::of_certificate(&der), Some(subject()));
    }
}

#[test]
fn a_request_is_signed_by_its_own_key() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    for kind in KeyAlgorithm::ALL {
        let key = SigningKey::generate(kind).unwrap();
        std::fs::write(at.join("own.csr"), request(&key, &subject()).unwrap()).unwrap();
        openssl(at, "req -in own.csr -inform DER -noout -verify");
        openssl(at, "req -in own.csr -inform DER -noout -pubkey -out own.pub");
        openssl(at, "pkey -pubin -in own.pub -outform DER -out own.pub.der");
        assert_eq!(std::fs::read(at.join("own.pub.der")).unwrap(), key.public_key());
    }
}

#[test]
fn a_subject_that_x509_does_not_allow_is_refused() {
    let key = SigningKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let rule = |subject: Subject| request(&key, &subject).unwrap_err().code();
    assert_eq!(rule(Subject::named("")), "required");
    assert_eq!(rule(Subject::named("x".repeat(65))), "subject_format");
    assert_eq!(rule(Subject::named("a\nb")), "subject_format");
    assert_eq!(rule(Subject { country: Some("Germany".to_owned()), ..subject() }), "subject_format");
    let year = Duration::from_secs(86_400 * 365);
    for lifetime in [Duration::ZERO, year * 31] {
        assert_eq!(self_sign(&key, &subject(), NOW, lifetime).unwrap_err().code(), "lifetime_range");
    }
}
