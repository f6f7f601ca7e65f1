//! Requests: what reaches the upstream of a caller's body, what is remembered of it, and who is blamed when it ends early.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::BodyExt;
use sortie_callout::{ForwardError, Replay};
use sortie_outbound::RequestBody;
use sortie_testkit::plain_http;
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::common::{Core, on_one_core, read, until};
use crate::front::{Exchange, Front};
use crate::raw::{RawServer, read_head};

/// Lets a blocking caller talk to the front, on a thread of its own.
async fn call<T: Send + 'static>(caller: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(caller).await.unwrap()
}

/// Sends a request that asks to close, byte by byte as given, and reads all that comes back.
fn raw_call(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Sends the beginning of a request and goes away.
fn break_off(address: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    // Whether the front ends or resets the connection is its affair.
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn a_body_arrives_whole_and_is_framed_by_us() {
    let upstream = RecordingUpstream::answering("ok");
    on_one_core(async {
        let front = Front::before(Core::to(&upstream.url())).await;
        let address = front.address;
        let chunked =
            b"POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        call(move || raw_call(address, chunked)).await;
        let odd_length = b"POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\nConnection: close\r\n\r\nabcde";
        call(move || raw_call(address, odd_length)).await;
        // hyper would drop this one's body without a word.
        let chunked_get = b"GET /get HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nabcde\r\n0\r\n\r\n";
        call(move || raw_call(address, chunked_get)).await;
        for _ in 0..3 {
            assert_eq!(front.take().sent.count(), 5);
        }
    });
    let requests = upstream.wait_for(3);
    let framing = |index: usize| (requests[index].headers("content-length"), requests[index].headers("transfer-encoding"));
    assert_eq!(framing(0), (vec![], vec!["chunked"]));
    assert_eq!(framing(1), (vec!["5"], vec![]));
    assert_eq!(framing(2), (vec![], vec!["chunked"]));
    assert!(requests.iter().all(|request| request.body == b"abcde" && request.is_complete));
}

#[test]
fn a_request_without_a_body_says_so_where_that_means_something() {
    let upstream = RecordingUpstream::answering("ok");
    on_one_core(async {
        let core = Core::to(&upstream.url());
        for method in [Method::GET, Method::DELETE, Method::POST, Method::PUT] {
            core.send(method, "/", RequestBody::empty()).await.unwrap().into_body().collect().await.unwrap();
        }
    });
    let lengths: Vec<_> = upstream.requests().iter().map(|request| request.header("content-length").map(str::to_owned)).collect();
    assert_eq!(lengths, [None, None, Some("0".to_owned()), Some("0".to_owned())]);
}

#[test]
fn trailers_of_a_caller_do_not_reach_the_upstream() {
    // UPG-13: declared and not declared. hyper itself would let X-Api-Key through, because it is declared and harmless by its list.
    let (sender, received) = std::sync::mpsc::channel();
    let server = RawServer::start(move |mut stream, _| {
        read_head(&mut stream).unwrap();
        // What is behind the head ends with an empty line too, with trailers or without.
        sender.send(read_head(&mut stream).unwrap()).unwrap();
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    });
    let request =
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization, X-Api-Key\r\nConnection: close\r\n\r\n\
        3\r\nabc\r\n0\r\nAuthorization: SECRET-x\r\nContent-Length: 9\r\nX-Api-Key: SECRET-y\r\nX-Other: SECRET-z\r\n\r\n";
    on_one_core(async {
        let front = Front::before(Core::to(&server.url())).await;
        let address = front.address;
        let answer = call(move || raw_call(address, request)).await;
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    });
    assert_eq!(received.recv().unwrap(), "3\r\nabc\r\n0\r\n\r\n");
}

#[test]
fn an_exchange_streams_in_both_directions_at_once() {
    let upstream = RecordingUpstream::start(|_| Reply::echo());
    on_one_core(async {
        let front = Front::before(Core::to(&upstream.url())).await;
        let address = front.address;
        call(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
            let mut seen = String::new();
            let pieces = (0..5).map(|turn| (format!("2\r\n#{turn}\r\n"), format!("#{turn}")));
            for (piece, echo) in pieces.chain([("0\r\n\r\n".to_owned(), "\r\n0\r\n\r\n".to_owned())]) {
                stream.write_all(piece.as_bytes()).unwrap();
                while !seen.contains(&echo) {
                    let mut buffer = [0; 1024];
                    let count = stream.read(&mut buffer).unwrap();
                    assert_ne!(count, 0, "{seen}");
                    seen.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
                }
            }
        })
        .await;
    });
    assert!(upstream.wait_for(1)[0].is_complete);
}

#[test]
fn a_big_body_goes_through_piece_by_piece() {
    let upstream = RecordingUpstream::answering("ok");
    on_one_core(async {
        let front = Front::before(Core::to(&upstream.url())).await;
        let url = format!("http://{}/", front.address);
        let answer = call(move || plain_http::send("PUT", &url, &[], &vec![7; 64 << 20])).await.unwrap();
        assert_eq!(answer.status, 200);
        let Exchange { sent, memory, .. } = front.take();
        assert_eq!(sent.count(), 64 << 20);
        assert!(RequestBody::again(memory.unwrap()).is_none());
    });
    assert_eq!(upstream.wait_for(1)[0].body_bytes, 64 << 20);
}

#[test]
fn a_body_of_up_to_64_kib_can_be_sent_again() {
    let upstream = RecordingUpstream::answering("ok");
    on_one_core(async {
        let core = Core::to(&upstream.url());
        let front = Front::before(Core::to(&upstream.url())).await;
        for (length, may_be_repeated) in [(0, true), (1, true), (64 * 1024, true), (64 * 1024 + 1, false)] {
            let body: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            let (url, first) = (format!("http://{}/", front.address), body.clone());
            call(move || plain_http::send("POST", &url, &[], &first)).await.unwrap();
            let Exchange { sent, memory, .. } = front.take();
            assert_eq!(sent.count(), length);
            let again = RequestBody::again(memory.unwrap());
            assert_eq!(again.is_some(), may_be_repeated, "{length}");
            let Some(again) = again else { continue };
            read(core.send(Method::POST, "/again", again).await.unwrap()).await.unwrap();
            assert_eq!(upstream.requests().last().unwrap().body, body);
            assert_eq!(sent.count(), length, "counted anew");
        }
    });
}

#[test]
fn a_body_in_many_pieces_is_remembered_in_order() {
    let upstream = RecordingUpstream::answering("ok");
    on_one_core(async {
        let front = Front::before(Core::to(&upstream.url())).await;
        let address = front.address;
        call(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_nodelay(true).unwrap();
            stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n").unwrap();
            for letter in 'a'..='z' {
                stream.write_all(format!("1\r\n{letter}\r\n").as_bytes()).unwrap();
                std::thread::sleep(Duration::from_millis(2));
            }
            stream.write_all(b"0\r\n\r\n").unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        })
        .await;
        let again = RequestBody::again(front.take().memory.unwrap()).unwrap();
        assert_eq!(again.collect().await.unwrap().to_bytes(), "abcdefghijklmnopqrstuvwxyz");
    });
}

#[test]
fn a_body_that_was_not_sent_to_its_end_is_not_sent_again() {
    // The upstream answers as soon as it has seen the head, and closes.
    let upstream = RecordingUpstream::start(|_| Reply::new(401).early());
    on_one_core(async {
        let front = Front::before(Core::to(&upstream.url())).await;
        let address = front.address;
        let answer = call(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").unwrap();
            let mut buffer = [0; 12];
            stream.read_exact(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer).into_owned()
        })
        .await;
        assert_eq!(answer, "HTTP/1.1 401");
        let Exchange { error, memory, .. } = front.take();
        assert_eq!(error, None);
        assert!(RequestBody::again(memory.unwrap()).is_none());
    });
}

#[test]
fn a_caller_who_breaks_off_is_blamed_and_the_upstream_sees_no_whole_request() {
    let upstream = RecordingUpstream::answering("ok");
    for request in [
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc".as_slice(),
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nnonsense\r\n",
    ] {
        on_one_core(async {
            let front = Front::before(Core::to(&upstream.url())).await;
            let address = front.address;
            call(move || break_off(address, request)).await;
            until("the exchange to end", || front.count() == 1).await;
            let Exchange { error, memory, sent } = front.take();
            assert_eq!((error, sent.count()), (Some(ForwardError::CallerAborted), 3));
            assert!(RequestBody::again(memory.unwrap()).is_none());
        });
    }
    assert!(upstream.requests().iter().all(|request| !request.is_complete));
}

#[test]
fn a_caller_who_falls_silent_is_given_up() {
    let upstream = RecordingUpstream::answering("ok");
    on_one_core(async {
        let front = Front::before(Core::to(&upstream.url())).await;
        let mut caller = TcpStream::connect(front.address).unwrap();
        let begun = Instant::now();
        caller.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").unwrap();
        until("the caller to be given up", || front.count() == 1).await;
        assert_eq!(front.take().error, Some(ForwardError::CallerAborted));
        assert!((Duration::from_secs(1)..Duration::from_secs(3)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    });
}

#[test]
fn a_slow_caller_is_not_given_up() {
    let upstream = RecordingUpstream::answering("ok");
    on_one_core(async {
        let front = Front::before(Core::to(&upstream.url())).await;
        let address = front.address;
        let answer = call(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nConnection: close\r\n\r\n").unwrap();
            for _ in 0..6 {
                // Longer in all than the answer may take, which counts from the end of the body.
                std::thread::sleep(Duration::from_millis(400));
                stream.write_all(b"x").unwrap();
            }
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        })
        .await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    });
}

#[test]
fn an_upstream_that_takes_no_body_is_given_up() {
    let server = RawServer::start(|mut stream, _| {
        read_head(&mut stream).unwrap();
        std::thread::sleep(Duration::from_secs(5));
    });
    on_one_core(async {
        let front = Front::before(Core::to(&server.url())).await;
        let (url, begun) = (format!("http://{}/", front.address), Instant::now());
        let caller = tokio::task::spawn_blocking(move || plain_http::send("POST", &url, &[], &vec![7; 64 << 20]));
        until("the upstream to be given up", || front.count() == 1).await;
        let Exchange { error, sent, .. } = front.take();
        assert_eq!(error, Some(ForwardError::Timeout));
        assert!(sent.count() < 16 << 20, "{}", sent.count());
        assert!((Duration::from_secs(1)..Duration::from_secs(3)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        // It learns of it by an answer or by a reset, whichever its system shows it first.
        let _ = caller.await.unwrap();
    });
}

#[test]
fn the_request_line_and_headers_go_out_as_they_were_made() {
    let upstream = RecordingUpstream::answering("ok");
    on_one_core(async {
        let core = Core::to(&upstream.url());
        let mut request = Request::new(RequestBody::from(Bytes::from_static(b"{}")));
        *request.method_mut() = Method::PATCH;
        *request.version_mut() = http::Version::HTTP_2;
        *request.uri_mut() = "/a%2Fb//c?x=%20&x".parse().unwrap();
        let mut secret = http::HeaderValue::from_static("SECRET-key");
        secret.set_sensitive(true);
        request.headers_mut().insert("host", http::HeaderValue::from_static("up.test"));
        request.headers_mut().insert("x-api-key", secret);
        read(core.upstream.send(core.destination(), request).await.unwrap()).await.unwrap();
    });
    let request = &upstream.wait_for(1)[0];
    assert_eq!(request.request_line, "PATCH /a%2Fb//c?x=%20&x HTTP/1.1");
    assert_eq!(request.header_lines, ["host: up.test", "x-api-key: SECRET-key", "content-length: 2"]);
}
