#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use serde_json::json;

use super::AwsSts;
use crate::shared::aws_session::session_name;
use crate::shared::sigv4::{HMAC_ALGORITHM, Hex, Moment, PathRule, SigningKey, SigningScope, canonical_request, string_to_sign};
use crate::testing::{NOW, Scripted, settings};
use crate::{Ask, Grant, Material, ObtainError, Proof, Protocol as _, Values, check_settings};

/// The answer in the API reference of AssumeRole, with values of ours.
const ANSWER: &str = r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><SourceIdentity>Alice</SourceIdentity>
<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/demo/alice</Arn><AssumedRoleId>ARO123EXAMPLE123:alice</AssumedRoleId></AssumedRoleUser>
<Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>SECRET-temporary/+&amp;</SecretAccessKey>
<SessionToken>
 SECRET-session/+== </SessionToken><Expiration>2026-11-22T07:24:36Z</Expiration></Credentials><PackedPolicySize>6</PackedPolicySize>
</AssumeRoleResult><ResponseMetadata><RequestId>c6104cbe</RequestId></ResponseMetadata></AssumeRoleResponse>"#;

const KEY: [(&str, &str); 2] = [("access_key_id", "AKIDEXAMPLE"), ("secret_access_key", "SECRET-user")];

fn written() -> serde_json::Value {
    json!({ "region": "eu-central-1", "service": "s3", "role_arn": "arn:aws:iam::123456789012:role/demo", "session_name": "alice@acme" })
}

fn obtain(answer: &'static str, change: impl FnOnce(&mut serde_json::Value)) -> (Result<Grant, ObtainError>, Option<Ask>) {
    let (world, mut written) = (Scripted::new(answer), written());
    change(&mut written);
    let grant = world.obtain(&AwsSts, &settings(written), &KEY);
    (grant, world.asked())
}

#[test]
fn a_role_is_assumed_with_a_signed_question() {
    let (_, asked) = obtain(ANSWER, |written| {
        written["external_id"] = "x 1".into();
        written["session_policy"] = r#"{"Version":"2012-10-17"}"#.into();
    });
    let asked = asked.unwrap();
    assert_eq!(asked.url.to_string(), "https://sts.eu-central-1.amazonaws.com/");
    // Renewals queue for the service that they ask.
    let (settings, values) = (settings(written()), Values::new());
    let material = Material { settings: &settings, values: &values, grant: None, provider: None };
    assert_eq!(AwsSts.asks(material).as_deref(), Some("https://sts.eu-central-1.amazonaws.com/"));
    assert_eq!(
        std::str::from_utf8(asked.body.expose()).unwrap(),
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fdemo&RoleSessionName=alice%40acme\
         &DurationSeconds=3600&ExternalId=x+1&Policy=%7B%22Version%22%3A%222012-10-17%22%7D"
    );
    // Signed again from what was asked, as whoever verifies does.
    let mut headers = asked.headers.clone();
    let authorization = headers.remove("authorization").unwrap();
    headers.insert("host", "sts.eu-central-1.amazonaws.com".parse().unwrap());
    let payload = Hex::sha256(asked.body.expose());
    let canonical = canonical_request("POST", "/", None, &headers, payload.as_str(), PathRule::OTHERS);
    let (moment, scope) = (Moment::of(NOW), SigningScope { region: "eu-central-1", service: "sts" });
    let key = SigningKey::derive(&sortie_model::Secret::new("SECRET-user"), moment.day(), &scope);
    let signature = key.sign(string_to_sign(HMAC_ALGORITHM, &moment, &scope, &canonical));
    let authorization = authorization.to_str().unwrap();
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/eu-central-1/sts/aws4_request, "));
    assert!(authorization.ends_with(&format!("Signature={}", signature.as_str())), "{authorization}");
}

#[test]
fn the_temporary_key_signs_with_its_session_token() {
    let grant = obtain(ANSWER, |_| {}).0.unwrap();
    assert_eq!(grant.parts["secret_access_key"].expose(), "SECRET-temporary/+&");
    // 2026-11-22T06:24:36.789Z to 07:24:36Z: a little less than the hour that was asked for.
    assert_eq!(grant.lifetime, Some(Duration::from_millis(3_599_211)));
    let (settings, values) = (settings(written()), Values::new());
    let Proof::Sign(signer) = AwsSts.prove(Material { settings: &settings, values: &values, grant: Some(&grant), provider: None }).unwrap()
    else {
        panic!("this protocol signs")
    };
    let mut headers = http::HeaderMap::new();
    signer.sign(&http::Method::GET, "/", &mut headers, crate::shared::sigv4::Payload::Unsigned, NOW);
    assert_eq!(headers["x-amz-security-token"], "SECRET-session/+==");
    assert!(headers["authorization"].to_str().unwrap().contains("Credential=ASIAEXAMPLE/20261122/eu-central-1/s3/aws4_request"));
}

#[test]
fn keys_that_are_dead_or_incomplete_are_no_grant() {
    // TOK-20
    for (from, to) in [
        ("2026-11-22T07:24:36Z", "2026-11-22T06:24:36Z"),
        ("2026-11-22T07:24:36Z", "soon"),
        ("<AccessKeyId>ASIAEXAMPLE</AccessKeyId>", ""),
        ("ASIAEXAMPLE", "ASIA EXAMPLE"),
        ("Credentials", "Nothing"),
    ] {
        let answer: &'static str = ANSWER.replace(from, to).leak();
        assert!(matches!(obtain(answer, |_| {}).0, Err(ObtainError::Malformed { .. })), "{to}");
    }
}

#[test]
fn a_role_and_a_key_are_needed() {
    let error = obtain(ANSWER, |written| written["role_arn"] = "".into()).0.unwrap_err();
    assert_eq!(error, ObtainError::NotConfigured { field: "role_arn" });
    let world = Scripted::new(ANSWER);
    let error = world.obtain(&AwsSts, &settings(written()), &[]).unwrap_err();
    assert_eq!((error, world.asked().is_none()), (ObtainError::NotConfigured { field: "secret_access_key" }, true));
}

#[test]
fn the_token_service_of_the_region_is_asked() {
    let url = |change: fn(&mut serde_json::Value)| obtain(ANSWER, change).1.unwrap().url.to_string();
    assert_eq!(url(|written| written["sts_region"] = "us-east-1".into()), "https://sts.us-east-1.amazonaws.com/");
    assert_eq!(url(|written| written["region"] = "cn-north-1".into()), "https://sts.cn-north-1.amazonaws.com.cn/");
    assert_eq!(url(|written| written["sts_endpoint"] = "http://127.0.0.1:5000/".into()), "http://127.0.0.1:5000/");
}

#[test]
fn tags_of_the_session_are_counted_from_one() {
    // As in the example of AssumeRole in the AWS STS API reference.
    let (_, asked) = obtain(ANSWER, |written| {
        written["session_tags"] = json!({ "Project": "Automation", "CostCenter": "12345", "Department": "Ünal & Söhne".replace('&', "+") });
        written["transitive_tag_keys"] = "Project, Department".into();
    });
    let body = String::from_utf8(asked.unwrap().body.expose().to_vec()).unwrap();
    let tags: Vec<&str> = body.split('&').filter(|pair| pair.contains("Tag")).collect();
    let mut keys: Vec<&str> = tags.iter().filter_map(|pair| pair.split_once(".Key=")).map(|(_, key)| key).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["CostCenter", "Department", "Project"]);
    let number = |key: &str| tags.iter().find_map(|pair| pair.strip_prefix("Tags.member.")?.strip_suffix(&format!(".Key={key}"))).unwrap();
    for (key, value) in [("Project", "Automation"), ("CostCenter", "12345"), ("Department", "%C3%9Cnal+%2B+S%C3%B6hne")] {
        assert!(tags.contains(&format!("Tags.member.{}.Value={value}", number(key)).as_str()), "{body}");
    }
    let mut numbers = [number("Project"), number("CostCenter"), number("Department")];
    numbers.sort_unstable();
    assert_eq!(numbers, ["1", "2", "3"]);
    assert_eq!(tags[6..], ["TransitiveTagKeys.member.1=Project", "TransitiveTagKeys.member.2=Department"]);
}

#[test]
fn tags_that_aws_would_refuse_are_not_sent() {
    // What formulas have made of them; as they are written they were checked when they were saved.
    for value in ["a;b".to_owned(), "x".repeat(257)] {
        let (refused, asked) = obtain(ANSWER, |written| written["session_tags"] = json!({ "Team": value }));
        let Err(ObtainError::WrongConfiguration { field: "session_tags", problem }) = refused else { panic!("{refused:?}") };
        assert!(problem.contains("`Team`") && asked.is_none(), "{problem}");
    }
    let transitive = |written: &mut serde_json::Value| {
        written["session_tags"] = json!({ "Team": "a" });
        written["transitive_tag_keys"] = "Team, Project".into();
    };
    let (refused, asked) = obtain(ANSWER, transitive);
    assert!(matches!(refused, Err(ObtainError::WrongConfiguration { field: "transitive_tag_keys", .. })) && asked.is_none());
    let mut saved = written();
    transitive(&mut saved);
    let violations = check_settings(&AwsSts, &settings(saved)).unwrap_err();
    assert_eq!((violations.0[0].field.as_str(), violations.0[0].rule), ("settings.transitive_tag_keys", "tag_key"));
    let violations = check_settings(&AwsSts, &settings(json!({ "session_tags": { "Team": "a;b" } }))).unwrap_err();
    assert_eq!((violations.0[0].field.as_str(), violations.0[0].rule), ("settings.session_tags.Team", "tag_value"));
}

#[test]
fn every_user_name_makes_a_session_name() {
    for (name, session) in [("alice", "alice"), ("a", "a-"), ("", "--"), ("Ünal Öz/1", "-nal--z-1"), (&"x".repeat(70), &"x".repeat(64))] {
        assert_eq!(session_name(name), session);
    }
}
