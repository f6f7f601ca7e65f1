//! Schemathesis, which nobody here wrote, reads the document and sends what it makes of it: what is right, what is wrong in one place, what is at the edges, and one request after another.
//! Every answer must be as the document says; none may be a failure of ours.
//!
//! `SORTIE_SCHEMATHESIS_EXAMPLES` says how many requests each operation gets at random, beside those that are not left to chance; with 110 of them there are some 20,000 requests in all.

use std::env;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use sortie_model::Secret;
use sortie_testkit::peers::TestDatabase;
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::office::{MARK, Office};

/// Something of every kind, so that not everything is refused because it is not there.
const DEFINITIONS: &str = "
external_credentials:
- name: Billing
  protocol: oauth_client_credentials
  settings: {token_endpoint: 'UPSTREAM/token', client_authentication: body}
  principals:
  - {name: Service, sequence_number: 1, values: {client_id: sortie, client_secret: {from_environment: BILLING}}, enabled_for: {permission_sets: [Callers, Everything]}}
- name: Shop
  protocol: basic
  principals:
  - {name: Service, sequence_number: 1, values: {username: sortie, password: {from_environment: SHOP}}, enabled_for: {permission_sets: [Callers, Everything]}}
  - {name: Me, sequence_number: 2, identity_type: per_user, enabled_for: {permission_sets: [Callers, Everything]}}
- name: Keys
  protocol: custom
  principals: [{name: Main, sequence_number: 1, values: {ApiKey: {from_environment: KEYS}}, enabled_for: {permission_sets: [Everything]}}]
- name: Cloud
  protocol: aws_sts
  settings: {region: eu-central-1, service: s3}
  principals: [{name: Role, sequence_number: 1}, {name: AwsStsPrincipal, sequence_number: 2}]
- name: Files
  protocol: aws_access_key
  settings: {region: eu-central-1, service: s3}
  principals:
  - {name: Main, sequence_number: 1, values: {access_key_id: AKIDEXAMPLE000000001, secret_access_key: {from_environment: FILES}},
     enabled_for: {permission_sets: [Everything]}}
- name: Calendar
  protocol: oauth_browser
  settings: {external_auth_identity_provider: Accounts}
  principals: [{name: Me, sequence_number: 1, identity_type: per_user, enabled_for: {permission_sets: [Everything]}}]
external_auth_identity_providers:
- name: Accounts
  flow: authorization_code
  authorize_endpoint: 'UPSTREAM/authorize'
  token_endpoint: 'UPSTREAM/token'
  values: {client_id: sortie, client_secret: {from_environment: ACCOUNTS}}
auth_providers: [{name: Code, type: github, values: {client_id: sortie}}]
named_credentials:
- {name: Billing, url: 'UPSTREAM', external_credential: Billing}
- {name: Shop, url: 'UPSTREAM', external_credential: Shop}
- {name: Files, url: 'UPSTREAM', external_credential: Files}
";

/// What is sent.
struct Round<'a> {
    key: Option<&'a Secret>,
    /// Of the paths.
    expression: &'a str,
    phases: &'a str,
    /// Left out unless there is patience: what reads the same bodies as others do.
    but: &'a [&'a str],
}

/// How many requests each operation gets at random, if somebody has time.
#[allow(clippy::disallowed_methods, reason = "whoever starts the tests says it")]
fn patience() -> Option<u32> {
    env::var("SORTIE_SCHEMATHESIS_EXAMPLES").ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{text} is no number of requests")))
}

/// What came of it.
struct Outcome {
    requests: u64,
    /// Operations that were not only refused.
    taken: usize,
}

/// Runs a round, in which nothing must be found.
#[allow(clippy::print_stdout, reason = "how much was tried is worth knowing")]
fn run(office: &Office, round: &Round<'_>) -> Outcome {
    let place = tempfile::tempdir().unwrap();
    let report = place.path().join("report.json");
    let mut command = schemathesis();
    command.arg("run").arg(office.url("/api/v1/openapi.json")).args(["--include-path-regex", round.expression]);
    let (phases, but) = if patience().is_some() { ("examples,coverage,fuzzing,stateful", &[][..]) } else { (round.phases, round.but) };
    command.args(but.iter().flat_map(|method| ["--exclude-method", method]));
    command.args(["--phases", phases, "--max-examples", &patience().unwrap_or(3).to_string()]);
    command.args("--seed 1 --output-sanitize false --warnings off --report json --report-json-path".split(' ')).arg(&report);
    if let Some(key) = round.key {
        command.arg("--header").arg(format!("Authorization: Bearer {}", key.expose()));
    }
    let output = command.current_dir(place.path()).output().unwrap_or_else(|error| panic!("this test needs `python3`: {error}"));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    assert_eq!((&report["complete"], &report["errors"], &report["failures"]), (&json!(true), &json!([]), &json!([])));
    let operations = &report["operations"];
    assert_eq!((&operations["tested"], &operations["errored"]), (&operations["selected"], &json!(0)));
    let requests = report["test_cases"]["generated"].as_u64().unwrap();
    let was_taken = |rate: &&Value| rate.as_object().unwrap().values().any(|phase| phase["accepted"].as_u64() > Some(0));
    let taken = report["valid_rates"].as_object().unwrap().values().filter(was_taken).count();
    println!("{requests} requests to {} operations, of which {taken} did what they were asked for", operations["tested"]);
    Outcome { requests, taken }
}

/// The program, with nothing of the machine's own packages, and no files beside ours.
fn schemathesis() -> Command {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (ours, packages) = (home.join("tests/api/schemathesis"), home.join("../../xtask/peers/python"));
    assert!(packages.join("schemathesis").is_dir(), "Schemathesis is not installed: run `cargo xtask peers`");
    let mut command = Command::new("python3");
    command.args(["-s", "-B", "-m", "schemathesis.cli", "--config-file"]).arg(ours.join("config.toml"));
    command.env("SORTIE_SCHEMATHESIS_HOOKS", ours.join("hooks.py")).env("SORTIE_SECRET_MARK", MARK).env("PYTHONPATH", packages);
    command
}

fn office(database: Option<Secret>) -> (Office, RecordingUpstream) {
    let office = Office::open_on(database);
    let upstream =
        RecordingUpstream::start(|_| Reply::new(200).body(r#"{"access_token": "SECRET-token", "token_type": "Bearer", "expires_in": 60}"#));
    office.apply(&DEFINITIONS.replace("UPSTREAM", &upstream.url()));
    (office, upstream)
}

// What is at both mounts gets all phases at one of them only: a minute is long. With patience everything gets everything.

#[test]
fn our_own_resources_are_as_documented() {
    let (office, _upstream) = office(None);
    let (expression, phases) = ("^/api/v1/(?!named-credentials)", "examples,coverage,fuzzing,stateful");
    let Outcome { requests, taken } = run(&office, &Round { key: Some(&office.admin), expression, phases, but: &[] });
    assert!(requests > 1_000 && taken > 25, "{requests} {taken}");
}

#[test]
fn resources_of_salesforce_are_as_documented_where_its_clients_expect_them() {
    // On the other database, which does not take all that the embedded one does.
    let database = TestDatabase::create();
    let (office, _upstream) = office(Some(Secret::new(database.url())));
    let (expression, phases, but) = ("^/services/data", "examples,coverage,fuzzing", &["PUT", "PATCH"]);
    let Outcome { requests, taken } = run(&office, &Round { key: Some(&office.admin), expression, phases, but });
    assert!(requests > 1_000 && taken > 15, "{requests} {taken}");
}

#[test]
fn resources_of_salesforce_are_as_documented_beside_ours() {
    let (office, _upstream) = office(None);
    let (expression, phases) = ("^/api/v1/named-credentials", "examples,fuzzing,stateful");
    let Outcome { requests, taken } = run(&office, &Round { key: Some(&office.admin), expression, phases, but: &[] });
    assert!(requests > 50 && taken > 10, "{requests} {taken}");
}

#[test]
fn without_a_key_everything_is_refused_as_documented() {
    let (office, _upstream) = office(None);
    let Outcome { requests, taken } = run(&office, &Round { key: None, expression: "^/services", phases: "examples,fuzzing", but: &[] });
    assert!(requests > 50 && taken == 1, "{requests} {taken}: the versions are for anybody");
}

#[test]
fn whoever_may_nothing_is_refused_as_documented() {
    let (office, _upstream) = office(None);
    let nobody = office.key("nobody");
    let Outcome { requests, taken } =
        run(&office, &Round { key: Some(&nobody), expression: "^/api", phases: "examples,fuzzing", but: &[] });
    assert!(requests > 100 && taken < 10, "{requests} {taken}");
}
