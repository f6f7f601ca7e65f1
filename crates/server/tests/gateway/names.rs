//! Group NAME of the attack catalogue: how a caller may write a name.
//!
//! NAME-01, -03, -04, -08 and -09 are about making objects: `sortie-model` and `sortie-store` refuse them, and their tests say so. Here stands what a caller gets
//! who only asks for such a name. NAME-07 needs identity providers for users, of which there are none yet.

use crate::support::{Expected, Scene};

use Expected::{Forwarded, Refused};

#[test]
fn a_name_is_found_only_as_it_is_written_but_for_the_case_of_letters() {
    let scene = Scene::new();
    let unknown = Refused(403, "not_permitted");
    let invalid = Refused(400, "target_invalid");
    let long = format!("/callout/{}/x", "a".repeat(81));
    let cases: &[(&str, &[u8], Expected)] = &[
        ("NAME-02", b"/callout/Pay/x", Forwarded("/v1/base/x")),
        // The documented behaviour: the case of ASCII letters does not count, in the look-up as in uniqueness (NAME-01).
        ("NAME-02", b"/callout/PAY/x", Forwarded("/v1/base/x")),
        ("NAME-02", b"/callout/pAy/x", Forwarded("/v1/base/x")),
        // Unicode's case does: U+017F and U+212A fold to `s` and `k` elsewhere.
        ("NAME-03", "/callout/p\u{430}y/x".as_bytes(), invalid),
        ("NAME-03", "/callout/Pa\u{17f}/x".as_bytes(), invalid),
        ("NAME-03", b"/callout/p%D0%B0y/x", invalid),
        ("NAME-04", b"/callout/a__b/x", unknown),
        ("NAME-04", b"/callout/a_/x", unknown),
        ("NAME-04", b"/callout/_a/x", unknown),
        ("NAME-04", b"/callout/1a/x", unknown),
        ("NAME-04", b"/callout/a-b/x", invalid),
        ("NAME-04", b"/callout//x", invalid),
        ("NAME-04", b"/callout/", invalid),
        ("NAME-04", long.as_bytes(), invalid),
        ("NAME-05", b"/callout/P%61y/x", invalid),
        ("NAME-05", b"/callout/Pay%5f/x", invalid),
        ("NAME-06", b"/callout/../x", invalid),
        ("NAME-06", b"/callout/./x", invalid),
        ("NAME-06", b"/callout/%2e%2e/x", invalid),
        // Names live below /callout/ and collide with no path of ours, so that none is reserved.
        ("NAME-06", b"/callout/api/x", unknown),
        ("NAME-06", b"/callout/healthz/x", unknown),
        ("NAME-06", b"/callout/callout/x", unknown),
        ("NAME-08", b"/callout/Pay:*/x", invalid),
        ("NAME-08", b"/callout/Pay*/x", invalid),
    ];
    for (id, target, expected) in cases {
        scene.check_target(id, target, *expected);
    }
    assert_eq!(scene.upstream.requests().len(), 3);
}

#[test]
fn the_audit_names_the_stored_object_however_it_was_written() {
    // NAME-02: one name, one object (P7).
    let mut scene = Scene::new();
    for target in ["/callout/PAY/x", "/callout/pay/x"] {
        scene.check_target("NAME-02", target, Forwarded("/v1/base/x"));
    }
    scene.server.stop();
    let records = scene.server.records();
    let names: Vec<_> = records.iter().filter(|record| record["event"] == "intent").map(|record| &record["named_credential"]).collect();
    assert_eq!(names, ["Pay", "Pay"]);
}

#[test]
fn only_callouts_live_at_the_gateway() {
    // LEAK-10: nothing for developers or operators stands on the callers' listener.
    let scene = Scene::new();
    for target in [
        "/",
        "/callout",
        "/Callout/Pay/x",
        "/CALLOUT/Pay/x",
        "//callout/Pay/x",
        "/healthz",
        "/readyz",
        "/metrics",
        "/debug",
        "/env",
        "/api/v1",
    ] {
        scene.check_target("LEAK-10", target, Refused(404, "not_found"));
    }
    assert_eq!(scene.upstream.connections(), 0);
}
