//! With the values of RFC 9449, sections 4.1 (figure 3), 6.1 and 7.1. The RFC has no private key, so what is signed is read by another library.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use sortie_model::SecretBytes;

use super::*;
use crate::testing::{NOW, now};
use crate::{AskError, Pending, Signer, SignerError};

const SEED: &str = "SECRET-seed-dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn rfc_point() -> Point {
    Point { x: "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs".to_owned(), y: "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA".to_owned() }
}

fn key() -> PossessionKey {
    PossessionKey::of_seed(&Secret::new(SEED)).unwrap()
}

/// Header and claims, if the signature is that of the key in the header.
fn read(proof: &HeaderValue) -> (Value, Value) {
    let proof = proof.to_str().unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(proof.split('.').next().unwrap()).unwrap()).unwrap();
    let (x, y) = (header["jwk"]["x"].as_str().unwrap(), header["jwk"]["y"].as_str().unwrap());
    let mut validation = Validation::new(Algorithm::ES256);
    validation.required_spec_claims.clear();
    let claims = jsonwebtoken::decode::<Value>(proof, &DecodingKey::from_ec_components(x, y).unwrap(), &validation).unwrap().claims;
    (header, claims)
}

#[test]
fn a_proof_has_the_header_of_rfc_9449_section_4_1() {
    assert_eq!(
        rfc_point().header(),
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpm\
         X09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
    );
}

#[test]
fn a_thumbprint_is_that_of_section_6_1_and_a_hash_of_a_token_that_of_section_7_1() {
    assert_eq!(rfc_point().thumbprint(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    assert_eq!(token_hash(&Secret::new("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU")), "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
}

#[test]
fn an_independent_library_reads_what_is_proven() {
    let statement = Statement {
        method: &Method::POST,
        target: "https://server.example.com/token",
        token_hash: None,
        nonce: None,
        at: NOW,
        id: [7; 16],
    };
    let (header, claims) = read(&key().prove(&statement).unwrap());
    assert_eq!((&header["typ"], &header["alg"], header["jwk"].get("d")), (&"dpop+jwt".into(), &"ES256".into(), None));
    let iat = NOW.as_millis() / 1000;
    assert_eq!(
        claims,
        serde_json::json!({ "jti": "BwcHBwcHBwcHBwcHBwcHBw", "htm": "POST", "htu": "https://server.example.com/token", "iat": iat })
    );
    let (_, claims) = read(&key().prove(&Statement { token_hash: Some("hash"), nonce: Some("n\"1"), ..statement }).unwrap());
    assert_eq!((&claims["ath"], &claims["nonce"]), (&"hash".into(), &"n\"1".into()));
}

#[test]
fn a_seed_is_one_key_and_another_is_another() {
    assert_eq!(key().thumbprint(), key().thumbprint());
    assert_ne!(PossessionKey::of_seed(&Secret::new(format!("{SEED}2"))).unwrap().thumbprint(), key().thumbprint());
    for short in ["", "SECRET-short"] {
        assert_eq!(PossessionKey::of_seed(&Secret::new(short)).unwrap_err(), ProveError::ForeignGrant);
    }
    let bound = Proof::Possess(Arc::new(BoundToken::new(key(), &Secret::new("SECRET-token")).unwrap()));
    assert!(!format!("{:?} {bound:?}", key()).contains("SECRET"));
    assert_eq!(bound.placed()[0].1, "DPoP SECRET-token");
    assert!(bound.placed()[0].1.is_sensitive());
}

/// A server that gives these answers, one after the other.
struct Answering {
    answers: Mutex<VecDeque<(u16, Option<&'static str>, &'static str)>>,
    proofs: Mutex<Vec<Value>>,
    nonces: Mutex<u8>,
}

impl Answering {
    fn with(answers: &[(u16, Option<&'static str>, &'static str)]) -> Self {
        Self { answers: Mutex::new(answers.iter().copied().collect()), proofs: Mutex::default(), nonces: Mutex::default() }
    }

    fn asked(&self, key: Option<&PossessionKey>) -> u16 {
        let url = ServiceUrl::parse("https://server.example.com/token?tenant=a").unwrap();
        let question = Ask { method: Method::POST, url, headers: HeaderMap::new(), body: SecretBytes::new(*b"x") };
        now(ask(self, question, key, Some(&Secret::new("token")))).unwrap().status.as_u16()
    }
}

impl World for Answering {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn ask(&self, ask: Ask) -> Pending<'_, Result<Answer, AskError>> {
        self.proofs.lock().unwrap().extend(ask.headers.get(DPOP).map(|proof| read(proof).1));
        let (status, nonce, body) = self.answers.lock().unwrap().pop_front().unwrap();
        let headers = nonce.map(|nonce| (DPOP_NONCE, HeaderValue::from_static(nonce))).into_iter().collect();
        let answer = Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::from_static(body.as_bytes()) };
        Box::pin(async { Ok(answer) })
    }

    fn nonce(&self) -> [u8; 16] {
        let mut last = self.nonces.lock().unwrap();
        *last += 1;
        [*last; 16]
    }

    fn signer<'a>(&'a self, _certificate: &'a str) -> Pending<'a, Result<Arc<dyn Signer>, SignerError>> {
        Box::pin(async { Err(SignerError::NoStore) })
    }
}

/// Section 8.
const WANTED: (u16, Option<&str>, &str) = (
    400,
    Some("eyJ7S_zG.eyJH0-Z.HX4w-7v"),
    r#"{"error": "use_dpop_nonce", "error_description": "Authorization server requires nonce in DPoP proof"}"#,
);

#[test]
fn a_server_that_wants_a_nonce_gets_it_once() {
    let server = Answering::with(&[WANTED, (200, None, "{}")]);
    assert_eq!(server.asked(Some(&key())), 200);
    let proofs = server.proofs.lock().unwrap();
    assert_eq!((proofs.len(), proofs[0].get("nonce"), &proofs[1]["nonce"]), (2, None, &"eyJ7S_zG.eyJH0-Z.HX4w-7v".into()));
    assert_ne!(proofs[0]["jti"], proofs[1]["jti"]);
    assert_eq!(
        (&proofs[0]["htu"], &proofs[0]["ath"]),
        (&"https://server.example.com/token".into(), &token_hash(&Secret::new("token")).into())
    );
    drop(proofs);
    // Who is never content is not asked for ever.
    let server = Answering::with(&[WANTED, WANTED, (200, None, "{}")]);
    assert_eq!((server.asked(Some(&key())), server.proofs.lock().unwrap().len()), (400, 2));
    // Without a nonce there is nothing to say again; and without a key nothing is proven.
    for (answer, key) in
        [((400, None, WANTED.2), Some(&key())), (WANTED, None), ((400, WANTED.1, r#"{"error": "invalid_grant"}"#), Some(&key()))]
    {
        let server = Answering::with(&[answer]);
        assert_eq!((server.asked(key), server.proofs.lock().unwrap().len()), (400, usize::from(key.is_some())));
    }
}

#[test]
fn a_resource_wants_a_nonce_when_its_challenge_says_so() {
    let wants = |status: u16, challenge: &'static str, nonces: &[&'static str]| {
        let mut headers = HeaderMap::new();
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        for nonce in nonces {
            headers.append(DPOP_NONCE, HeaderValue::from_static(nonce));
        }
        resource_wants_nonce(StatusCode::from_u16(status).unwrap(), &headers)
    };
    // Section 9.
    let challenge = r#"DPoP error="use_dpop_nonce", error_description="Resource server requires nonce in DPoP proof""#;
    assert!(wants(401, challenge, &["eyJ7S_zG.eyJH0-Z.HX4w-7v"]));
    assert!(wants(401, r#"Bearer, DPoP algs="ES256", error="use_dpop_nonce""#, &["n"]));
    assert!(!wants(403, challenge, &["n"]));
    assert!(!wants(401, challenge, &[]));
    assert!(!wants(401, challenge, &["a", "b"]), "which of them?");
    assert!(!wants(401, challenge, &["a b"]));
    assert!(!wants(401, r#"DPoP error="invalid_token""#, &["n"]));
    assert!(!wants(401, r#"Bearer error="use_dpop_nonce""#, &["n"]));
}
