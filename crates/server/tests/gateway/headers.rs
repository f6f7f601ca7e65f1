//! Group HDR of the attack catalogue: which of a caller's headers reach the upstream. `Pay` injects `X-Api-Key`, `Box` injects `Authorization`.
//!
//! - HDR-04 wants a request with a cookie refused. It is not: cookies are no proof of anything here, and they are withheld unless the named credential lists `cookie`.
//! - HDR-20 (one replay at most) stands in `renewal.rs`. HDR-23 is about saving a named credential: `sortie-model` refuses it, see `custom_header.rs` there.
//! - HDR-24, known gap: a loop through the gateway itself is not noticed. It ends at once, because the caller's key goes no further, unless an admin makes it go round
//!   by injecting a key of Sortie's own.

use sortie_testkit::upstream::Received;

use crate::support::{Expected, Scene};

use Expected::{ByHyper, Forwarded, Refused};

const INVALID: Expected = Refused(400, "header_invalid");

/// Sends these header lines through `Pay` and gives back what the upstream received.
#[track_caller]
fn forwarded(scene: &Scene, id: &str, lines: impl AsRef<[u8]>) -> Received {
    let (_, received) = scene.check_headers(id, lines, Forwarded("/v1/base/x"));
    received.unwrap()
}

#[test]
fn what_belongs_to_the_caller_or_its_hop_stays_here() {
    let scene = Scene::new();
    let withheld: &[(&str, &[&str])] = &[
        ("HDR-03", &["Proxy-Authenticate: Basic", "Proxy-Connection: keep-alive", "Proxy-Foo: x"]),
        ("HDR-04", &["Cookie: __Host-session=x"]),
        ("HDR-10", &["Keep-Alive: timeout=5", "TE: trailers", "Trailer: X-Sum", "Upgrade: x", "HTTP2-Settings: AAA"]),
        ("HDR-12", &["X-Forwarded-Host: evil.test", "X-Forwarded-Proto: https", "X-Forwarded-For: 10.0.0.1", "X-Forwarded-Port: 1"]),
        ("HDR-12", &["X-Forwarded-Prefix: /x", "Forwarded: for=10.0.0.1", "X-Real-IP: 10.0.0.1", "X-Original-URL: /admin"]),
        ("HDR-12", &["X-Rewrite-URL: /admin", "X-Remote-User: root", "Via: 1.1 evil", "X-Forwarded-Client-Cert: x"]),
        ("HDR-13", &["X-Envoy-Original-Path: /x", "X-Amz-Security-Token: x", "X-Amzn-Trace-Id: x", "X-Goog-User-Project: x"]),
        ("HDR-13", &["X-Ms-Version: 1", "Metadata-Flavor: Google", "X-aws-ec2-metadata-token: x", "Metadata: true"]),
        ("HDR-19", &["Sortie-Error: x", "Sortie-Callout: x", "Sortie-Principal: x"]),
        // Not ours to nominate away, and not to be forwarded either.
        ("HDR-10", &["Connection: X-Mine", "X-Mine: 1"]),
    ];
    for (id, lines) in withheld {
        let received = forwarded(&scene, id, lines.join("\r\n"));
        for line in *lines {
            let name = line.split(':').next().unwrap();
            assert_eq!(received.headers(name), [""; 0], "{id} {name}");
        }
        assert_eq!(received.headers("x-api-key"), ["SECRET-pay-key"], "{id}");
        assert_eq!(received.headers("proxy-authorization"), [""; 0], "HDR-02");
    }
}

#[test]
fn what_is_meant_for_the_upstream_arrives_as_it_was_written() {
    let scene = Scene::new();
    let verbatim: &[(&str, &[&str])] = &[
        ("HDR-17", &["Range: bytes=0-1", "Range: bytes=2-3"]),
        ("HDR-17", &["If-Match: \"a\"", "If-Match: \"b\""]),
        ("HDR-22", &["Accept-Encoding: gzip;q=0.5, br"]),
        ("", &["User-Agent: curl/8", "Accept: */*", "Content-Type: text/plain", "Idempotency-Key: 1", "Origin: https://x.test"]),
        (
            "",
            &["X-Custom: a, b;c=\"d\"", "X-Tab: a\tb", "X-Empty:", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
        ),
    ];
    for (id, lines) in verbatim {
        let received = forwarded(&scene, id, lines.join("\r\n"));
        for line in *lines {
            let (name, value) = line.split_once(':').unwrap();
            assert!(received.headers(name).contains(&value.trim()), "{id} {line}: {:#?}", received.header_lines);
        }
    }
    let received = forwarded(&scene, "HDR-17", "Range: bytes=0-1\r\nRange: bytes=2-3");
    assert_eq!(received.headers("range"), ["bytes=0-1", "bytes=2-3"], "two stay two, in order");
}

#[test]
fn what_is_injected_wins() {
    let scene = Scene::new();
    for (id, lines) in [
        ("HDR-05", "X-Api-Key: mine"),
        ("HDR-21", "x-API-kEY: mine\r\nX-Api-Key: mine too"),
        ("HDR-06", "X_Api_Key: mine\r\nx-api_key: mine\r\nX_API-KEY: mine"),
        ("HDR-08", "Connection: close, X-Api-Key"),
        ("HDR-08", "Connection: X-Api-Key\r\nX-Api-Key: mine"),
    ] {
        let received = forwarded(&scene, id, lines);
        let ours: Vec<_> =
            received.header_lines.iter().filter(|line| line.to_ascii_lowercase().replace('_', "-").starts_with("x-api-key")).collect();
        assert_eq!(ours, ["x-api-key: SECRET-pay-key"], "{id}");
    }
}

#[test]
fn the_authorization_of_the_credential_takes_the_place_of_the_callers() {
    let scene = Scene::new();
    scene.add_basic("Box");
    let injected = "Basic c29ydGllOlNFQ1JFVC1ib3g=";
    let key_in = |line: &str| format!("GET /callout/Box/x HTTP/1.1\r\nHost: g\r\n{line}: Bearer {{KEY}}\r\n");
    for (id, request) in [
        ("HDR-01", key_in("Authorization")),
        ("HDR-02", key_in("Proxy-Authorization") + "Authorization: Bearer mine\r\n"),
        ("HDR-06", key_in("Proxy-Authorization") + "Authorization: Bearer mine\r\nProxy_Authorization: mine\r\n"),
        ("HDR-07", key_in("Proxy-Authorization") + "Connection: Authorization\r\n"),
        ("HDR-07", key_in("Authorization") + "Connection: Authorization, close\r\n"),
    ] {
        let (_, received) = scene.check(id, format!("{request}\r\n").as_bytes(), Forwarded("/x"));
        assert_eq!(received.unwrap().headers("authorization"), [injected], "{id}");
    }
}

#[test]
fn a_callers_own_authorization_goes_on_where_none_is_injected_but_never_a_key_of_ours() {
    let scene = Scene::new();
    let received = forwarded(&scene, "", "Authorization: Basic bWluZQ==");
    assert_eq!(received.headers("authorization"), ["Basic bWluZQ=="]);
    // P3: the key is in `Proxy-Authorization`, and in `Authorization` too.
    for line in ["Authorization: Bearer {KEY}", "authorization:   bEARER   {KEY}", "Authorization: {KEY}", "Authorization: Basic {KEY}"] {
        let received = forwarded(&scene, "HDR-01", line);
        assert_eq!(received.headers("authorization"), [""; 0], "{line}");
    }
    let (_, received) =
        scene.check("HDR-01", b"GET /callout/Pay/x HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {KEY}\r\n\r\n", Forwarded("/v1/base/x"));
    assert_eq!(received.unwrap().headers("authorization"), [""; 0]);
}

#[test]
fn a_named_credential_may_let_a_withheld_header_through_but_not_every_one() {
    let scene = Scene::new();
    let allow = ["cookie", "x-ms-version", "x-amz-target", "x-real-ip"].map(str::to_owned);
    scene
        .server
        .named_credential_with("Open", &scene.upstream.url(), &scene.pay.external, |named| named.forwarded_headers = allow.to_vec());
    scene.server.settle();
    let lines = "Cookie: a=b\r\nX-Ms-Version: 1\r\nX-Amz-Target: t\r\nX-Real-IP: 1.2.3.4\r\nX-Amz-Other: no\r\nX-Api-Key: mine\r\n";
    let request = format!("GET /callout/Open/x HTTP/1.1\r\nHost: g\r\nProxy-Authorization: Bearer {{KEY}}\r\n{lines}\r\n");
    let received = scene.check("HDR-04", request.as_bytes(), Forwarded("/x")).1.unwrap();
    for (name, value) in
        [("cookie", "a=b"), ("x-ms-version", "1"), ("x-amz-target", "t"), ("x-real-ip", "1.2.3.4"), ("x-api-key", "SECRET-pay-key")]
    {
        assert_eq!(received.headers(name), [value], "{name}");
    }
    assert_eq!(received.headers("x-amz-other"), [""; 0]);
}

#[test]
fn framing_and_host_are_ours_whatever_the_caller_nominates() {
    let scene = Scene::new();
    let host = scene.upstream.address().to_string();
    for (id, host_line, lines, body) in [
        ("HDR-09", "Host: g", "Connection: Host\r\n", ""),
        ("HDR-09", "Host: g", "Connection: Content-Length\r\nContent-Length: 5\r\n", "12345"),
        ("HDR-09", "Host: g", "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n", "5\r\n12345\r\n0\r\n\r\n"),
        ("HDR-11", "Host: evil.test", "", ""),
        ("HDR-11", "Host: 169.254.169.254", "", ""),
        ("HDR-18", "Host: g", "Content-Encoding: gzip\r\nContent-Length: 5\r\n", "\x1f~()!"),
    ] {
        let request = format!("POST /callout/Pay/x HTTP/1.1\r\n{host_line}\r\nProxy-Authorization: Bearer {{KEY}}\r\n{lines}\r\n{body}");
        let received = scene.check(id, request.as_bytes(), Forwarded("/v1/base/x")).1.unwrap();
        assert_eq!(received.headers("host"), [host.as_str()], "{id}");
        assert!(received.is_complete, "{id}");
        let sent = if body.starts_with("5\r\n") { "12345" } else { body };
        assert_eq!(received.body, sent.as_bytes(), "{id}");
        assert_eq!(received.headers("content-length").len() + received.headers("transfer-encoding").len(), 1, "{id}: {received:#?}");
        assert_eq!(received.header("content-encoding"), (id == "HDR-18").then_some("gzip"), "{id}");
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let scene = Scene::new();
    let many: String = (0..99).map(|number| format!("X-{number}: 1\r\n")).collect();
    // hyper's limit of 64 KiB is soft: a head that comes within one read may be up to twice as long.
    let long = format!("X-Long: {}", "a".repeat(128 * 1024));
    let total: String = (0..64).map(|number| format!("X-{number}: {}\r\n", "a".repeat(4096))).collect();
    let cases: &[(&str, &[u8], Expected)] = &[
        ("HDR-14", b"X: a\rb", ByHyper(400)),
        ("HDR-14", b"X: a\0b", ByHyper(400)),
        ("HDR-14", b"X: a\x0bb", ByHyper(400)),
        ("HDR-14", b"X: a\x1bb", ByHyper(400)),
        ("HDR-14", b"X: a\x7fb", ByHyper(400)),
        ("HDR-15", b"X: \xe9\xff", INVALID),
        ("HDR-15", "X: é".as_bytes(), INVALID),
        ("HDR-15", "é: x".as_bytes(), ByHyper(400)),
        // hyper has room for 100: these and the two that every case has are 101.
        ("HDR-16", many.trim_end().as_bytes(), ByHyper(431)),
        ("HDR-16", long.as_bytes(), ByHyper(431)),
        ("HDR-16", total.trim_end().as_bytes(), ByHyper(431)),
        ("HDR-17", b"Content-Type: text/plain\r\nContent-Type: text/html", INVALID),
        // A formula of a caller's would be sent as text; it is refused, since the named credential does not allow formulas.
        ("FRM", b"X: {!$Credential.Pay.Key}", Refused(400, "formula_not_allowed")),
    ];
    for (id, lines, expected) in cases {
        scene.check_headers(id, lines, *expected);
    }
    assert_eq!(scene.upstream.connections(), 0);
}

#[test]
fn a_line_feed_in_a_value_makes_another_header_and_no_harm() {
    // HDR-14 wants 400. hyper takes a bare line feed for the end of a line, as RFC 9112, section 2.2 allows; then it is a header like any other, and the rules hold.
    let scene = Scene::new();
    let received = forwarded(&scene, "HDR-14", "X: a\nX-Api-Key: mine\nCookie: x");
    assert_eq!((received.header("x"), received.header("cookie")), (Some("a"), None));
    assert_eq!(received.headers("x-api-key"), ["SECRET-pay-key"]);
}

#[test]
fn a_name_that_leads_back_to_the_gateway_ends_at_its_door() {
    // HDR-24: the caller's key goes no further, so that the second hop is refused; that answer is the upstream's, so it bears no `Sortie-Error`.
    let scene = Scene::new();
    let gateway = format!("http://{}/callout/Pay", scene.server.address());
    scene.server.named_credential("Loop", &gateway, &scene.pay.external);
    scene.server.settle();
    let answer = scene.server.get(&scene.key, "/callout/Loop/x");
    assert_eq!(answer.verdict(), (401, None), "{}", answer.head);
    assert_eq!(scene.upstream.connections(), 0);
}
