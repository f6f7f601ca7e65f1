//! Group UPG of the attack catalogue: upgrades, expectations, trailers, tunnels, HTTP/2.
//!
//! - UPG-03 wants 400 or 426 for a WebSocket handshake. Here `Upgrade` is dropped as a header of the hop (RFC 9110, section 7.8 lets a server ignore it), and the
//!   upstream gets a plain request. UPG-04 to -06 need WebSockets, UPG-14 to -17 HTTP/2: there are neither yet.
//! - UPG-07 (an unsolicited 101) stands in `answers.rs`.
//! - UPG-18: hyper closes the connection without a word.

use sortie_testkit::upstream::Reply;

use crate::support::{Expected, Scene, request};

use Expected::{Forwarded, Refused};

#[test]
fn no_request_turns_the_connection_into_a_tunnel() {
    let scene = Scene::new();
    for (id, lines) in [
        ("UPG-01", "Connection: Upgrade\r\nUpgrade: foo\r\n"),
        ("UPG-02", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"),
        (
            "UPG-03",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        ),
    ] {
        let before = scene.upstream.requests().len();
        let (_, bob) = scene.server.user(&format!("bob-{id}"), &[]);
        scene.server.settle();
        let mut caller = scene.server.caller();
        // What follows is a request by its own right: bob's is refused, alice's is answered.
        let first = request(&scene.key, "GET", "/callout/Pay/upgrade", lines, "");
        caller.send(first + &request(&bob, "GET", "/callout/Pay/bobs", "", "") + &request(&scene.key, "GET", "/callout/Pay/next", "", ""));
        let answers: Vec<_> = (0..3).map(|_| caller.answer().unwrap()).collect();
        assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 403, 200], "{id}");
        let received = scene.upstream.requests().split_off(before);
        assert_eq!(received.iter().map(|received| received.target()).collect::<Vec<_>>(), ["/v1/base/upgrade", "/v1/base/next"], "{id}");
        for name in ["upgrade", "connection", "http2-settings"] {
            assert_eq!(received[0].headers(name), [""; 0], "{id} {name}");
        }
        assert!(answers[0].header("upgrade").is_none(), "{id}");
    }
}

#[test]
fn tunnels_and_echoes_are_refused() {
    let scene = Scene::new();
    let upstream = scene.upstream.address();
    for (id, line, expected) in [
        ("UPG-08", format!("CONNECT {upstream} HTTP/1.1"), Refused(400, "target_invalid")),
        ("UPG-08", "CONNECT up.test:443 HTTP/1.1".to_owned(), Refused(400, "target_invalid")),
        ("UPG-08", "CONNECT /callout/Pay/x HTTP/1.1".to_owned(), Refused(405, "method_not_allowed")),
        ("UPG-09", "TRACE /callout/Pay/x HTTP/1.1".to_owned(), Refused(405, "method_not_allowed")),
    ] {
        let text = format!("{line}\r\nHost: g\r\nProxy-Authorization: Bearer {{KEY}}\r\nX-Mine: reflected\r\n\r\n");
        let (answer, _) = scene.check(id, text.as_bytes(), expected);
        assert!(!answer.text().contains("reflected"), "{id}");
    }
    // What follows a CONNECT is a request, not a tunnel's content.
    let mut caller = scene.server.caller();
    caller.send(format!("CONNECT {upstream} HTTP/1.1\r\nHost: {upstream}\r\nProxy-Authorization: Bearer {}\r\n\r\n", scene.key.expose()));
    assert_eq!(caller.answer().unwrap().verdict(), (400, Some("target_invalid")));
    caller.send("GET /tunnelled HTTP/1.1\r\nHost: g\r\n\r\n");
    assert_eq!(caller.answer().unwrap().verdict(), (401, Some("unauthenticated")));
    assert_eq!(scene.upstream.connections(), 0);
}

#[test]
fn a_body_is_invited_only_for_what_is_permitted() {
    let scene = Scene::answering(|_| Reply::echo());
    let (_, bob) = scene.server.user("bob", &[]);
    scene.server.settle();
    let expecting = "Expect: 100-continue\r\nContent-Length: 4\r\n";
    // UPG-10: 100 comes, then the body goes, once.
    let mut caller = scene.server.caller();
    caller.send(request(&scene.key, "POST", "/callout/Pay/x", expecting, ""));
    assert_eq!(caller.head().as_deref(), Some("HTTP/1.1 100 Continue"));
    caller.send("body");
    let answer = caller.answer().unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "body"));
    let received = scene.upstream.requests();
    assert_eq!((received.len(), received[0].body.as_slice(), received[0].header("expect")), (1, b"body".as_slice(), None));
    // UPG-11: the refusal comes instead, and the body is not waited for.
    for (key, target, status) in [(&bob, "/callout/Pay/x", 403), (&scene.key, "/callout/../x", 400), (&scene.key, "/callout/None/x", 403)] {
        let mut caller = scene.server.caller();
        caller.send(request(key, "POST", target, expecting, ""));
        let answer = caller.answer().unwrap();
        assert_eq!((answer.status, answer.interim.as_slice()), (status, [].as_slice()), "{target}");
        // Whether or not it is sent, it is no request.
        caller.send("GET /callout/Pay/smuggled HTTP/1.1\r\n\r\n");
        assert!(caller.is_closed(), "{target}");
    }
    // UPG-12.
    for expect in ["200-ok", "y 100-continue", "100-continue, 200-ok", ""] {
        scene.check_headers("UPG-12", format!("Expect: {expect}"), Refused(417, "expectation_failed"));
    }
    assert_eq!(scene.upstream.requests().len(), 1);
}

#[test]
fn trailers_reach_nobody() {
    // UPG-13, declared and undeclared.
    let scene = Scene::new();
    for declared in ["Trailer: Authorization, X-Api-Key\r\n", ""] {
        let trailers = "Authorization: x\r\nContent-Length: 9\r\nX-Api-Key: y\r\nX-Trailer: z\r\n";
        let text = format!(
            "POST /callout/Pay/x HTTP/1.1\r\nHost: g\r\nProxy-Authorization: Bearer {{KEY}}\r\nTransfer-Encoding: chunked\r\n{declared}\r\n3\r\nabc\r\n0\r\n{trailers}\r\n"
        );
        let received = scene.check("UPG-13", text.as_bytes(), Forwarded("/v1/base/x")).1.unwrap();
        assert_eq!((received.body.as_slice(), received.is_complete), (b"abc".as_slice(), true));
        assert_eq!(received.headers("x-api-key"), ["SECRET-pay-key"]);
        assert!(["authorization", "x-trailer", "trailer"].iter().all(|name| received.header(name).is_none()), "{received:#?}");
    }
    // Nothing of them was left on the connection to the upstream: the next request on it is its own.
    let received = scene.check_target("UPG-13", "/callout/Pay/next", Forwarded("/v1/base/next")).1.unwrap();
    assert_eq!((received.request_line.as_str(), received.connection), ("GET /v1/base/next HTTP/1.1", 0));
}

#[test]
fn http_2_is_not_spoken_without_being_asked_for() {
    // UPG-18.
    let scene = Scene::new();
    let mut caller = scene.server.caller();
    caller.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    assert!(caller.is_closed());
    assert_eq!(scene.upstream.connections(), 0);
}
