#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::time::Instant;

use super::*;
use crate::plain_http;

#[test]
fn a_request_is_kept_verbatim() {
    let upstream = RecordingUpstream::answering("hello");
    let answer = plain_http::send("PUT", &format!("{}/a%2Fb?x=%20", upstream.url()), &[("X-ODD", "  two  words")], b"body").unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));

    let requests = upstream.wait_for(1);
    assert_eq!(requests[0].request_line, "PUT /a%2Fb?x=%20 HTTP/1.1");
    let host = format!("Host: {}", upstream.address());
    assert_eq!(requests[0].header_lines, [host.as_str(), "Connection: close", "X-ODD:   two  words", "Content-Length: 4"]);
    assert_eq!((requests[0].body.as_slice(), requests[0].body_bytes), (b"body".as_slice(), 4));
    assert_eq!((requests[0].target(), requests[0].header("x-odd")), ("/a%2Fb?x=%20", Some("two  words")));
}

#[test]
fn a_kept_connection_carries_several_requests() {
    let upstream = RecordingUpstream::start(|request| Reply::new(if request.target() == "/1" { 201 } else { 202 }));
    let mut stream = TcpStream::connect(upstream.address()).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    for (target, status) in [("/1", "201"), ("/2", "202")] {
        write!(stream, "GET {target} HTTP/1.1\r\n\r\n").unwrap();
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert!(line.contains(status), "{line}");
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).unwrap();
        }
    }
    assert_eq!(upstream.connections(), 1);
    assert_eq!(upstream.requests().iter().map(|request| request.connection).collect::<Vec<_>>(), [0, 0]);
}

#[test]
fn an_echo_comes_back_before_the_request_has_ended() {
    let upstream = RecordingUpstream::start(|_| Reply::echo());
    let mut stream = TcpStream::connect(upstream.address()).unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut seen = String::new();
    while !seen.ends_with("3\r\nabc\r\n") {
        assert_ne!(reader.read_line(&mut seen).unwrap(), 0, "closed after {seen}");
    }
    assert!(!upstream.requests()[0].is_complete);
    stream.write_all(b"0\r\n\r\n").unwrap();
    assert!(upstream.wait_for(1)[0].is_complete);
}

#[test]
fn a_body_breaks_off_where_the_script_says() {
    let upstream = RecordingUpstream::start(|_| Reply::new(200).broken_body("0123456789", 4));
    assert_eq!(plain_http::get(&upstream.url()).unwrap_err().to_string(), "connection closed 6 bytes before the end of the body");
}

#[test]
fn an_early_answer_does_not_wait_for_the_body() {
    let upstream = RecordingUpstream::start(|_| Reply::new(413).header("X-Why", "too big").early());
    let answer = plain_http::send("POST", &upstream.url(), &[("Content-Length", "1000000")], b"").unwrap();
    assert_eq!((answer.status, answer.header("x-why")), (413, Some("too big")));
    assert!(!upstream.requests()[0].is_complete);
}

#[test]
fn raw_bytes_delays_and_drips_are_as_scripted() {
    let upstream = RecordingUpstream::start(|request| match request.target() {
        "/raw" => Reply::raw("HTTP/1.0 299 Odd\r\nA: b\r\n\r\nx"),
        "/gone" => Reply::hang_up(),
        "/late" => Reply::new(204).delay(Duration::from_millis(200)),
        _ => Reply::new(200).drip("ab", 3, Duration::from_millis(50)),
    });
    let at = |path: &str| plain_http::get(&format!("{}{path}", upstream.url()));
    assert_eq!((at("/raw").unwrap().status, at("/raw").unwrap().text()), (299, "x".to_owned()));
    assert_eq!(at("/gone").unwrap_err().kind(), ErrorKind::UnexpectedEof);
    let before = Instant::now();
    assert_eq!(at("/late").unwrap().status, 204);
    assert!(before.elapsed() >= Duration::from_millis(200));
    assert_eq!(at("/drip").unwrap().text(), "ababab");
    assert!(before.elapsed() >= Duration::from_millis(300));
}

#[test]
fn the_recorder_keeps_a_mebibyte_and_counts_the_rest() {
    let upstream = RecordingUpstream::answering("");
    plain_http::send("POST", &upstream.url(), &[], &vec![b'x'; 3 << 20]).unwrap();
    let requests = upstream.wait_for(1);
    assert_eq!((requests[0].body.len(), requests[0].body_bytes), (1 << 20, 3 << 20));
}

#[test]
fn a_dropped_upstream_cuts_connections_and_refuses_new_ones() {
    let upstream = RecordingUpstream::answering("");
    let address = upstream.address();
    let mut open = TcpStream::connect(address).unwrap();
    open.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    upstream.wait_for(1);
    drop(upstream);
    open.read_to_end(&mut Vec::new()).unwrap();
    let is_refused = (0..100).any(|_| {
        thread::sleep(Duration::from_millis(10));
        TcpStream::connect(address).is_err()
    });
    assert!(is_refused, "the port is still open");
}
