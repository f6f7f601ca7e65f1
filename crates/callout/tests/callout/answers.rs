//! Group RSP, as far as it is about the head of an answer: RSP-13 and RSP-15. The rest is about framing and bodies, and lives with the gateway and outbound.

use http::{HeaderMap, HeaderName, HeaderValue};
use sortie_callout::clean_answer;

fn cleaned(headers: &[(&str, &str)]) -> Vec<String> {
    let pair = |(name, value): &(&str, &str)| {
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    let mut map = HeaderMap::new();
    for (name, value) in headers.iter().map(pair) {
        map.append(name, value);
    }
    clean_answer(&mut map);
    let mut left: Vec<String> = map.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    left.sort_unstable();
    left
}

#[test]
fn what_belongs_to_the_upstreams_hop_stays_there() {
    // RSP-13.
    let left = cleaned(&[
        ("Connection", "X-Secret, keep-alive"),
        ("Connection", "close,  x-other ,,"),
        ("X-Secret", "1"),
        ("X-Other", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authenticate", "Basic"),
        ("Proxy-Authorization", "Basic x"),
        ("Proxy-Connection", "close"),
        ("TE", "trailers"),
        ("Trailer", "X-Sum"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "h2c"),
        ("X-Kept", "1"),
    ]);
    assert_eq!(left, ["x-kept: 1"]);
}

#[test]
fn nobody_but_us_speaks_as_us() {
    // RSP-15: any name that begins as ours do, so that a new one is covered on the day it is invented.
    let left = cleaned(&[
        ("Sortie-Error", "not_permitted"),
        ("Sortie-Error", "twice"),
        ("SORTIE-Callout", "core-0-1"),
        ("Sortie-Audit-Id", "7"),
        ("Sortie-", "x"),
        ("X-Sortie", "fine"),
    ]);
    assert_eq!(left, ["x-sortie: fine"]);
}

#[test]
fn an_answer_cannot_take_its_framing_away() {
    let left = cleaned(&[
        ("Connection", "Content-Length, Content-Type, Set-Cookie"),
        ("Content-Length", "3"),
        ("Content-Type", "a/b"),
        ("Set-Cookie", "x"),
    ]);
    assert_eq!(left, ["content-length: 3", "content-type: a/b"]);
}

#[test]
fn everything_else_passes_untouched_and_in_its_number() {
    let headers = [("set-cookie", "a=1"), ("set-cookie", "b=2"), ("www-authenticate", "Bearer"), ("location", "https://evil.test/")];
    assert_eq!(cleaned(&headers), ["location: https://evil.test/", "set-cookie: a=1", "set-cookie: b=2", "www-authenticate: Bearer"]);
}
