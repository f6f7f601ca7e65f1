//! Group URL of the attack catalogue: how the path behind a name is joined to the place that the name stands for. `Pay` is `http://upstream/v1/base`.
//!
//! - URL-22, -23 and -24 are about saving a named credential: `sortie-model` refuses them, see `endpoint.rs` there.
//! - URL-26 needs formulas in URLs and URL-27 API keys in queries; there are neither yet.
//! - URL-14 and -15, raw bytes of URL-17 and URL-28: hyper refuses some of them before Sortie sees the request, with a bare status and without `Sortie-Error`.

use crate::support::{Expected, Scene};

use Expected::{ByHyper, Forwarded, Refused};

const INVALID: Expected = Refused(400, "target_invalid");

#[test]
fn the_path_is_joined_by_bytes_and_never_leaves_its_base() {
    let scene = Scene::new();
    let cases: &[(&str, &[u8], Expected)] = &[
        ("URL-01", b"/ok?x=1&x=2", Forwarded("/v1/base/ok?x=1&x=2")),
        ("URL-02", b"", Forwarded("/v1/base")),
        ("URL-02", b"/", Forwarded("/v1/base/")),
        ("URL-02", b"?a", Forwarded("/v1/base?a")),
        ("URL-02", b"?", Forwarded("/v1/base?")),
        ("URL-03", b"/../admin", INVALID),
        ("URL-03", b"/..", INVALID),
        ("URL-03", b"/.", INVALID),
        ("URL-04", b"/a/../../../admin", INVALID),
        ("URL-05", b"/%2e%2e/admin", INVALID),
        ("URL-05", b"/%2E%2e/admin", INVALID),
        ("URL-05", b"/.%2E/admin", INVALID),
        ("URL-06", b"/..%2fadmin", INVALID),
        ("URL-06", b"/a%2f..%2f..%2fadmin", INVALID),
        ("URL-07", b"/%252e%252e%252fadmin", INVALID),
        ("URL-07", b"/%25252e%25252e/admin", INVALID),
        ("URL-08", b"/..\\..\\admin", INVALID),
        ("URL-08", b"/..%5c..%5cadmin", INVALID),
        ("URL-09", b"//evil.test/x", Forwarded("/v1/base//evil.test/x")),
        ("URL-10", b"/\\evil.test/x", INVALID),
        ("URL-11", b"@evil.test/x", INVALID),
        ("URL-12", b":443/x", INVALID),
        ("URL-12", b"%00/x", INVALID),
        ("URL-12", b"%2f..%2fOther/x", INVALID),
        ("URL-17", b"/\x01", ByHyper(400)),
        ("URL-17", b"/a b", ByHyper(400)),
        ("URL-17", b"/\x7f", ByHyper(400)),
        ("URL-17", b"/\xc3\xa9", INVALID),
        ("URL-17", b"/x?\xc3\xa9", INVALID),
        ("URL-18", b"/%", INVALID),
        ("URL-18", b"/%2", INVALID),
        ("URL-18", b"/%zz", INVALID),
        ("URL-19", b"/a%2Fb", Forwarded("/v1/base/a%2Fb")),
        ("URL-20", b"/a%00b", INVALID),
        ("URL-20", b"/a%0d%0aX:1", INVALID),
        ("URL-20", b"/a%250d%250aX:1", INVALID),
        ("URL-21", b"/?next=//evil.test", Forwarded("/v1/base/?next=//evil.test")),
        ("URL-21", b"/?u=https://evil.test/../x", Forwarded("/v1/base/?u=https://evil.test/../x")),
        ("URL-25", b"evil/x", Refused(403, "not_permitted")),
    ];
    for (id, rest, expected) in cases {
        scene.check_target(id, [b"/callout/Pay".as_slice(), rest].concat(), *expected);
    }
}

#[test]
fn only_the_origin_form_is_a_target() {
    // URL-13 to -15. RFC 9112, section 3.2; hyper hands on all of these.
    let evil = sortie_testkit::upstream::RecordingUpstream::answering("evil");
    let scene = Scene::new();
    let port = evil.address().port();
    for target in [
        format!("http://127.0.0.1:{port}/x"),
        format!("http://127.0.0.1:{port}/callout/Pay/x"),
        format!("https://gateway.test@127.0.0.1:{port}/callout/Pay/x"),
        "http://gateway.test/callout/Pay/x".to_owned(),
        "evil.test".to_owned(),
        "evil.test:443".to_owned(),
        "admin".to_owned(),
        "*".to_owned(),
    ] {
        scene.check_target("URL-13/14/15", &target, INVALID);
    }
    assert_eq!((evil.connections(), scene.upstream.connections()), (0, 0), "NOEVIL");
}

#[test]
fn a_fragment_is_dropped_for_upstream_and_audit_alike() {
    // URL-16 wants 400; hyper drops `#frag` before anybody sees it. What matters holds: everybody sees the same target.
    let mut scene = Scene::new();
    scene.check_target("URL-16", "/callout/Pay/x#frag", Forwarded("/v1/base/x"));
    scene.check_target("URL-16", "/callout/Pay/x?q#/../y", Forwarded("/v1/base/x?q"));
    scene.server.stop();
    let records = scene.server.records();
    let paths: Vec<_> = records.iter().filter(|record| record["event"] == "intent").map(|record| &record["path"]).collect();
    assert_eq!(paths, ["/x", "/x"]);
}

#[test]
fn a_target_is_forwarded_whole_or_not_at_all() {
    // URL-28.
    let scene = Scene::new();
    let target = |path_bytes: usize, query_bytes: usize| {
        let query = if query_bytes == 0 { String::new() } else { format!("?{}", "q".repeat(query_bytes)) };
        format!("/callout/Pay/{}{query}", "p".repeat(path_bytes - 1))
    };
    const LONGEST: usize = 16 * 1024;
    scene.check_target("URL-28", target(LONGEST + 1, 0), INVALID);
    scene.check_target("URL-28", target(10, LONGEST + 1), INVALID);
    let parameters: String = (0..10_000).map(|number| format!("&p{number}=1")).collect();
    scene.check_target("URL-28", format!("/callout/Pay/x?{parameters}"), ByHyper(414));
    scene.check_target("URL-28", target(64 * 1024, 0), ByHyper(414));
    assert_eq!(scene.upstream.connections(), 0, "NOUP");
    for (path, query) in [(LONGEST, 0), (10, LONGEST)] {
        let sent = target(path, query);
        let answer = scene.server.get(&scene.key, &sent);
        assert_eq!(answer.verdict(), (200, None), "{}", answer.head);
        let received = scene.upstream.requests();
        assert_eq!(received.last().unwrap().target(), sent.replace("/callout/Pay", "/v1/base"));
    }
}
