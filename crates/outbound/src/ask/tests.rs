use std::net::TcpListener;
use std::time::{Instant, SystemTime};

use http::HeaderMap;
use sortie_model::ServiceUrl;
use sortie_testkit::peers::OidcProvider;
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use super::*;
use crate::{EgressPolicy, Roots, Trust};

fn world(policy: EgressPolicy) -> OutboundWorld {
    OutboundWorld::new(Arc::new(Connector::new(policy, Trust::new(Roots::Mozilla)).unwrap()))
}

fn loopback() -> OutboundWorld {
    world(EgressPolicy { allow: vec!["127.0.0.0/8".parse().unwrap()], ports: Vec::new() })
}

fn hurried() -> OutboundWorld {
    OutboundWorld { limits: Limits { connect: Duration::from_millis(200), total: Duration::from_millis(500) }, ..loopback() }
}

fn post(url: &str, body: &str) -> Ask {
    let url = ServiceUrl::parse(url).unwrap();
    Ask { method: Method::POST, url, headers: HeaderMap::new(), body: SecretBytes::new(body.as_bytes()) }
}

#[tokio::main]
async fn ask(world: &OutboundWorld, ask: Ask) -> Result<Answer, AskError> {
    world.ask(ask).await
}

#[test]
fn a_question_goes_out_byte_for_byte_as_asked() {
    let service = RecordingUpstream::start(|_| Reply::new(400).header("X-A", "b").body(r#"{"error":"invalid_client"}"#));
    let mut question = post(&format!("{}/token/?tenant=a%2Fb", service.url()), "grant_type=client_credentials");
    question.headers.insert("authorization", HeaderValue::from_static("Basic SECRET-x"));
    question.headers.insert("accept-encoding", HeaderValue::from_static("gzip"));
    question.headers.insert("host", HeaderValue::from_static("evil.test"));
    let answer = ask(&loopback(), question).unwrap();
    assert_eq!(answer.status.as_u16(), 400);
    assert_eq!(answer.headers["x-a"], "b");
    assert_eq!(answer.body, r#"{"error":"invalid_client"}"#);
    let request = &service.wait_for(1)[0];
    assert_eq!(request.request_line, "POST /token/?tenant=a%2Fb HTTP/1.1");
    let host = format!("host: {}", service.address());
    assert_eq!(request.header_lines, ["authorization: Basic SECRET-x", host.as_str(), "user-agent: sortie", "content-length: 29"]);
    assert_eq!(request.body, b"grant_type=client_credentials");
}

#[test]
fn a_real_token_server_understands_us() {
    let provider = OidcProvider::start();
    let client = OidcProvider::POST;
    let body = format!("grant_type=client_credentials&client_id={}&client_secret={}", client.id, client.secret);
    let mut question = post(&provider.token_endpoint(), &body);
    question.headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
    let answer = ask(&loopback(), question).unwrap();
    assert_eq!(answer.status.as_u16(), 200);
    let token: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(token["token_type"], "Bearer");
}

#[test]
fn a_redirect_is_an_answer_like_any_other() {
    // RDR-08: the secret in the body must not travel on.
    let evil = RecordingUpstream::answering("got it");
    let elsewhere = evil.url();
    let service = RecordingUpstream::start(move |_| Reply::new(307).header("Location", &elsewhere));
    assert_eq!(ask(&loopback(), post(&service.url(), "client_secret=SECRET-x")).unwrap().status.as_u16(), 307);
    assert_eq!((service.requests().len(), evil.connections()), (1, 0));
}

#[test]
fn an_answer_of_more_than_a_mebibyte_is_refused() {
    // TOK-07.
    let service = RecordingUpstream::start(|request| match request.target() {
        "/most" => Reply::new(200).body(vec![b'x'; 1 << 20]),
        "/more" => Reply::new(200).body(vec![b'x'; (1 << 20) + 1]),
        _ => Reply::new(200).drip(vec![b'x'; 1 << 16], 1000, Duration::ZERO),
    });
    let at = |path: &str| ask(&loopback(), post(&format!("{}{path}", service.url()), ""));
    assert_eq!(at("/most").unwrap().body.len(), 1 << 20);
    assert_eq!(at("/more").err(), Some(AskError::TooLarge));
    assert_eq!(at("/endless").err(), Some(AskError::TooLarge));
}

#[test]
fn what_was_not_sent_is_told_from_what_may_have_been() {
    // TOK-17 is among them.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = ask(&loopback(), post(&format!("http://{closed}"), "")).err();
    assert_eq!(refused, Some(AskError::NotSent { reason: "the connection was refused".to_owned() }));

    let plain = RecordingUpstream::answering("hello");
    let not_tls = ask(&loopback(), post(&format!("https://{}", plain.address()), "SECRET-x")).err();
    assert!(matches!(not_tls, Some(AskError::NotSent { .. })), "{not_tls:?}");
    assert!(!format!("{:?}", plain.requests()).contains("SECRET"));

    assert_eq!(ask(&world(EgressPolicy::default()), post(&plain.url(), "")).err(), Some(AskError::Denied));

    for reply in [
        Reply::hang_up(),
        Reply::new(200).broken_body("0123456789", 4),
        Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        Reply::raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        Reply::raw("nonsense"),
    ] {
        let service = RecordingUpstream::start(move |_| reply.clone());
        assert_eq!(ask(&loopback(), post(&service.url(), "x")).err(), Some(AskError::NoAnswer));
        assert_eq!(service.requests().len(), 1, "asked twice");
    }
}

#[test]
fn the_deadline_is_for_all_of_it() {
    let silent = RecordingUpstream::start(|_| Reply::new(200).delay(Duration::from_secs(3)));
    // Never silent for long, and never done.
    let slow = RecordingUpstream::start(|_| Reply::new(200).drip("x", 100, Duration::from_millis(50)));
    for service in [silent, slow] {
        let begun = Instant::now();
        assert_eq!(ask(&hurried(), post(&service.url(), "")).err(), Some(AskError::NoAnswer));
        assert!((Duration::from_millis(500)..Duration::from_millis(2500)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }
    let unresolved = crate::Resolver::new(|_, _| Box::pin(std::future::pending()));
    let policy = EgressPolicy::default();
    let connector = Connector::new(policy, Trust::new(Roots::Mozilla)).unwrap().with_resolver(unresolved);
    let world = OutboundWorld { connector: Arc::new(connector), ..hurried() };
    let too_slow = AskError::NotSent { reason: "the connection did not stand in time".to_owned() };
    assert_eq!(ask(&world, post("https://idp.test/", "")).err(), Some(too_slow));
}

#[test]
fn time_is_the_time_of_day() {
    let (before, now) = (SystemTime::now(), loopback().now());
    let before = i64::try_from(before.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap();
    assert!((before..before + 10_000).contains(&now.as_millis()), "{before} {now:?}");
}
