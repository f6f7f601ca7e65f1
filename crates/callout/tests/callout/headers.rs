//! Group HDR: what of the caller's headers goes on, and what of ours wins. Also custom headers (domain rules 1.13) and FRM-01, -03, -08, -09.
//!
//! | elsewhere | because |
//! |---|---|
//! | HDR-02, the own header of the key | the gateway takes the key out before the flow begins |
//! | HDR-04, refusing a request with a session cookie | the gateway's; here cookies are withheld |
//! | HDR-14 bare CR, LF, NUL and HDR-15 names | no `HeaderMap` can hold them: hyper's, tested at the gateway |
//! | HDR-16, size limits | the gateway's |
//! | HDR-18, HDR-22, bodies | the gateway's; here: the headers go on verbatim |
//! | HDR-20 | `staleness.rs` |
//! | HDR-23, what may be listed | the model's; here: listing it would not help |
//! | HDR-24, loops | the gateway's |

use http::{HeaderMap, HeaderName, HeaderValue};
use sortie_model::CustomHeader;

use crate::support::{Node, Received, Scene, custom_header, outcome, refusal};

/// Calls with headers and shows what arrived.
async fn arrives(node: &Node, caller: &sortie_callout::Caller, headers: &[(&str, &str)]) -> Received {
    assert_eq!(outcome(&node.get_with(caller, "callout:Pay/x", headers).await), "200", "{headers:?}");
    node.upstream.last()
}

fn names(received: &Received) -> Vec<&str> {
    let mut names: Vec<&str> = received.headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

/// A Custom credential that injects `X-Api-Key`.
fn api_key() -> (Scene, sortie_callout::Caller) {
    let (mut scene, _) = Scene::of("custom", &[("Key", "SECRET-key")]);
    let credential = scene.definitions.external_credentials[0].id;
    scene.change(credential, |credential| credential.headers = vec![custom_header("X-Api-Key", "{!$Credential.Ec.Key}", 1)]);
    let alice = scene.user("alice");
    (scene, alice)
}

#[tokio::test(start_paused = true)]
async fn what_we_inject_wins_over_what_the_caller_sends() {
    let (scene, alice) = api_key();
    let node = scene.node();
    for headers in [
        vec![],
        vec![("X-Api-Key", "mine")],                                               // HDR-05
        vec![("x-api-key", "mine"), ("X-API-KEY", "mine too")],                    // HDR-05, HDR-21
        vec![("X_Api_Key", "mine"), ("x-api_key", "mine"), ("x_api-key", "mine")], // HDR-06
        vec![("Connection", "close, X-Api-Key")],                                  // HDR-08
        vec![("Connection", "x-api-key"), ("X-Api-Key", "mine")],                  // HDR-08
        vec![("Connection", "Content-Length"), ("Connection", "Host")],            // HDR-09
    ] {
        let received = arrives(&node, &alice, &headers).await;
        assert_eq!(received.header("x-api-key").as_deref(), Some("SECRET-key"), "{headers:?}");
        assert_eq!(names(&received), ["host", "x-api-key"], "{headers:?}");
        assert_eq!(received.header("host").as_deref(), Some("up.test"));
        assert!(received.headers["x-api-key"].is_sensitive());
    }
}

#[tokio::test(start_paused = true)]
async fn the_generated_authorization_wins() {
    // HDR-01, HDR-07.
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    for headers in [
        vec![("Authorization", "Bearer sortie_mine")],
        vec![("Authorization", "Bearer one"), ("Authorization", "Bearer two")],
        vec![("Connection", "Authorization")],
        vec![("Connection", "Authorization"), ("Authorization", "Bearer sortie_mine")],
    ] {
        let received = arrives(&node, &alice, &headers).await;
        assert_eq!(received.header("authorization").as_deref(), Some("Bearer SECRET-token-1"), "{headers:?}");
        assert_eq!(names(&received), ["authorization", "host"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_whose_name_has_an_underscore_is_guarded_in_both_spellings() {
    // HDR-06 the other way round: to a server that reads `-` as `_`, ours is the one with the underscore.
    let (mut scene, _) = Scene::of("custom", &[("Key", "SECRET-key")]);
    scene.last_named().headers = vec![custom_header("x_api_key", "{!$Credential.Ec.Key}", 1)];
    let alice = scene.user("alice");
    let node = scene.node();
    let received = arrives(&node, &alice, &[("X-Api-Key", "mine"), ("X_Api_Key", "mine"), ("X-Api_Key", "mine")]).await;
    assert_eq!(names(&received), ["host", "x_api_key"]);
    assert_eq!(received.header("x_api_key").as_deref(), Some("SECRET-key"));
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_the_callers_hop_stays_there() {
    let (scene, alice) = api_key();
    let node = scene.node();
    let withheld = [
        ("Proxy-Authorization", "Bearer sortie_mine"), // HDR-03
        ("Proxy-Authenticate", "Basic"),               // HDR-03
        ("Proxy-Connection", "keep-alive"),            // HDR-03
        ("Connection", "keep-alive, X-Hop"),
        ("X-Hop", "1"),
        ("Keep-Alive", "timeout=5"),      // HDR-10
        ("TE", "trailers"),               // HDR-10
        ("Trailer", "X-Sum"),             // HDR-10
        ("Upgrade", "h2c"),               // HDR-10
        ("Transfer-Encoding", "chunked"), // HDR-10
        ("HTTP2-Settings", "AAMAAABkAAQ"),
        ("Expect", "100-continue"),
        ("Host", "evil.test"),             // HDR-11
        ("Cookie", "session=SECRET"),      // HDR-04
        ("X-Forwarded-Host", "evil.test"), // HDR-12, and the next ones
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Port", "1"),
        ("X-Forwarded-Prefix", "/"),
        ("Forwarded", "for=127.0.0.1"),
        ("Via", "1.1 x"),
        ("X-Real-IP", "127.0.0.1"),
        ("X-Original-URL", "/admin"),
        ("X-Rewrite-URL", "/admin"),
        ("X-Remote-User", "root"),
        ("X-Envoy-Original-Path", "/"), // HDR-13, and the next ones
        ("X-Amz-Security-Token", "x"),
        ("X-Amzn-Trace-Id", "x"),
        ("X-Goog-Api-Key", "x"),
        ("X-Ms-Version", "x"),
        ("Metadata-Flavor", "Google"),
        ("X-aws-ec2-metadata-token", "x"),
        ("Sortie-Error", "x"), // HDR-19
        ("Sortie-Principal", "x"),
        ("Sortie-Anything", "x"),
    ];
    let received = arrives(&node, &alice, &withheld).await;
    assert_eq!(names(&received), ["host", "x-api-key"]);
    assert_eq!(received.header("host").as_deref(), Some("up.test"));

    // HDR-06 for all of them: some servers read an underscore as a hyphen.
    for (name, value) in withheld.into_iter().filter(|(name, _)| *name != "X-Hop") {
        for alias in [name.replace('-', "_"), name.replacen('-', "_", 1)] {
            if alias != name {
                let received = arrives(&node, &alice, &[(&alias, value)]).await;
                assert_eq!(names(&received), ["host", "x-api-key"], "{alias}");
            }
        }
    }
    for alias in ["content_length", "Content_Length", "content_type"] {
        let received = arrives(&node, &alice, &[(alias, "3")]).await;
        assert!(received.header("content_length").is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_the_callers_own_goes_on_verbatim() {
    let (scene, alice) = api_key();
    let node = scene.node();
    let own = [
        ("accept", "application/json"),
        ("accept-encoding", "gzip"),  // HDR-22
        ("content-encoding", "gzip"), // HDR-18
        ("content-length", "0"),
        ("content-type", "text/plain; charset=\"utf-8\""),
        ("idempotency-key", "7"),
        ("if-match", "\"a\""),
        ("if-match", "\"b\""), // HDR-17
        ("range", "bytes=0-1"),
        ("range", "bytes=2-3"), // HDR-17
        ("user-agent", "test/1"),
        ("x-own", " tabs\tand spaces "),
        ("x_own", "1"),
        ("prefer", "x"),
        ("soapaction", "\"\""),
    ];
    let received = arrives(&node, &alice, &own).await;
    let mut expected = HeaderMap::new();
    for (name, value) in own {
        expected.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    expected.append("host", HeaderValue::from_static("up.test"));
    expected.append("x-api-key", HeaderValue::from_static("SECRET-key"));
    assert_eq!(received.headers, expected);
}

#[tokio::test(start_paused = true)]
async fn more_withheld_headers_than_anybody_expects_are_all_withheld() {
    let (scene, alice) = api_key();
    let node = scene.node();
    let many: Vec<(String, &str)> = (0..90).map(|number| (format!("X-Amz-{number}"), "x")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(names(&arrives(&node, &alice, &many).await), ["host", "x-api-key"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_exceptions_lets_through_what_it_may() {
    // HDR-04, HDR-12, HDR-13; HDR-23: protected names stay protected even if they were listed.
    let (mut scene, alice) = api_key();
    let listed = [
        "cookie",
        "x-ms-version",
        "x-forwarded-for",
        "authorization",
        "proxy-authorization",
        "sortie-error",
        "metadata-flavor",
        "te",
        "host",
        "x-api-key",
    ];
    scene.last_named().forwarded_headers = listed.map(str::to_owned).to_vec();
    let node = scene.node();
    let sent: Vec<(&str, &str)> = listed.iter().filter(|name| **name != "authorization").map(|name| (*name, "mine")).collect();
    let received = arrives(&node, &alice, &sent).await;
    assert_eq!(names(&received), ["cookie", "host", "x-api-key", "x-forwarded-for", "x-ms-version"]);
    assert_eq!(received.header("x-api-key").as_deref(), Some("SECRET-key"));
    assert_eq!(received.header("host").as_deref(), Some("up.test"));
}

#[tokio::test(start_paused = true)]
async fn headers_that_nobody_can_read_for_sure_are_refused() {
    let (scene, alice) = api_key();
    let node = scene.node();
    for (headers, what) in [(vec![("X-A", "caf\u{e9}")], "HDR-15"), (vec![("Content-Type", "a/b"), ("Content-Type", "c/d")], "HDR-17")] {
        let refused = refusal(node.get_with(&alice, "callout:Pay/x", &headers).await);
        assert_eq!(refused.refused.code(), "header_invalid", "{what}");
        assert_eq!(refused.refused.turn(), sortie_callout::Turn::Caller);
        assert!(!refused.refused.to_string().contains("SECRET"));
    }
    assert_eq!(node.upstream.count(), 0);
}

// === Custom headers ===

/// What arrives of the custom headers of a named and an external credential.
async fn custom(named: Vec<CustomHeader>, external: Vec<CustomHeader>) -> Received {
    let (mut scene, _) = Scene::of("custom", &[("Key", "SECRET-key")]);
    let credential = scene.definitions.external_credentials[0].id;
    scene.change(credential, |credential| credential.headers = external);
    scene.last_named().headers = named;
    let alice = scene.user("alice");
    let node = scene.node();
    arrives(&node, &alice, &[]).await
}

#[tokio::test(start_paused = true)]
async fn custom_headers_merge_as_salesforce_merges_them() {
    // 1.13: the named credential's first, then by sequence number; same name: the named credential's replaces; duplicates within one are both sent.
    let received = custom(
        vec![custom_header("X-B", "named", 2), custom_header("X-A", "named 3", 3), custom_header("X-A", "named 1", 1)],
        vec![custom_header("x-a", "external", 1), custom_header("X-C", "second", 2), custom_header("X-C", "first", 1)],
    )
    .await;
    assert_eq!(received.header("x-a").as_deref(), Some("named 1 | named 3"));
    assert_eq!(received.header("x-b").as_deref(), Some("named"));
    assert_eq!(received.header("x-c").as_deref(), Some("first | second"));
    let order: Vec<&str> = received.headers.keys().map(HeaderName::as_str).filter(|name| *name != "host").collect();
    assert_eq!(order, ["x-a", "x-b", "x-c"]);
}

#[tokio::test(start_paused = true)]
async fn a_custom_authorization_overrides_the_generated_one() {
    for (is_generated, headers, arrived) in [
        (true, vec![], Some("Bearer SECRET-token-1")),
        (true, vec![custom_header("Authorization", "Key {!$Credential.Idp.client_id}", 1)], Some("Key client")),
        (false, vec![custom_header("authorization", "Key x", 1)], Some("Key x")),
        (false, vec![], None),
    ] {
        let (mut scene, _) = Scene::oauth();
        scene.last_named().generate_authorization_header = is_generated;
        scene.last_named().headers = headers;
        let alice = scene.user("alice");
        let node = scene.node();
        let received = arrives(&node, &alice, &[("X-Own", "1")]).await;
        assert_eq!(received.header("authorization").as_deref(), arrived);
    }
}

#[tokio::test(start_paused = true)]
async fn with_the_generated_header_off_the_caller_may_supply_one() {
    let (mut scene, _) = Scene::oauth();
    scene.last_named().generate_authorization_header = false;
    let alice = scene.user("alice");
    let node = scene.node();
    let received = arrives(&node, &alice, &[("Authorization", "Bearer own")]).await;
    assert_eq!(received.header("authorization").as_deref(), Some("Bearer own"));
}

#[tokio::test(start_paused = true)]
async fn a_formula_reads_the_chosen_principal_only_and_only_once() {
    // FRM-03: what is filled in is no formula; FRM-08: nothing is cut; 7.1 #18 for what is not there.
    let long = format!("SECRET-{}", "x".repeat(5_000));
    let (mut scene, principal) = Scene::of("custom", &[]);
    scene.custody.store(
        principal,
        None,
        &[("Key", "{!$Credential.Ec.Other}"), ("Other", "SECRET-other"), ("Long", &long), ("Bad", "a\r\nX-Admin: 1")],
    );
    let alice = scene.user("alice");
    for (value, arrived) in [
        ("{!$Credential.Ec.Key}", Ok("{!$Credential.Ec.Other}")),
        ("{!$Credential.EC.Key}", Ok("{!$Credential.Ec.Other}")),
        ("a {!$Credential.Ec.Other} b", Ok("a SECRET-other b")),
        ("{!$Credential.Ec.Long}", Ok(&*long)),
        ("{!$Credential.Ec.Missing}", Err("formula_unresolved")),
        ("{!$Credential.Ec.key}", Ok("{!$Credential.Ec.Other}")),
        ("{!$Credential.Elsewhere.Key}", Err("formula_unavailable")),
        ("{!$Credential.Ec.Bad}", Err("formula_not_a_header")), // FRM-01
    ] {
        scene.last_named().headers = vec![custom_header("X-Key", value, 1)];
        let node = scene.node();
        let answered = node.get(&alice, "callout:Pay/x").await;
        match arrived {
            Ok(text) => assert_eq!(node.upstream.last().header("x-key").as_deref(), Some(text), "{value}"),
            Err(code) => {
                let refused = refusal(answered).refused;
                assert_eq!((refused.code(), refused.turn()), (code, sortie_callout::Turn::Admin), "{value}");
                assert!(!refused.to_string().contains("SECRET"), "{refused}");
                assert_eq!(node.upstream.count(), 0);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn headers_that_were_made_once_follow_the_token() {
    // What is prepared for a named credential and a token must go when the token goes.
    let (mut scene, _) = Scene::oauth();
    let credential = scene.definitions.external_credentials[0].id;
    scene.name("Other", "https://other.test", credential);
    scene.last_named().generate_authorization_header = false;
    let alice = scene.user("alice");
    let node = scene.node();
    for round in 1..=3 {
        for (target, arrived) in [("callout:Pay/x", Some(format!("Bearer SECRET-token-{round}"))), ("callout:Other/x", None)] {
            for _ in 0..2 {
                assert_eq!(outcome(&node.get(&alice, target).await), "200");
                assert_eq!(node.upstream.last().header("authorization"), arrived);
            }
        }
        crate::support::advance(3580).await;
    }
}
