//! What is understood.

use std::path::PathBuf;

use sortie_metadata::{Definition, ValueSource};
use sortie_model::{ApiName, IdentityType, RenewalRule, Secret, Timeouts};

const WHOLE: &str = r#"
profiles:
  - {name: Staff, label: Our staff}
permission_sets:
  - name: Billing_Readers
    description: |
      May read invoices.
users:
  - name: alice@example.com
    profile: Staff
    permission_sets: [Billing_Readers]
    active: false
    attributes: {Email: alice@example.com}
  - name: bob
    profile: null
    permission_sets: []
external_auth_identity_providers:
  - name: Okta
    label: Our Okta
    flow: authorization_code
    client_authentication: body
    authorize_endpoint: https://login.test/authorize
    user_info_endpoint: https://login.test/me
    pkce: true
    issuer: https://login.test/
    default_scopes: openid email
    request_parameters:
      - {request: token, place: body, name: audience, value: a, sequence_number: 9, description: whose}
      - {request: authorize, place: query, name: prompt, value: consent}
    values: {client_id: my-client, client_secret: {from_environment: OKTA_SECRET}}
external_credentials:
  - name: Billing
    protocol: oauth_client_credentials
    settings: {token_endpoint: https://login.test/token, scope: read}
    additional_status_codes: [403, 498]
    renewal_rules:
      - {status: 200, pointer: /errors/0/code, equals: 602}
      - {status: 403, header: X-Token-State, equals: stale}
    headers:
      - {name: X-Second, value: two, sequence_number: 9}
      - &key {name: X-Api-Key, value: "{!$Credential.Billing.Key}"}
    principals:
      - name: Service
        sequence_number: 1
        enabled_for: {permission_sets: [Billing_Readers], profiles: []}
        values:
          client_id: my-client
          client_secret: {from_environment: BILLING_SECRET}
          Key: {from_file: keys/billing}
      - {name: Fall back, sequence_number: 2, identity_type: per_user}
named_credentials:
  - name: Billing
    label: Billing, version 2
    url: HTTPS://API.test/v2/
    external_credential: billing
    client_certificate: Bank
    enabled: false
    generate_authorization_header: false
    allow_formulas_in_body: false
    forwarded_headers: [Cookie, x-ms-version]
    headers: [*key]
    timeouts: {answer_ms: 5000}
"#;

fn whole() -> Definition {
    Definition::parse("whole.yaml", WHOLE).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn name(text: &str) -> ApiName {
    ApiName::parse(text).unwrap()
}

#[test]
fn users_state_what_they_state_and_nothing_else() {
    let definition = whole();
    let [alice, bob] = &definition.users[..] else { panic!("two users") };
    assert_eq!(alice.profile, Some(Some(name("Staff"))));
    assert_eq!(alice.permission_sets, Some(vec![name("Billing_Readers")]));
    assert_eq!(alice.is_active, Some(false));
    assert_eq!(alice.attributes.as_ref().unwrap()["Email"], "alice@example.com");
    assert_eq!((&bob.profile, &bob.permission_sets, &bob.is_active, &bob.attributes), (&Some(None), &Some(vec![]), &None, &None));
}

#[test]
fn external_credentials_and_principals_are_read() {
    let definition = whole();
    let credential = &definition.external_credentials[0];
    assert_eq!((credential.name.as_str(), credential.label.as_str()), ("Billing", "Billing"));
    assert_eq!(credential.settings["scope"], "read");
    assert_eq!(credential.additional_status_codes.as_slice(), [403, 498]);
    let rules =
        [RenewalRule::of_pointer(200, "/errors/0/code", "602").unwrap(), RenewalRule::of_header(403, "x-token-state", "stale").unwrap()];
    assert_eq!(credential.renewal_rules, rules);
    let headers: Vec<_> = credential.headers.iter().map(|header| (header.name.as_str(), header.sequence_number)).collect();
    assert_eq!(headers, [("x-api-key", 2), ("x-second", 9)]);
    let [service, fallback] = &credential.principals[..] else { panic!("two principals") };
    assert_eq!((service.identity_type, fallback.identity_type), (IdentityType::Named, IdentityType::PerUser));
    assert_eq!((&service.permission_sets, &service.profiles), (&Some(vec![name("Billing_Readers")]), &Some(vec![])));
    assert_eq!((&fallback.permission_sets, &fallback.profiles), (&None, &None));
    assert_eq!(service.values["client_id"], ValueSource::Literal(Secret::new("my-client")));
    assert_eq!(service.values["client_secret"], ValueSource::Environment("BILLING_SECRET".to_owned()));
    assert_eq!(service.values["Key"], ValueSource::File(PathBuf::from("keys/billing")));
}

#[test]
fn named_credentials_are_read() {
    let definition = whole();
    let named = &definition.named_credentials[0];
    assert_eq!(named.label.as_str(), "Billing, version 2");
    assert_eq!(named.url.to_string(), "https://api.test/v2");
    assert_eq!(named.client_certificate, Some(name("Bank")));
    assert!(!named.is_enabled && !named.generate_authorization_header);
    assert_eq!(named.forwarded_headers, ["cookie", "x-ms-version"]);
    assert_eq!(named.headers.len(), 1);
    assert_eq!(named.timeouts, Timeouts { answer_ms: 5000, ..Timeouts::default() });
}

#[test]
fn what_shows_later_still_has_its_place() {
    let problem = whole().problem("external_credentials[0].settings.token_endpoint", "setting_choice", "is wrong");
    assert_eq!(problem.to_string(), "whole.yaml:34:32: `external_credentials[0].settings.token_endpoint` is wrong");
    // The nearest thing around it, where the field itself does not stand in the file.
    let problem = whole().problem("external_credentials[0].principals[1].values.password", "required", "is required");
    assert_eq!((problem.place.line, problem.place.column), (50, 9));
}

#[test]
fn words_that_old_yaml_read_as_truth_values_are_words() {
    let definition = Definition::parse("-", "permission_sets: [{name: no}, {name: on}]").unwrap();
    assert_eq!(definition.permission_sets[0].name, name("no"));
}

#[test]
fn a_setting_may_be_anything_and_knows_where_its_parts_stand() {
    let text = "
external_credentials:
  - name: Reports
    protocol: jwt
    settings:
      expiration_seconds: 300
      claims:
        header: {kid: null}
        body:
          https://example.com/roles: [reader, \"{!$User.Department}\"]
          level: 3
          admin: true
          rate: 1.5
          deep: {a: {b: \"7\"}}
";
    let definition = Definition::parse("x.yaml", text).unwrap();
    let expected = serde_json::json!({
        "header": { "kid": null },
        "body": { "https://example.com/roles": ["reader", "{!$User.Department}"], "level": 3, "admin": true, "rate": 1.5, "deep": { "a": { "b": "7" } } },
    });
    let settings = &definition.external_credentials[0].settings;
    assert_eq!((&settings["claims"], &settings["expiration_seconds"]), (&expected, &300.into()));
    for (path, line) in [("body.deep.a.b", 14), ("body.https://example.com/roles[1]", 10), ("header.kid", 8), ("body.nothing", 10)] {
        let problem = definition.problem(&format!("external_credentials[0].settings.claims.{path}"), "x", "");
        assert_eq!(problem.place.line, line, "{path}");
    }
}

#[test]
fn an_external_auth_identity_provider_is_read_whole() {
    let definition = whole();
    let okta = &definition.external_auth_identity_providers[0];
    assert_eq!((okta.name.as_str(), okta.label.as_str(), okta.description.as_str()), ("Okta", "Our Okta", ""));
    assert_eq!((okta.flow.as_str(), okta.client_authentication.as_str(), okta.uses_pkce), ("authorization_code", "body", true));
    assert_eq!((okta.issuer.as_ref().unwrap().as_str(), &okta.token_endpoint), ("https://login.test/", &None));
    assert_eq!(okta.authorize_endpoint.as_ref().unwrap().to_string(), "https://login.test/authorize");
    assert_eq!(okta.user_info_endpoint.as_ref().unwrap().to_string(), "https://login.test/me");
    assert_eq!(okta.default_scopes.as_text(), Some("openid email"));
    let parameters: Vec<_> =
        okta.parameters.iter().map(|one| (one.kind.request(), one.name.as_str(), one.sequence_number, one.description.as_str())).collect();
    assert_eq!(parameters, [("token", "audience", 9, "whose"), ("authorize", "prompt", 2, "")]);
    assert_eq!(okta.values["client_secret"], ValueSource::Environment("OKTA_SECRET".to_owned()));
    assert!(definition.needs_discovery());
    let written = "external_auth_identity_providers: [{name: A, flow: client_credentials, token_endpoint: https://a.test}]";
    assert!(!Definition::parse("x", written).unwrap().needs_discovery());
}

#[test]
fn an_auth_provider_is_read_whole() {
    let text = "
auth_providers:
- name: Ours
  label: Our own
  description: What it is for
  type: openid_connect
  settings: {a: b}
  client_authentication: body
  authorize_endpoint: https://idp.test/authorize?resource=a
  issuer: https://idp.test/
  issuer_in_response: true
  default_scopes: openid api
  pkce: false
  access_token_in_header: false
  request_parameters: [{request: authorize, place: query, name: hd, value: a.test}]
  preset_parameters: false
  configuration: {region: eu}
  error_url: https://portal.test/failed
  logout_url: https://portal.test/out
  icon_url: https://portal.test/icon.svg
  salesforce: {registrationHandler: Handler}
  values: {client_id: mine, client_secret: {from_environment: OURS}}
";
    let definition = Definition::parse("x", text).unwrap();
    let ours = &definition.auth_providers[0];
    assert_eq!((ours.name.as_str(), ours.label.as_str(), ours.description.as_str()), ("Ours", "Our own", "What it is for"));
    let wishes = &ours.wishes;
    assert_eq!((ours.kind.as_str(), wishes.settings["a"].as_str(), wishes.pkce), ("openid_connect", "b", Some(false)));
    assert_eq!((wishes.client_authentication.unwrap().as_str(), wishes.issuer_in_response), ("body", Some(true)));
    assert_eq!(wishes.user_info, Some(sortie_model::UserInfoRequest::TokenInQuery));
    assert_eq!((wishes.parameters.len(), wishes.leaves_preset_parameters_out, wishes.configuration["region"].as_str()), (1, true, "eu"));
    assert_eq!(wishes.default_scopes.as_ref().unwrap().as_text(), Some("openid api"));
    assert_eq!(ours.error_url.as_ref().unwrap().to_string(), "https://portal.test/failed");
    assert!(ours.logout_url.is_some() && ours.icon_url.is_some());
    assert_eq!(ours.salesforce["registrationHandler"], "Handler");
    assert_eq!(ours.values["client_secret"], ValueSource::Environment("OURS".to_owned()));
    assert!(definition.needs_discovery());
    let google = Definition::parse("x", "auth_providers: [{name: G, type: google, issuer: https://accounts.google.com}]").unwrap();
    assert!(!google.needs_discovery(), "its type says where it is asked");
}
