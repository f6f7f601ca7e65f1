#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;

/// Every code and place at which these claims are refused.
fn refusals(claims: Value) -> Vec<(String, &'static str)> {
    let violations = Claims::parse(&claims).err().unwrap_or_default();
    violations.0.into_iter().map(|violation| (violation.field, violation.rule)).collect()
}

fn body(claims: Value) -> Map<String, Value> {
    Claims::parse(&json!({ "body": claims })).unwrap().evaluate(1_795_328_676_789).unwrap().body
}

#[test]
fn a_value_keeps_the_type_in_which_it_is_written() {
    let written = json!({ "a": "3", "b": 3, "c": true, "d": ["x", 1], "e": { "f": "[1]" }, "g": "{\"h\":1}", "i": 1.5 });
    assert_eq!(Value::Object(body(written.clone())), written);
}

#[test]
fn formulas_over_the_clock_are_texts_wherever_they_stand() {
    let evaluated = body(json!({ "day": "{!Text(TODAY())}", "list": ["{!1 + 1}", { "deep": "a{!UPPER(\"b\")}" }] }));
    assert_eq!(Value::Object(evaluated), json!({ "day": "2026-11-22", "list": ["2", { "deep": "aB" }] }));
}

#[test]
fn what_a_user_is_called_is_a_text_and_nothing_else() {
    // FRM-02, and the same for formulas and for JSON in an audience.
    let claims = Claims::parse(&json!({ "body": {
        "sub": "{!$User.Email}", "aud": "[\"{!$User.Site}\", \"b\"]", "iss": "x", "groups": ["g", "{!$User.Email}"], "at": "{!Text(TODAY())}",
    }}))
    .unwrap();
    let evil = ["{!NOW()} {!", "x\", \"y", "a\" , \"role\":\"admin", "\u{1}\r\n\\"];
    let places: Vec<String> = claims.caller_formulas().map(|(place, _)| place).collect();
    assert_eq!(places, ["body.aud[0]", "body.groups[1]", "body.sub"]);
    for text in evil {
        let filled = Claims::parse(&claims.fill([text, text, text])).unwrap();
        assert_eq!(filled.caller_formulas().count(), 0);
        let evaluated = filled.evaluate(0).unwrap().body;
        let expected = json!({ "sub": text, "aud": [text, "b"], "iss": "x", "groups": ["g", text], "at": "1970-01-01" });
        assert_eq!(Value::Object(evaluated), expected);
    }
}

#[test]
fn a_single_audience_that_looks_like_json_stays_one_after_it_is_filled_in() {
    let claims = Claims::parse(&json!({ "body": { "aud": "{!$User.Site}" } })).unwrap();
    for text in ["\"x\"", "[\"x\",\"y\"]", "[", "\""] {
        let filled = claims.fill([text]);
        let evaluated = Claims::parse(&filled).map(|claims| claims.evaluate(0).unwrap().body);
        assert_eq!(evaluated.unwrap()["aud"], json!(text), "{text}");
    }
}

#[test]
fn a_formula_of_the_callers_that_was_not_filled_in_is_never_sent() {
    let claims = Claims::parse(&json!({ "body": { "sub": "{!$User.Email}" } })).unwrap();
    let fault = claims.evaluate(0).unwrap_err();
    assert_eq!((fault.claim.as_str(), fault.fault.code()), ("body.sub", "formula_unavailable"));
}

#[test]
fn an_audience_is_a_text_or_a_list_also_as_json_in_a_text() {
    for (written, expected) in [
        (json!("https://a"), json!("https://a")),
        (json!("\"https://a\""), json!("https://a")),
        (json!("[\"a\",\"b\"]"), json!(["a", "b"])),
        (json!(["a", "b"]), json!(["a", "b"])),
        (json!("\"{!UPPER(\\\"a\\\")}\""), json!("A")),
    ] {
        assert_eq!(body(json!({ "aud": written }))["aud"], expected);
    }
    for wrong in [
        json!("\"a"),
        json!("[\"a\",]"),
        json!("[1]"),
        json!("[]"),
        json!([]),
        json!(""),
        json!(5),
        json!({ "a": 1 }),
        json!(null),
        json!("[[\"a\"]]"),
    ] {
        assert_eq!(refusals(json!({ "body": { "aud": wrong } })), [("body.aud".to_owned(), "claim_value")], "{wrong}");
    }
}

#[test]
fn what_decides_how_a_token_is_verified_cannot_be_written() {
    // SIG-03 and SIG-04.
    for name in ["alg", "ALG", "crit", "b64", "jku", "jwk", "x5u", "x5c", "zip", "enc"] {
        assert_eq!(refusals(json!({ "header": { name: "none" } })), [(format!("header.{name}"), "claim_name")]);
    }
    for name in ["jti", "Aud", "EXP", "Iss", "", "a\nb", &"x".repeat(257)] {
        let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
        assert_eq!(refusals(json!({ "body": { name: "x" } })), [(format!("body.{shown}"), "claim_name")]);
    }
    assert_eq!(refusals(json!({ "header": { "kid": "k", "typ": "at+jwt", "x5t#S256": "x" }, "body": { "https://x/y": 1 } })), []);
}

#[test]
fn registered_claims_are_what_the_rfc_says() {
    let refused = |part: &str, name: &str, value: Value| refusals(json!({ part: { name: value } }));
    for (part, name, value) in [
        ("header", "kid", json!("")),
        ("header", "kid", json!(5)),
        ("header", "typ", json!(null)),
        ("body", "iss", json!("")),
        ("body", "sub", json!(["a"])),
        ("body", "sub", json!(null)),
        ("body", "exp", json!(null)),
        ("body", "exp", json!(1_795_328_676)),
        ("body", "exp", json!("1795328676")),
        ("body", "exp", json!("{!Text(5)}")),
        ("body", "iat", json!(5)),
        ("body", "other", json!(null)),
    ] {
        assert_eq!(refused(part, name, value.clone()), [(format!("{part}.{name}"), "claim_value")], "{name} {value}");
    }
    assert_eq!(refusals(json!({ "header": { "kid": null }, "body": { "iat": null, "nbf": null } })), []);
}

#[test]
fn a_formula_may_read_the_caller_or_the_clock_and_nothing_else() {
    let refused = |value: &str| refusals(json!({ "body": { "x": value } }));
    for wrong in [
        "{!$User.Email & Text(NOW())}",
        "{!$Organization.Id & Text(TODAY())}",
        "{!$Credential.Ec.Key}",
        "{!$Credential.Password}",
        "{!$Credential.AuthorizationHeaderValue}",
    ] {
        assert_eq!(refused(wrong), [("body.x".to_owned(), "formula_not_here")], "{wrong}");
    }
    assert_eq!(refused("{!Nonsense(")[0].0, "body.x");
    for right in ["{!$User.Email}", "{!$Profile.Name & $Organization.Name}", "{!Text(NOW())}", "{!\"a\"}"] {
        assert_eq!(refused(right), [], "{right}");
    }
}

#[test]
fn anything_but_two_objects_is_refused() {
    for wrong in [json!([]), json!("x"), json!({ "header": [] }), json!({ "body": null }), json!({ "Body": {} }), json!({ "payload": {} })]
    {
        assert_eq!(refusals(wrong.clone()).iter().map(|(_, rule)| *rule).collect::<Vec<_>>(), ["claims_kind"], "{wrong}");
    }
    let mut deep = json!("x");
    for _ in 0..40 {
        deep = json!([deep]);
    }
    assert_eq!(refusals(json!({ "body": { "x": deep } })).len(), 1);
    assert!(Claims::parse(&json!({ "header": {}, "body": {} })).unwrap().is_empty());
}
