#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::json;
use sortie_model::Timestamp;

use super::*;
use crate::testing::{NOW, now};
use crate::{Answer, Pending, Signer, SignerError};

/// Answers with what is published at an address, and with 404 elsewhere.
#[derive(Default)]
struct Published {
    pages: BTreeMap<&'static str, Result<(u16, String), AskError>>,
    asked: Mutex<Vec<String>>,
}

impl World for Published {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn ask(&self, ask: Ask) -> Pending<'_, Result<Answer, AskError>> {
        assert_eq!(
            (ask.method, ask.headers[ACCEPT].to_str().unwrap(), ask.body.expose()),
            (Method::GET, "application/json", b"".as_slice())
        );
        let url = ask.url.to_string();
        let page = self.pages.get(url.as_str()).cloned().unwrap_or(Ok((404, String::new())));
        self.asked.lock().unwrap().push(url);
        Box::pin(async {
            let (status, body) = page?;
            Ok(Answer { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new(), body: Bytes::from(body) })
        })
    }

    fn nonce(&self) -> [u8; 16] {
        [0; 16]
    }

    fn signer<'a>(&'a self, _certificate: &'a str) -> Pending<'a, Result<Arc<dyn Signer>, SignerError>> {
        Box::pin(async { Err(SignerError::NoStore) })
    }
}

fn issuer(text: &str) -> Issuer {
    Issuer::parse(text).unwrap()
}

fn publishing(pages: &[(&'static str, Value)]) -> Published {
    Published { pages: pages.iter().map(|(url, page)| (*url, Ok((200, page.to_string())))).collect(), ..Published::default() }
}

fn metadata(issuer: &str) -> Value {
    json!({ "issuer": issuer, "token_endpoint": "https://other.test/token" })
}

fn ask(world: &Published, text: &str) -> Result<Discovered, DiscoveryError> {
    now(discover(world, &issuer(text)))
}

#[test]
fn an_issuer_is_asked_in_every_place_where_its_kind_publishes() {
    let nothing = Published::default();
    assert_eq!(ask(&nothing, "https://idp.test/").unwrap_err().code(), "metadata_not_found");
    assert_eq!(
        *nothing.asked.lock().unwrap(),
        ["https://idp.test/.well-known/openid-configuration", "https://idp.test/.well-known/oauth-authorization-server"]
    );
    let nothing = Published::default();
    let refused = ask(&nothing, "https://idp.test:8443/tenant/v2.0/").unwrap_err();
    let places = [
        "https://idp.test:8443/tenant/v2.0/.well-known/openid-configuration",
        // RFC 8414, section 3.1.
        "https://idp.test:8443/.well-known/oauth-authorization-server/tenant/v2.0",
        "https://idp.test:8443/.well-known/openid-configuration/tenant/v2.0",
        "https://idp.test:8443/tenant/v2.0/.well-known/oauth-authorization-server",
    ];
    assert_eq!(*nothing.asked.lock().unwrap(), places);
    assert!(places.iter().all(|place| refused.to_string().contains(&format!("{place} (answers with status 404)"))), "{refused}");
    for place in places {
        let world = publishing(&[(place, metadata("https://idp.test:8443/tenant/v2.0/"))]);
        assert_eq!(ask(&world, "https://idp.test:8443/tenant/v2.0/").unwrap().source.to_string(), place);
    }
}

#[test]
fn the_example_of_rfc_8414_section_3_2_is_understood() {
    let page = json!({
        "issuer": "https://server.example.com",
        "authorization_endpoint": "https://server.example.com/authorize",
        "token_endpoint": "https://server.example.com/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256"],
        "userinfo_endpoint": "https://server.example.com/userinfo",
        "jwks_uri": "https://server.example.com/jwks.json",
        "registration_endpoint": "https://server.example.com/register",
        "scopes_supported": ["openid", "profile", "email", "address", "phone", "offline_access"],
        "response_types_supported": ["code", "code token"],
        "service_documentation": "http://server.example.com/service_documentation.html",
        "ui_locales_supported": ["en-US", "en-GB", "en-CA", "fr-FR", "fr-CA"]
    });
    let world = publishing(&[("https://server.example.com/.well-known/oauth-authorization-server", page)]);
    let found = ask(&world, "https://server.example.com").unwrap();
    assert_eq!(found.authorize_endpoint.unwrap().to_string(), "https://server.example.com/authorize");
    assert_eq!(found.token_endpoint.to_string(), "https://server.example.com/token");
    assert_eq!(found.user_info_endpoint.unwrap().to_string(), "https://server.example.com/userinfo");
    assert_eq!((found.client_authentication, found.supports_pkce), (Some(ClientAuthentication::BasicHeader), false));
    assert_eq!(found.scopes.unwrap().as_text(), Some("openid profile email address phone offline_access"));
}

#[test]
fn oau_26_another_issuers_metadata_is_not_used() {
    for said in [json!("https://idp.test/"), json!("https://IDP.test"), json!("https://evil.test\u{1b}"), json!(5), Value::Null] {
        let page = json!({ "issuer": said, "token_endpoint": "https://evil.test/token" });
        let world = publishing(&[
            ("https://idp.test/.well-known/openid-configuration", page),
            ("https://idp.test/.well-known/oauth-authorization-server", metadata("https://idp.test")),
        ]);
        let refused = ask(&world, "https://idp.test").unwrap_err();
        assert_eq!(refused.code(), "metadata_issuer");
        assert!(!refused.to_string().contains('\u{1b}'), "{refused:?}");
        assert_eq!(world.asked.lock().unwrap().len(), 1);
    }
}

#[test]
fn endpoints_that_cannot_be_asked_are_refused() {
    let refused = |members: Value| {
        let mut page = metadata("https://idp.test");
        page.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let world = publishing(&[("https://idp.test/.well-known/openid-configuration", page)]);
        ask(&world, "https://idp.test").map_err(|error| match error {
            DiscoveryError::Unusable { field, .. } => field,
            _ => "",
        })
    };
    for bad in [json!("http://idp.test/token"), json!("https://a@idp.test/"), json!("/token"), json!(["x"]), Value::Null] {
        assert_eq!(refused(json!({ "token_endpoint": bad })).unwrap_err(), "token_endpoint", "{bad}");
    }
    assert_eq!(refused(json!({ "authorization_endpoint": "http://idp.test/a" })).unwrap_err(), "authorization_endpoint");
    assert_eq!(refused(json!({ "userinfo_endpoint": Value::Null, "scopes_supported": ["a b\"", 7] })).unwrap().user_info_endpoint, None);
}

#[test]
fn a_server_in_a_test_network_may_do_without_tls() {
    let page = json!({
        "issuer": "http://127.0.0.1:9", "token_endpoint": "http://127.0.0.1:9/token",
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post"], "code_challenge_methods_supported": ["S256"],
        "grant_types_supported": ["client_credentials"],
    });
    let world = publishing(&[("http://127.0.0.1:9/.well-known/openid-configuration", page)]);
    let found = ask(&world, "http://127.0.0.1:9").unwrap();
    assert_eq!((found.client_authentication, found.supports_pkce), (Some(ClientAuthentication::Body), true));
    assert_eq!(found.grant_types.as_deref(), Some(["client_credentials".to_owned()].as_slice()));
}

#[test]
fn what_came_of_each_place_is_told_and_a_forbidden_one_ends_it() {
    let mut world = publishing(&[]);
    world.pages.insert("https://idp.test/.well-known/openid-configuration", Ok((302, String::new())));
    world.pages.insert("https://idp.test/.well-known/oauth-authorization-server", Ok((200, "<html>".to_owned())));
    let told = ask(&world, "https://idp.test").unwrap_err().to_string();
    assert!(told.contains("redirect (status 302), which is not followed") && told.contains("no JSON object"), "{told}");
    world.pages.insert("https://idp.test/.well-known/openid-configuration", Err(AskError::Denied));
    assert_eq!(ask(&world, "https://idp.test").unwrap_err().code(), "egress_denied");
    assert_eq!(world.asked.lock().unwrap().len(), 3);
}

#[test]
fn what_a_sign_in_needs_is_read_too() {
    let mut page = metadata("https://idp.test");
    page["jwks_uri"] = json!("https://idp.test/jwks");
    page["authorization_response_iss_parameter_supported"] = json!(true);
    let found = ask(&publishing(&[("https://idp.test/.well-known/openid-configuration", page.clone())]), "https://idp.test").unwrap();
    assert_eq!((found.key_set_endpoint.unwrap().to_string().as_str(), found.issuer_in_response), ("https://idp.test/jwks", true));
    // Keys that anybody on the way can change prove nothing.
    page["jwks_uri"] = json!("http://idp.test/jwks");
    let refused = ask(&publishing(&[("https://idp.test/.well-known/openid-configuration", page)]), "https://idp.test").unwrap_err();
    assert_eq!(refused.code(), "metadata_unusable");
    let silent =
        ask(&publishing(&[("https://idp.test/.well-known/openid-configuration", metadata("https://idp.test"))]), "https://idp.test")
            .unwrap();
    assert_eq!((silent.key_set_endpoint, silent.issuer_in_response), (None, false));
}

#[test]
fn what_rfc_9126_and_rfc_9449_add_is_read() {
    let mut page = metadata("https://idp.test");
    page["pushed_authorization_request_endpoint"] = json!("https://idp.test/as/par");
    page["require_pushed_authorization_requests"] = json!(true);
    page["dpop_signing_alg_values_supported"] = json!(["PS256", "ES256"]);
    let found = |page: &Value| ask(&publishing(&[("https://idp.test/.well-known/openid-configuration", page.clone())]), "https://idp.test");
    let pushed = found(&page).unwrap();
    assert_eq!(pushed.pushed_authorization_endpoint.unwrap().to_string(), "https://idp.test/as/par");
    assert!(pushed.requires_pushed_authorization && pushed.binds_tokens);
    let silent = found(&metadata("https://idp.test")).unwrap();
    assert_eq!((silent.pushed_authorization_endpoint, silent.requires_pushed_authorization, silent.binds_tokens), (None, false, false));
    page["dpop_signing_alg_values_supported"] = json!(["EdDSA"]);
    assert!(!found(&page).unwrap().binds_tokens);
    // RFC 9126, section 2: "The PAR endpoint URL MUST use the https scheme."
    page["pushed_authorization_request_endpoint"] = json!("http://idp.test/as/par");
    assert_eq!(found(&page).unwrap_err().code(), "metadata_unusable");
}
