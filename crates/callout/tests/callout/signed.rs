//! Requests that are signed: last, over what is really sent, anew each time. Group SIG as far as the flow decides it; signatures themselves are the protocol's.
//!
//! A signature is checked by making it again from what arrived, as whoever verifies does.

use http::Method;
use sortie_callout::{Caller, Turn};
use sortie_model::Secret;
use sortie_protocol::shared::sigv4::{HMAC_ALGORITHM, Hex, Moment, PathRule, SigningKey, SigningScope, canonical_request, string_to_sign};

use crate::support::{Node, Received, Scene, TestBody, advance, custom_header, outcome, refusal};

const KEY: &[(&str, &str)] = &[("access_key_id", "AKIDEXAMPLE"), ("secret_access_key", "SECRET-aws")];

/// A principal with an access key for this service.
fn scene(service: &str) -> (Scene, Caller) {
    let (mut scene, _) = Scene::of("aws_access_key", KEY);
    let credential = scene.definitions.external_credentials[0].id;
    scene.change(credential, |credential| {
        credential.settings.insert("region".to_owned(), "eu-central-1".into());
        credential.settings.insert("service".to_owned(), service.into());
    });
    let alice = scene.user("alice");
    (scene, alice)
}

fn set(scene: &mut Scene, name: &str, value: impl Into<serde_json::Value>) {
    let credential = scene.definitions.external_credentials[0].id;
    let value = value.into();
    scene.change(credential, |credential| {
        credential.settings.insert(name.to_owned(), value);
    });
}

/// Signs what arrived again, and compares. Tells which headers were signed.
fn verify(scene: &Scene, received: &Received, service: &str) -> Vec<String> {
    let authorization = received.header("authorization").unwrap();
    let (credential, rest) = authorization.strip_prefix("AWS4-HMAC-SHA256 Credential=").unwrap().split_once(", SignedHeaders=").unwrap();
    let (names, signature) = rest.split_once(", Signature=").unwrap();
    let moment = Moment::of(scene.clock.now());
    assert_eq!(credential, format!("AKIDEXAMPLE/{}/eu-central-1/{service}/aws4_request", moment.day()));
    assert_eq!(received.header("x-amz-date").as_deref(), Some(moment.as_str()));
    let names: Vec<String> = names.split(';').map(ToOwned::to_owned).collect();
    // What the strict verifiers of Amazon's demand: nothing of theirs is left unsigned.
    for name in received.headers.keys().filter(|name| name.as_str().starts_with("x-amz-") || *name == "host") {
        assert!(names.contains(&name.to_string()), "{name} is not signed");
    }
    let signed = received.headers.iter().filter(|(name, _)| names.contains(&name.to_string()));
    let (path, query) = received.target.split_once('?').map_or((&*received.target, None), |(path, query)| (path, Some(query)));
    let rule = if service == "s3" { PathRule::S3 } else { PathRule::OTHERS };
    let payload = received.header("x-amz-content-sha256").unwrap();
    let canonical = canonical_request(received.method.as_str(), path, query, signed, &payload, rule);
    let scope = SigningScope { region: "eu-central-1", service };
    let key = SigningKey::derive(&Secret::new("SECRET-aws"), moment.day(), &scope);
    assert_eq!(key.sign(string_to_sign(HMAC_ALGORITHM, &moment, &scope, &canonical)).as_str(), signature);
    if payload.len() == 64 {
        assert_eq!(payload, Hex::sha256(&received.body).as_str());
    }
    names
}

async fn put(node: &Node, caller: &Caller, target: &str, headers: &[(&str, &str)], body: TestBody) -> String {
    outcome(&node.call(caller, target, Method::PUT, headers, body).await)
}

#[tokio::test(start_paused = true)]
async fn a_signature_covers_every_header_that_we_add() {
    // A header that is added after signing is the oldest failure of all: Envoy #18695.
    let (mut scene, alice) = scene("execute-api");
    scene.last_named().headers = vec![custom_header("X-Tenant", "acme", 1), custom_header("X-Amz-Meta-A", "  a   b ", 2)];
    let node = scene.node();
    let headers = [("content-type", "application/json"), ("connection", "x-gone"), ("x-gone", "1"), ("te", "trailers")];
    assert_eq!(put(&node, &alice, "callout:Pay/a%20b?z=1&a=2", &headers, TestBody::streamed("{}")).await, "200");
    let names = verify(&scene, &node.upstream.last(), "execute-api");
    assert_eq!(names, ["content-type", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-meta-a", "x-tenant"]);
    assert_eq!(node.upstream.last().header("host").as_deref(), Some("up.test"));
}

#[tokio::test(start_paused = true)]
async fn what_the_caller_signed_is_signed_anew() {
    // SIG-13: an SDK of Amazon's with any keys.
    let (scene, alice) = scene("dynamodb");
    let node = scene.node();
    let headers = [
        ("authorization", "AWS4-HMAC-SHA256 Credential=ANY/20150830/us-east-1/other/aws4_request, SignedHeaders=host, Signature=00"),
        ("x-amz-date", "20150830T123600Z"),
        ("x-amz-security-token", "theirs"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ("x-amz-target", "DynamoDB_20120810.ListTables"),
    ];
    assert_eq!(put(&node, &alice, "callout:Pay/?X-Amz-Signature=00&a=b", &headers, TestBody::buffered("{}")).await, "200");
    let received = node.upstream.last();
    let names = verify(&scene, &received, "dynamodb");
    assert!(names.contains(&"x-amz-target".to_owned()));
    assert_eq!((received.header("x-amz-security-token"), received.target.as_str()), (None, "/v1/base/?a=b"));
    // Names that become those of a signature only where they are read.
    let headers = [("x_amz_date", "20150830T123600Z"), ("x-amz_security-token", "theirs"), ("x_amz_content_sha256", "UNSIGNED-PAYLOAD")];
    let target = "callout:Pay/?X%2DAmz-Signature=00&a=b&X-Amz-Expire%73=604800";
    assert_eq!(put(&node, &alice, target, &headers, TestBody::buffered("{}")).await, "200");
    let received = node.upstream.last();
    verify(&scene, &received, "dynamodb");
    assert_eq!(received.target, "/v1/base/?a=b");
    assert!(!received.headers.keys().any(|name| name.as_str().contains('_')), "{:?}", received.headers);
}

#[tokio::test(start_paused = true)]
async fn service_and_region_are_not_the_callers_to_choose() {
    // SIG-17
    let (scene, alice) = scene("dynamodb");
    let node = scene.node();
    let headers = [("host", "s3.us-east-1.amazonaws.com"), ("x-amz-region", "us-east-1")];
    assert_eq!(put(&node, &alice, "callout:Pay/x", &headers, TestBody::default()).await, "200");
    verify(&scene, &node.upstream.last(), "dynamodb");
}

#[tokio::test(start_paused = true)]
async fn what_is_signed_is_what_is_sent() {
    // SIG-15
    let (scene, alice) = scene("s3");
    let node = scene.node();
    for (target, sent) in [
        ("callout:Pay/k%20y+%2b%2Fz~%7e", "/v1/base/k%20y%2B%2B%2Fz~~"),
        ("callout:Pay/k?prefix=a+b", "/v1/base/k?prefix=a%20b"),
        ("callout:Pay/a//b", "/v1/base/a//b"),
    ] {
        assert_eq!(put(&node, &alice, target, &[], TestBody::default()).await, "200");
        verify(&scene, &node.upstream.last(), "s3");
        assert_eq!(node.upstream.last().target, sent);
    }
}

#[tokio::test(start_paused = true)]
async fn every_request_has_the_date_of_its_sending() {
    let (scene, alice) = scene("s3");
    let node = scene.node();
    for _ in 0..3 {
        // Past midnight too: the key of yesterday signs nothing today.
        advance(40_000).await;
        assert_eq!(put(&node, &alice, "callout:Pay/x", &[], TestBody::default()).await, "200");
        verify(&scene, &node.upstream.last(), "s3");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_large_to_hash_is_refused_or_streams() {
    let (mut scene, alice) = scene("s3");
    set(&mut scene, "max_hashed_bytes", 1024);
    let node = scene.node();
    let large: &'static str = "x".repeat(70_000).leak();
    // Small ones are hashed; large ones stream, and arrive whole behind the frames.
    assert_eq!(put(&node, &alice, "callout:Pay/x", &[("content-length", "5")], TestBody::streamed("hello")).await, "200");
    verify(&scene, &node.upstream.last(), "s3");
    assert_eq!(put(&node, &alice, "callout:Pay/x", &[("content-length", "70000")], TestBody::streamed(large)).await, "200");
    let received = node.upstream.last();
    let names = verify(&scene, &received, "s3");
    assert!(names.contains(&"x-amz-decoded-content-length".to_owned()) && names.contains(&"content-encoding".to_owned()));
    assert_eq!(received.header("x-amz-content-sha256").as_deref(), Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"));
    assert_eq!(received.header("x-amz-decoded-content-length").as_deref(), Some("70000"));
    assert!(received.body.starts_with(b"10000;chunk-signature=") && received.body.ends_with(b"\r\n\r\n"));
    // Unknown length, or another method: only a hash would do, and there is none.
    for (method, headers) in [(Method::PUT, &[][..]), (Method::POST, &[("content-length", "70000")][..])] {
        let refused = refusal(node.call(&alice, "callout:Pay/x", method, headers, TestBody::streamed(large)).await).refused;
        assert_eq!((refused.code(), refused.turn()), ("signed_body_too_large", Turn::Caller));
    }
}

#[tokio::test(start_paused = true)]
async fn chunks_of_the_caller_are_taken_apart() {
    let (scene, alice) = scene("s3");
    let node = scene.node();
    let chunked = "5;chunk-signature=00\r\nhello\r\n0;chunk-signature=00\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
    let headers = [
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "5"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
    ];
    assert_eq!(put(&node, &alice, "callout:Pay/x", &headers, TestBody::streamed(chunked)).await, "200");
    let received = node.upstream.last();
    verify(&scene, &received, "s3");
    assert_eq!(&received.body[..], b"hello");
    assert_eq!(received.header("x-amz-checksum-crc32").as_deref(), Some("NhCmhg=="));
    for gone in ["content-encoding", "x-amz-decoded-content-length", "x-amz-trailer"] {
        assert_eq!(received.header(gone), None, "{gone}");
    }
    let broken = refusal(node.call(&alice, "callout:Pay/x", Method::PUT, &headers, TestBody::streamed("5\r\nhell")).await).refused;
    assert_eq!((broken.code(), broken.turn()), ("body_malformed", Turn::Caller));
}

#[tokio::test(start_paused = true)]
async fn unsigned_bodies_need_tls() {
    let (mut scene, alice) = scene("s3");
    set(&mut scene, "payload", "unsigned");
    let credential = scene.definitions.external_credentials[0].id;
    scene.name("Plain", "http://up.test", credential);
    let node = scene.node();
    assert_eq!(put(&node, &alice, "callout:Pay/x", &[], TestBody::streamed("hello")).await, "200");
    verify(&scene, &node.upstream.last(), "s3");
    assert_eq!(node.upstream.last().header("x-amz-content-sha256").as_deref(), Some("UNSIGNED-PAYLOAD"));
    assert_eq!(put(&node, &alice, "callout:Plain/x", &[], TestBody::streamed("hello")).await, "200");
    verify(&scene, &node.upstream.last(), "s3");
    assert_eq!(node.upstream.last().header("x-amz-content-sha256").as_deref(), Some(Hex::sha256(b"hello").as_str()));
}

#[tokio::test(start_paused = true)]
async fn formulas_are_withheld_from_bodies_that_are_hashed() {
    let (scene, alice) = scene("execute-api");
    let node = scene.node();
    let refused = refusal(node.call(&alice, "callout:Pay/x", Method::POST, &[], TestBody::streamed("a{!b}")).await).refused;
    assert_eq!(refused.code(), "formula_not_allowed");
    assert_eq!(node.upstream.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn formulas_are_found_however_the_caller_frames_its_body() {
    let (scene, alice) = scene("s3");
    let node = scene.node();
    let chunk = |text: &str| format!("{:x};chunk-signature=00\r\n{text}\r\n", text.len());
    for length in [3, 2_000_000] {
        // Held for its hash, and streamed.
        let (begin, end) = ("x".repeat(length - 3) + "a{", "!b}");
        let body: &'static str = format!("{}{}0\r\n\r\n", chunk(&begin), chunk(end)).leak();
        let decoded = (begin.len() + end.len()).to_string();
        let headers = [("content-encoding", "aws-chunked"), ("x-amz-decoded-content-length", &*decoded), ("content-type", "text/plain")];
        let refused = refusal(node.call(&alice, "callout:Pay/x", Method::PUT, &headers, TestBody::streamed(body)).await).refused;
        assert_eq!(refused.code(), "formula_not_allowed", "{length}");
    }
    assert_eq!(node.upstream.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_hash_of_what_holds_no_secret_is_shown() {
    // To hold beside the service's own. A session token is no secret that can be guessed.
    let (scene, alice) = scene("execute-api");
    scene.custody.store(scene.definitions.principals[0].id, None, &[KEY[0], KEY[1], ("session_token", "SECRET-session")]);
    let node = scene.node();
    let signature = node.explain(&alice, "callout:Pay/x").await.signature.unwrap();
    let canonical = signature.canonical_request.replace("***", "SECRET-session");
    let hash = Hex::sha256(canonical.as_bytes());
    assert_eq!(signature.string_to_sign.lines().last(), Some(hash.as_str()));
}

#[tokio::test(start_paused = true)]
async fn explaining_shows_what_would_be_signed_and_no_secret() {
    let (mut scene, alice) = scene("execute-api");
    scene.custody.store(scene.definitions.principals[0].id, None, &[KEY[0], KEY[1], ("session_token", "SECRET-session")]);
    scene.last_named().headers = vec![custom_header("X-Tenant", "SECRET-tenant", 1)];
    let node = scene.node();
    let plan = node.explain(&alice, "callout:Pay/x?b=1&a=2").await;
    assert!(!serde_json::to_string(&plan).unwrap().contains("SECRET"));
    let signature = plan.signature.unwrap();
    let date = Moment::of(scene.clock.now());
    assert_eq!(
        signature.canonical_request,
        format!(
            "GET\n/v1/base/x\na=2&b=1\nhost:up.test\nx-amz-content-sha256:{empty}\nx-amz-date:{}\nx-amz-security-token:***\nx-tenant:***\n\n\
             host;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-tenant\n{empty}",
            date.as_str(),
            empty = Hex::sha256(b"").as_str()
        )
    );
    // The hash of a text of which all but a short secret is known would give the secret away.
    assert_eq!(
        signature.string_to_sign,
        format!("AWS4-HMAC-SHA256\n{}\n{}/eu-central-1/execute-api/aws4_request\n***", date.as_str(), date.day())
    );
    let mut headers = plan.headers;
    headers.sort_unstable();
    assert_eq!(headers, ["authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-tenant"]);
}
