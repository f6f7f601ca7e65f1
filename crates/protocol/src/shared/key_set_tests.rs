#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use serde_json::json;

use super::*;
use crate::testing::{Scripted, now};

fn vector(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn set(keys: &[&Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

#[test]
fn the_tokens_of_the_rfcs_are_verified_and_no_changed_one_is() {
    for (text, algorithm) in [
        (include_str!("vectors/rfc7515-a2.json"), SigningAlgorithm::Rs256),
        (include_str!("vectors/rfc7515-a3.json"), SigningAlgorithm::Es256),
        (include_str!("vectors/rfc8037-a.json"), SigningAlgorithm::EdDsa),
    ] {
        let vector = vector(text);
        let keys = set(&[&vector["key"]]);
        let (input, signature) = vector["token"].as_str().unwrap().rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let key = keys.find(None, algorithm).unwrap();
        assert!(key.verifies(algorithm, input.as_bytes(), &signature), "{algorithm}");
        assert!(!key.verifies(algorithm, &input.as_bytes()[1..], &signature), "{algorithm}");
        assert!(!key.verifies(algorithm, input.as_bytes(), &signature[1..]), "{algorithm}");
        for other in SigningAlgorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            assert!(!key.verifies(other, input.as_bytes(), &signature), "{other} for {algorithm}");
        }
    }
}

#[test]
fn of_the_example_set_only_the_key_for_signatures_is_kept() {
    let keys = KeySet::parse(include_bytes!("vectors/rfc7517-a1.json")).unwrap();
    assert_eq!(keys.0.len(), 1);
    assert!(keys.find(Some("2011-04-29"), SigningAlgorithm::Rs256).is_some());
    assert!(keys.find(Some("1"), SigningAlgorithm::Es256).is_none());
    // Its `alg` says RS256, and nothing else.
    assert!(keys.find(Some("2011-04-29"), SigningAlgorithm::Ps256).is_none());
}

#[test]
fn a_header_without_kid_will_do_for_one_fitting_key_only() {
    let rsa = vector(include_str!("vectors/rfc7515-a2.json"))["key"].clone();
    let ecdsa = vector(include_str!("vectors/rfc7515-a3.json"))["key"].clone();
    assert!(set(&[&rsa, &ecdsa]).find(None, SigningAlgorithm::Rs256).is_some());
    assert!(set(&[&rsa, &rsa]).find(None, SigningAlgorithm::Rs256).is_none());
    assert!(set(&[&rsa]).find(Some("other"), SigningAlgorithm::Rs256).is_none());
}

#[test]
fn what_is_not_understood_is_left_out_and_no_reason_to_refuse_the_rest() {
    let good = vector(include_str!("vectors/rfc8037-a.json"))["key"].clone();
    let with = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        key
    };
    let odd = [
        json!({"kty": "oct", "k": "c2VjcmV0"}),
        json!({"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}),
        json!("text"),
        with("use", json!("enc")),
        with("key_ops", json!(["sign"])),
        with("alg", json!("ES384")),
        with("x", json!("AAAA")),
        with("x", json!("not base64!")),
        json!({"kty": "RSA", "n": "AQAB"}),
    ];
    for key in &odd {
        assert!(set(&[key]).0.is_empty(), "{key}");
        assert_eq!(set(&[key, &good]).0.len(), 1);
    }
    for text in ["", "[]", "{}", r#"{"keys": {}}"#] {
        assert!(KeySet::parse(text.as_bytes()).is_none(), "{text}");
    }
}

#[test]
fn a_short_rsa_key_verifies_nothing() {
    // RFC 7518, section 3.3: 2,048 bits or more. Made with `openssl genrsa 1024`, and its signature over `input` with `openssl dgst -sha256 -sign`.
    let key = vector(include_str!("vectors/rsa-1024.json"));
    let signature = URL_SAFE_NO_PAD.decode(key["signature"].as_str().unwrap()).unwrap();
    let keys = set(&[&key["key"]]);
    assert!(!keys.find(None, SigningAlgorithm::Rs256).unwrap().verifies(SigningAlgorithm::Rs256, b"input", &signature));
}

#[test]
fn a_set_is_fetched_as_json() {
    let url = ServiceUrl::parse("https://login.example.com/jwks").unwrap();
    let world = Scripted::new(include_str!("vectors/rfc7517-a1.json"));
    assert_eq!(now(fetch(&world, &url)).unwrap().0.len(), 1);
    let asked = world.asked().unwrap();
    assert_eq!((asked.method, asked.url), (Method::GET, url.clone()));
    let no_set = now(fetch(&Scripted::new("<html>"), &url)).unwrap_err();
    assert_eq!(
        (no_set.code(), no_set.to_string().as_str()),
        ("key_set_unusable", "what is at https://login.example.com/jwks is no JWK Set")
    );
}
