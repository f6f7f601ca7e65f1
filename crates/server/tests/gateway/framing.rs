//! Group DSY of the attack catalogue: requests whose end two readers could see in different places. Every case is followed by an honest probe on the same connection.
//!
//! What is promised holds for all of them: what goes on is framed anew by us, so that the upstream sees the body that we saw, and a connection on which framing was in
//! doubt answers no further request. Where the answer is not the one that the catalogue wants, the price is none of these, and the reason is hyper:
//!
//! - DSY-01: `Transfer-Encoding` wins over `Content-Length` and the connection closes (RFC 9112, section 6.1 allows it); hyper hides the length from us.
//! - DSY-03: two equal lengths are one (RFC 9110, section 8.6 allows it).
//! - DSY-06, -08, -09: 400 instead of 501.
//! - DSY-14: a bare line feed ends a line (RFC 9112, section 2.2 allows it).
//! - DSY-16, -17, -23: the head has gone to the upstream when the bad chunk comes; the request there is cut off and never ends.
//! - DSY-18: chunk extensions are dropped; hyper refuses them from 16 KiB on, not from 8.
//! - DSY-22: 400 `caller_aborted` instead of 408.
//! - hyper's own refusals are bare: no `Sortie-Error`, no body, and no audit record.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sortie_testkit::upstream::Reply;

use crate::support::{BodyEnd, Scene, request};

/// What becomes of a case with a probe behind it.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// Refused by us with this status and code; nothing reaches the upstream; the connection closes.
    Refused(u16, &'static str),
    /// Refused by hyper with a bare status; nothing reaches the upstream; the connection closes.
    ByHyper(u16),
    /// Forwarded with this body; the probe gets its own answer.
    Taken(&'static str),
    /// Forwarded with this body; the connection closes before the probe.
    TakenLast(&'static str),
    /// The upstream sees a beginning that never ends; the caller is told `caller_aborted` or nothing; the connection closes.
    CutOff,
}

use Outcome::{ByHyper, CutOff, Refused, Taken, TakenLast};

fn run(scene: &Scene, id: &str, bytes: &[u8], outcome: Outcome) {
    // A request that was cut off may reach the upstream's records late: each case has a path of its own.
    static CASES: AtomicUsize = AtomicUsize::new(0);
    let number = CASES.fetch_add(1, Ordering::Relaxed);
    let key = scene.key.expose();
    let probe = request(&scene.key, "GET", &format!("/callout/Pay/{number}/probe"), "Connection: close\r\n", "");
    let head = format!("POST /callout/Pay/{number}/x HTTP/1.1\r\nHost: g\r\nProxy-Authorization: Bearer {key}\r\n");
    let case: Vec<u8> = match bytes.strip_prefix(b"HEAD+") {
        Some(rest) => [head.as_bytes(), rest].concat(),
        None => String::from_utf8_lossy(bytes).replace("/Pay/", &format!("/Pay/{number}/")).replace("{KEY}", key).into_bytes(),
    };
    let mut caller = scene.server.caller();
    caller.send([&case, probe.as_bytes()].concat());
    let mut answers = Vec::new();
    while let Some(answer) = caller.answer() {
        scene.server.assert_unmarked(id, format!("{}{}", answer.head, answer.text()));
        answers.push(answer);
    }
    let shown = format!("{id} {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(200)]));
    let verdicts: Vec<_> = answers.iter().map(|answer| answer.verdict()).collect();
    let base = format!("/v1/base/{number}/");
    let received: Vec<_> = scene.upstream.requests().into_iter().filter(|received| received.target().starts_with(&base)).collect();
    let targets: Vec<_> = received.iter().map(|received| (&received.target()[base.len()..], received.is_complete)).collect();
    match outcome {
        Refused(status, code) => {
            assert_eq!(verdicts, [(status, Some(code))], "{shown}");
            assert_eq!(targets, [], "NOUP {shown}");
        }
        ByHyper(status) => {
            assert_eq!(verdicts, [(status, None)], "{shown}");
            assert_eq!((answers[0].text().as_str(), targets.len()), ("", 0), "NOUP {shown}");
        }
        Taken(body) => {
            assert_eq!(verdicts, [(200, None), (200, None)], "{shown}");
            assert_eq!(targets, [("x", true), ("probe", true)], "SYNC {shown}");
            assert_eq!(String::from_utf8_lossy(&received[0].body), body, "{shown}");
        }
        TakenLast(body) => {
            assert_eq!(verdicts, [(200, None)], "{shown}");
            assert_eq!(targets, [("x", true)], "{shown}");
            assert_eq!(String::from_utf8_lossy(&received[0].body), body, "{shown}");
        }
        CutOff => {
            assert!(verdicts.is_empty() || verdicts == [(400, Some("caller_aborted"))], "{shown}: {verdicts:?}");
            assert!(targets.is_empty() || targets == [("x", false)], "{shown}: {targets:?}");
        }
    }
    for request in &received {
        let framings = request.headers("content-length").len() + request.headers("transfer-encoding").len();
        assert!(framings <= 1, "one framing of ours: {shown}: {request:#?}");
    }
}

#[test]
fn lengths_and_codings_that_contradict_each_other_desynchronise_nobody() {
    let scene = Scene::new();
    let doubt = Refused(400, "framing_invalid");
    let chunks = "3\r\nabc\r\n0\r\n\r\n";
    let coded = |lines: &[u8]| [b"HEAD+Transfer-Encoding: ", lines, b"\r\n\r\n", chunks.as_bytes()].concat();
    let long = |value: &str| format!("HEAD+Content-Length: {value}\r\n\r\nabc").into_bytes();
    let cases: Vec<(&str, Vec<u8>, Outcome)> = vec![
        ("DSY-01", format!("HEAD+Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}").into_bytes(), TakenLast("abc")),
        ("DSY-01", format!("HEAD+Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n{chunks}").into_bytes(), TakenLast("abc")),
        ("DSY-02", long("3\r\nContent-Length: 5"), ByHyper(400)),
        ("DSY-02", long("3, 5"), ByHyper(400)),
        ("DSY-03", long("3\r\nContent-Length: 3"), Taken("abc")),
        ("DSY-03", long("3, 3"), ByHyper(400)),
        ("DSY-04", long("+3"), ByHyper(400)),
        ("DSY-04", long("-1"), ByHyper(400)),
        ("DSY-04", long("0x3"), ByHyper(400)),
        ("DSY-04", long("1_0"), ByHyper(400)),
        ("DSY-04", long(""), ByHyper(400)),
        ("DSY-04", long("3 "), Taken("abc")),
        ("DSY-04", long("3.0"), ByHyper(400)),
        ("DSY-04", long("18446744073709551617"), ByHyper(400)),
        ("DSY-05", long("003"), Taken("abc")),
        ("", coded(b"chunked"), Taken("abc")),
        ("", coded(b"Chunked"), Taken("abc")),
        ("DSY-06", coded(b"gzip, chunked"), doubt),
        ("DSY-07", coded(b"chunked, gzip"), ByHyper(400)),
        ("DSY-07", coded(b"xchunked"), ByHyper(400)),
        ("DSY-07", coded(b"identity"), ByHyper(400)),
        ("DSY-08", coded(b",chunked"), doubt),
        ("DSY-09", coded(b"chunked\r\nTransfer-Encoding: chunked"), doubt),
        ("DSY-09", coded(b"chunked, chunked"), doubt),
        ("DSY-09", coded(b"identity, chunked"), doubt),
        ("DSY-10", coded(b"\x0bchunked"), ByHyper(400)),
        ("DSY-10", coded(b"chunked\x85"), ByHyper(400)),
        ("DSY-10", coded(b"\xa0chunked"), ByHyper(400)),
        ("DSY-12", format!("HEAD+Transfer-Encoding : chunked\r\n\r\n{chunks}").into_bytes(), ByHyper(400)),
        ("DSY-12", b"HEAD+Content-Length : 3\r\n\r\nabc".to_vec(), ByHyper(400)),
        ("DSY-12", b"HEAD+Content-Length\r\n\r\n".to_vec(), ByHyper(400)),
        ("DSY-12", b"HEAD+: 3\r\n\r\n".to_vec(), ByHyper(400)),
        ("DSY-13", b"HEAD+X: a\r\n b\r\n\r\n".to_vec(), ByHyper(400)),
        ("DSY-13", b"HEAD+X: a\r\n\tTransfer-Encoding: chunked\r\n\r\n".to_vec(), ByHyper(400)),
        ("DSY-13", b"POST /callout/Pay/x HTTP/1.1\r\n Host: g\r\nProxy-Authorization: Bearer {KEY}\r\n\r\n".to_vec(), ByHyper(400)),
        (
            "DSY-14",
            b"POST /callout/Pay/x HTTP/1.1\nHost: g\nProxy-Authorization: Bearer {KEY}\nContent-Length: 3\n\nabc".to_vec(),
            Taken("abc"),
        ),
        ("DSY-14", b"HEAD+X: y\nContent-Length: 3\r\n\r\nabc".to_vec(), Taken("abc")),
        ("DSY-15", b"HEAD+X: a\rb\r\n\r\n".to_vec(), ByHyper(400)),
        ("DSY-15", b"HEAD+X: a\rContent-Length: 3\r\n\r\n".to_vec(), ByHyper(400)),
        ("DSY-15", b"HEAD+Content-Length: 3\r\r\n\r\nabc".to_vec(), ByHyper(400)),
    ];
    for (id, bytes, outcome) in &cases {
        run(&scene, id, bytes, *outcome);
    }
}

#[test]
fn chunks_that_could_be_counted_in_two_ways_never_end_a_request() {
    let scene = Scene::new();
    let chunked = |body: &[u8]| [b"HEAD+Transfer-Encoding: chunked\r\n\r\n", body].concat();
    let extension = |length: usize| chunked(format!("3;{}\r\nabc\r\n0\r\n\r\n", "e".repeat(length)).as_bytes());
    let cases: Vec<(&str, Vec<u8>, Outcome)> = vec![
        ("DSY-16", chunked(b"0x3\r\nabc\r\n0\r\n\r\n"), CutOff),
        ("DSY-16", chunked(b"3 \r\nabc\r\n0\r\n\r\n"), Taken("abc")),
        ("DSY-16", chunked(b"00000000000000003\r\nabc\r\n0\r\n\r\n"), Taken("abc")),
        ("DSY-16", chunked(b"10000000000000003\r\nabc\r\n0\r\n\r\n"), CutOff),
        ("DSY-16", chunked(b"\r\nabc\r\n0\r\n\r\n"), CutOff),
        ("DSY-16", chunked(b"-3\r\nabc\r\n0\r\n\r\n"), CutOff),
        ("DSY-17", chunked(b"3\nabc\r\n0\r\n\r\n"), CutOff),
        ("DSY-17", chunked(b"3\r\nabcXX0\r\n\r\n"), CutOff),
        ("DSY-17", chunked(b"3\r\nabc\r\n\r\n0\r\n\r\n"), CutOff),
        ("DSY-17", chunked(b"3\r\nabc\r\n0\r\nX"), CutOff),
        ("DSY-18", extension(8), Taken("abc")),
        ("DSY-18", extension(8 * 1024), Taken("abc")),
        ("DSY-18", extension(17 * 1024), CutOff),
        ("DSY-18", chunked(b"3;a\nb\r\nabc\r\n0\r\n\r\n"), CutOff),
    ];
    for (id, bytes, outcome) in &cases {
        run(&scene, id, bytes, *outcome);
    }
}

#[test]
fn request_lines_are_read_strictly() {
    // DSY-11, DSY-25; Host.
    let scene = Scene::new();
    let rest = "Host: g\r\nProxy-Authorization: Bearer {KEY}\r\n";
    let line = |line: &str| format!("{line}\r\n{rest}\r\n").into_bytes();
    let with = |host: &str| format!("POST /callout/Pay/x HTTP/1.1\r\n{host}Proxy-Authorization: Bearer {{KEY}}\r\n\r\n").into_bytes();
    let doubt = Refused(400, "framing_invalid");
    let cases: Vec<(&str, Vec<u8>, Outcome)> = vec![
        (
            "DSY-11",
            format!("POST /callout/Pay/x HTTP/1.0\r\n{rest}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").into_bytes(),
            ByHyper(400),
        ),
        ("DSY-25", line("POST /callout/Pay/x HTTP/1.2"), ByHyper(400)),
        ("DSY-25", line("POST /callout/Pay/x HTTP/0.9"), ByHyper(400)),
        ("DSY-25", line("POST /callout/Pay/x HTTP/2.0"), ByHyper(400)),
        ("DSY-25", line("POST /callout/Pay/x http/1.1"), ByHyper(400)),
        ("DSY-25", line("POST\t/callout/Pay/x\tHTTP/1.1"), ByHyper(400)),
        ("DSY-25", line("POST  /callout/Pay/x  HTTP/1.1"), ByHyper(400)),
        ("DSY-25", line("POST /callout/Pay/x"), ByHyper(400)),
        ("DSY-25", line("P=ST /callout/Pay/x HTTP/1.1"), ByHyper(400)),
        ("", line("POST /callout/Pay/x HTTP/1.0"), TakenLast("")),
        ("", with(""), doubt),
        ("", with("Host: a\r\nHost: a\r\n"), doubt),
        ("", with("Host: a/b@c?d\r\n"), doubt),
        ("", with("Host: a b\r\n"), doubt),
        ("", with("Host: [::1]:80\r\n"), Taken("")),
    ];
    for (id, bytes, outcome) in &cases {
        run(&scene, id, bytes, *outcome);
    }
}

#[test]
fn a_request_within_a_body_is_data() {
    // DSY-19.
    let scene = Scene::new();
    let inner = "GET /callout/Pay/smuggled HTTP/1.1\r\nHost: g\r\n\r\n";
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "POST"] {
        let before = scene.upstream.requests().len();
        let mut caller = scene.server.caller();
        caller
            .send(request(&scene.key, method, "/callout/Pay/outer", "", inner) + &request(&scene.key, "GET", "/callout/Pay/next", "", ""));
        let statuses = [caller.answer_to(method).unwrap().status, caller.answer().unwrap().status];
        assert_eq!(statuses, [200, 200], "{method}");
        let received = scene.upstream.requests().split_off(before);
        let targets: Vec<_> = received.iter().map(|received| received.target()).collect();
        assert_eq!(targets, ["/v1/base/outer", "/v1/base/next"], "SYNC {method}");
        assert_eq!(received[0].body, inner.as_bytes(), "{method}");
        assert_eq!(received[0].headers("content-length"), [inner.len().to_string().as_str()], "{method}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order_each_by_its_own_right() {
    // DSY-20.
    let scene = Scene::answering(|received| {
        Reply::new(200).body(received.target()).delay(Duration::from_millis(if received.target().ends_with("/1") { 200 } else { 0 }))
    });
    let (_, bob) = scene.server.user("bob", &[]);
    scene.server.settle();
    let mut caller = scene.server.caller();
    let (alices, bobs) = (|path: &str| request(&scene.key, "GET", path, "", ""), |path: &str| request(&bob, "GET", path, "", ""));
    caller.send(alices("/callout/Pay/1") + &bobs("/callout/Pay/2") + &alices("/callout/../3") + &alices("/callout/Pay/4"));
    let answers: Vec<_> = (0..4).map(|_| caller.answer().unwrap()).collect();
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 403, 400, 200]);
    assert_eq!((answers[0].text(), answers[3].text()), ("/v1/base/1".to_owned(), "/v1/base/4".to_owned()));
    assert_eq!(scene.upstream.requests().len(), 2);
}

#[test]
fn a_body_that_breaks_off_is_never_finished_upstream() {
    // DSY-21, DSY-23, P10.
    let scene = Scene::new();
    let mega = format!("{:x}\r\n{}\r\n", 1 << 20, "m".repeat(1 << 20));
    for (id, lines, body, sent) in [
        ("DSY-21", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n".to_owned(), 3),
        ("DSY-21", "Transfer-Encoding: chunked\r\n", "5\r\nabc".to_owned(), 3),
        ("DSY-21", "Content-Length: 100\r\n", "x".repeat(50), 50),
        ("DSY-23", "Transfer-Encoding: chunked\r\n", mega + "nonsense\r\n", 1 << 20),
    ] {
        let before = scene.upstream.requests().len();
        let mut caller = scene.server.caller();
        caller.send(request(&scene.key, "POST", "/callout/Pay/x", lines, "").as_bytes());
        caller.send(&body);
        // The beginning arrives; then the caller goes.
        for _ in 0..500 {
            if scene.upstream.requests().get(before).is_some_and(|received| received.body_bytes >= sent) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(caller);
        let record = scene.server.wait_for_record("result", |record| record["intent"].as_u64() == last_intent(&scene));
        assert_eq!((&record["code"], &record["sent_bytes"]), (&"caller_aborted".into(), &sent.into()), "{id} {record}");
        assert!(record["status"].is_null(), "{id} {record}");
        let received = &scene.upstream.requests()[before];
        assert_eq!((received.is_complete, received.body_bytes), (false, sent), "{id}");
    }
}

/// The number of the newest intent.
fn last_intent(scene: &Scene) -> Option<u64> {
    scene.server.records().iter().rev().find(|record| record["event"] == "intent")?["sequence"].as_u64()
}

#[test]
fn a_caller_who_stops_in_the_middle_of_a_body_is_not_waited_for_for_ever() {
    // DSY-22.
    let scene = Scene::new();
    scene.server.named_credential_with("Brisk", &scene.upstream.url(), &scene.pay.external, |named| named.timeouts.idle_ms = 500);
    scene.server.settle();
    let mut caller = scene.server.caller();
    caller.send(request(&scene.key, "POST", "/callout/Brisk/x", "Content-Length: 100\r\n", "").as_bytes());
    caller.send("x".repeat(50));
    let answer = caller.answer().unwrap();
    assert_eq!(answer.verdict(), (400, Some("caller_aborted")));
    assert!(caller.is_closed());
    assert!(!scene.upstream.requests()[0].is_complete);
}

#[test]
fn what_is_still_sent_after_an_early_refusal_is_no_request() {
    // DSY-24: 401 and 403 while a body is on its way that holds a request.
    let scene = Scene::new();
    let smuggled = request(&scene.key, "GET", "/callout/Pay/smuggled", "", "");
    let body = smuggled.repeat(1 + (4 << 20) / smuggled.len());
    for target in ["/callout/None/x", "/callout/../x", "/nowhere"] {
        let mut caller = scene.server.caller();
        caller.send(request(&scene.key, "POST", target, &format!("Content-Length: {}\r\n", body.len()), "").as_bytes());
        let answer = caller.answer().unwrap();
        assert!((400..500).contains(&answer.status) && answer.end == BodyEnd::Whole, "{}", answer.head);
        caller.send(&body);
        assert_eq!(String::from_utf8_lossy(&caller.rest()), "", "{target}: not one more answer");
    }
    assert_eq!(scene.upstream.connections(), 0);
}
