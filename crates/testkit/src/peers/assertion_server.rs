//! PyPI's Authlib as a token server with the JWT bearer grant, and the resource that its tokens are for.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::child::Child;
use super::fail;
use crate::keys::TestKey;
use crate::plain_http;

/// A client of the server: what its assertions are verified with, and whom they may name.
#[derive(Clone, Copy, Debug)]
pub struct TrustedIssuer<'a> {
    /// The client id, which assertions have as `iss`.
    pub id: &'a str,
    /// The key that verifies its assertions.
    pub key: &'a TestKey,
    /// The users whom it may act for.
    pub users: &'a [&'a str],
}

/// A real OAuth token server on loopback with the grant of RFC 7523, section 2.1 (scopes `read` and `write`), killed when dropped.
#[derive(Debug)]
pub struct AssertionServer {
    issuer: String,
    _process: Child,
}

impl AssertionServer {
    /// Starts the server.
    ///
    /// # Panics
    /// If Python or its packages are missing; the message says how to install them.
    pub fn start(clients: &[TrustedIssuer<'_>]) -> Self {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let packages = home.join("../../xtask/peers/python");
        if !packages.join("authlib").is_dir() {
            fail("the Python package `authlib` is not installed", &format!("{} is missing", packages.display()));
        }
        let clients: Vec<Value> = clients
            .iter()
            .map(|TrustedIssuer { id, key, users }| json!({ "client_id": id, "jwks": { "keys": [key.jwk()] }, "users": users }))
            .collect();
        let mut process = Child::spawn(
            Command::new("python3")
                // Nothing of the machine's own packages, and no files beside ours.
                .args(["-s", "-B"])
                .arg(home.join("peers/assertion_server.py"))
                .env("PYTHONPATH", packages)
                .env("CLIENTS", json!(clients).to_string())
                .stdout(Stdio::piped()),
        );
        let line = process.first_line().unwrap_or_default();
        match serde_json::from_str::<Value>(&line) {
            Ok(ready) => Self { issuer: ready["issuer"].as_str().unwrap_or_default().to_owned(), _process: process },
            Err(error) => fail("the assertion server did not start (its standard error says why)", &error),
        }
    }

    /// What the server calls itself; one of the two audiences that it takes. The other is its token endpoint.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where tokens are asked for.
    pub fn token_endpoint(&self) -> String {
        format!("{}/token", self.issuer)
    }

    /// The protected resource. Everything below it answers a living token with whose it is as JSON (`user`, `client`, `scope`), anything else with 401.
    pub fn api_url(&self) -> String {
        format!("{}/api", self.issuer)
    }

    /// The bodies of all requests that the token endpoint received so far, in order.
    pub fn log(&self) -> Vec<String> {
        let Ok(answer) = plain_http::get(&format!("{}/log", self.issuer)) else {
            fail("the assertion server is gone", &"no answer to `GET /log`")
        };
        let bodies = answer.json();
        bodies.as_array().into_iter().flatten().filter_map(|body| body.as_str().map(str::to_owned)).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn it_gives_nothing_for_what_is_not_signed() {
        let key = TestKey::p256("k");
        let server = AssertionServer::start(&[TrustedIssuer { id: "client", key: &key, users: &["alice"] }]);
        let header = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ"; // {"alg":"ES256","kid":"k"}
        let none = "eyJhbGciOiJub25lIn0"; // {"alg":"none"}
        let claims = "eyJpc3MiOiJjbGllbnQiLCJzdWIiOiJhbGljZSIsImV4cCI6NDEwMjQ0NDgwMH0"; // {"iss":"client","sub":"alice","exp":4102444800}
        for assertion in [format!("{header}.{claims}.AAAA"), format!("{none}.{claims}."), "x".to_owned(), String::new()] {
            let form = format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
            let headers = [("Content-Type", "application/x-www-form-urlencoded")];
            let answer = plain_http::send("POST", &server.token_endpoint(), &headers, form.as_bytes()).unwrap();
            assert_eq!(answer.status, 400, "{assertion}");
        }
        assert_eq!(server.log().len(), 4);
        assert_eq!(plain_http::get(&format!("{}/x", server.api_url())).unwrap().status, 401);
    }
}
