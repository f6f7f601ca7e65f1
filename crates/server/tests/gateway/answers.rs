//! Groups RSP and RDR of the attack catalogue: hostile answers and redirects.
//!
//! - RSP-08, known gap: where an answer would end with its connection and that is reset, the caller's ends without a reset; only the audit knows better.
//! - RSP-09 (trailers) is shown by `sortie-outbound`, which drops all of them. RSP-14 stands in `renewal.rs`.
//! - RSP-10, -11 and -12, known gap: an answer's `Set-Cookie`, CORS and content headers pass unchanged. Callers are programs, and the gateway's origin holds no
//!   session of anybody's; a browser that were led to it would get a 401, since it sends no key.
//! - RSP-19 (an upstream that echoes) is not protected against, and there is no scrubbing. RSP-20 stands in `streams.rs`.
//! - RDR-05 and -06 need redirects that are followed, RDR-08 stands in `protocols.rs`, RDR-09 needs discovery.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::support::{BodyEnd, Expected, Scene, request};

use Expected::{Forwarded, Refused};

/// A scene whose upstream answers `/v1/base/case` with these bytes and closes, and everything else with `hello`.
fn scene_with(bytes: &[u8]) -> Scene {
    let bytes = bytes.to_vec();
    Scene::answering(move |received| match received.target() {
        "/v1/base/case" => Reply::raw(bytes.clone()),
        _ => Reply::new(200).body("hello"),
    })
}

#[test]
fn an_answer_that_could_be_read_in_two_ways_is_refused_and_its_connection_with_it() {
    let protocol = Refused(502, "upstream_protocol");
    let many = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", "X: y\r\n".repeat(150));
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 0\r\n\r\n", "y".repeat(1 << 20));
    let cases: &[(&str, &[u8])] = &[
        ("RSP-01", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        ("RSP-01", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        ("RSP-01", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        ("RSP-01", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        ("RSP-02", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
        ("RSP-02", b"HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc"),
        ("RSP-02", b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 3\r\n\r\nabc"),
        ("RSP-02", b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 3\r\n\r\nabc"),
        ("RSP-02", b"HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc"),
        ("RSP-02", b"<html>hello</html>"),
        ("RSP-02", b"HTTP/2.0 200 OK\r\n\r\n"),
        ("RSP-02", b""),
        ("RSP-16", many.as_bytes()),
        ("RSP-16", long.as_bytes()),
        ("RSP-17", b"HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n"),
        ("RSP-17", b"HTTP/1.1 99 OK\r\nContent-Length: 0\r\n\r\n"),
        ("RSP-17", b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"),
        ("RSP-17", b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n"),
        ("UPG-07", b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\ntunnelled"),
    ];
    for (id, bytes) in cases {
        let scene = scene_with(bytes);
        let text = request(&scene.key, "GET", "/callout/Pay/case", "", "");
        let answer = scene.server.raw(&text);
        let shown = format!("{id} {:?}: {} {}", String::from_utf8_lossy(&bytes[..bytes.len().min(80)]), answer.head, answer.text());
        let Refused(status, code) = protocol else { unreachable!() };
        assert_eq!(answer.verdict(), (status, Some(code)), "{shown}");
        // LEAK-06: not where it came from, and nothing that it said.
        scene.server.assert_unmarked(&shown, &answer.body);
        for hidden in [scene.upstream.address().port().to_string().as_str(), "127.0.0.1", "abc\"", "tunnelled", "html"] {
            assert!(!answer.text().contains(hidden), "{shown}");
        }
        assert_eq!(scene.upstream.requests().len(), 1, "P9: not sent again: {shown}");
        let received = scene.check_target(id, "/callout/Pay/next", Forwarded("/v1/base/next")).1.unwrap();
        assert_eq!(received.connection, 1, "{shown}");
        let record = scene.server.wait_for_record("result", |record| record["code"] == code);
        assert_eq!(record["ending"], "no_answer", "{record}");
    }
}

#[test]
fn odd_answers_that_are_clear_arrive() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(1000);
    let hinted = format!("{hints}HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    let reason = format!("HTTP/1.1 200 {}\r\nContent-Length: 3\r\n\r\nabc", "r".repeat(64 * 1024));
    let cases: &[(&str, &[u8], u16, &str)] = &[
        // RSP-17: a status that nobody knows, and a reason that nobody reads.
        ("RSP-17", b"HTTP/1.1 999 Odd\r\nContent-Length: 3\r\n\r\nabc", 999, "abc"),
        ("RSP-17", b"HTTP/1.1 600\r\nContent-Length: 3\r\n\r\nabc", 600, "abc"),
        ("RSP-17", reason.as_bytes(), 200, "abc"),
        ("RSP-18", hinted.as_bytes(), 200, "abc"),
        ("", b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, "abc"),
        ("", b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 3\r\n\r\nabc", 503, "abc"),
        // RSP-04: neither has a body, whatever it says.
        ("RSP-04", b"HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\nsecond", 204, ""),
        ("RSP-04", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\nsecond", 304, ""),
        // RSP-03: what follows an answer is nobody's.
        ("RSP-03", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong", 200, "abc"),
        (
            "RSP-03",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong",
            200,
            "abc",
        ),
    ];
    for (id, bytes, status, body) in cases {
        let scene = scene_with(bytes);
        let mut caller = scene.server.caller();
        for round in 1..=2 {
            // SYNC: on one connection of the caller's each request gets its own answer.
            caller.send(request(&scene.key, "GET", "/callout/Pay/case", "", ""));
            let answer = caller.answer().unwrap();
            assert_eq!(
                (answer.verdict(), answer.text().as_str(), answer.interim.as_slice()),
                ((*status, None), *body, [].as_slice()),
                "{id}"
            );
            assert!(answer.head.len() < 1024, "{id}");
            // The upstream closes without having said so. Once it has, the next request goes another way.
            scene.upstream.wait_for_closed(round);
            caller.send(request(&scene.key, "GET", "/callout/Pay/next", "", ""));
            assert_eq!(caller.answer().unwrap().text(), "hello", "{id}");
        }
        if *status == 503 {
            assert_eq!(scene.upstream.requests().len(), 4, "REL-U06: passed on, not tried again");
        }
    }
}

#[test]
fn an_answer_that_breaks_off_is_never_presented_as_whole() {
    // P10.
    let cases: &[(&str, &[u8], u64)] = &[
        ("RSP-05", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab", 2),
        ("RSP-05", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", 0),
        ("RSP-06", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 3),
        ("RSP-06", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", 2),
        ("RSP-06", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", 3),
        ("RSP-06", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nnonsense\r\n", 3),
    ];
    for (id, bytes, received_bytes) in cases {
        let scene = scene_with(bytes);
        let mut caller = scene.server.caller();
        caller.send(request(&scene.key, "GET", "/callout/Pay/case", "", ""));
        // Where nothing of the body had gone on, there may be no answer at all.
        if let Some(answer) = caller.answer() {
            assert_eq!((answer.verdict(), answer.end), ((200, None), BodyEnd::Broken), "{id} {}", answer.head);
        }
        assert!(caller.is_closed(), "{id}");
        let record = scene.server.wait_for_record("result", |_| true);
        assert_eq!(
            (&record["ending"], &record["received_bytes"]),
            (&"upstream_truncated".into(), &(*received_bytes).into()),
            "{id} {record}"
        );
    }
}

#[test]
fn an_answer_whose_connection_is_reset_is_never_presented_as_whole() {
    // RSP-08: after the head, and in the middle of a body that would end with the connection.
    for head in ["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nhalf"] {
        let scene = Scene::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        scene.server.named_credential("Rude", &format!("http://{}", listener.local_addr().unwrap()), &scene.pay.external);
        scene.server.settle();
        let upstream = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // The request is one packet.
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            stream.write_all(head.as_bytes()).unwrap();
            std::thread::sleep(Duration::from_millis(200));
            // With no time to linger, closing is a reset.
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        });
        let mut caller = scene.server.caller();
        caller.send(request(&scene.key, "GET", "/callout/Rude/x", "", ""));
        let answer = caller.head();
        assert!(answer.is_none_or(|head| head.contains("200 OK")));
        assert!(!caller.rest().ends_with(b"0\r\n\r\n"));
        upstream.join().unwrap();
        let record = scene.server.wait_for_record("result", |_| true);
        assert_eq!(record["ending"], "upstream_truncated", "{head:?} {record}");
    }
}

#[test]
fn an_answer_that_ends_with_its_connection_ends_so_for_the_caller_too() {
    // RSP-07: nobody can tell whether it is whole, so that nobody may say so.
    let scene = scene_with(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"half\":");
    let mut caller = scene.server.caller();
    caller.send(request(&scene.key, "GET", "/callout/Pay/case", "", ""));
    let answer = caller.answer().unwrap();
    assert_eq!((answer.status, answer.text().as_str(), answer.end), (200, "{\"half\":", BodyEnd::WithConnection), "{}", answer.head);
    let record = scene.server.wait_for_record("result", |_| true);
    assert_eq!(record["ending"], "close_delimited", "{record}");
}

#[test]
fn a_silent_upstream_is_waited_for_only_so_long() {
    let scene = Scene::answering(|received| match received.target() {
        "/head" => Reply::new(200).body("late").delay(Duration::from_secs(3)),
        _ => Reply::new(200).drip("piece", 2, Duration::from_secs(3)),
    });
    scene.server.named_credential_with("Brisk", &scene.upstream.url(), &scene.pay.external, |named| {
        (named.timeouts.answer_ms, named.timeouts.idle_ms) = (500, 500);
    });
    scene.server.settle();
    assert_eq!(scene.server.get(&scene.key, "/callout/Brisk/head").verdict(), (504, Some("upstream_timeout")));
    let mut caller = scene.server.caller();
    caller.send(request(&scene.key, "GET", "/callout/Brisk/body", "", ""));
    let answer = caller.answer().unwrap();
    assert_eq!((answer.status, answer.text().as_str(), answer.end), (200, "piece", BodyEnd::Broken));
    scene.server.wait_for_record("result", |record| record["ending"] == "upstream_truncated");
}

#[test]
fn what_belongs_to_the_upstreams_hop_or_is_ours_to_say_stays_there() {
    // RSP-13, RSP-15, LEAK-09.
    let scene = Scene::answering(|_| {
        Reply::new(200)
            .header("Connection", "X-Hop, keep-alive")
            .header("X-Hop", "1")
            .header("Keep-Alive", "timeout=5")
            .header("Proxy-Authenticate", "Basic")
            .header("Proxy-Connection", "close")
            .header("Upgrade", "h2c")
            .header("Trailer", "X")
            .header("Sortie-Error", "not_permitted")
            .header("Sortie-Callout", "core-9-9")
            .header("sortie-anything", "x")
            .header("X-Theirs", "kept")
            .header("Server", "theirs")
            .header("Vary", "a")
            .header("Vary", "b")
            .body("hello")
    });
    let (answer, _) = scene.check_target("RSP-13", "/callout/Pay/x", Forwarded("/v1/base/x"));
    for name in
        ["x-hop", "keep-alive", "proxy-authenticate", "proxy-connection", "upgrade", "trailer", "sortie-error", "sortie-anything", "via"]
    {
        assert_eq!(answer.headers(name), [""; 0], "{name}");
    }
    assert_eq!(answer.headers("sortie-callout").len(), 1);
    assert_ne!(answer.header("sortie-callout"), Some("core-9-9"));
    assert_eq!(
        (answer.headers("x-theirs"), answer.headers("server"), answer.headers("vary")),
        (vec!["kept"], vec!["theirs"], vec!["a", "b"])
    );
    // LEAK-08: our own pages say nothing about us.
    for target in ["/nothing", "/callout/../x", "/callout/None/x"] {
        let refused = scene.server.get(&scene.key, target);
        let names: BTreeSet<_> = refused.head.lines().skip(1).filter_map(|line| line.split(':').next()).collect();
        assert_eq!(names, ["content-type", "sortie-error", "content-length", "connection", "date"].into(), "{}", refused.head);
        assert!(!refused.text().contains("hyper") && !refused.text().contains(env!("CARGO_PKG_VERSION")), "{}", refused.text());
    }
}

#[test]
fn redirects_are_handed_back_and_not_followed() {
    // RDR-01 to -04, and -07.
    let evil = RecordingUpstream::answering("evil");
    let elsewhere = evil.url();
    let scene = Scene::answering(move |received| {
        let (_, status) = received.target().rsplit_once('/').unwrap();
        let location = if received.target().contains("same") { "/v1/base/other" } else { &elsewhere };
        Reply::new(status.parse().unwrap()).header("Location", location).body("moved")
    });
    for status in [300, 301, 302, 303, 307, 308] {
        for place in ["other", "same"] {
            let before = scene.upstream.requests().len();
            let answer = scene.server.request(&scene.key, "POST", &format!("/callout/Pay/{place}/{status}"), "", "a body");
            assert_eq!((answer.verdict(), answer.text().as_str()), ((status, None), "moved"));
            let location = if place == "same" { "/v1/base/other".to_owned() } else { evil.url() };
            assert_eq!(answer.header("location"), Some(location.as_str()), "RDR-01: as it came");
            assert_eq!(scene.upstream.requests().len(), before + 1, "RDR-02: sent once");
        }
    }
    assert_eq!(evil.connections(), 0, "NOEVIL");
    let broken = scene_with(b"HTTP/1.1 302 Found\r\nLocation: http://x/\x01\r\nContent-Length: 0\r\n\r\n");
    let answer = broken.server.get(&broken.key, "/callout/Pay/case");
    assert_eq!(answer.verdict(), (502, Some("upstream_protocol")), "RDR-07");
}
