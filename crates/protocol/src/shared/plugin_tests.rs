#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sortie_model::{AuthenticationFlow, AuthorizationServer, Plugin, Secret, ServiceUrl};

use super::*;
use crate::Values;
use crate::testing::{Scripted, now};

const SECRET: &str = "whsec_U0VDUkVULXBsdWdpbi1rZXktb2Ytb3VyLXRlc3Rz";

fn server() -> AuthorizationServer {
    let plugin = Plugin { configuration: [("region".to_owned(), "eu".to_owned())].into() };
    AuthorizationServer { plugin: Some(plugin), ..AuthorizationServer::at(ServiceUrl::parse("https://plugin.test/ask").unwrap()) }
}

/// Asks a plug-in that gives this answer, and gives what came of it with the question.
fn ask<T>(answer: &'static str, question: impl AsyncFnOnce(PluginClient<'_>) -> Result<T, ObtainError>) -> (Result<T, ObtainError>, Value) {
    let (world, server) = (Scripted::new(answer), server());
    let values = Values::from([("plugin_secret".to_owned(), Secret::new(SECRET))]);
    let provider = Provider { flow: AuthenticationFlow::AuthorizationCode, server: &server, values: &values };
    let done = now(question(PluginClient::of(&world, provider).unwrap()));
    let asked = world.asked().map(|asked| {
        assert_eq!(
            (asked.url.to_string().as_str(), asked.headers["content-type"].to_str().unwrap()),
            ("https://plugin.test/ask", "application/json")
        );
        assert!(asked.headers["webhook-signature"].to_str().unwrap().starts_with("v1,"));
        assert!(!asked.headers.contains_key("authorization"));
        serde_json::from_slice(asked.body.expose()).unwrap()
    });
    (done, asked.unwrap_or_default())
}

fn starting(answer: &'static str) -> (Result<ServiceUrl, ObtainError>, Value) {
    ask(answer, async |client| {
        let (state, nonce) = (Secret::new("a state/+"), Secret::new("n"));
        let start = Start { redirect_uri: "https://us.test/back", state: &state, scope: Some("read"), code_challenge: "c", nonce: &nonce };
        client.start(start).await
    })
}

#[test]
fn each_step_asks_what_the_contract_says() {
    let (url, asked) = starting(r#"{"authorize_url": "https://portal.test/login?state=a+state%2F%2B&x=1"}"#);
    assert_eq!(url.unwrap().to_string(), "https://portal.test/login?state=a+state%2F%2B&x=1");
    let expected = json!({
        "version": 1, "step": "start", "configuration": {"region": "eu"}, "redirect_uri": "https://us.test/back", "state": "a state/+",
        "scope": "read", "code_challenge": "c", "code_challenge_method": "S256", "nonce": "n",
    });
    assert_eq!(asked, expected);
    let tokens = r#"{"access_token": "SECRET-a", "refresh_token": "SECRET-r", "expires_in": 60}"#;
    let (given, asked) = ask(tokens, async |client| {
        let parameters = BTreeMap::from([("ticket".to_owned(), Secret::new("SECRET-t"))]);
        let (code_verifier, nonce) = (Secret::new("v"), Secret::new("n"));
        let back = Callback {
            redirect_uri: "https://us.test/back",
            parameters: &parameters,
            scope: None,
            code_verifier: &code_verifier,
            nonce: &nonce,
        };
        client.callback(back).await
    });
    let given = given.unwrap();
    assert_eq!((given.grant.parts["access_token"].expose(), given.grant.lifetime.unwrap().as_secs()), ("SECRET-a", 60));
    assert_eq!(given.refresh_token.unwrap().expose(), "SECRET-r");
    assert_eq!((&asked["step"], &asked["parameters"]["ticket"], &asked["scope"]), (&"callback".into(), &"SECRET-t".into(), &Value::Null));
    let (account, asked) = ask(r#"{"id": 7, "name": "ada"}"#, async |client| client.user_info(&Secret::new("SECRET-a")).await);
    assert_eq!(account.unwrap(), Some(Account { subject: "7".to_owned(), name: Some("ada".to_owned()) }));
    assert_eq!((&asked["step"], &asked["access_token"]), (&"user_info".into(), &"SECRET-a".into()));
    let (renewed, asked) =
        ask(r#"{"access_token": "SECRET-b"}"#, async |client| client.refresh(Some(&Secret::new("SECRET-r")), None, None).await);
    assert!(renewed.unwrap().refresh_token.is_none());
    assert_eq!((&asked["step"], &asked["refresh_token"], &asked["access_token"]), (&"refresh".into(), &"SECRET-r".into(), &Value::Null));
    let (revoked, asked) = ask("{}", async |client| client.revoke(None, Some(&Secret::new("SECRET-a"))).await);
    assert_eq!((revoked, &asked["step"]), (Ok(()), &"revoke".into()));
}

#[test]
fn a_login_that_could_not_be_recognised_does_not_begin() {
    for answer in [
        "{}",
        "[]",
        r#"{"authorize_url": 1}"#,
        r#"{"authorize_url": "portal.test/login?state=a+state%2F%2B"}"#,
        r#"{"authorize_url": "javascript:alert(1)//?state=a+state%2F%2B"}"#,
        r#"{"authorize_url": "https://portal.test/login"}"#,
        r#"{"authorize_url": "https://portal.test/login?state=other"}"#,
        r#"{"authorize_url": "https://portal.test/login?state=a+state%2F%2B&state=a+state%2F%2B"}"#,
        r#"{"authorize_url": "https://portal.test/login?xstate=a+state%2F%2B"}"#,
    ] {
        assert_eq!(starting(answer).0.unwrap_err().code(), "token_answer_malformed", "{answer}");
    }
}

#[test]
fn what_a_plug_in_refuses_is_told_without_its_echoes() {
    let refreshing = |answer| ask(answer, async |client| client.refresh(Some(&Secret::new("SECRET-r")), None, None).await).0.unwrap_err();
    assert_eq!(refreshing(r#"{"error": "invalid_grant", "error_description": "gone"}"#).code(), "needs_authentication");
    assert_eq!(refreshing(r#"{"error": "temporarily_unavailable"}"#).code(), "token_endpoint_unavailable");
    let echo = refreshing(r#"{"error": "invalid_request", "error_description": "SECRET-r is not known"}"#);
    assert_eq!(echo.code(), "token_refused");
    let own = refreshing(r#"{"error": "x", "error_description": "whsec_U0VDUkVULXBsdWdpbi1rZXktb2Ytb3VyLXRlc3Rz"}"#);
    for shown in [format!("{echo} {echo:?}"), format!("{own} {own:?}")] {
        assert!(!shown.contains("SECRET-") && !shown.contains("whsec_"), "{shown}");
    }
    for malformed in ["", "[]", "<html>", r#"{"refresh_token": "SECRET-r"}"#] {
        assert_eq!(refreshing(malformed).code(), "token_answer_malformed", "{malformed}");
    }
    let large: &'static str = Box::leak(format!(r#"{{"access_token": "{}"}}"#, "x".repeat(70_000)).into_boxed_str());
    assert_eq!(refreshing(large).code(), "token_answer_malformed");
}

#[test]
fn what_is_no_plug_in_or_has_no_secret_is_not_asked() {
    let world = Scripted::new("{}");
    let (plain, plugin, none) = (AuthorizationServer::at(ServiceUrl::parse("https://idp.test").unwrap()), server(), Values::new());
    let code = |server, values| {
        let provider = Provider { flow: AuthenticationFlow::AuthorizationCode, server, values };
        PluginClient::of(&world, provider).map(|_| ()).unwrap_err().code()
    };
    assert_eq!(code(&plain, &none), "credential_misconfigured");
    assert_eq!(code(&plugin, &none), "credential_not_configured");
    let (world, values) = (Scripted::new("{}"), Values::from([("plugin_secret".to_owned(), Secret::new("SECRET-short"))]));
    let provider = Provider { flow: AuthenticationFlow::AuthorizationCode, server: &plugin, values: &values };
    let asked = now(PluginClient::of(&world, provider).unwrap().revoke(None, None));
    assert_eq!((asked.unwrap_err().code(), world.asked().is_none()), ("credential_misconfigured", true));
}
