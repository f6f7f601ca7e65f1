//! A plug-in for a custom auth provider in another language: the example that is shipped, through all five steps of the contract.

use std::collections::BTreeMap;
use std::sync::Arc;

use sortie_model::{AuthenticationFlow, AuthorizationServer, Plugin, Secret, ServiceUrl};
use sortie_outbound::OutboundWorld;
use sortie_protocol::shared::plugin::{Callback, PluginClient, Start};
use sortie_protocol::{ObtainError, Provider, Values, World};
use sortie_testkit::peers::PluginExample;
use sortie_testkit::plain_http;

use crate::common::connector;

const REDIRECT_URI: &str = "https://sortie.test/services/authcallback/Portal";

/// What stands in the definition, and what is stored for it.
struct Stage {
    example: PluginExample,
    server: AuthorizationServer,
    values: Values,
    world: OutboundWorld,
}

impl Stage {
    fn new(secret: &str) -> Self {
        let example = PluginExample::start();
        let plugin = Plugin { configuration: [("portal".to_owned(), example.portal_url().to_owned())].into() };
        let endpoint = ServiceUrl::parse(example.plugin_url()).unwrap();
        let server = AuthorizationServer { plugin: Some(plugin), ..AuthorizationServer::at(endpoint) };
        let values = Values::from([("plugin_secret".to_owned(), Secret::new(secret))]);
        Self { example, server, values, world: OutboundWorld::new(Arc::new(connector())) }
    }

    fn client(&self) -> PluginClient<'_> {
        let provider = Provider { flow: AuthenticationFlow::AuthorizationCode, server: &self.server, values: &self.values };
        PluginClient::of(&self.world, provider).unwrap()
    }

    async fn start(&self, state: &Secret) -> Result<ServiceUrl, ObtainError> {
        let nonce = Secret::new("nonce");
        let start = Start { redirect_uri: REDIRECT_URI, state, scope: Some("read"), code_challenge: "challenge", nonce: &nonce };
        self.client().start(start).await
    }
}

/// What the portal's login page puts into the address that it sends the browser back to.
fn brought_back(url: &ServiceUrl) -> BTreeMap<String, Secret> {
    let answer = plain_http::get(&url.to_string()).unwrap();
    assert_eq!(answer.status, 302, "{}", answer.text());
    let location = answer.header("location").unwrap();
    let query = location.strip_prefix(REDIRECT_URI).unwrap().strip_prefix('?').unwrap();
    query.split('&').map(|pair| pair.split_once('=').unwrap()).map(|(name, value)| (name.to_owned(), Secret::new(value))).collect()
}

#[tokio::test]
async fn the_example_goes_through_all_five_steps() {
    let stage = Stage::new(PluginExample::SECRET);
    let (state, code_verifier, nonce) = (Secret::new("state-of-this-login"), Secret::new("verifier"), Secret::new("nonce"));
    let url = stage.start(&state).await.unwrap();
    assert!(url.to_string().starts_with(stage.example.portal_url()), "{url}");
    let parameters = brought_back(&url);
    assert_eq!(parameters["state"], state);
    let callback =
        Callback { redirect_uri: REDIRECT_URI, parameters: &parameters, scope: Some("read"), code_verifier: &code_verifier, nonce: &nonce };
    let first = stage.client().callback(callback).await.unwrap();
    let (access_token, refresh_token) = (&first.grant.parts["access_token"], first.refresh_token.as_ref().unwrap());
    assert_eq!(first.grant.lifetime.unwrap().as_secs(), 900);
    // What the browser brought is good once, at the portal too.
    assert_eq!(stage.client().callback(callback).await.unwrap_err().code(), "needs_authentication");
    let account = stage.client().user_info(access_token).await.unwrap().unwrap();
    assert_eq!((account.subject.as_str(), account.name.as_deref()), ("1815", Some("ada")));
    let second = stage.client().refresh(Some(refresh_token), Some(access_token), None).await.unwrap();
    assert_ne!(&second.grant.parts["access_token"], access_token);
    let used = stage.client().refresh(Some(refresh_token), None, None).await.unwrap_err();
    assert_eq!(used.code(), "needs_authentication");
    assert!(!format!("{used} {used:?}").contains(refresh_token.expose()), "{used}");
    stage.client().revoke(second.refresh_token.as_ref(), Some(&second.grant.parts["access_token"])).await.unwrap();
    let ended = stage.client().refresh(second.refresh_token.as_ref(), None, None).await.unwrap_err();
    assert_eq!(ended.code(), "needs_authentication");
}

#[tokio::test]
async fn the_example_believes_nobody_without_the_secret() {
    let stage = Stage::new("whsec_U0VDUkVULWFub3RoZXIta2V5LW9mLW91ci10ZXN0");
    let refused = stage.start(&Secret::new("state")).await.unwrap_err();
    assert_eq!((refused.code(), refused.said().unwrap().error.as_str()), ("token_refused", "invalid_client"));
    // A request that was caught on the way is good once, and for no other body.
    let stage = Stage::new(PluginExample::SECRET);
    let body =
        format!(r#"{{"version":1,"step":"revoke","configuration":{{"portal":"{}"}},"access_token":"a"}}"#, stage.example.portal_url());
    let sign = |nonce| {
        let headers = sortie_protocol::shared::standard_webhooks::sign(
            &Secret::new(PluginExample::SECRET),
            nonce,
            stage.world.now(),
            body.as_bytes(),
        );
        headers.unwrap().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect::<Vec<_>>()
    };
    let send = |headers: &[(String, String)], body: &str| {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        plain_http::send("POST", stage.example.plugin_url(), &headers, body.as_bytes()).unwrap().status
    };
    let caught = sign([1; 16]);
    assert_eq!((send(&caught, &body), send(&caught, &body)), (200, 401));
    assert_eq!(send(&sign([2; 16]), &body.replace("revoke", "refresh")), 401);
    assert_eq!(send(&[], &body), 401);
    let mut old = sign([3; 16]);
    old.iter_mut().filter(|(name, _)| name == "webhook-timestamp").for_each(|(_, value)| *value = "1".to_owned());
    assert_eq!(send(&old, &body), 401);
}

#[tokio::test]
async fn a_portal_that_is_away_is_no_reason_to_log_in_again() {
    let mut stage = Stage::new(PluginExample::SECRET);
    stage.server.plugin = Some(Plugin { configuration: [("portal".to_owned(), "http://127.0.0.1:1".to_owned())].into() });
    let away = stage.client().refresh(Some(&Secret::new("SECRET-r")), None, None).await.unwrap_err();
    assert_eq!((away.code(), away.is_retryable()), ("token_endpoint_unavailable", true));
}
