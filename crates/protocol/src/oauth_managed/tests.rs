#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};
use sortie_model::{
    ApiName, AuthenticationFlow, AuthenticationStatus, AuthorizationServer, ClientAuthentication, ExternalAuthIdentityProvider,
    ExternalAuthIdentityProviderId, IdentityType, Label, ParameterKind, RequestParameter, Scopes, Secret, ServiceUrl,
};
use uuid::Uuid;

use super::OAuthManaged;
use crate::testing::{Scripted, now, settings};
use crate::*;

const ANSWER: &str = r#"{"access_token":"SECRET-token","token_type":"Bearer","expires_in":60}"#;

fn provider() -> ExternalAuthIdentityProvider {
    let parameter = |kind, name, value, number| RequestParameter::parse(kind, name, value, number, "").unwrap();
    ExternalAuthIdentityProvider {
        id: ExternalAuthIdentityProviderId::from_uuid(Uuid::nil()),
        name: ApiName::parse("Okta").unwrap(),
        label: Label::parse("Okta").unwrap(),
        description: String::new(),
        flow: AuthenticationFlow::ClientCredentials,
        server: AuthorizationServer {
            client_authentication: ClientAuthentication::BasicHeader,
            default_scopes: Scopes::parse("read write").unwrap(),
            parameters: vec![
                parameter(ParameterKind::TokenQuery, "account", "1 & 2", 1),
                parameter(ParameterKind::TokenBody, "resource", "https://api.test/a", 2),
                parameter(ParameterKind::TokenHeader, "X-Tenant", "t-1", 3),
                parameter(ParameterKind::TokenBody, "resource", "https://api.test/b", 4),
                parameter(ParameterKind::TokenQuery, "trace", "", 5),
                parameter(ParameterKind::TokenHeader, "X-Account", "a=b", 6),
                parameter(ParameterKind::RefreshBody, "refresh_only", "x", 7),
                parameter(ParameterKind::RefreshHeader, "X-Refresh-Only", "x", 8),
                parameter(ParameterKind::AuthorizeQuery, "prompt", "consent", 9),
            ],
            ..AuthorizationServer::at(ServiceUrl::parse("https://idp.test/token?tenant=a%2Fb").unwrap())
        },
    }
}

fn client() -> Values {
    Values::from([("client_id".to_owned(), Secret::new("s6BhdRkqt3")), ("client_secret".to_owned(), Secret::new("SECRET+c"))])
}

fn obtain(world: &Scripted, more: Value, definition: Option<&ExternalAuthIdentityProvider>, values: &Values) -> Result<Grant, ObtainError> {
    let mut settings = settings(json!({ "external_auth_identity_provider": "okta" }));
    settings.extend(more.as_object().unwrap().clone());
    check_settings(&OAuthManaged, &settings).unwrap();
    let provider = definition.map(|definition| Provider::new(definition, values));
    now(OAuthManaged.obtain(world, Material { settings: &settings, values: &Values::new(), grant: None, provider }))
}

fn asked(more: Value) -> (Ask, String) {
    let world = Scripted::new(ANSWER);
    obtain(&world, more, Some(&provider()), &client()).unwrap();
    let asked = world.asked().unwrap();
    let form = String::from_utf8(asked.body.expose().to_vec()).unwrap();
    (asked, form)
}

#[test]
fn the_request_holds_what_the_provider_wants_where_it_wants_it() {
    let (asked, form) = asked(json!({}));
    assert_eq!(asked.method, http::Method::POST);
    assert_eq!(asked.url.to_string(), "https://idp.test/token?tenant=a%2Fb&account=1+%26+2&trace=");
    assert_eq!(
        form,
        "grant_type=client_credentials&scope=read+write&resource=https%3A%2F%2Fapi.test%2Fa&resource=https%3A%2F%2Fapi.test%2Fb"
    );
    let headers: Vec<_> = asked.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    assert_eq!(
        headers,
        [
            // RFC 6749, section 2.3.1. Base64 made with coreutils: printf '%s' 's6BhdRkqt3:SECRET%2Bc' | base64
            "authorization: Basic czZCaGRSa3F0MzpTRUNSRVQlMkJj",
            "x-tenant: t-1",
            "x-account: a=b",
            "content-type: application/x-www-form-urlencoded",
            "accept: application/json"
        ]
    );
}

#[test]
fn a_credential_may_pass_the_secret_otherwise_than_the_provider_says() {
    let (asked, form) = asked(json!({ "client_authentication": "body", "scope": "one" }));
    assert!(form.starts_with("grant_type=client_credentials&scope=one&client_id=s6BhdRkqt3&client_secret=SECRET%2Bc&resource="), "{form}");
    assert!(!asked.headers.contains_key("authorization"));
}

#[test]
fn a_scope_replaces_the_default_scopes_also_by_nothing() {
    let scope = |more| asked(more).1.split('&').find_map(|pair| pair.strip_prefix("scope=")).map(str::to_owned);
    assert_eq!(scope(json!({})).as_deref(), Some("read+write"));
    assert_eq!(scope(json!({ "scope": "one" })).as_deref(), Some("one"));
    assert_eq!(scope(json!({ "scope": "" })), None);
}

#[test]
fn without_a_usable_provider_nobody_is_asked() {
    let world = Scripted::new(ANSWER);
    let wrong =
        |problem: &str| Err(ObtainError::WrongConfiguration { field: "external_auth_identity_provider", problem: problem.to_owned() });
    assert_eq!(obtain(&world, json!({}), None, &client()), wrong("names the external auth identity provider `okta`, which does not exist"));
    let browser = ExternalAuthIdentityProvider { flow: AuthenticationFlow::AuthorizationCode, ..provider() };
    assert_eq!(
        obtain(&world, json!({}), Some(&browser), &client()),
        wrong("names the external auth identity provider `okta` of the flow authorization_code; the flow must be client_credentials")
    );
    let mut half = client();
    half.remove("client_secret");
    assert_eq!(
        obtain(&world, json!({}), Some(&provider()), &half),
        Err(ObtainError::NotConfigured { field: "client_secret of the provider" })
    );
    let nothing = Material { settings: &settings(json!({})), values: &Values::new(), grant: None, provider: None };
    assert_eq!(now(OAuthManaged.obtain(&world, nothing)), Err(ObtainError::NotConfigured { field: "external_auth_identity_provider" }));
    assert!(world.asked().is_none());
}

#[test]
fn those_who_ask_one_provider_wait_for_each_other() {
    let (settings, definition, values) = (settings(json!({})), provider(), Values::new());
    let provider = Some(Provider::new(&definition, &values));
    let material = Material { settings: &settings, values: &values, grant: None, provider };
    assert_eq!(OAuthManaged.asks(material).as_deref(), Some("https://idp.test/token?tenant=a%2Fb"));
    assert_eq!(OAuthManaged.asks(Material { provider: None, ..material }), None);
}

#[test]
fn an_echoed_secret_is_not_shown() {
    let world = Scripted::new(r#"{"error":"invalid_client","error_description":"got SECRET%2Bc"}"#);
    let refused = obtain(&world, json!({}), Some(&provider()), &client()).unwrap_err();
    assert_eq!(refused, ObtainError::Refused(ProviderError { error: "invalid_client".to_owned(), description: None }));
}

#[test]
fn the_token_is_sent_as_a_bearer() {
    let world = Scripted::new(ANSWER);
    let grant = obtain(&world, json!({}), Some(&provider()), &client()).unwrap();
    let settings = settings(json!({}));
    let material = Material { settings: &settings, values: &Values::new(), grant: Some(&grant), provider: None };
    let proof = OAuthManaged.prove(material).unwrap();
    let headers = proof.placed();
    assert_eq!(headers[0].1, "Bearer SECRET-token");
    assert!(headers[0].1.is_sensitive());
}

#[test]
fn the_status_says_what_the_provider_lacks() {
    let settings = settings(json!({ "external_auth_identity_provider": "Okta" }));
    let status = |provider: Option<ProviderFacts>| {
        let principal = PrincipalFacts {
            name: "P",
            settings: &settings,
            identity_type: IdentityType::Named,
            stored_values: Vec::new(),
            reach: Reach::Users,
            users_with_values: 0,
            logins: 0,
        };
        let facts = CredentialFacts { name: "C", settings: &settings, provider, certificates: Vec::new(), principals: vec![principal] };
        let status = credential_status(&OAuthManaged, &facts);
        (status.status, status.missing.into_iter().map(|step| format!("{}: {}", step.code, step.message)).collect::<Vec<_>>())
    };
    let facts = |flow, stored: &[&str]| {
        Some(ProviderFacts {
            flow,
            client_values: sortie_model::ClientValues::Secret,
            stored_values: stored.iter().map(ToString::to_string).collect(),
        })
    };
    let (found, steps) = status(None);
    assert_eq!(found, AuthenticationStatus::NotConfigured);
    assert_eq!(
        steps,
        [
            "provider_missing: define the external auth identity provider `Okta`, which `external_auth_identity_provider` of `C` names: sortie apply -f FILE"
        ]
    );
    let (_, steps) = status(facts(AuthenticationFlow::AuthorizationCode, &["client_id", "client_secret"]));
    assert_eq!(
        steps,
        [
            "provider_flow: let `external_auth_identity_provider` of `C` name a provider of the flow client_credentials: `Okta` has the flow authorization_code"
        ]
    );
    let (_, steps) = status(facts(AuthenticationFlow::ClientCredentials, &["client_id"]));
    assert_eq!(
        steps,
        ["provider_value_missing: store client_secret (Client Secret) of the provider: sortie secret set provider:Okta client_secret"]
    );
    let done = status(facts(AuthenticationFlow::ClientCredentials, &["client_id", "client_secret"]));
    assert_eq!(done, (AuthenticationStatus::Configured, Vec::new()));
}
