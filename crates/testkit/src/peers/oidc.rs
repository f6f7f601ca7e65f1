//! npm's `oidc-provider` as a token server, with the resource that its tokens are for.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::child::Child;
use super::fail;
use crate::keys::TestKey;
use crate::plain_http;

/// A client that the server knows.
#[derive(Clone, Copy, Debug)]
pub struct OidcClient {
    /// The client id, not encoded.
    pub id: &'static str,
    /// The client secret, not encoded.
    pub secret: &'static str,
    /// Where the secret must arrive, by the names of RFC 7591, section 2: `client_secret_basic` or `client_secret_post`.
    pub authentication: &'static str,
}

/// A client that signs assertions instead of having a secret (`private_key_jwt`).
#[derive(Clone, Copy, Debug)]
pub struct AssertionClient<'a> {
    /// The client id.
    pub id: &'a str,
    /// The one algorithm that the server takes from it, such as `RS256`.
    pub algorithm: &'a str,
    /// The key that verifies its signatures.
    pub key: &'a TestKey,
}

/// A real OAuth token server on loopback (client credentials grant; scopes `read` and `write`; resources `urn:sortie:one` and `urn:sortie:two`), killed when dropped.
#[derive(Debug)]
pub struct OidcProvider {
    issuer: String,
    _process: Child,
}

/// One request that the token endpoint, or the user info endpoint, received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// Path and query as they came.
    pub target: String,
    /// All headers as they came, in order.
    pub headers: Vec<(String, String)>,
    /// The `Authorization` header as it came, if it came.
    pub authorization: Option<String>,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The `Accept` header.
    pub accept: Option<String>,
    /// The body's bytes as text.
    pub body: String,
    /// The status it was answered with; `None` if the connection was cut or the answer is still under way.
    pub status: Option<u16>,
}

/// A way in which the server misbehaves for its next requests; made by [`Fault::on`].
#[derive(Clone, Debug)]
pub struct Fault(Value);

impl Fault {
    /// The next request to `path` is affected. Without a further step nothing happens to it.
    pub fn on(path: &str) -> Self {
        Self(json!({ "path": path, "times": 1, "delayMs": 0, "headers": {}, "body": "" }))
    }

    /// That many requests instead of one.
    pub fn times(self, times: u32) -> Self {
        self.with("times", json!(times))
    }

    /// Waits before it goes on.
    pub fn delay(self, delay: Duration) -> Self {
        self.with("delayMs", json!(delay.as_millis()))
    }

    /// Answers in the server's place; without this (or [`Fault::hang_up`]) the server answers itself after the delay.
    pub fn answer(self, status: u16, content_type: &str, body: &str) -> Self {
        self.with("status", json!(status)).with("body", json!(body)).header("content-type", content_type)
    }

    /// Adds a header to the answer.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.0["headers"][name] = json!(value);
        self
    }

    /// Cuts the connection instead of answering.
    pub fn hang_up(self) -> Self {
        self.with("destroy", json!(true))
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.0[key] = value;
        self
    }
}

impl OidcProvider {
    /// Takes its secret in the Basic header and nowhere else.
    pub const BASIC: OidcClient = OidcClient { id: "sortie", secret: "SECRET-basic", authentication: "client_secret_basic" };
    /// As [`Self::BASIC`]; id and secret hold characters that RFC 6749, section 2.3.1 wants form-encoded.
    pub const RESERVED: OidcClient =
        OidcClient { id: "sortie odd:id", secret: "SECRET-p%c+d /=&:~!", authentication: "client_secret_basic" };
    /// Takes its secret in the body and nowhere else.
    pub const POST: OidcClient = OidcClient { id: "sortie-post", secret: "SECRET-post", authentication: "client_secret_post" };

    /// A client of people, for [`OidcProvider::start_for_people`].
    pub const PEOPLE: OidcClient = OidcClient { id: "sortie-people", secret: "SECRET-people", authentication: "client_secret_basic" };

    /// Another one, whose logins begin with a pushed authorization request or not at all (`require_pushed_authorization_requests` of RFC 9126, section 6).
    pub const PUSHING: OidcClient = OidcClient { id: "sortie-pushing", secret: "SECRET-pushing", authentication: "client_secret_post" };

    /// Another one, whose tokens are all bound to keys (`dpop_bound_access_tokens` of RFC 9449, section 5.2): it gets none without a proof.
    pub const BOUND: OidcClient = OidcClient { id: "sortie-bound", secret: "SECRET-bound", authentication: "client_secret_basic" };

    /// As [`OidcProvider::start`], with the clients [`Self::PEOPLE`], [`Self::PUSHING`] and [`Self::BOUND`] beside the three: people log in on the server's own pages and come back to one of
    /// `redirect_uris`; on loopback, any port will do. Scopes `openid offline_access profile read write`; refresh tokens are rotated, and the second use of one ends
    /// the login.
    ///
    /// # Panics
    /// As [`OidcProvider::start`] does.
    pub fn start_for_people(redirect_uris: &[&str]) -> Self {
        let is_loopback = redirect_uris.iter().any(|uri| uri.starts_with("http://127.0.0.1"));
        let client = |OidcClient { id, secret, authentication }| {
            json!({
                "client_id": id, "client_secret": secret, "token_endpoint_auth_method": authentication, "redirect_uris": redirect_uris,
                "application_type": if is_loopback { "native" } else { "web" },
            })
        };
        let mut pushing = client(Self::PUSHING);
        pushing["require_pushed_authorization_requests"] = json!(true);
        let mut bound = client(Self::BOUND);
        bound["dpop_bound_access_tokens"] = json!(true);
        Self::start_clients(vec![client(Self::PEOPLE), pushing, bound])
    }

    /// Does what a browser would do that is sent to `url`: signs in as `account` on the server's own pages, agrees, and says where it is sent in the end.
    ///
    /// # Panics
    /// The server does not send it back; the message holds its page.
    pub fn visit(&self, url: &str, account: &str) -> String {
        self.visited(&json!({ "url": url, "account": account }))
    }

    /// The same for somebody who does not agree.
    ///
    /// # Panics
    /// As [`OidcProvider::visit`] does.
    pub fn visit_and_abort(&self, url: &str) -> String {
        self.visited(&json!({ "url": url, "account": "nobody", "answer": "abort" }))
    }

    fn visited(&self, order: &Value) -> String {
        match plain_http::post_json(&format!("{}/lab/visit", self.issuer), order) {
            Ok(answer) if answer.status == 200 && answer.json()["location"].is_string() => {
                answer.json()["location"].as_str().unwrap_or_default().to_owned()
            }
            other => fail("oidc-provider sent no browser back", &format!("{other:?}")),
        }
    }

    /// Starts the server with the three clients above; its tokens live for an hour.
    ///
    /// # Panics
    /// If Node or the npm package is missing; the message says how to install them.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// As [`OidcProvider::start`], with clients beside the three that sign assertions.
    ///
    /// # Panics
    /// As [`OidcProvider::start`] does.
    pub fn start_with(signing: &[AssertionClient<'_>]) -> Self {
        let client = |AssertionClient { id, algorithm, key }: &AssertionClient<'_>| {
            let (method, jwks) = ("private_key_jwt", json!({ "keys": [key.jwk()] }));
            json!({ "client_id": id, "token_endpoint_auth_method": method, "token_endpoint_auth_signing_alg": algorithm, "jwks": jwks })
        };
        Self::start_clients(signing.iter().map(client).collect())
    }

    /// With these clients beside the three.
    fn start_clients(others: Vec<Value>) -> Self {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let peers: PathBuf = home.join("../../xtask/peers");
        if !peers.join("node_modules/oidc-provider/package.json").is_file() {
            fail("the npm package `oidc-provider` is not installed", &format!("{} is missing", peers.join("node_modules").display()));
        }
        let mut clients = [Self::BASIC, Self::RESERVED, Self::POST]
            .map(|OidcClient { id, secret, authentication }| {
                json!({ "client_id": id, "client_secret": secret, "token_endpoint_auth_method": authentication })
            })
            .to_vec();
        clients.extend(others);
        let mut process = Child::spawn(
            Command::new("node")
                .arg(home.join("peers/oidc-provider.mjs"))
                .env("PEERS", peers)
                .env("TOKEN_SECONDS", "3600")
                .env("CLIENTS", json!(clients).to_string())
                .stdout(Stdio::piped()),
        );
        let line = process.first_line().unwrap_or_default();
        match serde_json::from_str::<Value>(&line) {
            Ok(ready) => Self { issuer: ready["issuer"].as_str().unwrap_or_default().to_owned(), _process: process },
            Err(error) => fail("oidc-provider did not start (its standard error says why)", &error),
        }
    }

    /// Where tokens are asked for.
    pub fn token_endpoint(&self) -> String {
        format!("{}/token", self.issuer)
    }

    /// The protected resource. It and everything below it answer a living token with the request as JSON (`method`, `path`,
    /// `headers` as `[name, value]` pairs, `body`, `client`, `scope`, `audience`), anything else with 401 and `WWW-Authenticate`.
    pub fn api_url(&self) -> String {
        format!("{}/api", self.issuer)
    }

    /// What the server calls itself.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Another protected resource, whose tokens are JWTs: it and everything below it verify them with the keys of the clients that sign, for the audience
    /// of its own URL, and answer with `header` and `claims` as JSON, or with 401 and `WWW-Authenticate`.
    pub fn signed_api_url(&self) -> String {
        format!("{}/signed-api", self.issuer)
    }

    /// From now on every proof of possession must hold a nonce of the server's, at the token endpoint and at the user info endpoint (RFC 9449, sections 8 and 9).
    pub fn require_nonces(&self) {
        self.order("dpop-nonce", &json!({}));
    }

    /// Where it says who a user is. It takes bound tokens, and checks their proofs: `oidc-provider`'s own code, none of ours.
    pub fn user_info_url(&self) -> String {
        format!("{}/me", self.issuer)
    }

    /// Every request that the token endpoint received so far, in order.
    pub fn log(&self) -> Vec<TokenRequest> {
        self.logged("log")
    }

    /// Every request that the user info endpoint received so far, in order.
    pub fn user_info_log(&self) -> Vec<TokenRequest> {
        self.logged("me-log")
    }

    /// Every request that the revocation endpoint received so far, in order, without their bodies.
    pub fn revocation_log(&self) -> Vec<TokenRequest> {
        self.logged("revocation-log")
    }

    fn logged(&self, log: &str) -> Vec<TokenRequest> {
        let Ok(answer) = plain_http::get(&format!("{}/lab/{log}", self.issuer)) else {
            fail("oidc-provider is gone", &format!("no answer to `GET /lab/{log}`"))
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let entries = answer.json();
        let entries = entries.as_array().map(Vec::as_slice).unwrap_or_default();
        entries
            .iter()
            .map(|entry| TokenRequest {
                target: text(&entry["target"]).unwrap_or_default(),
                headers: serde_json::from_value(entry["headers"].clone()).unwrap_or_default(),
                authorization: text(&entry["authorization"]),
                content_type: text(&entry["contentType"]),
                accept: text(&entry["accept"]),
                body: text(&entry["body"]).unwrap_or_default(),
                status: entry["status"].as_u64().and_then(|status| u16::try_from(status).ok()),
            })
            .collect()
    }

    /// From now on no token issued so far is accepted.
    pub fn expire_all_tokens(&self) {
        self.order("expire", &json!({}));
    }

    /// What the resource answers to a dead token from now on; 401 until told otherwise.
    pub fn answer_dead_tokens_with(&self, status: u16) {
        self.order("expired-status", &json!({ "status": status }));
    }

    /// How long tokens issued from now on live.
    pub fn issue_tokens_for_seconds(&self, seconds: u32) {
        self.order("token-seconds", &json!({ "seconds": seconds }));
    }

    /// For how long refresh tokens that are used from now on can be used again; not at all until told otherwise: the second use ends the login.
    pub fn forgive_reuse_for_seconds(&self, seconds: u32) {
        self.order("grace-seconds", &json!({ "seconds": seconds }));
    }

    /// Makes the server misbehave. Faults on the same path take their turns in the order they were given.
    pub fn fault(&self, fault: Fault) {
        self.order("fault", &fault.0);
    }

    fn order(&self, control: &str, order: &Value) {
        match plain_http::post_json(&format!("{}/lab/{control}", self.issuer), order) {
            Ok(answer) if answer.status == 200 => {}
            other => fail(&format!("oidc-provider refused `{control}`"), &format!("{other:?}")),
        }
    }
}

#[cfg(test)]
#[path = "oidc_tests.rs"]
mod tests;
