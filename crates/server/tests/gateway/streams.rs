//! Bodies of any size go through in both directions as they come, in bounded memory, and nobody works on for a caller who has gone.
//!
//! Known gap: an upstream that answers before it has the body and closes at once, without lingering, is not heard; hyper gives up when it can write no more, and the
//! caller gets `upstream_protocol`.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use sortie_model::Secret;
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::support::{BodyEnd, Caller, Child, Scene, TestServer, request, served_as_child};

const LARGE: usize = 64 << 20;

/// What one stream may add to the most memory that the process ever held: buffers of both connections, and what the allocator makes of them.
const STREAM_BYTES: u64 = 2 << 20;

#[test]
fn the_beginning_of_an_answer_arrives_before_its_end_is_made() {
    let scene = Scene::answering(|_| Reply::new(200).drip("piece", 4, Duration::from_millis(400)));
    let mut caller = scene.server.caller();
    let begin = Instant::now();
    caller.send(request(&scene.key, "GET", "/callout/Pay/x", "", ""));
    caller.head().unwrap();
    let first = caller.rest_until(|received| received.windows(5).any(|window| window == b"piece"));
    let first_at = begin.elapsed();
    let all = caller.rest_until(|received| received.ends_with(b"0\r\n\r\n"));
    let (first, all) = (String::from_utf8_lossy(&first).into_owned(), String::from_utf8_lossy(&all).into_owned());
    assert_eq!((first.matches("piece").count(), all.matches("piece").count()), (1, 3));
    assert!(begin.elapsed() - first_at >= Duration::from_millis(800), "{first_at:?} of {:?}", begin.elapsed());
}

#[test]
fn a_body_is_answered_piece_by_piece_while_it_is_sent() {
    let scene = Scene::answering(|_| Reply::echo());
    let mut caller = scene.server.caller();
    caller.send(request(&scene.key, "POST", "/callout/Pay/x", "Transfer-Encoding: chunked\r\n", ""));
    for piece in ["one", "two", "three"] {
        caller.send(format!("{:x}\r\n{piece}\r\n", piece.len()));
        let echoed = caller.rest_until(|received| received.windows(piece.len()).any(|window| window == piece.as_bytes()));
        assert!(!echoed.is_empty(), "{piece} came back before the next one was sent");
    }
    caller.send("0\r\n\r\n");
    let end = caller.rest_until(|received| received.ends_with(b"0\r\n\r\n"));
    assert!(end.ends_with(b"0\r\n\r\n"));
    assert_eq!(scene.upstream.requests()[0].body, b"onetwothree");
}

/// A house that is not served yet, and an upstream that answers GET with 64 MiB.
fn large_stage() -> (TestServer, RecordingUpstream, Secret) {
    let server = TestServer::new();
    let body = vec![b'x'; LARGE];
    let upstream = RecordingUpstream::start(move |received| match received.request_line.starts_with("GET /large") {
        true => Reply::new(200).body(body.clone()),
        false => Reply::new(200).body("taken"),
    });
    let key = server.with_pay(&upstream.url());
    (server, upstream, key)
}

/// The child's memory after it has done a little of everything, so that what a first time costs is not counted.
fn warm(child: &Child, key: &Secret) -> u64 {
    for body in ["", "small"] {
        let mut caller = Caller::connect(child.gateway);
        caller.send(request(key, "POST", "/callout/Pay/x", "", body));
        assert_eq!(caller.answer().unwrap().status, 200);
    }
    child.peak_memory()
}

#[test]
fn a_large_answer_takes_no_more_memory_than_a_small_one_however_slowly_it_is_read() {
    // RSP-20.
    if served_as_child(|_| {}) {
        return;
    }
    let (server, _upstream, key) = large_stage();
    let child = Child::start("streams::a_large_answer_takes_no_more_memory_than_a_small_one_however_slowly_it_is_read", &server);
    let before = warm(&child, &key);
    for pause in [Duration::ZERO, Duration::from_secs(2)] {
        let mut caller = Caller::connect(child.gateway);
        caller.send(request(&key, "GET", "/callout/Pay/large", "", ""));
        assert!(caller.head().unwrap().contains("200 OK"));
        // The upstream sends as fast as it can, and nobody reads.
        std::thread::sleep(pause);
        let mut length = 0;
        while length < LARGE {
            let piece = caller.piece().len();
            assert!(piece > 0, "ended after {length}");
            length += piece;
        }
        assert_eq!(length, LARGE);
        let grown = child.peak_memory() - before;
        assert!(grown <= STREAM_BYTES, "{grown} bytes more at {pause:?}");
    }
    child.stop();
}

#[test]
fn a_large_upload_takes_no_more_memory_than_a_small_one() {
    if served_as_child(|_| {}) {
        return;
    }
    let (server, upstream, key) = large_stage();
    let child = Child::start("streams::a_large_upload_takes_no_more_memory_than_a_small_one", &server);
    let before = warm(&child, &key);
    let piece = vec![b'x'; 1 << 20];
    for framing in [format!("Content-Length: {LARGE}\r\n"), "Transfer-Encoding: chunked\r\n".to_owned()] {
        let mut caller = Caller::connect(child.gateway);
        caller.send(request(&key, "POST", "/callout/Pay/x", &framing, ""));
        for _ in 0..LARGE / piece.len() {
            if framing.starts_with("Transfer") {
                caller.try_send(format!("{:x}\r\n", piece.len()).as_bytes()).unwrap();
            }
            caller.try_send(&piece).unwrap();
            if framing.starts_with("Transfer") {
                caller.try_send(b"\r\n").unwrap();
            }
        }
        if framing.starts_with("Transfer") {
            caller.send("0\r\n\r\n");
        }
        assert_eq!(caller.answer().unwrap().text(), "taken");
        let received = upstream.requests().pop().unwrap();
        assert_eq!((received.body_bytes, received.is_complete), (LARGE as u64, true), "{framing}");
        let grown = child.peak_memory() - before;
        assert!(grown <= STREAM_BYTES, "{grown} bytes more with {framing}");
    }
    child.stop();
}

/// An upstream for one connection: reads the head of a request, then does what it is told and says when the gateway has closed the connection.
fn upstream_that_watches(behave: impl FnOnce(&mut TcpStream) + Send + 'static) -> (SocketAddr, Receiver<Instant>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (say, heard) = channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        behave(&mut stream);
        // Whether the test still listens does not matter here.
        let _ = say.send(Instant::now());
    });
    (address, heard)
}

/// REL-U08: how soon the upstream's connection must be closed after the caller's.
const SOON: Duration = Duration::from_secs(1);

#[test]
fn a_caller_who_leaves_in_the_middle_of_an_answer_ends_it_upstream() {
    let scene = Scene::new();
    let (address, closed) = upstream_that_watches(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while stream.write_all(b"5\r\npiece\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    scene.server.named_credential("Endless", &format!("http://{address}"), &scene.pay.external);
    scene.server.settle();
    let mut caller = scene.server.caller();
    caller.send(request(&scene.key, "GET", "/callout/Endless/x", "", ""));
    caller.rest_until(|received| received.windows(5).filter(|window| window == b"piece").count() > 3);
    drop(caller);
    let left = Instant::now();
    assert!(closed.recv_timeout(Duration::from_secs(10)).unwrap() < left + SOON);
    let record = scene.server.wait_for_record("result", |_| true);
    assert_eq!((&record["ending"], &record["status"]), (&"caller_aborted".into(), &200.into()), "{record}");
    assert!(record["received_bytes"].as_u64() > Some(15));
}

#[test]
fn a_caller_who_leaves_before_the_answer_ends_the_request_upstream() {
    let scene = Scene::new();
    let (address, closed) = upstream_that_watches(|stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    scene.server.named_credential("Silent", &format!("http://{address}"), &scene.pay.external);
    scene.server.settle();
    let mut caller = scene.server.caller();
    caller.send(request(&scene.key, "GET", "/callout/Silent/x", "", ""));
    scene.server.wait_for_record("intent", |_| true);
    std::thread::sleep(Duration::from_millis(100));
    drop(caller);
    let left = Instant::now();
    assert!(closed.recv_timeout(Duration::from_secs(10)).unwrap() < left + SOON);
    let record = scene.server.wait_for_record("result", |_| true);
    assert_eq!((&record["ending"], &record["code"]), (&"caller_aborted".into(), &"caller_aborted".into()), "{record}");
}

#[test]
fn an_upstream_that_answers_before_it_has_the_body_is_heard() {
    // As a server does that finds an upload too large, and lingers so that its answer is not lost.
    let scene = Scene::new();
    let (address, _) = upstream_that_watches(|stream| {
        stream.write_all(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 8\r\n\r\ntoo much").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    scene.server.named_credential("Strict", &format!("http://{address}"), &scene.pay.external);
    scene.server.settle();
    let mut caller = scene.server.caller();
    let rest = "GET /callout/Pay/smuggled HTTP/1.1\r\nHost: g\r\n\r\n".repeat(1000);
    let length = format!("Content-Length: {}\r\n", 64 * 1024 + rest.len());
    caller.send(request(&scene.key, "POST", "/callout/Strict/x", &length, ""));
    caller.send(vec![b'x'; 64 * 1024]);
    let answer = caller.answer().unwrap();
    assert_eq!((answer.verdict(), answer.text().as_str(), answer.end), ((413, None), "too much", BodyEnd::Whole));
    // What is still to come of the body is not taken for requests, and the connection goes on behind it.
    caller.send(rest);
    caller.send(request(&scene.key, "GET", "/callout/Pay/next", "", ""));
    assert_eq!(caller.answer().unwrap().text(), "hello");
    assert_eq!(scene.upstream.requests().iter().map(|received| received.target()).collect::<Vec<_>>(), ["/v1/base/next"]);
}

#[test]
fn hundreds_of_streams_at_once_do_not_hold_each_other_up() {
    let scene = Scene::answering(|received| match received.target().ends_with("slow") {
        true => Reply::new(200).drip("piece", 3, Duration::from_millis(500)),
        false => Reply::new(200).body("hello"),
    });
    let mut slow: Vec<Caller> = (0..200).map(|_| scene.server.caller()).collect();
    for caller in &mut slow {
        caller.send(request(&scene.key, "GET", "/callout/Pay/slow", "", ""));
    }
    let begin = Instant::now();
    for _ in 0..20 {
        assert_eq!(scene.server.get(&scene.key, "/callout/Pay/quick").text(), "hello");
    }
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    for caller in &mut slow {
        let answer = caller.answer().unwrap();
        assert_eq!((answer.text().as_str(), answer.end), ("piecepiecepiece", BodyEnd::Whole));
    }
}
