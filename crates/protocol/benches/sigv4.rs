//! What signing a request of 1 KiB costs: the body's hash, canonical request, string to sign and signature, with the derived key at hand.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sortie_model::{Secret, Timestamp};
use sortie_protocol::shared::sigv4::{Hex, PathRule, Payload, PayloadRule, RequestSigner, SigningOptions, TokenPlace};

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
            for name in ["authorization", "x-amz-date", "x-amz-content-sha256"] {
                headers.remove(name);
            }
            signed
        });
    });
    // A part of it that nobody can save: what the rest is to be measured by, on whatever machine.
    criterion.bench_function("hash 1 KiB", |bencher| bencher.iter(|| Hex::sha256(black_box(&body))));
}

criterion_group!(benches, sign);
criterion_main!(benches);
