#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use jsonwebtoken::{Algorithm, Validation};
use serde_json::{Value, json};
use sortie_model::Settings;

use super::Jwt;
use crate::testing::{NOW, Scripted, TestKey, settings};
use crate::{Grant, Material, ObtainError, Protocol as _, SignerError, Values, check_settings};

/// What real definitions hold for `exp`; the other two have it without the addend.
const REAL_EXP: &str = r#"{!Text(FLOOR((NOW() - DATETIMEVALUE( "1970-01-01 00:00:00" )) * 86400 + 120))}"#;
const REAL_IAT: &str = r#"{!Text(FLOOR((NOW() - DATETIMEVALUE( "1970-01-01 00:00:00" )) * 86400))}"#;

fn obtain(settings: &Settings) -> (Result<Grant, ObtainError>, Scripted) {
    let world = Scripted::new("").with(TestKey::p256());
    (world.obtain(&Jwt, settings, &[]), world)
}

/// Header and body of the token that these settings make, as an independent library reads and verifies them.
fn token(mut settings: Settings) -> (Value, Value) {
    settings.insert("signing_certificate".to_owned(), "Key".into());
    settings.insert("signing_algorithm".to_owned(), "ES256".into());
    check_settings(&Jwt, &settings).unwrap();
    let (grant, world) = obtain(&settings);
    let token = grant.unwrap().parts["jwt"].clone();
    let mut validation = Validation::new(Algorithm::ES256);
    // The clock stands still in 2026, and the library's does not.
    (validation.validate_exp, validation.validate_aud) = (false, false);
    let read = jsonwebtoken::decode::<Value>(token.expose(), &world.verifier(), &validation).unwrap();
    (serde_json::to_value(read.header).unwrap(), read.claims)
}

fn refused(settings: &Settings) -> String {
    obtain(settings).0.unwrap_err().to_string()
}

fn signing(claims: Value) -> Settings {
    settings(json!({ "signing_certificate": "Key", "signing_algorithm": "ES256", "claims": claims }))
}

#[test]
fn without_claims_a_token_says_when_and_nothing_else() {
    let (header, body) = token(Settings::new());
    assert_eq!(header, json!({ "typ": "JWT", "alg": "ES256", "kid": "test-key" }));
    assert_eq!(body, json!({ "iat": 1_795_328_676, "nbf": 1_795_328_676, "exp": 1_795_328_796 }));
}

#[test]
fn claims_stand_where_they_are_written() {
    let (header, body) = token(settings(json!({
        "expiration_seconds": 3600, "token_id": "random",
        "claims": { "header": { "kid": "other" }, "body": { "iss": "me", "sub": "you", "aud": "[\"a\",\"b\"]", "level": 3, "day": "{!Text(TODAY())}" } },
    })));
    assert_eq!(header["kid"], "other");
    let expected = json!({
        "iat": 1_795_328_676, "nbf": 1_795_328_676, "exp": 1_795_332_276, "jti": "AAAAAAAAAAAAAAAAAAAAAA",
        "iss": "me", "sub": "you", "aud": ["a", "b"], "level": 3, "day": "2026-11-22",
    });
    assert_eq!(body, expected);
}

#[test]
fn the_formulas_of_real_definitions_give_numbers() {
    let claims = json!({ "body": { "iss": "a", "sub": "b", "aud": "c", "exp": REAL_EXP, "iat": REAL_IAT, "nbf": REAL_IAT } });
    let (_, body) = token(settings(json!({ "expiration_seconds": 600, "claims": claims })));
    assert_eq!([&body["iat"], &body["nbf"], &body["exp"]], [1_795_328_676, 1_795_328_676, 1_795_328_796]);
}

#[test]
fn key_id_and_the_two_beginnings_can_be_left_out() {
    let claims = json!({ "header": { "kid": null }, "body": { "iss": "a", "sub": "b", "aud": "c", "nbf": null, "iat": null } });
    let (header, body) = token(settings(json!({ "claims": claims })));
    assert!(header.get("kid").is_none_or(Value::is_null));
    assert_eq!(body, json!({ "iss": "a", "sub": "b", "aud": "c", "exp": 1_795_328_796 }));
}

#[test]
fn the_grant_lives_exactly_as_long_as_the_token() {
    let grant = obtain(&signing(json!({}))).0.unwrap();
    // `exp` counts from the whole second, 789 ms ago.
    assert_eq!(grant.lifetime, Some(Duration::from_millis(119_211)));
    assert_eq!(NOW.after(grant.lifetime.unwrap()).as_millis(), 1_795_328_796_000);
    let proof = Jwt.prove(Material { settings: &Settings::new(), values: &Values::new(), grant: Some(&grant), provider: None }).unwrap();
    let headers = proof.placed();
    assert_eq!(headers[0].1, format!("Bearer {}", grant.parts["jwt"].expose()));
    assert!(headers[0].1.is_sensitive());
}

#[test]
fn each_token_has_an_id_of_its_own() {
    let world = Scripted::new("").with(TestKey::p256());
    let mut settings = signing(json!({}));
    settings.insert("token_id".to_owned(), "random".into());
    let [first, second] =
        [(); 2].map(|()| world.obtain(&Jwt, &settings, &[]).unwrap().parts["jwt"].expose().split('.').nth(1).unwrap().to_owned());
    assert_ne!(first, second);
}

#[test]
fn a_token_lives_for_an_hour_at_most() {
    let exp = |seconds: i64| REAL_EXP.replace("120", &seconds.to_string());
    for (formula, is_right) in
        [(exp(1), true), (exp(3600), true), (exp(3601), false), (exp(0), false), ("{!Text(NOW())}".to_owned(), false)]
    {
        let claims = json!({ "body": { "iss": "a", "sub": "b", "aud": "c", "exp": formula } });
        assert_eq!(obtain(&signing(claims)).0.is_ok(), is_right, "{formula}");
    }
}

#[test]
fn three_claims_are_all_absent_or_all_present() {
    let missing = |claims: Value| {
        let violations = check_settings(&Jwt, &signing(claims)).err().unwrap_or_default();
        violations.0.into_iter().map(|violation| (violation.field, violation.rule)).collect::<Vec<_>>()
    };
    let incomplete = [("settings.claims.body".to_owned(), "claims_incomplete")];
    assert_eq!(missing(json!({})), []);
    assert_eq!(missing(json!({ "body": { "iss": "a", "sub": "b", "aud": "c" } })), []);
    for claims in [json!({ "iss": "a" }), json!({ "iss": "a", "sub": "b" }), json!({ "sub": "b", "aud": "c" }), json!({ "role": "x" })] {
        assert_eq!(missing(json!({ "body": claims })), incomplete);
    }
    assert_eq!(missing(json!({ "header": { "kid": null } })), incomplete);
}

#[test]
fn settings_are_refused_by_table() {
    let refused = |name: &str, value: Value| {
        let settings = settings(json!({ name: value }));
        check_settings(&Jwt, &settings).err().map(|violations| violations.0[0].rule)
    };
    for wrong in ["none", "HS256", "RS1", "rs256", "ES384", ""] {
        assert_eq!(refused("signing_algorithm", wrong.into()), Some("setting_choice"), "{wrong}"); // SIG-03
    }
    for wrong in [json!(59), json!(3601), json!(-1), json!(120.5), json!("two"), json!(null), json!(true), json!("")] {
        assert_eq!(refused("expiration_seconds", wrong.clone()), Some("setting_range"), "{wrong}"); // SIG-02
    }
    for right in [json!(60), json!(3600), json!("120")] {
        assert_eq!(refused("expiration_seconds", right), None);
    }
    assert_eq!(refused("signing_certificate", json!("a b")), Some("name_format"));
    assert_eq!(refused("claims", json!("x")), Some("claims_kind"));
    assert_eq!(refused("audience", json!("x")), Some("setting_unknown"));
}

#[test]
fn a_key_that_cannot_sign_is_told_by_whose_turn_it_is() {
    assert_eq!(refused(&Settings::new()), "`signing_certificate` is not set");
    assert_eq!(
        refused(&settings(json!({ "signing_certificate": "Nobody" }))),
        "`signing_certificate` names a certificate that does not exist"
    );
    // SIG-06: RS256, the default, with an elliptic key.
    assert_eq!(
        refused(&settings(json!({ "signing_certificate": "Key" }))),
        "`signing_algorithm` does not fit the key of the signing certificate"
    );
    for (error, code, is_retryable) in [
        (SignerError::NoStore, "credential_misconfigured", false),
        (SignerError::NotYetUsable, "credential_misconfigured", false),
        (SignerError::Expired, "credential_misconfigured", false),
        (SignerError::Unavailable, "store_unavailable", true),
        (SignerError::Sealed, "sealed", false),
    ] {
        let mut world = Scripted::new("");
        world.certificates.insert("Key", Err(error));
        let refused = world.obtain(&Jwt, &signing(json!({})), &[]).unwrap_err();
        assert_eq!((refused.code(), refused.is_retryable()), (code, is_retryable));
    }
}

#[test]
fn wrong_claims_are_named() {
    let identity = |exp: &str| signing(json!({ "body": { "iss": "a", "sub": "b", "aud": "c", "exp": exp } }));
    assert_eq!(refused(&identity("{!Text(TODAY())}")), "`claims` are wrong: `body.exp` must give a number of seconds since 1970-01-01");
    assert_eq!(refused(&identity(REAL_IAT)), "`claims` are wrong: `body.exp` must be a moment within the next 3600 seconds");
    // As a definition that was edited in the database, or the empty text of a user.
    let claims = json!({ "body": { "iss": "a", "sub": "", "aud": "c" } });
    assert_eq!(refused(&signing(claims)), "`claims` are wrong: `body.sub` must be a text that is not empty");
    let claims = json!({ "body": { "iss": "a", "sub": "{!$User.Email}", "aud": "c" } });
    assert_eq!(
        refused(&signing(claims)),
        "`claims` are wrong: `body.sub`: `$User.Email` is not available: a token is signed without a caller"
    );
}
