#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
    UnparsedPublicKey,
};
use http::StatusCode;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, PublicKeyData as _, SerialNumber};
use serde_json::json;

use super::*;
use crate::testing::{NOW, settings};
use crate::{Protocol as _, Values};

/// A key with a certificate, one in the middle and a root above it.
struct Certified {
    pair: rcgen::KeyPair,
    chain: Vec<Vec<u8>>,
}

impl Certified {
    fn new(algorithm: &'static rcgen::SignatureAlgorithm) -> Self {
        let authority = |name: &str| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            (params, rcgen::KeyPair::generate().unwrap())
        };
        let ((root, root_key), (middle, middle_key)) = (authority("root"), authority("middle"));
        let root_der = root.self_signed(&root_key).unwrap();
        let middle_der = middle.signed_by(&middle_key, &Issuer::from_params(&root, &root_key)).unwrap();
        let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let mut leaf = CertificateParams::default();
        leaf.distinguished_name.push(rcgen::DnType::CommonName, "leaf");
        leaf.serial_number = Some(SerialNumber::from(1_000_001u64));
        let leaf_der = leaf.signed_by(&pair, &Issuer::from_params(&middle, &middle_key)).unwrap();
        Self { pair, chain: [leaf_der, middle_der, root_der].map(|certificate| certificate.der().to_vec()).into() }
    }
}

impl Signer for Certified {
    fn key_id(&self) -> &str {
        "Key"
    }

    fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    fn sign(&self, algorithm: SigningAlgorithm, input: &[u8]) -> Result<Vec<u8>, SignerError> {
        let (random, der) = (SystemRandom::new(), self.pair.serialize_der());
        match algorithm {
            SigningAlgorithm::Rs256 => {
                let key = RsaKeyPair::from_pkcs8(&der).map_err(|_| SignerError::WrongKey)?;
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, input, &mut signature).unwrap();
                Ok(signature)
            }
            SigningAlgorithm::Es256 => {
                let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).map_err(|_| SignerError::WrongKey)?;
                Ok(key.sign(&random, input).unwrap().as_ref().to_vec())
            }
            _ => Err(SignerError::WrongKey),
        }
    }
}

fn written() -> Value {
    json!({
        "region": "eu-central-1", "service": "s3", "signing_certificate": "Key",
        "trust_anchor_arn": "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/1",
        "profile_arn": "arn:aws:rolesanywhere:eu-west-1:123456789012:profile/2",
        "role_arn": "arn:aws:iam::123456789012:role/demo"
    })
}

fn ask(signer: &dyn Signer, change: impl FnOnce(&mut Value)) -> Result<Ask, ObtainError> {
    let mut written = written();
    change(&mut written);
    question(Material { settings: &settings(written), values: &Values::new(), grant: None, provider: None }, signer, NOW)
}

#[test]
fn the_question_is_signed_with_the_certificate() {
    let (rsa, ecdsa): (_, &dyn signature::VerificationAlgorithm) = (&rcgen::PKCS_RSA_SHA256, &ECDSA_P256_SHA256_ASN1);
    for (kind, algorithm, verification) in [
        (rsa, "AWS4-X509-RSA-SHA256", &RSA_PKCS1_2048_8192_SHA256 as &dyn signature::VerificationAlgorithm),
        (&rcgen::PKCS_ECDSA_P256_SHA256, "AWS4-X509-ECDSA-SHA256", ecdsa),
    ] {
        let signer = Certified::new(kind);
        let asked = ask(&signer, |_| {}).unwrap();
        assert_eq!(asked.url.to_string(), "https://rolesanywhere.eu-west-1.amazonaws.com/sessions");
        let (settings, values) = (settings(written()), Values::new());
        let material = Material { settings: &settings, values: &values, grant: None, provider: None };
        assert_eq!(AwsRolesAnywhere.asks(material).as_deref(), Some("https://rolesanywhere.eu-west-1.amazonaws.com/sessions"));
        // The root is not sent: it is the trust anchor.
        let [leaf, middle, _] = [0, 1, 2].map(|at| STANDARD.encode(&signer.chain[at]));
        assert!(asked.headers[X_AMZ_X509] == leaf && asked.headers[X_AMZ_X509_CHAIN] == middle);
        let body_hash = Hex::sha256(asked.body.expose());
        let canonical = format!(
            "POST\n/sessions\n\ncontent-type:application/json\nhost:rolesanywhere.eu-west-1.amazonaws.com\nx-amz-date:20261122T062436Z\n\
             x-amz-x509:{leaf}\nx-amz-x509-chain:{middle}\n\ncontent-type;host;x-amz-date;x-amz-x509;x-amz-x509-chain\n{}",
            body_hash.as_str()
        );
        let scope = "20261122/eu-west-1/rolesanywhere/aws4_request";
        let text = format!("{algorithm}\n20261122T062436Z\n{scope}\n{}", Hex::sha256(canonical.as_bytes()).as_str());
        let authorization = asked.headers["authorization"].to_str().unwrap();
        let head = format!(
            "{algorithm} Credential=1000001/{scope}, SignedHeaders=content-type;host;x-amz-date;x-amz-x509;x-amz-x509-chain, Signature="
        );
        let hex = authorization.strip_prefix(&head).unwrap();
        let signature: Vec<u8> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        UnparsedPublicKey::new(verification, signer.pair.subject_public_key_info()).verify(text.as_bytes(), &signature).unwrap();
    }
}

#[test]
fn the_service_is_asked_where_its_url_says() {
    let signer = Certified::new(&rcgen::PKCS_ECDSA_P256_SHA256);
    for (written, asked, canonical) in [
        ("https://ra.test", "https://ra.test/sessions", "/sessions\n"),
        ("https://ra.test/", "https://ra.test/sessions", "/sessions\n"),
        ("https://ra.test/aws/sessions", "https://ra.test/aws/sessions", "/aws/sessions\n"),
        ("https://ra.test?b=2&a=1", "https://ra.test/sessions?b=2&a=1", "/sessions\na=1&b=2"),
        ("https://ra.test/x?a", "https://ra.test/x?a", "/x\na="),
    ] {
        let asked_for = ask(&signer, |all| all["roles_anywhere_endpoint"] = written.into()).unwrap();
        assert_eq!(asked_for.url.to_string(), asked);
        // The signature covers the query too.
        let header = |name: &str| asked_for.headers[name].to_str().unwrap();
        let canonical = format!(
            "POST\n{canonical}\ncontent-type:application/json\nhost:ra.test\nx-amz-date:20261122T062436Z\nx-amz-x509:{}\nx-amz-x509-chain:{}\n\n\
             content-type;host;x-amz-date;x-amz-x509;x-amz-x509-chain\n{}",
            header("x-amz-x509"),
            header("x-amz-x509-chain"),
            Hex::sha256(asked_for.body.expose()).as_str()
        );
        let scope = "20261122/eu-west-1/rolesanywhere/aws4_request";
        let text = format!("AWS4-X509-ECDSA-SHA256\n20261122T062436Z\n{scope}\n{}", Hex::sha256(canonical.as_bytes()).as_str());
        let (_, hex) = header("authorization").split_once("Signature=").unwrap();
        let signature: Vec<u8> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, signer.pair.subject_public_key_info());
        assert!(key.verify(text.as_bytes(), &signature).is_ok(), "{written}");
    }
}

#[test]
fn the_body_says_what_is_asked_for() {
    let signer = Certified::new(&rcgen::PKCS_ECDSA_P256_SHA256);
    let body = |change: fn(&mut Value)| -> Value { serde_json::from_slice(ask(&signer, change).unwrap().body.expose()).unwrap() };
    assert_eq!(
        body(|_| {}),
        json!({
            "durationSeconds": 3600, "profileArn": "arn:aws:rolesanywhere:eu-west-1:123456789012:profile/2",
            "roleArn": "arn:aws:iam::123456789012:role/demo",
            "trustAnchorArn": "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/1"
        })
    );
    let with_name = body(|written| {
        written["session_name"] = "Ünal".into();
        written["duration_seconds"] = 900.into();
    });
    assert_eq!((&with_name["roleSessionName"], &with_name["durationSeconds"]), (&json!("-nal"), &json!(900)));
}

#[test]
fn what_cannot_be_asked_is_the_admins_to_correct() {
    let signer = Certified::new(&rcgen::PKCS_ECDSA_P256_SHA256);
    let field = |change: fn(&mut Value)| match ask(&signer, change).unwrap_err() {
        ObtainError::WrongConfiguration { field, .. } | ObtainError::NotConfigured { field } => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(|written| written["role_arn"] = "demo".into()), "role_arn");
    assert_eq!(field(|written| written["profile_arn"] = "".into()), "profile_arn");
    assert_eq!(field(|written| written["profile_arn"] = "arn:aws:rolesanywhere:us-east-1:1:profile/2".into()), "trust_anchor_arn");
    let odd = Certified::new(&rcgen::PKCS_ED25519);
    assert!(matches!(ask(&odd, |_| {}), Err(ObtainError::WrongConfiguration { field: "signing_certificate", .. })));
}

fn answer(status: u16, error: Option<&'static str>, body: &str) -> Answer {
    let headers = error.map(|error| (HeaderName::from_static("x-amzn-errortype"), HeaderValue::from_static(error)));
    Answer { status: StatusCode::from_u16(status).unwrap(), headers: headers.into_iter().collect(), body: body.to_owned().into() }
}

#[test]
fn answers_are_read_as_the_service_gives_them() {
    let set = |expiration: &str| {
        json!({ "credentialSet": [{ "credentials": {
            "accessKeyId": "ASIAEXAMPLE", "secretAccessKey": "SECRET-k", "sessionToken": "SECRET-t", "expiration": expiration
        } }] })
        .to_string()
    };
    let grant = read(&answer(201, None, &set("2026-11-22T06:34:36Z")), 3600, NOW, &Confidential::default()).unwrap();
    assert_eq!((grant.parts["session_token"].expose(), grant.lifetime.unwrap().as_millis()), ("SECRET-t", 599_211));
    for dead in [&set("2026-11-22T06:24:36Z"), "{}", "<html>"] {
        assert!(matches!(read(&answer(201, None, dead), 3600, NOW, &Confidential::default()), Err(ObtainError::Malformed { .. })));
    }
    let refused =
        read(&answer(403, Some("AccessDeniedException:"), r#"{"message":"Untrusted certificate"}"#), 3600, NOW, &Confidential::default())
            .unwrap_err();
    assert_eq!(
        refused,
        ObtainError::Refused(crate::ProviderError {
            error: "AccessDeniedException".to_owned(),
            description: Some("Untrusted certificate".to_owned())
        })
    );
    for busy in [answer(503, None, ""), answer(400, Some("ThrottlingException"), "{}")] {
        assert_eq!(read(&busy, 3600, NOW, &Confidential::default()).unwrap_err().code(), "token_endpoint_unavailable");
    }
}
