//! Uploads to an S3 server that verifies every request and every chunk (crates.io's `s3s-fs`), in any framing and of any size.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use sortie_model::{IdentityType, PermissionSetId, Secret};
use sortie_store::Identity;
use sortie_testkit::peers::{Moto, S3Server};
use sortie_testkit::tls_front::TlsFront;
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::support::{Answer, Caller, Child, Credential, Stage, TestServer, served_as_child};

/// What one upload may take at most, whatever its length: resident memory of the whole process.
const RESIDENT_BYTES: u64 = 64 << 20;

/// A name that signs with the S3 server's key. What is larger than 64 KiB streams.
fn add(server: &TestServer, name: &str, url: &str, more: &[(&str, &str)], callers: PermissionSetId) {
    let settings = [&[("region", "eu-central-1"), ("service", "s3"), ("max_hashed_bytes", "65536")], more].concat();
    let external = server.external_credential(&Credential { settings: &settings, ..Credential::new(name, "aws_access_key") });
    let principal = server.principal(&external, "Main", 1, IdentityType::Named, &[callers]);
    server.value(&external, Identity::shared(principal), "access_key_id", S3Server::KEY_ID);
    server.value(&external, Identity::shared(principal), "secret_access_key", S3Server::SECRET);
    server.named_credential(name, url, &external);
}

/// A server in front of the S3 server, with one caller.
fn stage(url: &str) -> Stage {
    let stage = Stage::new();
    add(&stage.server, "Files", url, &[], stage.callers);
    stage.server.settle();
    stage
}

fn target(key: &str) -> String {
    format!("/callout/Files/{}/{key}", S3Server::BUCKET)
}

/// The head of an upload.
fn head(key: &Secret, target: &str, headers: &str) -> String {
    let key = key.expose();
    format!("PUT {target} HTTP/1.1\r\nHost: gateway.test\r\nProxy-Authorization: Bearer {key}\r\n{headers}\r\n")
}

/// The headers of a body in chunks that the caller has signed, for somebody else.
fn chunked_headers(decoded: u64, encoded: u64) -> String {
    format!(
        "Content-Length: {encoded}\r\nContent-Encoding: aws-chunked\r\nX-Amz-Decoded-Content-Length: {decoded}\r\n\
         X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER\r\nX-Amz-Trailer: x-amz-checksum-crc32\r\n\
         X-Amz-Date: 20130524T000000Z\r\nX-Amz-Security-Token: theirs\r\n"
    )
}

fn chunk_head(length: usize) -> String {
    format!("{length:x};chunk-signature={}\r\n", "0".repeat(64))
}

/// The last chunk, with the checksum of the whole.
fn end(crc32: u32) -> String {
    use base64::Engine as _;
    let checksum = base64::engine::general_purpose::STANDARD.encode(crc32.to_be_bytes());
    format!("0;chunk-signature=00\r\nx-amz-checksum-crc32:{checksum}\r\nx-amz-trailer-signature:00\r\n\r\n")
}

/// Sends an upload of so many pieces, in chunks of the caller's own.
fn upload(gateway: SocketAddr, key: &Secret, target: &str, piece: &[u8], pieces: u64) -> Answer {
    let mut crc32 = crc32fast::Hasher::new();
    (0..pieces).for_each(|_| crc32.update(piece));
    let end = end(crc32.finalize());
    let chunk = [chunk_head(piece.len()).as_bytes(), piece, b"\r\n"].concat();
    let mut caller = Caller::connect(gateway);
    let headers = chunked_headers(piece.len() as u64 * pieces, chunk.len() as u64 * pieces + end.len() as u64);
    caller.send(head(key, target, &headers));
    for _ in 0..pieces {
        caller.try_send(&chunk).unwrap();
    }
    caller.send(end);
    caller.answer_to("PUT").unwrap()
}

#[test]
fn boto3_stores_and_reads_objects_on_a_server_that_verifies() {
    let (s3, stage) = (S3Server::start(), Stage::new());
    add(&stage.server, "Files", s3.url(), &[], stage.callers);
    stage.server.settle();
    let gateway = format!("http://{}", stage.server.address());
    let seen = Moto::boto3("boto3_s3.py", &[&gateway, stage.key.expose(), "Files", S3Server::BUCKET]);
    let expected = json!({
        "body": "hello", "note": "two   words", "range": "ell", "keys": ["a b/ü&=~!'().txt"], "parts": true, "tag": 20 << 20, "gone": 404
    });
    assert_eq!(serde_json::from_str::<Value>(&seen).unwrap(), expected);
    stage.server.assert_unmarked("what boto3 saw", seen);
}

#[test]
fn a_hundred_mebibytes_are_signed_anew_chunk_by_chunk_in_bounded_memory() {
    if served_as_child(|_| {}) {
        return;
    }
    let (s3, server) = (S3Server::start(), TestServer::new());
    let callers = server.permission_set("Callers");
    let (_, key) = server.user("alice", &[callers]);
    add(&server, "Files", s3.url(), &[], callers);
    let child = Child::start("aws_s3::a_hundred_mebibytes_are_signed_anew_chunk_by_chunk_in_bounded_memory", &server);
    // No multiple of anything that a chunk or a buffer is long.
    let piece: Vec<u8> = (0..1_000_003).map(|at: u32| (at % 251) as u8).collect();
    let answer = upload(child.gateway, &key, &target("large"), &piece, 105);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut object = std::fs::File::open(s3.object("large")).unwrap();
    let mut stored = vec![0; piece.len()];
    for at in 0..105 {
        object.read_exact(&mut stored).unwrap();
        assert!(stored == piece, "piece {at} is another one");
    }
    assert_eq!(object.read(&mut stored).unwrap(), 0);
    let peak = child.peak_memory();
    assert!(peak < RESIDENT_BYTES, "{peak} bytes resident");
    child.stop();
}

#[test]
#[allow(clippy::print_stdout, reason = "the figure, for whoever runs this test to measure: `--no-capture`")]
fn a_gibibyte_takes_less_than_64_mebibytes_of_memory() {
    if served_as_child(|_| {}) {
        return;
    }
    let server = TestServer::new();
    let upstream = RecordingUpstream::start(|_| Reply::new(200));
    let callers = server.permission_set("Callers");
    let (_, key) = server.user("alice", &[callers]);
    add(&server, "Files", &upstream.url(), &[], callers);
    let child = Child::start("aws_s3::a_gibibyte_takes_less_than_64_mebibytes_of_memory", &server);
    let piece = vec![b'x'; 1 << 20];
    assert_eq!(upload(child.gateway, &key, &target("huge"), &piece, 1024).status, 200);
    let received = upstream.requests().remove(0);
    assert_eq!(received.header("x-amz-decoded-content-length"), Some("1073741824"));
    assert!(received.is_complete && received.body_bytes > 1 << 30, "{}", received.body_bytes);
    let peak = child.peak_memory();
    println!("peak resident memory: {} KiB", peak / 1024);
    assert!(peak < RESIDENT_BYTES, "{peak} bytes resident");
    child.stop();
}

/// A line between gateway and S3 server that turns one byte into another. No header holds it.
struct Spoiling(SocketAddr);

impl Spoiling {
    const BYTE: u8 = 0x07;

    fn line_to(url: &str) -> Self {
        let behind: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for gateway in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(behind).unwrap();
                let back = (server.try_clone().unwrap(), gateway.try_clone().unwrap());
                std::thread::spawn(move || pass(gateway, server, Self::BYTE - 1));
                std::thread::spawn(move || pass(back.0, back.1, Self::BYTE));
            }
        });
        Self(address)
    }
}

/// Passes bytes on until one side ends; [`Spoiling::BYTE`] becomes another.
fn pass(mut from: TcpStream, mut to: TcpStream, other: u8) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        buffer[..length].iter_mut().filter(|byte| **byte == Spoiling::BYTE).for_each(|byte| *byte = other);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

#[test]
fn one_flipped_byte_is_refused() {
    let s3 = S3Server::start();
    let line = Spoiling::line_to(s3.url());
    let stage = stage(&format!("http://{}", line.0));
    // Held and hashed; in signed chunks, and the byte in one of the middle; in chunks of the caller's own.
    for (name, length) in [("hashed", 1000), ("chunks", 300_000)] {
        for is_spoilt in [false, true] {
            let mut body = vec![b'x'; length];
            if is_spoilt {
                body[length / 2] = Spoiling::BYTE;
            }
            let key = format!("{name}-{is_spoilt}");
            let mut caller = stage.server.caller();
            caller.send(head(&stage.key, &target(&key), &format!("Content-Length: {length}\r\n")));
            caller.send(&body);
            let answer = caller.answer_to("PUT").unwrap();
            let is_stored = s3.object(&key).exists();
            assert_eq!((answer.status == 200, is_stored), (!is_spoilt, !is_spoilt), "{key}: {} {}", answer.head, answer.text());
            assert_eq!(answer.code(), None, "the server's own refusal: {}", answer.text());
        }
    }
    let piece = [&[b'x'; 99_999][..], &[Spoiling::BYTE]].concat();
    let answer = upload(stage.server.address(), &stage.key, &target("own"), &piece, 3);
    assert!(answer.status >= 400 && answer.code().is_none(), "{} {}", answer.head, answer.text());
    assert!(!s3.object("own").exists());
}

#[test]
fn a_formula_that_two_frames_share_is_not_sent() {
    let s3 = S3Server::start();
    let stage = stage(s3.url());
    // Held for its hash, and streamed.
    for length in [1000, 300_000] {
        let (begin, rest) = ([vec![b'x'; length], b"{".to_vec()].concat(), b"!x}");
        let end = "0;chunk-signature=00\r\n\r\n";
        let first = [chunk_head(begin.len()).as_bytes(), &begin, b"\r\n"].concat();
        let second = [chunk_head(rest.len()).as_bytes(), rest, b"\r\n", end.as_bytes()].concat();
        let headers = chunked_headers((begin.len() + rest.len()) as u64, (first.len() + second.len()) as u64);
        let headers = headers.replace("X-Amz-Trailer: x-amz-checksum-crc32\r\n", "");
        let mut caller = stage.server.caller();
        caller.send(head(&stage.key, &target("formula"), &headers));
        caller.send(first);
        caller.send(second);
        let answer = caller.answer_to("PUT").unwrap();
        assert_eq!(answer.verdict(), (400, Some("formula_not_allowed")), "{}", answer.text());
        assert!(!s3.object("formula").exists());
    }
}

#[test]
fn the_end_of_a_callers_chunks_may_come_alone() {
    let s3 = S3Server::start();
    let front = TlsFront::of(s3.url());
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, front.certificate()).unwrap();
    let stage = Stage::on(TestServer::with(None, |config| config.trust.ca_files = vec![authority]));
    add(&stage.server, "Files", s3.url(), &[], stage.callers);
    add(&stage.server, "Unsigned", &front.url(), &[("payload", "unsigned")], stage.callers);
    stage.server.settle();
    // Held; in signed chunks; not signed, without framing and with the framing that trailers need.
    for (name, length, has_trailer) in [
        ("Files", 1000, true),
        ("Files", 300_000, true),
        ("Files", 300_000, false),
        ("Unsigned", 300_000, true),
        ("Unsigned", 300_000, false),
    ] {
        let body = vec![b'x'; length];
        let checksum = end(crc32fast::hash(&body));
        let end = if has_trailer { checksum.as_str() } else { "0;chunk-signature=00\r\n\r\n" };
        let chunk = [chunk_head(length).as_bytes(), &body, b"\r\n"].concat();
        let headers = chunked_headers(length as u64, (chunk.len() + end.len()) as u64);
        let headers = if has_trailer { headers } else { headers.replace("X-Amz-Trailer: x-amz-checksum-crc32\r\n", "") };
        for is_ended in [true, false] {
            let key = format!("{name}-{length}-{has_trailer}-{is_ended}");
            let mut caller = stage.server.caller();
            caller.send(head(&stage.key, &format!("/callout/{name}/{}/{key}", S3Server::BUCKET), &headers));
            caller.send(&chunk);
            std::thread::sleep(Duration::from_millis(150));
            if is_ended {
                caller.send(end);
                let answer = caller.answer_to("PUT").unwrap();
                assert_eq!(answer.status, 200, "{key}: {}", answer.text());
                assert_eq!(std::fs::read(s3.object(&key)).unwrap(), body);
            } else {
                // What never came to its end is never an object.
                caller.end_sending();
                assert!(caller.answer_to("PUT").is_none_or(|answer| answer.status >= 400), "{key}");
                assert!(!s3.object(&key).exists(), "{key}");
            }
        }
    }
}
