//! Public keys through the front door, judged by Python's `cryptography`, which knows nothing of what made them.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sortie_model::{ApiName, KeyAlgorithm, SigningAlgorithm, Timestamp};
use sortie_server::manage::Manage;
use sortie_server::manage::certificate::{self, Handover, NewCertificate, Retirement, Subject};

use crate::support::{Answer, TestServer};

fn name(text: &str) -> ApiName {
    ApiName::parse(text).unwrap()
}

fn create(server: &TestServer, now: Timestamp, text: &str, algorithm: KeyAlgorithm) {
    let manage = Manage::of(&server.house, "operator:tester", now);
    let subject = Subject::named(text);
    let made = certificate::create(&manage, NewCertificate::named(name(text)), algorithm, &subject, None);
    server.runtime.block_on(made).unwrap();
}

fn now(server: &TestServer) -> Timestamp {
    server.runtime.block_on(server.house.store().now()).unwrap()
}

fn get(server: &TestServer, path: &str) -> Answer {
    server.raw(format!("GET {path} HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n"))
}

fn kids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.head);
    let set: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// A JWT as the named certificate signs it now.
fn jwt(server: &TestServer, certificate: &str, algorithm: SigningAlgorithm) -> String {
    let node = server.server().node().unwrap();
    let signer = server.runtime.block_on(node.signers().signer(certificate, now(server))).unwrap();
    let header = format!("{{\"alg\":\"{algorithm}\",\"kid\":\"{}\"}}", signer.kid());
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(r#"{"sub":"alice"}"#));
    let signature = signer.sign(algorithm, input.as_bytes()).unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// What the judge says of a JWT by a JWK Set: `taken`, `refused` or `unknown kid`.
pub(crate) fn judged(set: &[u8], jwt: &str) -> String {
    let mut judge = Command::new("python3")
        .args(["-c", include_str!("jwks_judge.py")])
        // Installed there by `cargo xtask peers`, whichever Python is the machine's.
        .env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/../../xtask/peers/python"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("this test needs `python3` with the package `cryptography`: {error}"));
    judge.stdin.take().unwrap().write_all(&[set, b"\n", jwt.as_bytes()].concat()).unwrap();
    let output = judge.wait_with_output().unwrap();
    assert!(output.status.success(), "the judge fell: it needs `python3` with the package `cryptography`");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_receiver_verifies_what_every_kind_of_key_signs() {
    let mut server = TestServer::new();
    let moment = now(&server);
    let kinds = [("Rsa", KeyAlgorithm::Rsa2048), ("Curve", KeyAlgorithm::P256), ("Edwards", KeyAlgorithm::Ed25519)];
    for (text, kind) in kinds {
        create(&server, moment, text, kind);
    }
    server.start();
    let all = get(&server, "/.well-known/jwks.json");
    assert_eq!(kids(&all), ["Curve", "Edwards", "Rsa"]);
    assert_eq!(all.header("content-type"), Some("application/jwk-set+json"));
    assert_eq!(all.header("cache-control"), Some("public, max-age=300"));
    for (text, kind) in kinds {
        let own = get(&server, &format!("/.well-known/jwks/{}.json", text.to_lowercase()));
        assert_eq!(kids(&own), [text]);
        for algorithm in kind.signing_algorithms() {
            let token = jwt(&server, text, *algorithm);
            assert_eq!(judged(&all.body, &token), "taken", "{algorithm}");
            assert_eq!(judged(&own.body, &token), "taken", "{algorithm}");
            let mut parts = token.split('.');
            let (header, _, signature) = (parts.next().unwrap(), parts.next(), parts.next().unwrap());
            let forged = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(r#"{"sub":"mallory"}"#));
            assert_eq!(judged(&all.body, &forged), "refused", "{algorithm}");
        }
    }
    let (token, other) = (jwt(&server, "Rsa", SigningAlgorithm::Rs256), get(&server, "/.well-known/jwks/Curve.json"));
    assert_eq!(judged(&other.body, &token), "unknown kid");
    // Nothing of a private key: RFC 7518, sections 6.2.2 and 6.3.2.
    let set: serde_json::Value = serde_json::from_slice(&all.body).unwrap();
    for key in set["keys"].as_array().unwrap() {
        assert!(["d", "p", "q", "dp", "dq", "qi", "k"].iter().all(|member| key.get(member).is_none()), "{key}");
    }
}

#[test]
fn a_renewal_under_way_is_taken_by_a_receiver_that_keeps_the_set() {
    // REL-K07 of the fault catalogue: the receiver fetched the set before the new key signs, and never again.
    let mut server = TestServer::new();
    create(&server, now(&server), "Signer", KeyAlgorithm::P256);
    server.start();
    let before = jwt(&server, "Signer", SigningAlgorithm::Es256);
    let manage = Manage::of(&server.house, "operator:tester", now(&server));
    let handover = Handover { delay: Duration::from_millis(1_500), ..Handover::default() };
    server.runtime.block_on(certificate::renew(&manage, &name("Signer"), handover)).unwrap();
    server.settle();
    let kept = get(&server, "/.well-known/jwks.json");
    assert_eq!(kids(&kept), ["Signer", "Signer-2"]);
    let is_new = |token: &str| {
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        String::from_utf8(header).unwrap().contains("Signer-2")
    };
    // The clock decides: before the moment the old key signs, from it on the new one, and the receiver takes both.
    let signs_from = manage.now.after(handover.delay);
    loop {
        let earlier = now(&server);
        let token = jwt(&server, "Signer", SigningAlgorithm::Es256);
        let later = now(&server);
        assert_eq!(judged(&kept.body, &token), "taken");
        if later < signs_from {
            assert!(!is_new(&token));
        }
        if earlier >= signs_from {
            assert!(is_new(&token), "the node changes over by itself");
            break;
        }
    }
    assert_eq!(judged(&kept.body, &before), "taken");
    let later = Manage::of(&server.house, "operator:tester", now(&server));
    server.runtime.block_on(certificate::retire(&later, &name("Signer"), 1, Retirement::Now)).unwrap();
    server.settle();
    let after = get(&server, "/.well-known/jwks.json");
    assert_eq!(kids(&after), ["Signer-2"]);
    assert_eq!(judged(&after.body, &before), "unknown kid");
}

#[test]
fn only_public_keys_are_given_without_an_api_key() {
    let mut server = TestServer::new();
    server.start();
    assert_eq!(get(&server, "/.well-known/jwks.json").body, b"{\"keys\":[]}");
    let head = {
        let mut caller = server.caller();
        caller.send("HEAD /.well-known/jwks.json HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n");
        caller.answer_to("HEAD").unwrap()
    };
    assert_eq!((head.status, head.body.as_slice()), (200, b"".as_slice()));
    for target in ["/.well-known/jwks/Nobody.json", "/.well-known/jwks/", "/.well-known/", "/.well-known/jwks.json/", "/.well-known/x"] {
        assert_eq!(get(&server, target).status, 401, "{target}");
    }
    let post = server.raw("POST /.well-known/jwks.json HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_eq!(post.status, 401);
    // DSY of the attack catalogue: framing that could be read in two ways is refused here too.
    let two = server.raw("GET /.well-known/jwks.json HTTP/1.1\r\nHost: g\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_eq!(two.status, 400);
}
