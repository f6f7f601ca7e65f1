//! The listener below the pages: limits, and what is logged of a request.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::Office;

#[test]
fn a_connection_on_which_nothing_comes_is_closed() {
    let office = Office::open();
    let started = Instant::now();
    let mut slow = TcpStream::connect(office.server.server().admin()).unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ").unwrap();
    let mut answer = Vec::new();
    let _ = slow.read_to_end(&mut answer);
    let waited = started.elapsed();
    assert!((8..20).contains(&waited.as_secs()), "{waited:?}");
    assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn more_headers_than_a_browser_sends_are_refused() {
    let office = Office::open();
    let visitor = office.visitor();
    let long = "x".repeat(100_000);
    assert_eq!(visitor.send("GET", "/sign-in", &[("X-Long", &long)], "").status, 431);
    let names: Vec<String> = (0..80).map(|number| format!("X-{number}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    assert_eq!(visitor.send("GET", "/sign-in", &many, "").status, 431);
    assert_eq!(visitor.get("/sign-in").status, 200);
}
