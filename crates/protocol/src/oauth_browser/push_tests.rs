//! Pushed authorization requests, with the examples of RFC 9126, sections 2.2, 2.3 and 4.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::json;
use sortie_model::{
    ApiName, AuthenticationFlow, AuthorizationServer, ClientAuthentication, ExternalAuthIdentityProvider, ExternalAuthIdentityProviderId,
    Label, ParameterKind, RequestParameter, Scopes, Secret, ServiceUrl, Timestamp,
};
use uuid::Uuid;

use super::OAuthBrowser;
use crate::testing::{NOW, now, settings};
use crate::*;

/// Section 2.2.
const CREATED: &str = r#"{"request_uri": "urn:ietf:params:oauth:request_uri:6esc_11ACC5bwc014ltc14eY22c", "expires_in": 60}"#;

/// A server that answers with this status, these headers and this body.
struct Answering {
    status: u16,
    header: (&'static str, &'static str),
    body: &'static str,
    asked: Mutex<Option<Ask>>,
}

impl Answering {
    const fn with(status: u16, body: &'static str) -> Self {
        Self { status, header: ("cache-control", "no-cache, no-store"), body, asked: Mutex::new(None) }
    }
}

impl World for Answering {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn ask(&self, ask: Ask) -> Pending<'_, Result<Answer, AskError>> {
        *self.asked.lock().unwrap() = Some(ask);
        let headers = HeaderMap::from_iter([(self.header.0.parse().unwrap(), self.header.1.parse().unwrap())]);
        let answer = Answer { status: StatusCode::from_u16(self.status).unwrap(), headers, body: Bytes::from_static(self.body.as_bytes()) };
        Box::pin(async { Ok(answer) })
    }

    fn nonce(&self) -> [u8; 16] {
        [0; 16]
    }

    fn signer<'a>(&'a self, _certificate: &'a str) -> Pending<'a, Result<Arc<dyn Signer>, SignerError>> {
        Box::pin(async { Err(SignerError::NoStore) })
    }
}

/// The client and the server of the RFC's examples.
fn provider(client_authentication: ClientAuthentication) -> ExternalAuthIdentityProvider {
    let url = |text: &str| ServiceUrl::parse(text).unwrap();
    ExternalAuthIdentityProvider {
        id: ExternalAuthIdentityProviderId::from_uuid(Uuid::nil()),
        name: ApiName::parse("As").unwrap(),
        label: Label::parse("As").unwrap(),
        description: String::new(),
        flow: AuthenticationFlow::AuthorizationCode,
        server: AuthorizationServer {
            client_authentication,
            authorize_endpoint: Some(url("https://as.example.com/authorize?tenant=a")),
            pushed_authorization_endpoint: Some(url("https://as.example.com/as/par")),
            default_scopes: Scopes::parse("account-information").unwrap(),
            parameters: vec![RequestParameter::parse(ParameterKind::AuthorizeQuery, "prompt", "consent", 1, "").unwrap()],
            ..AuthorizationServer::at(url("https://as.example.com/token"))
        },
    }
}

fn authorize_url(world: &Answering, client_authentication: ClientAuthentication) -> Result<String, ObtainError> {
    let client = [("client_id", "s6BhdRkqt3"), ("client_secret", "SECRET-7Fjfp0ZBr1KtDRbnfVdmIw")];
    let client: Values = client.map(|(name, value)| (name.to_owned(), Secret::new(value))).into();
    let (provider, settings, values) =
        (provider(client_authentication), settings(json!({ "external_auth_identity_provider": "As" })), Values::new());
    let material = Material { settings: &settings, values: &values, grant: None, provider: Some(Provider::new(&provider, &client)) };
    let [state, code_verifier, nonce, key_seed] =
        ["SECRET-af0ifjsldkj", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "SECRET-nonce", "SECRET-seed"].map(Secret::new);
    let request = LoginRequest {
        redirect_uri: "https://client.example.org/cb",
        state: &state,
        code_verifier: &code_verifier,
        nonce: &nonce,
        key_seed: &key_seed,
    };
    now(OAuthBrowser.authorize_url(world, material, &request)).map(|url| url.to_string())
}

fn asked(world: &Answering) -> (String, HeaderMap, String) {
    let Ask { url, headers, body, method } = world.asked.lock().unwrap().clone().unwrap();
    (format!("{method} {url}"), headers, String::from_utf8(body.expose().to_vec()).unwrap())
}

const PUSHED: &str = "response_type=code&client_id=s6BhdRkqt3&redirect_uri=https%3A%2F%2Fclient.example.org%2Fcb&state=SECRET-af0ifjsldkj\
                      &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&scope=account-information&prompt=consent";

#[test]
fn the_browser_gets_the_name_of_what_was_pushed_and_nothing_else() {
    let world = Answering::with(201, CREATED);
    // Section 4, behind the query that the endpoint has of its own.
    assert_eq!(
        authorize_url(&world, ClientAuthentication::BasicHeader).unwrap(),
        "https://as.example.com/authorize?tenant=a&client_id=s6BhdRkqt3\
         &request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A6esc_11ACC5bwc014ltc14eY22c"
    );
    let (target, headers, body) = asked(&world);
    assert_eq!((target.as_str(), body.as_str()), ("POST https://as.example.com/as/par", PUSHED));
    assert!(headers["authorization"].is_sensitive());
    assert_eq!(
        (&headers["content-type"], &headers["accept"]),
        (&"application/x-www-form-urlencoded".parse().unwrap(), &"application/json".parse().unwrap())
    );
}

#[test]
fn a_secret_in_the_body_brings_no_second_client_id() {
    let world = Answering::with(200, CREATED);
    authorize_url(&world, ClientAuthentication::Body).unwrap();
    let (_, headers, body) = asked(&world);
    assert_eq!(body, format!("{PUSHED}&client_secret=SECRET-7Fjfp0ZBr1KtDRbnfVdmIw"));
    assert!(!headers.contains_key("authorization"));
}

#[test]
fn a_refusal_is_that_of_a_token_endpoint_and_no_browser_is_sent() {
    let refused = |status, header, body| {
        let world = Answering { header, ..Answering::with(status, body) };
        authorize_url(&world, ClientAuthentication::BasicHeader).unwrap_err()
    };
    let plain = ("cache-control", "no-store");
    // Section 2.3.
    let said =
        refused(400, plain, r#"{"error": "invalid_request", "error_description": "The redirect_uri is not valid for the given client"}"#);
    let ObtainError::Refused(provider) = &said else { unreachable!("{said:?}") };
    assert_eq!((provider.error.as_str(), said.code()), ("invalid_request", "token_refused"));
    assert_eq!(provider.description.as_deref(), Some("The redirect_uri is not valid for the given client"));
    // "If the client has exceeded the number of requests [...], the authorization server responds with an HTTP 429".
    assert_eq!(
        refused(429, ("retry-after", "7"), ""),
        ObtainError::Unavailable { status: Some(429), retry_after: Some(Duration::from_secs(7)) }
    );
    for (status, body) in [(405, ""), (413, "too large")] {
        assert_eq!(refused(status, plain, body).code(), "token_refused");
    }
    let moved = refused(307, ("location", "https://evil.test"), "");
    assert!(moved.to_string().starts_with("`pushed_authorization_endpoint` answers with a redirect"), "{moved}");
    for body in ["{}", r#"{"request_uri": 7}"#, r#"{"request_uri": ""}"#, r#"{"request_uri": "urn:a b"}"#, "[]"] {
        assert_eq!(refused(201, plain, body).code(), "token_answer_malformed", "{body}");
    }
    // What is echoed is not shown.
    let echo = refused(400, plain, r#"{"error": "invalid_request", "error_description": "state SECRET-af0ifjsldkj"}"#);
    assert!(!format!("{echo} {echo:?}").contains("SECRET-"), "{echo}");
}
