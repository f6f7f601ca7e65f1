//! A server, a client, and between them somebody who sees every request and every answer.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde::Serialize;
use serde_json::Value;
use sortie_client::{Client, ClientError, Secret};
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::harness::Sortie;
use crate::relay::Relay;

/// What every secret that is planted here begins with.
pub(crate) const MARK: &str = "SECRET-";

const SETTINGS: &str = "[gateway]\nlisten = '127.0.0.1:0'\ncores = 1\n[admin]\nlisten = '127.0.0.1:0'\n[egress]\nallow = ['127.0.0.0/8']\n";

const TOKEN: &str = r#"{"access_token":"SECRET-token","token_type":"Bearer","expires_in":3600}"#;

const HOUSE: &str = "
permission_sets:
- name: Everything
  permissions: [view_setup, manage_named_credentials, manage_users, manage_certificates, view_audit, act_on_behalf]
- {name: Callers}
profiles: [{name: Staff}]
users:
- {name: admin, permission_sets: [Everything, Callers]}
- {name: alice, permission_sets: [Callers]}
external_auth_identity_providers:
- name: Idp
  flow: authorization_code
  authorize_endpoint: https://id.test/authorize
  token_endpoint: https://id.test/token
  values: {client_id: sortie}
external_credentials:
- name: Pay
  protocol: basic
  principals:
  - {name: Main, sequence_number: 1, enabled_for: {permission_sets: [Callers]}}
  - {name: Each, sequence_number: 2, identity_type: per_user, enabled_for: {permission_sets: [Callers]}}
- name: Own
  protocol: custom
  principals: [{name: Main, sequence_number: 1}]
- name: Calendar
  protocol: oauth_browser
  settings: {external_auth_identity_provider: Idp}
  principals: [{name: Service, sequence_number: 1}]
- name: Files
  protocol: aws_access_key
  settings: {region: eu-central-1, service: s3}
  principals: [{name: Main, sequence_number: 1, enabled_for: {permission_sets: [Callers]}, values: {access_key_id: AKIAIOSFODNN7EXAMPLE}}]
- name: Good
  protocol: oauth_client_credentials
  settings: {token_endpoint: 'UPSTREAM/token'}
  principals: [{name: Main, sequence_number: 1, enabled_for: {permission_sets: [Callers]}, values: {client_id: robot}}]
- name: Bad
  protocol: oauth_client_credentials
  settings: {token_endpoint: 'UPSTREAM/broken'}
  principals: [{name: Main, sequence_number: 1, enabled_for: {permission_sets: [Callers]}, values: {client_id: robot}}]
named_credentials:
- {name: Good, url: 'UPSTREAM', external_credential: Good}
- {name: Bad, url: 'UPSTREAM', external_credential: Bad}
- {name: Pay, url: 'UPSTREAM', external_credential: Pay}
- {name: Calendar, url: 'https://calendar.test', external_credential: Calendar}
- {name: Files, url: 'https://files.test', external_credential: Files}
";

/// All of it.
pub(crate) struct Witness {
    /// Its directory lives as long as the server.
    _sortie: Sortie,
    pub(crate) client: Client,
    /// What `callout:Pay` leads to.
    pub(crate) upstream: RecordingUpstream,
    pub(crate) gateway: String,
    relay: Relay,
    server: Child,
    runtime: tokio::runtime::Runtime,
}

impl Witness {
    pub(crate) fn new() -> Self {
        let upstream = RecordingUpstream::start(|request| match request.target() {
            "/token" => Reply::new(200).header("Content-Type", "application/json").body(TOKEN),
            "/broken" => Reply::new(400).header("Content-Type", "application/json").body("{\"error\":\"invalid_client\"}"),
            "/.well-known/openid-configuration" => {
                let own = format!("http://{}", request.header("host").unwrap_or_default());
                let metadata = serde_json::json!({ "issuer": own, "token_endpoint": format!("{own}/token") });
                Reply::new(200).header("Content-Type", "application/json").body(metadata.to_string())
            }
            target if target.contains("/nobody") => Reply::new(404),
            _ => Reply::new(200).header("X-Upstream", "1").body("hello"),
        });
        let sortie = Sortie::new();
        std::fs::create_dir_all(sortie.data()).unwrap();
        std::fs::write(sortie.data().join("sortie.toml"), SETTINGS).unwrap();
        sortie.file("house.yaml", &HOUSE.replace("UPSTREAM", &upstream.url()));
        sortie.ok(&["apply", "-f", "house.yaml"]);
        let secret = sortie.run_with_input(&["secret", "set", "provider:Idp", "client_secret", "--stdin"], "SECRET-idp");
        assert_eq!(secret.code, 0);
        for holder in ["Good/Main", "Bad/Main"] {
            assert_eq!(sortie.run_with_input(&["secret", "set", holder, "client_secret", "--stdin"], "SECRET-robot").code, 0);
        }
        let secret = sortie.run_with_input(&["secret", "set", "Files/Main", "secret_access_key", "--stdin"], "SECRET-aws");
        assert_eq!(secret.code, 0);
        let (_, key) = sortie.key("admin");
        let mut server = sortie.command(&["serve", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let (gateway, admin) = (ready["gateway"].as_str().unwrap().to_owned(), ready["admin"].as_str().unwrap().to_owned());
        let relay = Relay::to(admin);
        let client = Client::builder().url(relay.url()).gateway(&gateway).key(Secret::new(key)).build().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { _sortie: sortie, client, upstream, gateway, relay, server, runtime }
    }

    /// Where the management API is asked.
    pub(crate) fn client_url(&self) -> String {
        self.relay.url()
    }

    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// The client has read the last answer whole: what it would write is what the server wrote.
    #[track_caller]
    pub(crate) fn is_whole(&self, read: &impl Serialize) {
        assert_eq!(serde_json::to_value(read).unwrap(), self.relay.last_answer());
    }

    /// The same for one member of the answer.
    #[track_caller]
    pub(crate) fn is_whole_at(&self, member: &str, read: &impl Serialize) {
        assert_eq!(serde_json::to_value(read).unwrap(), self.relay.last_answer()[member]);
    }

    /// Method and path of every request.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.relay.asked()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = std::process::Command::new("kill").args(["-TERM", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}

/// Whether a request is one of a route: `{…}` stands for a segment.
pub(crate) fn is_of(asked: &str, route: &str) -> bool {
    let (asked, route): (Vec<&str>, Vec<&str>) = (asked.split('/').collect(), route.split('/').collect());
    asked.len() == route.len() && asked.iter().zip(&route).all(|(asked, route)| route.starts_with('{') || asked == route)
}

/// The code of an error that shows no secret.
#[track_caller]
pub(crate) fn code<T>(result: Result<T, ClientError>) -> String {
    let error = result.err().unwrap();
    let text = format!("{error} {error:?} {}", error.next_step());
    assert!(!text.contains(MARK) && !error.next_step().is_empty(), "{text}");
    error.code().to_owned()
}
