//! Group AUTH of the attack catalogue: who calls.
//!
//! Callers have API keys and nothing else yet: AUTH-07 to -12 (JWTs, client certificates) and AUTH-14 to -16 (passwords) do not apply. The timing half of AUTH-02 is
//! not measured here: hashing and comparing take the same steps for an unknown key as for a wrong secret.

use std::time::Duration;

use sortie_model::{Secret, Timestamp, User};

use crate::support::{Answer, Expected, Scene, key_id, request};

use Expected::{Forwarded, Refused};

const NOBODY: Expected = Refused(401, "unauthenticated");

/// A 401 says the same whatever is wrong.
fn is_like_any_other(answer: &Answer, first: &mut Option<String>) {
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    let text = answer.without_date();
    assert_eq!(&text, first.get_or_insert_with(|| text.clone()));
}

#[test]
fn without_a_good_key_every_path_looks_the_same() {
    let mut scene = Scene::new();
    let mut first = None;
    // AUTH-01: below a name that exists, one that does not, a bad one, and where there is nothing.
    for target in ["/callout/Pay/x", "/callout/None/x", "/callout/../x", "/callout/", "/", "/api/v1/users", "/healthz"] {
        let (answer, _) = scene.check("AUTH-01", format!("GET {target} HTTP/1.1\r\nHost: g\r\n\r\n").as_bytes(), NOBODY);
        is_like_any_other(&answer, &mut first);
    }
    let good = scene.key.expose();
    let (other, _) = scene.server.user("bob", &[]);
    let other = scene.server.key(other, None);
    scene.server.settle();
    let middle = |key: &str, part: usize| key.split('_').nth(part).unwrap().to_owned();
    let glued = sealed(&format!("sortie_{}_{}", middle(good, 1), middle(other.expose(), 2)));
    let invented = sealed(&format!("sortie_{}_{}", "A".repeat(12), middle(good, 2)));
    let flipped = format!("{}{}", &good[..good.len() - 1], if good.ends_with('a') { 'b' } else { 'a' });
    for (id, value) in [
        ("AUTH-02", format!("Bearer {flipped}")),
        ("AUTH-02", format!("Bearer {}", &good[..good.len() - 1])),
        ("AUTH-02", format!("Bearer {good}0")),
        ("AUTH-02", format!("Bearer {}", good.to_uppercase())),
        ("AUTH-03", format!("Bearer {glued}")),
        ("", format!("Bearer {invented}")),
        ("", good.to_owned()),
        ("", format!("Basic {good}")),
        ("", format!("Bearer {good} {good}")),
        ("", format!("Bearer,{good}")),
        ("", "Bearer".to_owned()),
        ("", "Bearer ".to_owned()),
        ("", String::new()),
    ] {
        for name in ["Proxy-Authorization", "Authorization"] {
            let text = format!("GET /callout/Pay/x HTTP/1.1\r\nHost: g\r\n{name}: {value}\r\n\r\n");
            let (answer, _) = scene.check(id, text.as_bytes(), NOBODY);
            is_like_any_other(&answer, &mut first);
        }
    }
    assert_eq!(scene.upstream.connections(), 0);
    scene.server.stop();
    let records = scene.server.records();
    for (reason, count) in [("no_key", 7), ("wrong_secret", 2), ("unknown_key", 2), ("not_a_key", 22)] {
        assert_eq!(records.iter().filter(|record| record["reason"] == reason).count(), count, "{reason}");
    }
}

#[test]
fn a_key_that_was_good_is_refused_like_any_other_and_the_audit_says_why() {
    // AUTH-04.
    let mut scene = Scene::new();
    let mut first = None;
    let (server, alice) = (&scene.server, scene.alice);
    let expired = server.key(alice, Some(Timestamp::from_millis(1)));
    let (revoked, late) = (server.key(alice, None), server.key(alice, Some(Timestamp::from_millis(i64::MAX / 2))));
    let (carol, inactive) = server.user("carol", &[scene.callers]);
    let (dave, deleted) = server.user("dave", &[scene.callers]);
    server.settle();
    for key in [&revoked, &late, &inactive, &deleted] {
        assert_eq!(server.get(key, "/callout/Pay/x").verdict(), (200, None));
    }
    let carol = server.runtime.block_on(server.house.store().users().load(carol)).unwrap().unwrap();
    server.change(async |change| {
        change.api_keys().revoke(key_id(&revoked)).await.unwrap();
        change.users().update(&User { is_active: false, ..carol.clone() }).await.unwrap();
        change.users().delete(dave).await.unwrap();
    });
    server.settle();
    for (key, reason) in [(&expired, "key_expired"), (&revoked, "key_revoked"), (&inactive, "user_inactive"), (&deleted, "unknown_key")] {
        let answer = server.get(key, "/callout/Pay/x");
        assert_eq!(answer.verdict(), (401, Some("unauthenticated")), "{reason}");
        server.assert_unmarked(reason, answer.text());
        is_like_any_other(&answer, &mut first);
        server.wait_for_record("refused", |record| record["reason"] == reason);
    }
    assert_eq!(server.get(&late, "/callout/Pay/x").verdict(), (200, None), "others of hers are still good");
    server.change(async |change| change.users().update(&carol).await.unwrap());
    server.settle();
    assert_eq!(server.get(&inactive, "/callout/Pay/x").verdict(), (200, None), "switched on again");
    scene.server.stop();
    scene.server.assert_unmarked("the audit", scene.server.audit());
}

#[test]
fn a_key_that_expires_between_two_requests_of_one_connection_is_refused_from_then_on() {
    let scene = Scene::new();
    let now = scene.server.runtime.block_on(scene.server.house.store().now()).unwrap();
    let key = scene.server.key(scene.alice, Some(now.after(Duration::from_millis(1500))));
    scene.server.settle();
    let mut caller = scene.server.caller();
    let mut call = || {
        caller.send(request(&key, "GET", "/callout/Pay/x", "", ""));
        caller.answer().unwrap().status
    };
    assert_eq!(call(), 200);
    std::thread::sleep(Duration::from_millis(1600));
    assert_eq!(call(), 401);
}

#[test]
fn a_key_anywhere_but_in_its_header_is_no_key_and_is_not_recorded() {
    // AUTH-05.
    let mut scene = Scene::new();
    for (line, target, body) in [
        ("Cookie: sortie={KEY}", "/callout/Pay/x", ""),
        ("Cookie: Authorization=Bearer%20{KEY}", "/callout/Pay/x", ""),
        ("X-Api-Key: {KEY}", "/callout/Pay/x", ""),
        ("Sortie-Authorization: Bearer {KEY}", "/callout/Pay/x", ""),
        ("X: y", "/callout/Pay/x?key={KEY}&access_token={KEY}", ""),
        ("Content-Type: application/x-www-form-urlencoded", "/callout/Pay/x", "access_token={KEY}"),
    ] {
        let length = body.replace("{KEY}", scene.key.expose()).len();
        let text = format!("POST {target} HTTP/1.1\r\nHost: g\r\n{line}\r\nContent-Length: {length}\r\n\r\n{body}");
        scene.check("AUTH-05", text.as_bytes(), NOBODY);
    }
    // Beside a good one it is data: it stays out of the audit, which leaves queries out.
    let answer = scene.server.get(&scene.key, &format!("/callout/Pay/x?key={}", scene.key.expose()));
    assert_eq!(answer.verdict(), (200, None));
    scene.server.stop();
    scene.server.assert_unmarked("the audit", scene.server.audit());
    assert_eq!(scene.upstream.requests().len(), 1);
}

#[test]
fn a_key_given_twice_is_refused_whichever_is_the_good_one() {
    // AUTH-06: never "first wins".
    let scene = Scene::new();
    let twice = Refused(400, "header_invalid");
    let (good, bad) = ("Bearer {KEY}", "Bearer sortie_x");
    for name in ["Authorization", "Proxy-Authorization"] {
        for (first, second) in [(good, bad), (bad, good), (good, good)] {
            let lines = format!("{name}: {first}\r\n{name}: {second}");
            scene.check("AUTH-06", format!("GET /callout/Pay/x HTTP/1.1\r\nHost: g\r\n{lines}\r\n\r\n").as_bytes(), twice);
        }
    }
    // Two for the upstream are no better: it would take one, and we cannot know which.
    scene.check_headers("AUTH-06", "Authorization: Basic YQ==\r\nAuthorization: Basic Yg==", twice);
    // One in each place is not twice: the proxy's is ours, and the other is the upstream's.
    scene.check_headers("AUTH-06", "Authorization: Basic YQ==", Forwarded("/v1/base/x"));
}

#[test]
fn a_header_that_an_inner_proxy_would_believe_changes_nobodys_identity() {
    // AUTH-13.
    let mut scene = Scene::new();
    let lines = "X-Forwarded-User: bob\r\nX-Remote-User: bob\r\nX-Forwarded-Client-Cert: By=x;Subject=\"CN=bob\"";
    let (_, received) = scene.check_headers("AUTH-13", lines, Forwarded("/v1/base/x"));
    let received = received.unwrap();
    assert!(["x-forwarded-user", "x-remote-user", "x-forwarded-client-cert"].iter().all(|name| received.header(name).is_none()));
    scene.server.stop();
    assert!(scene.server.records().iter().all(|record| record["user"] == "alice" || record["event"] != "intent"));
}

#[test]
fn a_key_is_taken_from_either_header_and_the_scheme_has_no_case() {
    let scene = Scene::new();
    for line in ["Authorization: Bearer {KEY}", "Proxy-Authorization: bearer {KEY}", "authorization: BEARER   {KEY}"] {
        scene.check("", format!("GET /callout/Pay/x HTTP/1.1\r\nHost: g\r\n{line}\r\n\r\n").as_bytes(), Forwarded("/v1/base/x"));
    }
    // On one connection each request speaks for itself.
    let mut caller = scene.server.caller();
    for (key, status) in [(&scene.key, 200), (&Secret::new("sortie_x"), 401), (&scene.key, 200)] {
        caller.send(request(key, "GET", "/callout/Pay/x", "", ""));
        assert_eq!(caller.answer().unwrap().status, status);
    }
}

/// Adds the checksum that tells a mistyped key, so that only the database can say no.
fn sealed(key: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = crc32fast::hash(key.trim_start_matches("sortie_").replacen('_', "", 1).as_bytes()) as usize;
    let mut checksum = Vec::new();
    for _ in 0..6 {
        checksum.insert(0, DIGITS[rest % 62]);
        rest /= 62;
    }
    format!("{key}_{}", String::from_utf8(checksum).unwrap())
}
