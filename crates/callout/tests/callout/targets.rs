//! Group URL at the level of the flow: whatever is accepted goes to the one place, below its base path. The spellings themselves are tested in the model.

use http::uri::PathAndQuery;
use proptest::prelude::*;
use sortie_callout::{parse, parse_after_scheme};
use sortie_model::Endpoint;
use url::Url;

use crate::support::{Scene, outcome};

#[tokio::test(start_paused = true)]
async fn targets_go_out_byte_for_byte_below_the_base() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    for (asked, sent) in [
        ("callout:Pay/ok?x=1&x=2", "/v1/base/ok?x=1&x=2"),     // URL-01
        ("callout:Pay", "/v1/base"),                           // URL-02
        ("callout:Pay/", "/v1/base/"),                         // URL-02
        ("callout:Pay?x", "/v1/base?x"),                       // URL-02
        ("callout:Pay//evil.test/x", "/v1/base//evil.test/x"), // URL-09
        ("callout:Pay/a%2Fb", "/v1/base/a%2Fb"),               // URL-19
        ("callout:Pay/x?next=//evil.test&u=https://evil.test", "/v1/base/x?next=//evil.test&u=https://evil.test"), // URL-21
        ("callout:Pay/{x}|^[]~!$&'()*+,;=:@-._", "/v1/base/{x}|^[]~!$&'()*+,;=:@-._"),
        ("callout:Pay/?q=`{}|^[]?/", "/v1/base/?q=`{}|^[]?/"),
        ("callout:Pay/http://evil.test/", "/v1/base/http://evil.test/"),
    ] {
        assert_eq!(outcome(&node.get(&alice, asked).await), "200", "{asked}");
        assert_eq!((&*node.upstream.last().target, &*node.upstream.last().place), (sent, "https://up.test"), "{asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn targets_that_could_mean_another_place_are_refused_before_anything_happens() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    for target in [
        "callout:Pay/../admin",             // URL-03
        "callout:Pay/a/../../../admin",     // URL-04
        "callout:Pay/%2e%2e/admin",         // URL-05
        "callout:Pay/..%2fadmin",           // URL-06
        "callout:Pay/%252e%252e%252fadmin", // URL-07
        "callout:Pay/..\\..\\admin",        // URL-08
        "callout:Pay/\\evil.test/x",        // URL-10
        "callout:Pay@evil.test/x",          // URL-11
        "callout:Pay:443/x",                // URL-12
        "callout:Pay/x#frag",               // URL-16
        "callout:Pay/x?a#frag",             // URL-16
        "callout:Pay#frag",
        "callout:Pay/\u{1}",    // URL-17
        "callout:Pay/\u{e9}",   // URL-17
        "callout:Pay/%zz",      // URL-18
        "callout:Pay/a%00b",    // URL-20
        "callout:Pay/a%0d%0aX", // URL-20
        "callout:Pay/a`b",      // what no HTTP library sends as it is
        "https://evil.test/x",  // URL-13
    ] {
        assert_eq!(outcome(&node.get(&alice, target).await), "target_invalid", "{target}");
    }
    let long = format!("callout:Pay/{}", "a".repeat(64 * 1024)); // URL-28
    assert_eq!(outcome(&node.get(&alice, &long).await), "target_invalid");
    assert_eq!((scene.custody.total(), node.upstream.count(), node.audit.records().len()), (0, 0, 0));
}

/// What every accepted target must fulfil, with two other parsers as judges: the one that HTTP libraries use, and the one that browsers use.
fn assert_stays(base: &str, target: &str) -> Result<(), TestCaseError> {
    let Ok(reference) = parse(target) else { return Ok(()) };
    let endpoint = Endpoint::parse(base).unwrap();
    let joined = endpoint.join(reference.path(), reference.query());
    prop_assert!(joined.starts_with(endpoint.base_path()) && joined.starts_with('/'));
    let sent = PathAndQuery::from_maybe_shared(bytes::Bytes::from(joined.clone()));
    prop_assert!(sent.is_ok_and(|sent| sent.as_str() == joined), "`{}` cannot be sent", joined);
    // As an upstream would see it: scheme and authority are ours, the rest is what was joined.
    let whole = format!("{}://{}{joined}", endpoint.scheme().as_str(), endpoint.authority());
    let read = Url::parse(&whole).map_err(|error| TestCaseError::fail(format!("{whole}: {error}")))?;
    prop_assert_eq!(read.host_str().map(str::to_owned), Some(endpoint.host().to_string()));
    prop_assert_eq!(read.port_or_known_default(), Some(endpoint.port()));
    prop_assert_eq!(read.username(), "");
    prop_assert_eq!(read.fragment(), None);
    let base_path = endpoint.base_path();
    let stays = read.path() == base_path || read.path().starts_with(&format!("{base_path}/"));
    prop_assert!(stays, "`{}` leaves `{}`", read.path(), base_path);
    // And after any number of decodings that an upstream may do before it resolves dots.
    let mut path = joined.split('?').next().unwrap_or_default().to_owned();
    for _ in 0..10 {
        let decoded = percent_decode(&path);
        let resolved = Url::parse(&format!("https://up.test{}", decoded.replace(['?', '#'], "_"))).map(|url| url.path().to_owned());
        prop_assert!(
            resolved.is_ok_and(|resolved| resolved == base_path || resolved.starts_with(&format!("{base_path}/"))),
            "`{}`",
            decoded
        );
        if decoded == path {
            break;
        }
        path = decoded;
    }
    Ok(())
}

/// One layer, leniently, as bytes that are shown as Latin-1: what matters are dots and slashes.
fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = String::new();
    let mut at = 0;
    while at < bytes.len() {
        let escaped =
            (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten().and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) => {
                decoded.push(char::from(byte));
                at += 3;
            }
            None => {
                decoded.push(text[at..].chars().next().unwrap());
                at += text[at..].chars().next().unwrap().len_utf8();
            }
        }
    }
    decoded
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = parse(&text);
        let _ = parse_after_scheme(&text);
        assert_stays("https://up.test/v1/base", &format!("callout:{text}"))?;
        assert_stays("https://up.test/v1/base", &format!("callout:Pay/{text}"))?;
    }

    #[test]
    fn whatever_passes_stays_below_the_base(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just("/"), Just("//"), Just(".."), Just("."), Just("..;"), Just("%2e"), Just("%2E"), Just("%2f"), Just("%5c"), Just("\\"),
                Just("%25"), Just("%252e"), Just("@"), Just(":"), Just("?"), Just("#"), Just("evil.test"), Just("a"), Just(";x=1"), Just("%"),
                Just("%00"), Just("%c0%ae"), Just("`"), Just("\""), Just("{"), Just("|"), Just("^"), Just("\u{2024}"), Just("\t"), Just("%e2%80%ae"),
            ],
            0..12,
        ),
        name in prop_oneof![Just("Pay"), Just("Pay/"), Just("P"), Just("")],
        base in prop_oneof![Just("https://up.test/v1/base"), Just("https://up.test"), Just("http://127.0.0.1:8080/a"), Just("https://[::1]:8443/b/c")],
    ) {
        assert_stays(base, &format!("callout:{name}{}", pieces.concat()))?;
    }
}
