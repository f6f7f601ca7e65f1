#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use aws_lc_rs::hmac;
use aws_lc_rs::signature::KeyPair as _;
use serde_json::json;

use super::*;
use crate::shared::jwt::Jwt;
use crate::testing::{NOW, TestKey};

const NOW_SECONDS: i64 = NOW.as_seconds();

fn p256() -> (TestKey, KeySet) {
    let key = TestKey::p256();
    let keys = set(&[jwk(&key, "k1")]);
    (key, keys)
}

fn jwk(key: &TestKey, kid: &str) -> Value {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    match key {
        TestKey::P256(pair) => {
            let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
            json!({"kty": "EC", "crv": "P-256", "x": text(x), "y": text(y), "kid": kid})
        }
        TestKey::Ed25519(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref()), "kid": kid}),
        TestKey::Rsa(pair) => {
            let public = pair.public_key();
            let (modulus, exponent) = (public.modulus(), public.exponent());
            json!({"kty": "RSA", "n": text(modulus.big_endian_without_leading_zero()), "e": text(exponent.big_endian_without_leading_zero()), "kid": kid})
        }
    }
}

fn set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn expected() -> Expected<'static> {
    Expected {
        issuer: "https://login.example.com",
        client_id: "sortie",
        nonce: Some("n-1"),
        access_token: None,
        algorithms: USUAL_ALGORITHMS,
    }
}

/// As a provider makes them.
fn claims() -> Value {
    json!({"iss": "https://login.example.com", "sub": "248289761001", "aud": "sortie", "nonce": "n-1", "exp": NOW_SECONDS + 300, "iat": NOW_SECONDS - 1, "preferred_username": "alice"})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    claims
}

fn signed(key: &TestKey, algorithm: SigningAlgorithm, header: Value, claims: Value) -> String {
    let jwt = Jwt { header: header.as_object().unwrap().clone(), body: claims.as_object().unwrap().clone() };
    jwt.sign(key, algorithm).unwrap().expose().to_owned()
}

fn judge(claims: Value) -> Result<IdToken, IdTokenError> {
    let (key, keys) = p256();
    check(&signed(&key, SigningAlgorithm::Es256, json!({"kid": "k1"}), claims), &keys, &expected(), NOW)
}

fn refused_claim(claims: Value) -> &'static str {
    match judge(claims).unwrap_err() {
        IdTokenError::Claim { claim, .. } => claim,
        other => panic!("{other}"),
    }
}

#[test]
fn a_good_token_of_every_algorithm_says_who_it_is_about() {
    for (key, algorithm) in [
        (TestKey::rsa(), SigningAlgorithm::Rs256),
        (TestKey::rsa(), SigningAlgorithm::Ps256),
        (TestKey::p256(), SigningAlgorithm::Es256),
        (TestKey::ed25519(), SigningAlgorithm::EdDsa),
    ] {
        let keys = set(&[jwk(&key, "k1"), jwk(&TestKey::p256(), "k2")]);
        let token = signed(&key, algorithm, json!({"kid": "k1", "typ": "JWT"}), claims());
        let token = check(&token, &keys, &expected(), NOW).unwrap();
        assert_eq!((token.issuer(), token.subject()), ("https://login.example.com", "248289761001"));
        assert_eq!((token.text("preferred_username"), token.text("exp")), (Some("alice"), None));
    }
}

#[test]
fn a_token_without_signature_is_refused() {
    // AUTH-07.
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let (_, keys) = p256();
    for algorithm in ["none", "None", "NONE", "nOnE"] {
        let token = format!("{}.{}.", part(&json!({"alg": algorithm, "kid": "k1"})), part(&claims()));
        let refused = check(&token, &keys, &expected(), NOW).unwrap_err();
        assert_eq!(refused, IdTokenError::Algorithm { said: algorithm.to_owned() });
    }
    let token = format!("{}.{}.", part(&json!({"alg": "ES256", "kid": "k1"})), part(&claims()));
    assert_eq!(check(&token, &keys, &expected(), NOW).unwrap_err(), IdTokenError::Signature);
}

#[test]
fn the_public_key_is_no_shared_secret() {
    // AUTH-08: the attacker signs with HMAC, and with the public key, in the forms in which it is published, as the secret.
    let key = TestKey::rsa();
    let TestKey::Rsa(pair) = &key else { unreachable!() };
    let keys = set(&[jwk(&key, "k1")]);
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(&json!({"alg": "HS256", "kid": "k1"})), part(&claims()));
    for secret in [pair.public_key().as_ref(), jwk(&key, "k1").to_string().as_bytes()] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
        let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag));
        assert_eq!(check(&token, &keys, &expected(), NOW).unwrap_err(), IdTokenError::Algorithm { said: "HS256".to_owned() });
    }
}

#[test]
fn an_algorithm_that_is_not_on_the_list_is_refused_though_the_key_fits() {
    let key = TestKey::rsa();
    let keys = set(&[jwk(&key, "k1")]);
    let token = signed(&key, SigningAlgorithm::Rs512, json!({"kid": "k1"}), claims());
    assert_eq!(check(&token, &keys, &expected(), NOW).unwrap_err().code(), "id_token_algorithm");
    let only_pss = Expected { algorithms: &[SigningAlgorithm::Ps256], ..expected() };
    let token = signed(&key, SigningAlgorithm::Rs256, json!({"kid": "k1"}), claims());
    assert_eq!(check(&token, &keys, &only_pss, NOW).unwrap_err().code(), "id_token_algorithm");
}

#[test]
fn only_keys_of_the_issuer_count_whatever_the_header_says_of_others() {
    // AUTH-09 and AUTH-11.
    let (key, keys) = p256();
    let own = TestKey::p256();
    let embedded = json!({"kid": "k1", "jwk": jwk(&own, "k1"), "jku": "https://evil.test/jwks", "x5u": "https://evil.test/c.pem"});
    let token = signed(&own, SigningAlgorithm::Es256, embedded, claims());
    assert_eq!(check(&token, &keys, &expected(), NOW).unwrap_err(), IdTokenError::Signature);
    let unknown = signed(&key, SigningAlgorithm::Es256, json!({"kid": "k9"}), claims());
    assert_eq!(check(&unknown, &keys, &expected(), NOW).unwrap_err(), IdTokenError::UnknownKey);
    assert_eq!(check(&unknown, &KeySet::default(), &expected(), NOW).unwrap_err(), IdTokenError::UnknownKey);
}

#[test]
fn a_changed_byte_is_seen() {
    let (key, keys) = p256();
    let token = signed(&key, SigningAlgorithm::Es256, json!({"kid": "k1"}), claims());
    let payload = token.find('.').unwrap() + 10;
    let mut changed = token.clone();
    changed.replace_range(payload..=payload, if &token[payload..=payload] == "A" { "B" } else { "A" });
    assert_eq!(check(&changed, &keys, &expected(), NOW).unwrap_err(), IdTokenError::Signature);
}

#[test]
fn another_kind_of_token_is_no_id_token() {
    // AUTH-10: RFC 9068 access tokens and logout tokens are signed with the same keys.
    let (key, keys) = p256();
    for header in
        [json!({"kid": "k1", "typ": "at+jwt"}), json!({"kid": "k1", "typ": "logout+jwt"}), json!({"kid": "k1", "crit": ["x"], "x": 1})]
    {
        let token = signed(&key, SigningAlgorithm::Es256, header, claims());
        assert_eq!(check(&token, &keys, &expected(), NOW).unwrap_err().code(), "id_token_malformed");
    }
    for text in ["", ".", "..", "a.b", "e30.e30.e30", "\u{e4}.\u{e4}.\u{e4}", &"x".repeat(20_000)] {
        assert!(check(text, &keys, &expected(), NOW).is_err(), "{text}");
    }
}

#[test]
fn the_issuer_is_compared_byte_for_byte() {
    for issuer in [
        json!("https://evil.test"),
        json!("https://login.example.com/"),
        json!("HTTPS://login.example.com"),
        Value::Null,
        json!(["https://login.example.com"]),
    ] {
        assert_eq!(refused_claim(with("iss", issuer)), "iss");
    }
}

#[test]
fn the_token_must_be_for_us() {
    for audience in [json!("other"), json!(["other"]), json!([]), json!("sortie2"), Value::Null, json!({"sortie": 1})] {
        assert_eq!(refused_claim(with("aud", audience)), "aud");
    }
    assert!(judge(with("aud", json!(["sortie"]))).is_ok());
    assert_eq!(refused_claim(with("aud", json!(["sortie", "other"]))), "azp");
    let mut several = with("aud", json!(["sortie", "other"]));
    several["azp"] = json!("sortie");
    assert!(judge(several).is_ok());
    assert_eq!(refused_claim(with("azp", json!("other"))), "azp");
}

#[test]
fn times_are_kept_to_the_minute() {
    for (claim, seconds, is_good) in
        [("exp", -59, true), ("exp", -61, false), ("iat", 59, true), ("iat", 61, false), ("nbf", 59, true), ("nbf", 61, false)]
    {
        assert_eq!(judge(with(claim, json!(NOW_SECONDS + seconds))).is_ok(), is_good, "{claim} {seconds}");
    }
    for bad in [Value::Null, json!("1795328676"), json!(-5), json!(1e300)] {
        assert_eq!(refused_claim(with("exp", bad)), "exp");
    }
    assert_eq!(refused_claim(with("iat", Value::Null)), "iat");
}

#[test]
fn the_nonce_is_that_of_the_request() {
    for nonce in [json!("n-2"), json!(""), Value::Null, json!(["n-1"])] {
        assert_eq!(refused_claim(with("nonce", nonce)), "nonce");
    }
    let (key, keys) = p256();
    let token = signed(&key, SigningAlgorithm::Es256, json!({"kid": "k1"}), with("nonce", Value::Null));
    assert!(check(&token, &keys, &Expected { nonce: None, ..expected() }, NOW).is_ok());
}

#[test]
fn the_access_token_that_came_along_is_the_one_that_was_meant() {
    // Access token and hash are those of OpenID Connect Core, appendix A.4.
    let access_token = Secret::new("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
    let (key, keys) = p256();
    let judge = |hash: Value| {
        let token = signed(&key, SigningAlgorithm::Es256, json!({"kid": "k1"}), with("at_hash", hash));
        check(&token, &keys, &Expected { access_token: Some(&access_token), ..expected() }, NOW)
    };
    assert!(judge(json!("77QmUPtjPfzWtF2AnpK9RQ")).is_ok());
    assert!(judge(Value::Null).is_ok());
    for hash in [json!("77QmUPtjPfzWtF2AnpK9RR"), json!(""), json!(7)] {
        assert_eq!(judge(hash).unwrap_err(), IdTokenError::Claim { claim: "at_hash", problem: "is that of another access token" });
    }
}

#[test]
fn there_is_a_subject_of_bounded_length() {
    for subject in [Value::Null, json!(""), json!(7), json!("x".repeat(256))] {
        assert_eq!(refused_claim(with("sub", subject)), "sub");
    }
}
