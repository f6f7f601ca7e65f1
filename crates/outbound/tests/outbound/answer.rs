//! Answers: a truncated one never looks whole, a hostile one harms nobody, a silent one is given up (groups RSP, UPG, REL-U).

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::StatusCode;
use http_body_util::BodyExt;
use sortie_callout::{Ending, ForwardError};
use sortie_outbound::AnswerError;
use sortie_testkit::peers::NginxUpstream;
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::common::{Core, on_one_core, read, until};
use crate::raw::{RawServer, read_head, reset};

const LENGTH: &str = "HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nabcdefghij\r\n10\r\nklmnopqrstuvwxyz\r\n0\r\n\r\n";

/// How a connection ends in the middle of an answer.
#[derive(Clone, Copy, Debug)]
enum Cut {
    End,
    Reset,
}

/// What reaches us of an answer that is cut off at each of its bytes in turn.
fn cut_at_each_byte(answer: &'static str, cut: Cut) {
    let server = RawServer::start(move |mut stream: TcpStream, at| {
        read_head(&mut stream).unwrap();
        stream.write_all(&answer.as_bytes()[..at]).unwrap();
        if matches!(cut, Cut::Reset) {
            // So that what was written arrives before the reset.
            std::thread::sleep(Duration::from_millis(2));
            reset(stream);
        }
    });
    on_one_core(async {
        let core = Core::to(&server.url());
        for at in 0..answer.len() {
            match core.get("/").await {
                Ok(answer) => assert_eq!(read(answer).await, Err(AnswerError::Truncated), "{cut:?} at {at}"),
                Err(error) => assert!(matches!(error, ForwardError::Protocol(_)), "{cut:?} at {at}: {error:?}"),
            }
        }
        assert_eq!(core.fetch("/").await.1.unwrap(), "abcdefghijklmnopqrstuvwxyz");
    });
    assert_eq!(server.connections(), answer.len() + 1);
}

#[test]
fn an_answer_cut_off_anywhere_is_an_error() {
    // RSP-05, RSP-06, RSP-08, REL-U01.
    for answer in [LENGTH, CHUNKED] {
        for cut in [Cut::End, Cut::Reset] {
            cut_at_each_byte(answer, cut);
        }
    }
}

#[test]
fn an_answer_without_a_length_is_marked_as_such() {
    // RSP-07.
    let server = RawServer::start(|mut stream, _| {
        read_head(&mut stream).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n{\"half\":").unwrap();
    });
    on_one_core(async {
        let core = Core::to(&server.url());
        let answer = core.get("/").await.unwrap();
        assert!(answer.body().is_close_delimited());
        assert_eq!(read(answer).await.unwrap(), "{\"half\":");
    });
    for explicit in [LENGTH, CHUNKED, "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\n\r\n"] {
        let server = RawServer::answering(explicit);
        assert!(!on_one_core(async { Core::to(&server.url()).get("/").await.unwrap() }).body().is_close_delimited(), "{explicit}");
    }
}

#[test]
fn an_answer_that_could_be_read_in_two_ways_is_refused_and_its_connection_closed() {
    let many_headers = format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{}\r\n", "A: b\r\n".repeat(150));
    let big_header = format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: {}\r\n\r\n", "b".repeat(1 << 20));
    for (case, answer) in [
        ("RSP-01", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("RSP-01", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
        ("RSP-01", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        ("RSP-01", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("RSP-01", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nxx"),
        ("RSP-02", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        ("RSP-02", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: b\r\n c\r\n\r\n"),
        ("RSP-02", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: b\0c\r\n\r\n"),
        ("RSP-02", "hello"),
        ("RSP-16", &many_headers),
        ("RSP-16", &big_header),
        ("RSP-17", "HTTP/1.1 000 Zero\r\nContent-Length: 0\r\n\r\n"),
        ("RSP-17", "HTTP/1.1 20x Odd\r\nContent-Length: 0\r\n\r\n"),
        ("RDR-07", "HTTP/1.1 302 Found\r\nLocation: /a\x01b\r\nContent-Length: 0\r\n\r\n"),
        ("UPG-07", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: upgrade\r\n\r\nbytes"),
    ] {
        let server = RawServer::answering(answer);
        on_one_core(async {
            let core = Core::to(&server.url());
            for _ in 0..2 {
                let refused = core.get("/").await.map(|answer| answer.status());
                assert!(matches!(refused, Err(ForwardError::Protocol(_))), "{case} {answer:.100}: {refused:?}");
            }
        });
        assert_eq!(server.connections(), 2, "{case} {answer:.100}");
    }
}

#[test]
fn odd_answers_that_have_one_meaning_go_through() {
    let long_reason = format!("HTTP/1.1 200 {}\r\nContent-Length: 2\r\n\r\nok", "x".repeat(64 * 1024));
    let hints = format!("{}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(1000));
    for (case, answer, status, body) in [
        ("RSP-04", "HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\nsecret", 204, ""),
        ("RSP-04", "HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\nsecret", 304, ""),
        ("RSP-09", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\nSet-Cookie: a=b\r\n\r\n", 200, "ok"),
        ("RSP-17", "HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nok", 999, "ok"),
        ("RSP-17", &long_reason, 200, "ok"),
        ("RSP-18", &hints, 200, "ok"),
        ("RDR-01", "HTTP/1.1 302 Found\r\nLocation: https://evil.test/\r\nContent-Length: 0\r\n\r\n", 302, ""),
    ] {
        let server = RawServer::answering(answer);
        on_one_core(async {
            let core = Core::to(&server.url());
            for _ in 0..2 {
                let answer = core.get("/").await.unwrap();
                assert_eq!(answer.status().as_u16(), status, "{case}");
                assert_eq!((answer.version(), answer.extensions().is_empty()), (http::Version::HTTP_11, true), "{case}");
                assert_eq!(answer.headers().contains_key("content-length"), status != 204 && case != "RSP-09", "{case}");
                let collected = answer.into_body().collect().await.unwrap();
                assert!(collected.trailers().is_none(), "{case}");
                assert_eq!(collected.to_bytes(), body, "{case}");
            }
        });
    }
}

#[test]
fn redirects_are_handed_back() {
    let nginx = NginxUpstream::start();
    on_one_core(async {
        let answer = Core::to(&nginx.url()).get("/redirect-other").await.unwrap();
        assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
        assert!(answer.headers()["location"].to_str().unwrap().starts_with(&nginx.other_url()));
    });
}

/// Begins; ends; tells whether it lasted about that long.
fn assert_lasted(begun: Instant, limit_ms: u32) {
    let (limit, lasted) = (Duration::from_millis(u64::from(limit_ms)), begun.elapsed());
    assert!((limit..limit + Duration::from_secs(2)).contains(&lasted), "{lasted:?} for a limit of {limit:?}");
}

#[test]
fn an_answer_that_does_not_come_is_given_up() {
    // REL-U03, and RSP-18: hints are no answer.
    let silent = RawServer::start(|mut stream, _| while read_head(&mut stream).is_some() {});
    let hinting = RawServer::start(|mut stream, _| {
        read_head(&mut stream).unwrap();
        while stream.write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    for server in [silent, hinting] {
        on_one_core(async {
            let core = Core::to(&server.url());
            let begun = Instant::now();
            assert_eq!(core.get("/").await.err(), Some(ForwardError::Timeout));
            assert_lasted(begun, core.timeouts.answer_ms);
        });
    }
}

#[test]
fn the_time_for_the_head_counts_from_the_request_and_not_from_the_connection() {
    let upstream = RecordingUpstream::start(|_| Reply::new(200).body("ok").delay(Duration::from_millis(700)));
    on_one_core(async {
        let core = Core::to(&upstream.url());
        for _ in 0..3 {
            assert_eq!(core.fetch("/").await.1.unwrap(), "ok");
        }
    });
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn an_answer_that_falls_silent_is_given_up_and_a_slow_one_is_not() {
    let upstream = RecordingUpstream::start(|request| match request.target() {
        "/silent" => Reply::new(200).drip("x", 2, Duration::from_secs(5)),
        _ => Reply::new(200).drip("x", 6, Duration::from_millis(400)),
    });
    on_one_core(async {
        let core = Core::to(&upstream.url());
        let begun = Instant::now();
        let error = core.fetch("/silent").await.1.unwrap_err();
        assert_eq!((error, error.ending()), (AnswerError::Silent, Ending::UpstreamTruncated));
        assert_lasted(begun, core.timeouts.idle_ms);
        // Two seconds in all, with a limit of one.
        assert_eq!(core.fetch("/slow").await.1.unwrap(), "xxxxxx");
    });
}

/// A server that sends zeros as fast as it can, and how many it could send.
fn endless() -> (RawServer, Arc<AtomicU64>) {
    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    let server = RawServer::start(move |mut stream, _| {
        read_head(&mut stream).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n").unwrap();
        let zeros = [0; 64 * 1024];
        while stream.write_all(&zeros).is_ok() {
            counted.fetch_add(zeros.len() as u64, Ordering::SeqCst);
        }
        counted.store(u64::MAX, Ordering::SeqCst);
    });
    (server, sent)
}

#[test]
fn an_endless_answer_that_nobody_reads_stays_with_the_upstream_and_is_given_up() {
    // RSP-20: what is under way fits into the buffers of the system.
    let (server, sent) = endless();
    on_one_core(async {
        let core = Core::to(&server.url());
        let mut body = core.get("/").await.unwrap().into_body();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let stopped_at = sent.load(Ordering::SeqCst);
        assert!(stopped_at < 16 << 20, "{stopped_at}");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(sent.load(Ordering::SeqCst), stopped_at);

        until("the upstream to be cut off", || sent.load(Ordering::SeqCst) == u64::MAX).await;
        let error = loop {
            match body.frame().await.unwrap() {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!((error, error.ending()), (AnswerError::CallerStalled, Ending::CallerAborted));
        assert!(body.received_bytes() < 1 << 20);
    });
}

#[test]
fn a_caller_who_goes_away_takes_the_upstream_along_within_a_second() {
    // REL-U08: before the head, and in the middle of the body.
    let (server, sent) = endless();
    on_one_core(async {
        let core = Core::to(&server.url());
        let mut body = core.get("/").await.unwrap().into_body();
        body.frame().await.unwrap().unwrap();
        let begun = Instant::now();
        drop(body);
        until("the upstream to notice", || sent.load(Ordering::SeqCst) == u64::MAX).await;
        assert!(begun.elapsed() < Duration::from_secs(1));
    });

    let gone = Arc::new(AtomicU64::new(0));
    let noticed = Arc::clone(&gone);
    let silent = RawServer::start(move |mut stream, _| {
        while read_head(&mut stream).is_some() {}
        noticed.fetch_add(1, Ordering::SeqCst);
    });
    on_one_core(async {
        let core = Core::to(&silent.url());
        assert!(tokio::time::timeout(Duration::from_millis(200), core.get("/")).await.is_err());
        let begun = Instant::now();
        until("the upstream to notice", || gone.load(Ordering::SeqCst) == 1).await;
        assert!(begun.elapsed() < Duration::from_secs(1));
    });
}
