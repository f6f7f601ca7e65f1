#![allow(clippy::unwrap_used, reason = "tests")]

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RsaKeyPair};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::json;

use super::*;
use crate::testing::TestKey;

fn vector(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn bytes(key: &Value, name: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap()
}

/// `RSAPrivateKey` of RFC 8017, appendix A.1.2, in DER: a sequence of integers.
fn rsa_private_key(key: &Value) -> Vec<u8> {
    fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82, length[0], length[1]], content].concat()
    }
    // Lengths in the long form, even where a short one would do, are refused: DER has one way to write each.
    fn integer(number: &[u8]) -> Vec<u8> {
        let number = if number[0] & 0x80 == 0 { number.to_vec() } else { [&[0], number].concat() };
        match number.len() {
            length @ 0..=127 => [&[2, u8::try_from(length).unwrap()], &*number].concat(),
            length @ 128..=255 => [&[2, 0x81, u8::try_from(length).unwrap()], &*number].concat(),
            _ => tagged(2, &number),
        }
    }
    let numbers = ["n", "e", "d", "p", "q", "dp", "dq", "qi"].map(|name| integer(&bytes(key, name)));
    tagged(0x30, &[integer(&[0]), numbers.concat()].concat())
}

/// As the vector's token is: header and payload byte for byte, line breaks and all.
fn token_of(vector: &Value, signer: &TestKey, algorithm: SigningAlgorithm) -> Secret {
    let text = |name: &str| vector[name].as_str().unwrap().as_bytes();
    compact(text("header"), text("payload"), |input| signer.sign(algorithm, input)).unwrap()
}

#[test]
fn the_rsa_token_of_rfc_7515_appendix_a_2_comes_out_byte_for_byte() {
    let vector = vector(include_str!("vectors/rfc7515-a2.json"));
    let key = TestKey::Rsa(RsaKeyPair::from_der(&rsa_private_key(&vector["key"])).unwrap());
    assert_eq!(token_of(&vector, &key, SigningAlgorithm::Rs256).expose(), vector["token"].as_str().unwrap());
}

#[test]
fn the_ecdsa_token_of_appendix_a_3_has_the_same_input_and_a_signature_that_its_key_verifies() {
    // ECDSA is not deterministic: the signature differs each time.
    let vector = vector(include_str!("vectors/rfc7515-a3.json"));
    let key = &vector["key"];
    let public = [vec![4], bytes(key, "x"), bytes(key, "y")].concat();
    let pair = EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, &bytes(key, "d"), &public).unwrap();
    let token = token_of(&vector, &TestKey::P256(pair), SigningAlgorithm::Es256);
    let (input, signature) = token.expose().rsplit_once('.').unwrap();
    assert_eq!(Some(input), vector["token"].as_str().unwrap().rsplit_once('.').map(|(input, _)| input));
    assert_eq!(URL_SAFE_NO_PAD.decode(signature).unwrap().len(), 64); // RFC 7518, section 3.4
    let verifier = DecodingKey::from_ec_components(key["x"].as_str().unwrap(), key["y"].as_str().unwrap()).unwrap();
    for token in [token.expose(), vector["token"].as_str().unwrap()] {
        let (input, signature) = token.rsplit_once('.').unwrap();
        assert_eq!(jsonwebtoken::crypto::verify(signature, input.as_bytes(), &verifier, Algorithm::ES256), Ok(true));
    }
}

#[test]
fn every_algorithm_is_verified_by_an_independent_library() {
    let (rsa, p256, ed25519) = (TestKey::rsa(), TestKey::p256(), TestKey::ed25519());
    for (key, algorithm, theirs) in [
        (&rsa, SigningAlgorithm::Rs256, Algorithm::RS256),
        (&rsa, SigningAlgorithm::Rs384, Algorithm::RS384),
        (&rsa, SigningAlgorithm::Rs512, Algorithm::RS512),
        (&rsa, SigningAlgorithm::Ps256, Algorithm::PS256),
        (&p256, SigningAlgorithm::Es256, Algorithm::ES256),
        (&ed25519, SigningAlgorithm::EdDsa, Algorithm::EdDSA),
    ] {
        let body = Map::from_iter([("sub".to_owned(), "é\"\n".into()), ("exp".to_owned(), 4_102_444_800_i64.into())]);
        let token = Jwt { header: Map::from_iter([("kid".to_owned(), "k".into())]), body: body.clone() }.sign(key, algorithm).unwrap();
        let read = jsonwebtoken::decode::<Value>(token.expose(), &key.verifier(), &Validation::new(theirs)).unwrap();
        assert_eq!(read.claims, Value::Object(body));
        assert_eq!((read.header.alg, read.header.kid.as_deref()), (theirs, Some("k")));
        let mut forged = token.expose().to_owned();
        forged.replace_range(30..31, if &forged[30..31] == "A" { "B" } else { "A" });
        assert!(jsonwebtoken::decode::<Value>(&forged, &key.verifier(), &Validation::new(theirs)).is_err());
    }
}

#[test]
fn a_key_that_does_not_fit_signs_nothing() {
    // SIG-06.
    let refused = Jwt::default().sign(&TestKey::p256(), SigningAlgorithm::Rs256).unwrap_err();
    assert_eq!(
        (refused.code(), refused.to_string().as_str()),
        ("credential_misconfigured", "`signing_algorithm` does not fit the key of the signing certificate")
    );
}

#[test]
fn a_token_larger_than_a_header_is_refused() {
    // SIG-05.
    let body = Map::from_iter([("x".to_owned(), json!("x".repeat(1 << 20)))]);
    let refused = Jwt { header: Map::new(), body }.sign(&TestKey::p256(), SigningAlgorithm::Es256).unwrap_err();
    assert_eq!(refused.code(), "credential_misconfigured");
}
