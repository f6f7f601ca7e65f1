//! Connections are kept, and never used where they could mix up two exchanges.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use http_body_util::BodyExt;
use sortie_callout::ForwardError;
use sortie_model::Endpoint;
use sortie_outbound::{AnswerError, PoolLimits, RequestBody};
use sortie_testkit::peers::NginxUpstream;
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::common::{Core, connector, on_one_core, until};
use crate::front::Front;
use crate::raw::{RawServer, read_head};

#[test]
fn a_connection_is_used_again_after_a_clean_end() {
    let upstream = RecordingUpstream::start(|request| match request.target() {
        "/length" => Reply::new(200).body("hello"),
        "/chunked" => Reply::new(200).drip("hello", 3, Duration::from_millis(5)),
        "/empty" => Reply::new(200),
        "/none" => Reply::new(204),
        "/big" => Reply::new(200).body(vec![7; 1 << 20]),
        _ => Reply::echo(),
    });
    on_one_core(async {
        let core = Core::to(&upstream.url());
        for _ in 0..3 {
            for path in ["/length", "/chunked", "/empty", "/none", "/big"] {
                core.fetch(path).await.1.unwrap();
            }
            let answer = core.send(Method::POST, "/echo", RequestBody::from(Bytes::from_static(b"ping"))).await.unwrap();
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "ping");
        }
    });
    assert_eq!((upstream.requests().len(), upstream.connections()), (18, 1));
}

#[test]
fn a_head_request_leaves_a_usable_connection() {
    let server = RawServer::answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    on_one_core(async {
        let core = Core::to(&server.url());
        for _ in 0..3 {
            let answer = core.send(Method::HEAD, "/", RequestBody::empty()).await.unwrap();
            assert_eq!(answer.headers()["content-length"], "10");
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "");
        }
    });
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_real_server_keeps_up() {
    let nginx = NginxUpstream::start();
    on_one_core(async {
        let core = Core::to(&nginx.url());
        for method in [Method::HEAD, Method::GET, Method::HEAD, Method::GET] {
            let answer = core.send(method, "/status/200", RequestBody::empty()).await.unwrap();
            assert_eq!(answer.status(), 200);
            answer.into_body().collect().await.unwrap();
        }
        assert_eq!(core.fetch("/big").await.1.unwrap().len(), NginxUpstream::BIG_BYTES);
    });
}

#[test]
fn a_connection_whose_answer_was_not_read_to_its_end_is_not_used_again() {
    let upstream = RecordingUpstream::start(|request| match request.target() {
        "/big" => Reply::new(200).body(vec![7; 1 << 20]),
        "/cut" => Reply::new(200).broken_body("0123456789", 4),
        _ => Reply::new(200).body("hello"),
    });
    on_one_core(async {
        let core = Core::to(&upstream.url());
        drop(core.get("/big").await.unwrap());
        assert_eq!(core.fetch("/1").await.1.unwrap(), "hello");
        assert_eq!(core.fetch("/cut").await.1, Err(AnswerError::Truncated));
        assert_eq!(core.fetch("/2").await.1.unwrap(), "hello");
    });
    // /big on 0, /1 and /cut on 1, /2 on 2.
    assert_eq!(upstream.requests().iter().map(|request| request.connection).collect::<Vec<_>>(), [0, 1, 1, 2]);
}

#[test]
fn a_kept_connection_that_the_upstream_closed_costs_nothing() {
    // After each answer the server closes, without having said so. Either the connection's task learns of it while nobody needs it, or
    // at the same moment as the next request is handed to it; then that one comes back unwritten.
    for is_late in [false, true] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        let server = RawServer::start(move |mut stream, number| {
            let (head, mut body) = (read_head(&mut stream).unwrap(), [0; 4]);
            stream.read_exact(&mut body).unwrap();
            record.lock().unwrap().push((head.split(' ').nth(1).unwrap().to_owned(), body, number));
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
            // Not at once, so that the connection goes into the pool first.
            std::thread::sleep(Duration::from_millis(20));
        });
        on_one_core(async {
            let core = Core::to(&server.url());
            for turn in 0..3 {
                let body = RequestBody::from(Bytes::from_static(b"body"));
                let answer = core.send(Method::POST, &format!("/{turn}"), body).await.unwrap();
                answer.into_body().collect().await.unwrap();
                if is_late {
                    std::thread::sleep(Duration::from_millis(60));
                    // The runtime looks at its sockets, then goes on with us, and then with the connection's task.
                    tokio::task::yield_now().await;
                } else {
                    tokio::time::sleep(Duration::from_millis(60)).await;
                }
            }
        });
        let expected = [0, 1, 2].map(|turn| (format!("/{turn}"), *b"body", turn));
        assert_eq!(*seen.lock().unwrap(), expected, "late: {is_late}");
    }
}

#[test]
fn a_connection_whose_request_is_still_going_out_is_not_used_again() {
    // The answer is there before the request's body is; the connection could be used again later, but the exchange was not a clean one.
    let server = RawServer::start(|mut stream, _| {
        while let Some(head) = read_head(&mut stream) {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
            if head.starts_with("POST") {
                stream.read_exact(&mut [0; 6]).unwrap();
            }
        }
    });
    on_one_core(async {
        let front = Front::before(Core::to(&server.url())).await;
        let address = front.address;
        let caller = move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc").unwrap();
            stream.read_exact(&mut [0; 12]).unwrap();
            std::thread::sleep(Duration::from_millis(50));
            stream.write_all(b"def").unwrap();
            std::thread::sleep(Duration::from_millis(50));
            sortie_testkit::plain_http::get(&format!("http://{address}/")).unwrap()
        };
        assert_eq!(tokio::task::spawn_blocking(caller).await.unwrap().status, 200);
    });
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_request_that_may_have_arrived_is_not_sent_again() {
    // REL-U02: the connection closes when the request is there, before it is answered.
    let upstream = RecordingUpstream::start(|request| match request.target() {
        "/first" => Reply::new(200).body("ok"),
        _ => Reply::hang_up(),
    });
    for method in [Method::POST, Method::GET] {
        on_one_core(async {
            let core = Core::to(&upstream.url());
            core.fetch("/first").await.1.unwrap();
            let refused = core.send(method, "/lost", RequestBody::from(Bytes::from_static(b"body"))).await;
            assert!(matches!(refused.err(), Some(ForwardError::Protocol(_))));
        });
    }
    assert_eq!(upstream.requests().iter().filter(|request| request.target() == "/lost").count(), 2);
}

#[test]
fn whatever_the_moment_at_which_a_connection_closes_no_request_arrives_twice() {
    // REL-U02 as a race: each answer is followed by the end of the connection, and each request comes at that very moment.
    let upstream = RecordingUpstream::start(|_| Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    let mut delivered = Vec::new();
    on_one_core(async {
        let core = Core::to(&upstream.url());
        for turn in 0..500 {
            let path = format!("/{turn}");
            let sent = core.send(Method::POST, &path, RequestBody::from(Bytes::from_static(b"body"))).await;
            if let Ok(answer) = sent
                && answer.into_body().collect().await.is_ok()
            {
                delivered.push(path);
            }
            if turn % 3 == 0 {
                tokio::task::yield_now().await;
            }
        }
    });
    let mut seen: Vec<String> = upstream.requests().iter().map(|request| request.target().to_owned()).collect();
    seen.sort();
    let before = seen.len();
    seen.dedup();
    assert_eq!(before, seen.len(), "a request arrived twice");
    assert!(delivered.iter().all(|path| seen.binary_search(path).is_ok()));
    assert!(delivered.len() > 400, "only {} of 500 were answered", delivered.len());
}

#[test]
fn an_edited_endpoint_and_another_name_get_connections_of_their_own() {
    // AZ-16, TLS-05: even where both lead to the same server.
    let upstream = RecordingUpstream::answering("hello");
    on_one_core(async {
        let mut core = Core::to(&upstream.url());
        core.fetch("/0").await.1.unwrap();
        core.endpoint = Endpoint::parse(&format!("{}/base", upstream.url())).unwrap();
        core.fetch("/1").await.1.unwrap();
        core.endpoint = Endpoint::parse(&upstream.url()).unwrap();
        core.fetch("/2").await.1.unwrap();
        core.name = "0193a5c0-0000-7000-8000-000000000002".parse().unwrap();
        core.fetch("/3").await.1.unwrap();
        core.fetch("/4").await.1.unwrap();
    });
    assert_eq!(upstream.requests().iter().map(|request| request.connection).collect::<Vec<_>>(), [0, 1, 2, 3, 3]);
}

#[test]
fn a_connection_with_surplus_bytes_is_not_used_again() {
    // RSP-03: the second answer was meant for somebody else.
    let server = RawServer::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    on_one_core(async {
        let core = Core::to(&server.url());
        for _ in 0..3 {
            assert_eq!(core.fetch("/").await.1.unwrap(), "ok");
        }
    });
    assert_eq!(server.connections(), 3);
}

#[test]
fn a_connection_that_authenticates_itself_serves_one_request() {
    // TLS-08: after NTLM the server takes whatever comes over the connection for the same user's.
    let upstream = RecordingUpstream::start(|request| match request.target() {
        "/challenge" => Reply::new(401).header("WWW-Authenticate", "Basic").header("WWW-Authenticate", "NTLM TlRMTVNT"),
        _ => Reply::new(200),
    });
    on_one_core(async {
        let core = Core::to(&upstream.url());
        core.fetch("/challenge").await.1.unwrap();
        let mut request = Request::new(RequestBody::empty());
        *request.uri_mut() = "/answer".parse().unwrap();
        request.headers_mut().insert("host", HeaderValue::from_static("up.test"));
        request.headers_mut().insert("authorization", HeaderValue::from_static("negotiate YII"));
        core.upstream.send(core.destination(), request).await.unwrap().into_body().collect().await.unwrap();
        core.fetch("/after").await.1.unwrap();
        core.fetch("/again").await.1.unwrap();
    });
    assert_eq!(upstream.requests().iter().map(|request| request.connection).collect::<Vec<_>>(), [0, 1, 2, 2]);
}

/// A server that tells the connections that are still open to it.
fn counting() -> (RawServer, Arc<Mutex<Vec<usize>>>) {
    let open = Arc::new(Mutex::new(Vec::new()));
    let shared = Arc::clone(&open);
    let server = RawServer::start(move |mut stream, number| {
        shared.lock().unwrap().push(number);
        while read_head(&mut stream).is_some() {
            // Long enough that requests sent together are there together.
            std::thread::sleep(Duration::from_millis(100));
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
        }
        shared.lock().unwrap().retain(|other| *other != number);
    });
    (server, open)
}

#[test]
fn only_so_many_connections_are_kept_and_the_last_used_goes_first() {
    let (server, open) = counting();
    on_one_core(async {
        let limits = PoolLimits { idle_per_name: 2, ..PoolLimits::default() };
        let core = Core::with(connector(), limits, &server.url());
        assert_eq!(fetch_at_once(&core, 5).await, 5);
        until("three of five connections to close", || open.lock().unwrap().len() == 2).await;
        for _ in 0..3 {
            core.fetch("/").await.1.unwrap();
        }
    });
    assert_eq!(server.connections(), 5);
}

/// Sends that many requests at once; tells how many were answered.
async fn fetch_at_once(core: &Core, count: usize) -> usize {
    let mut running: Vec<_> = (0..count).map(|_| Box::pin(core.fetch("/"))).collect();
    let mut answered = 0;
    std::future::poll_fn(|context| {
        running.retain_mut(|request| match request.as_mut().poll(context) {
            std::task::Poll::Ready((_, body)) => {
                answered += usize::from(body.is_ok());
                false
            }
            std::task::Poll::Pending => true,
        });
        if running.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    answered
}

#[test]
fn a_connection_that_has_waited_too_long_is_closed_by_us() {
    let (server, open) = counting();
    on_one_core(async {
        let limits = PoolLimits { idle_age: Duration::from_millis(150), ..PoolLimits::default() };
        let core = Core::with(connector(), limits, &server.url());
        core.fetch("/").await.1.unwrap();
        until("the idle connection to close", || open.lock().unwrap().is_empty()).await;
        core.fetch("/").await.1.unwrap();
    });
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_core_that_is_dropped_closes_its_connections() {
    let (server, open) = counting();
    on_one_core(async {
        let core = Core::to(&server.url());
        core.fetch("/").await.1.unwrap();
        drop(core);
        until("the connection to close", || open.lock().unwrap().is_empty()).await;
    });
}
