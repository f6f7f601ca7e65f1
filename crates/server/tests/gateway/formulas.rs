//! Formulas through the front door: what callers send as headers and bodies, streamed and held, and what custom headers are made of.

use sortie_model::CallerFormulas;
use sortie_testkit::upstream::Reply;

use crate::support::{Scene, TestServer, request};

/// Names at the scene's upstream, one for each meaning of `{!`.
fn scene() -> Scene {
    filled(Scene::answering(|_| Reply::new(200).body("ok")))
}

fn filled(scene: Scene) -> Scene {
    for (name, policy) in
        [("Refusing", CallerFormulas::Refused), ("Evaluating", CallerFormulas::Evaluated), ("Literal", CallerFormulas::Literal)]
    {
        scene.server.named_credential_with(name, &scene.upstream.url(), &scene.pay.external, |named| {
            (named.allow_formulas_in_header, named.allow_formulas_in_body) = (policy, policy);
        });
    }
    scene.server.settle();
    scene
}

fn post(scene: &Scene, name: &str, headers: &str, body: &str) -> crate::support::Answer {
    scene.server.request(&scene.key, "POST", &format!("/callout/{name}/x"), headers, body)
}

#[test]
fn a_body_with_formulas_is_what_the_name_says() {
    let scene = scene();
    let body = "{\"user\": \"{!UPPER($User.UserName)}\", \"key\": \"{!HEX(HASH('SHA-256', BLOB($Credential.Pay.Key)))}\"}";
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"SECRET-pay-key");
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let evaluated = format!("{{\"user\": \"ALICE\", \"key\": \"{digest}\"}}");
    let json = "Content-Type: application/json\r\n";
    assert_eq!(post(&scene, "Refusing", json, body).verdict(), (400, Some("formula_not_allowed")));
    assert_eq!(post(&scene, "Literal", json, body).verdict(), (200, None));
    assert_eq!(post(&scene, "Evaluating", json, body).verdict(), (200, None));
    // An image, and something compressed: the two bytes are there by chance.
    for headers in ["Content-Type: image/png\r\n", "Content-Type: application/json\r\nContent-Encoding: gzip\r\n"] {
        assert_eq!(post(&scene, "Refusing", headers, body).verdict(), (200, None), "{headers}");
        assert_eq!(post(&scene, "Evaluating", headers, body).verdict(), (200, None), "{headers}");
    }
    let received = scene.upstream.requests();
    let bodies: Vec<String> = received.iter().map(|received| String::from_utf8_lossy(&received.body).into_owned()).collect();
    // What was refused may have begun to arrive, never with what was refused.
    let whole: Vec<&String> = bodies.iter().filter(|body| !body.is_empty()).collect();
    assert_eq!(whole, [body, evaluated.as_str(), body, body, body, body], "{bodies:?}");
    let evaluated_request = received.iter().find(|received| received.body == evaluated.as_bytes()).unwrap();
    assert_eq!(evaluated_request.header("content-length"), Some(evaluated.len().to_string().as_str()));
}

#[test]
fn a_formula_is_found_wherever_a_stream_is_cut() {
    let scene = scene();
    for pieces in [["a {", "!$User.Id} b"], ["a {!", "$User.Id} b"], ["a {!$User.Id}", " b"], ["aaaa", " {!$User.Id} b"]] {
        let mut caller = scene.server.caller();
        let head = request(&scene.key, "POST", "/callout/Refusing/x", "Transfer-Encoding: chunked\r\nContent-Type: text/plain\r\n", "");
        caller.send(head.as_bytes());
        for piece in pieces {
            let _ = caller.try_send(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes());
            std::thread::sleep(std::time::Duration::from_millis(30));
        }
        let _ = caller.try_send(b"0\r\n\r\n");
        let answer = caller.answer().unwrap();
        assert_eq!(answer.verdict(), (400, Some("formula_not_allowed")), "{pieces:?}");
    }
    assert!(scene.upstream.requests().iter().all(|received| !received.body.windows(2).any(|pair| pair == b"{!")));
    // The same cut, and no formula.
    let mut caller = scene.server.caller();
    caller.send(request(&scene.key, "POST", "/callout/Refusing/x", "Transfer-Encoding: chunked\r\n", "").as_bytes());
    caller.send(b"1\r\n{\r\n1\r\n \r\n1\r\n!\r\n0\r\n\r\n");
    assert_eq!(caller.answer().unwrap().verdict(), (200, None));
    assert_eq!(scene.upstream.requests().last().unwrap().body, b"{ !");
}

#[test]
fn a_body_that_is_held_has_a_limit() {
    // FRM-11, DOS: whether the length is announced or not.
    let scene = scene();
    let large = "x".repeat(1024 * 1024 + 1);
    assert_eq!(post(&scene, "Evaluating", "", &large).verdict(), (413, Some("formula_body_too_large")));
    let mut caller = scene.server.caller();
    caller.send(request(&scene.key, "POST", "/callout/Evaluating/x", "Transfer-Encoding: chunked\r\n", "").as_bytes());
    for _ in 0..17 {
        let _ = caller.try_send(format!("10000\r\n{}\r\n", "x".repeat(0x10000)).as_bytes());
    }
    assert_eq!(caller.answer().unwrap().verdict(), (413, Some("formula_body_too_large")));
    assert_eq!(scene.upstream.requests().len(), 0);
    assert_eq!(post(&scene, "Evaluating", "", &large[1..]).verdict(), (200, None));
    // Where no formula is evaluated, nothing is held.
    assert_eq!(post(&scene, "Refusing", "", &large).verdict(), (200, None));
}

/// A caller who has sent half of a body that is held.
fn halfway(scene: &Scene, half: &str) -> crate::support::Caller {
    let mut caller = scene.server.caller();
    let head = request(&scene.key, "POST", "/callout/Evaluating/x", &format!("Content-Length: {}\r\n", 2 * half.len()), "");
    caller.send(head.as_bytes());
    caller.send(half);
    scene.server.wait_for_record("intent", |_| true);
    // Long enough to be read; what has not come yet is not held.
    std::thread::sleep(std::time::Duration::from_millis(300));
    caller
}

#[test]
fn p19_all_bodies_that_are_held_have_a_limit_together() {
    // FRM-11.
    let server = TestServer::with(None, |config| config.gateway.max_held_bytes = 100_000);
    let scene = filled(Scene::on(server, |_| Reply::new(200).body("ok")));
    let half = "x".repeat(30_000);
    let mut slow = halfway(&scene, &half);
    assert_eq!(post(&scene, "Evaluating", "", &"y".repeat(80_000)).verdict(), (503, Some("held_bodies_full")));
    assert_eq!(post(&scene, "Evaluating", "", &"y".repeat(60_000)).verdict(), (200, None));
    assert_eq!(post(&scene, "Literal", "", &"y".repeat(1 << 20)).verdict(), (200, None), "a body that streams takes no room");
    slow.send(&half);
    assert_eq!(slow.answer().unwrap().verdict(), (200, None));
    assert_eq!(post(&scene, "Evaluating", "", &"y".repeat(80_000)).verdict(), (200, None));
}

#[test]
fn p17_a_key_that_is_revoked_while_its_body_is_held_sends_nothing() {
    // AZ-13: whoever sends slowly does not call longer than others.
    let scene = scene();
    let mut slow = halfway(&scene, "half");
    scene.server.change(async |change| change.api_keys().revoke(crate::support::key_id(&scene.key)).await.unwrap());
    scene.server.settle();
    slow.send("half");
    assert_eq!(slow.answer().unwrap().verdict(), (403, Some("not_permitted")));
    assert_eq!(scene.upstream.requests().len(), 0);
    scene.server.wait_for_record("result", |record| record["code"] == "not_permitted");
}

#[test]
fn a_callers_header_is_evaluated_where_the_name_allows_it() {
    let scene = scene();
    let get = |name: &str, value: &str| {
        scene.server.request(&scene.key, "GET", &format!("/callout/{name}/x"), &format!("X-Mine: {value}\r\n"), "")
    };
    assert_eq!(get("Evaluating", "by {!$User.UserName} with {!LEFT('abc', 2)}").verdict(), (200, None));
    assert_eq!(scene.upstream.requests()[0].header("x-mine"), Some("by alice with ab"));
    assert_eq!(get("Literal", "{!$User.UserName}").verdict(), (200, None));
    assert_eq!(scene.upstream.requests()[1].header("x-mine"), Some("{!$User.UserName}"));
    for (value, status, code) in [
        ("{!FLOR(1)}", 400, "formula_unknown_function"),
        ("{!$User.Title}", 400, "formula_unresolved"),
        ("{!$Credential.Other.Key}", 400, "formula_unavailable"),
        ("{!IF($Credential.Pay.Key = 'a', 'b', 'c')}", 400, "formula_inspects_secret"),
        ("{!'a\\nb'}", 400, "formula_not_a_header"),
        ("{!SIGN_WITH_CERTIFICATE('RSA-SHA256', BLOB('a'), 'C')}", 400, "formula_type"),
        ("{!HEX(SIGN_WITH_CERTIFICATE('RSA-SHA256', BLOB('a'), 'C'))}", 400, "formula_unavailable"),
    ] {
        let answer = get("Evaluating", value);
        assert_eq!(answer.verdict(), (status, Some(code)), "{value}: {}", answer.text());
    }
    assert_eq!(scene.upstream.requests().len(), 2);
}
