//! Tokens that an external auth identity provider manages, through the front door: against npm's `oidc-provider`, and against an endpoint that keeps every byte.

use serde_json::{Value, json};
use sortie_metadata::Definition;
use sortie_model::{ApiName, Secret, ServiceUrl};
use sortie_server::manage::Manage;
use sortie_server::manage::apply::{self, Mode, Surroundings, Unlisted};
use sortie_server::manage::provider::set_value;
use sortie_testkit::peers::{OidcClient, OidcProvider};
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::support::{Stage, TestServer};

/// Applies a definition as an admin does, with this secret in the variable `CLIENT_SECRET`.
pub(crate) fn apply(stage: &Stage, text: &str, secret: &'static str) {
    apply_to(&stage.server, text, secret);
}

/// The same on any server.
pub(crate) fn apply_to(server: &TestServer, text: &str, secret: &'static str) {
    let now = server.runtime.block_on(server.house.store().now()).unwrap();
    let definition = Definition::parse("test.yaml", text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let variable = |name: &str| (name == "CLIENT_SECRET").then(|| Secret::new(secret));
    let surroundings = Surroundings { variable: &variable, world: None, directory: std::path::Path::new(".") };
    let manage = Manage::of(&server.house, "operator:tester", now);
    let applied = server.runtime.block_on(apply::apply(&manage, &definition, &surroundings, Mode::Store, Unlisted::Leave));
    applied.unwrap_or_else(|error| panic!("{error}"));
    server.settle();
}

/// The provider `name`, an external credential that it manages, and a named credential, all of the same name.
pub(crate) fn managed(name: &str, token_endpoint: &str, url: &str, more: &str, client: &OidcClient, scope: &str) -> String {
    let place = if client.authentication == "client_secret_post" { "body" } else { "basic" };
    format!(
        "
external_auth_identity_providers:
- name: {name}
  flow: client_credentials
  token_endpoint: {token_endpoint}
  client_authentication: {place}
  values: {{client_id: '{}', client_secret: {{from_environment: CLIENT_SECRET}}}}
{more}
external_credentials:
- name: {name}
  protocol: oauth_managed
  settings: {{external_auth_identity_provider: {name}{scope}}}
  principals: [{{name: Main, sequence_number: 1, enabled_for: {{permission_sets: [Callers]}}}}]
named_credentials: [{{name: {name}, url: '{url}', external_credential: {name}}}]
",
        client.id
    )
}

fn called(stage: &Stage, name: &str) -> Value {
    let answer = stage.get(&format!("/callout/{name}/x"));
    assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn a_real_server_takes_the_client_and_sees_the_parameters() {
    let provider = OidcProvider::start();
    let stage = Stage::new();
    let parameters = "  default_scopes: read
  request_parameters:
  - {request: token, place: body, name: resource, value: 'urn:sortie:two'}
  - {request: token, place: body, name: audience, value: 'a & b'}
  - {request: token, place: query, name: tenant, value: 'k=1'}
  - {request: token, place: header, name: X-Tenant, value: t-1}
  - {request: refresh, place: body, name: later, value: x}";
    for (name, client) in [("Basic", OidcProvider::BASIC), ("Odd", OidcProvider::RESERVED), ("Post", OidcProvider::POST)] {
        let text = managed(name, &provider.token_endpoint(), &provider.api_url(), parameters, &client, "");
        apply(&stage, &text, client.secret);
        let echo = called(&stage, name);
        assert_eq!(
            (&echo["client"], &echo["scope"], &echo["audience"]),
            (&json!(client.id), &json!("read"), &json!("urn:sortie:two")),
            "{name}"
        );
        let asked = provider.log().pop().unwrap();
        assert_eq!(asked.target, "/token?tenant=k%3D1", "{name}");
        assert!(
            asked.headers.iter().any(|(header, value)| header.eq_ignore_ascii_case("x-tenant") && value == "t-1"),
            "{:?}",
            asked.headers
        );
        assert!(asked.body.ends_with("&resource=urn%3Asortie%3Atwo&audience=a+%26+b"), "{}", asked.body);
        assert_eq!((asked.authorization.is_some(), asked.body.contains("client_secret")), (name != "Post", name == "Post"));
    }
    let text = managed("Own", &provider.token_endpoint(), &provider.api_url(), parameters, &OidcProvider::BASIC, ", scope: write");
    apply(&stage, &text, OidcProvider::BASIC.secret);
    assert_eq!(called(&stage, "Own")["scope"], "write", "a scope of its own replaces the default");
    let refused = text.replace("urn:sortie:two", "urn:sortie:nobody");
    apply(&stage, &refused, OidcProvider::BASIC.secret);
    let answer = stage.get("/callout/Own/x");
    assert_eq!(answer.verdict(), (502, Some("token_refused")), "{}", answer.text());
}

#[test]
fn a_rotated_secret_is_used_at_once_and_the_old_token_never_again() {
    let provider = OidcProvider::start();
    let stage = Stage::new();
    let upstream = RecordingUpstream::answering("{}");
    let text = managed("Idp", &provider.token_endpoint(), &upstream.url(), "", &OidcProvider::BASIC, "");
    apply(&stage, &text, "SECRET-wrong");
    assert_eq!(stage.get("/callout/Idp/x").verdict(), (502, Some("token_refused")));
    // No pause is left over from the failure: it was another definition's.
    let server = &stage.server;
    let rotate = |secret: &'static str| {
        let now = server.runtime.block_on(server.house.store().now()).unwrap();
        let (manage, name) = (Manage::of(&server.house, "operator:tester", now), ApiName::parse("Idp").unwrap());
        server.runtime.block_on(set_value(&manage, &name, "client_secret", &Secret::new(secret))).unwrap();
        server.settle();
    };
    rotate(OidcProvider::BASIC.secret);
    called(&stage, "Idp");
    called(&stage, "Idp");
    rotate(OidcProvider::BASIC.secret);
    called(&stage, "Idp");
    let bearers: Vec<String> = upstream.requests().iter().map(|request| request.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(bearers[0], bearers[1]);
    assert_ne!(bearers[1], bearers[2]);
    assert_eq!(provider.log().iter().map(|asked| asked.status).collect::<Vec<_>>(), [Some(401), Some(200), Some(200)]);
}

#[test]
fn an_endpoint_that_is_edited_in_the_database_gets_no_secret() {
    let evil = RecordingUpstream::answering(r#"{"access_token":"SECRET-evil","token_type":"Bearer"}"#);
    let upstream = RecordingUpstream::answering("{}");
    let stage = Stage::new();
    apply(&stage, &managed("Idp", "https://idp.test/token", &upstream.url(), "", &OidcProvider::BASIC, ""), OidcProvider::BASIC.secret);
    let mut provider =
        stage.server.runtime.block_on(stage.server.house.store().definitions()).unwrap().external_auth_identity_providers.remove(0);
    provider.server.token_endpoint = ServiceUrl::parse(&format!("{}/token", evil.url())).unwrap();
    stage.server.change(async |change| change.external_auth_identity_providers().update(&provider).await.unwrap());
    stage.server.settle();
    assert_eq!(stage.get("/callout/Idp/x").code(), Some("secret_tampered"));
    assert_eq!((evil.connections(), upstream.connections()), (0, 0), "NOEVIL");
}

#[test]
fn every_byte_of_a_token_request_is_what_the_definition_says() {
    let endpoint = RecordingUpstream::start(|_| {
        Reply::new(200)
            .header("Content-Type", "application/json")
            .body(r#"{"access_token":"SECRET-token","token_type":"bearer","expires_in":300}"#)
    });
    let upstream = RecordingUpstream::answering("{}");
    let mut stage = Stage::new();
    let parameters = "  request_parameters:
  - {request: token, place: header, name: X-Second, value: '2', sequence_number: 20}
  - {request: token, place: body, name: b, value: 'ü', sequence_number: 30}
  - {request: token, place: header, name: X-First, value: '1', sequence_number: 10}
  - {request: token, place: query, name: q, value: 'x/y', sequence_number: 40}
  - {request: token, place: body, name: a, value: '', sequence_number: 5}
  - {request: authorize, place: query, name: prompt, value: consent}
  - {request: refresh, place: header, name: X-Never, value: x}";
    let token_endpoint = format!("'{}/t/token?tenant=a%2Fb'", endpoint.url());
    apply(&stage, &managed("Idp", &token_endpoint, &upstream.url(), parameters, &OidcProvider::POST, ", scope: 'x y'"), "SECRET-p+q");
    called(&stage, "Idp");
    let asked = endpoint.requests().remove(0);
    assert_eq!(asked.request_line, "POST /t/token?tenant=a%2Fb&q=x%2Fy HTTP/1.1");
    assert_eq!(
        String::from_utf8(asked.body.clone()).unwrap(),
        "grant_type=client_credentials&scope=x+y&client_id=sortie-post&client_secret=SECRET-p%2Bq&a=&b=%C3%BC"
    );
    let mut lines: Vec<String> = asked.header_lines.iter().map(|line| line.to_ascii_lowercase()).collect();
    let (first, second) = (lines.iter().position(|line| line == "x-first: 1"), lines.iter().position(|line| line == "x-second: 2"));
    assert!(first.is_some() && first < second, "{lines:?}");
    lines.sort();
    let (address, length) = (endpoint.address(), asked.body.len());
    assert_eq!(
        lines,
        [
            "accept: application/json".to_owned(),
            format!("content-length: {length}"),
            "content-type: application/x-www-form-urlencoded".to_owned(),
            format!("host: {address}"),
            "user-agent: sortie".to_owned(),
            "x-first: 1".to_owned(),
            "x-second: 2".to_owned(),
        ]
    );
    assert_eq!(upstream.requests()[0].header("authorization"), Some("Bearer SECRET-token"));
    // P1: the secret stands in no answer, record or file.
    stage.server.stop();
    stage.server.assert_unmarked("the audit", stage.server.audit());
    for file in
        std::fs::read_dir(&stage.server.setup.data_directory).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
    {
        stage.server.assert_unmarked(&file.display().to_string(), std::fs::read(&file).unwrap());
    }
}
