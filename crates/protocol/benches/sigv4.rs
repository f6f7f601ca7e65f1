//! What signing a request of 1 KiB costs: the body's hash, canonical request, string to sign and signature, with the derived key at hand. At most 4 µs of CPU.
//!
//! On a busy machine the fastest of the samples tells (`sample.json` of criterion), and how it compares with the hashes alone.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::hint::black_box;

use aws_lc_rs::hmac;
use criterion::{Criterion, criterion_group, criterion_main};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sortie_model::{Secret, Timestamp};
use sortie_protocol::shared::sigv4::{
    Hex, PathRule, Payload, PayloadRule, RequestSigner, SigningOptions, TokenPlace, X_AMZ_CONTENT_SHA256, X_AMZ_DATE,
};

const AT: Timestamp = Timestamp::from_millis(1_795_328_676_789);

fn signer() -> RequestSigner {
    let options = SigningOptions {
        region: "eu-central-1".into(),
        service: "execute-api".into(),
        paths: PathRule::OTHERS,
        token: TokenPlace::Signed,
        payload: PayloadRule::Hashed,
        max_hashed_bytes: 1024 * 1024,
    };
    RequestSigner::new(&Secret::new("AKIDEXAMPLE"), &Secret::new("SECRET-not/a+real/one"), None, options).unwrap()
}

/// What a program sends that posts JSON: as many headers as the usual HTTP library adds.
fn headers() -> HeaderMap {
    let headers = [
        ("host", "abcdef.execute-api.eu-central-1.amazonaws.com"),
        ("accept", "application/json"),
        ("content-type", "application/json"),
        ("content-length", "1024"),
        ("user-agent", "program/1.0"),
        ("x-request-id", "7d4b1f0e-9f55-4c6e-a5b8-0d1f4a6f7c11"),
    ];
    headers.into_iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

fn sign(criterion: &mut Criterion) {
    let (signer, mut headers, body) = (signer(), headers(), vec![b'x'; 1024]);
    criterion.bench_function("sign 1 KiB", |bencher| {
        bencher.iter(|| {
            let payload = Payload::Hash(Hex::sha256(black_box(&body)));
            let signed = signer.sign(&Method::POST, black_box("/prod/invoices?open=true&page=2"), &mut headers, payload, AT);
            // As they came, for the next one.
            for name in [AUTHORIZATION, X_AMZ_DATE, X_AMZ_CONTENT_SHA256] {
                headers.remove(name);
            }
            signed
        });
    });
    // What nobody can save: what the rest is to be measured by, on whatever machine.
    let payload = Payload::Hash(Hex::sha256(&body));
    let signed = signer.sign(&Method::POST, "/prod/invoices?open=true&page=2", &mut headers, payload, AT);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
    criterion.bench_function("hashes of 1 KiB and of the canonical request, HMAC", |bencher| {
        bencher.iter(|| {
            let hashes = [Hex::sha256(black_box(&body)), Hex::sha256(black_box(signed.canonical.as_bytes()))];
            (hashes, hmac::sign(&key, black_box(&signed.string_to_sign)))
        });
    });
}

criterion_group!(benches, sign);
criterion_main!(benches);
