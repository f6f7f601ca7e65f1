#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use serde_json::json;
use sortie_model::Secret;

use super::AwsAccessKey;
use crate::shared::sigv4::{PathRule, PayloadRule, RequestSigner, TokenPlace};
use crate::testing::settings;
use crate::{Material, Proof, Protocol as _, ProveError, Values, check_settings};

fn prove(written: serde_json::Value, values: &[(&str, &str)]) -> Result<Arc<RequestSigner>, ProveError> {
    let values: Values = values.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
    match AwsAccessKey.prove(Material { settings: &settings(written), values: &values, grant: None, provider: None })? {
        Proof::Sign(signer) => Ok(signer),
        Proof::Place(_) | Proof::Possess(_) => panic!("this protocol signs"),
    }
}

const KEY: [(&str, &str); 2] = [("access_key_id", "AKIDEXAMPLE"), ("secret_access_key", "SECRET-s")];

#[test]
fn s3_has_rules_of_its_own_unless_somebody_says_otherwise() {
    let options = |written| prove(written, &KEY).unwrap().options().clone();
    let s3 = options(json!({ "region": "eu-central-1", "service": "s3" }));
    assert_eq!((s3.paths, s3.payload, s3.max_hashed_bytes), (PathRule::S3, PayloadRule::Streamed, 1 << 20));
    let other = options(json!({ "region": "eu-central-1", "service": "dynamodb" }));
    assert_eq!((other.paths, other.payload, other.token), (PathRule::OTHERS, PayloadRule::Hashed, TokenPlace::Signed));
    let own = options(json!({
        "region": "r", "service": "own", "paths": "encoded_once", "payload": "unsigned", "max_hashed_bytes": 2048, "session_token_place": "appended"
    }));
    assert_eq!(
        (own.paths, own.payload, own.token, own.max_hashed_bytes),
        (PathRule::S3, PayloadRule::Unsigned, TokenPlace::Appended, 2048)
    );
}

#[test]
fn region_and_service_are_never_guessed() {
    // SIG-17
    assert_eq!(prove(json!({ "service": "s3" }), &KEY).unwrap_err(), ProveError::Missing { field: "region" });
    assert_eq!(prove(json!({ "region": "eu-central-1" }), &KEY).unwrap_err(), ProveError::Missing { field: "service" });
}

#[test]
fn what_cannot_stand_in_a_signature_is_refused_when_it_is_saved() {
    for (written, field, rule) in [
        (json!({ "region": "EU Central" }), "settings.region", "scope_format"),
        (json!({ "service": "s3/x" }), "settings.service", "scope_format"),
        (json!({ "max_hashed_bytes": 1 }), "settings.max_hashed_bytes", "setting_range"),
    ] {
        let violations = check_settings(&AwsAccessKey, &settings(written)).unwrap_err();
        assert_eq!((violations.0[0].field.as_str(), violations.0[0].rule), (field, rule));
    }
    for (name, value) in
        [("access_key_id", "AKID/x"), ("access_key_id", ""), ("secret_access_key", "SECRET-s\n"), ("session_token", "SECRET t")]
    {
        let violation = AwsAccessKey.check_value(name, &Secret::new(value)).unwrap_err();
        assert!(!violation.to_string().contains("SECRET"), "{violation}");
    }
}
