//! Commands over HTTP, at a server that runs.

mod both_ways;
mod certificates;
mod keys;
mod whom;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::harness::{Said, Sortie};

const SETTINGS: &str = "[gateway]\nlisten = '127.0.0.1:0'\ncores = 1\n[admin]\nlisten = '127.0.0.1:PORT'\n";

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
- {name: Idp, flow: client_credentials, token_endpoint: 'https://id.test/token', values: {client_id: sortie}}
- {name: People, flow: authorization_code, authorize_endpoint: 'https://id.test/a', token_endpoint: 'https://id.test/t', values: {client_id: sortie}}
external_credentials:
- name: Pay
  protocol: custom
  principals:
  - {name: Main, sequence_number: 1, enabled_for: {permission_sets: [Callers]}}
  - {name: Spare, sequence_number: 2}
- name: Basic
  protocol: basic
  principals: [{name: Main, sequence_number: 1}, {name: Own, sequence_number: 2, identity_type: per_user, enabled_for: {permission_sets: [Callers]}}]
- name: Managed
  protocol: oauth_managed
  settings: {external_auth_identity_provider: Idp}
  principals: [{name: Main, sequence_number: 1}]
- name: Calendar
  protocol: oauth_browser
  settings: {external_auth_identity_provider: People}
  principals:
  - {name: Service, sequence_number: 1}
  - {name: Own, sequence_number: 2, identity_type: per_user, enabled_for: {permission_sets: [Callers]}}
named_credentials:
- {name: Calendar, url: 'https://calendar.test', external_credential: Calendar}
- {name: Pay, url: 'https://pay.test', external_credential: Pay}
- {name: Idle, url: 'https://idle.test', external_credential: Basic}
";

/// A house that is served, and the key of who may do everything.
struct Served {
    sortie: Sortie,
    server: Child,
    url: String,
    key: String,
}

impl Served {
    fn start() -> Self {
        let (sortie, key) = house();
        let mut server = sortie.command(&["serve", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let url = ready["admin"].as_str().unwrap().to_owned();
        Self { sortie, server, url, key }
    }

    /// Over HTTP, from a machine that has no data directory.
    fn run(&self, arguments: &[&str], input: &str) -> Said {
        self.run_with(&self.key, arguments, input)
    }

    fn run_with(&self, key: &str, arguments: &[&str], input: &str) -> Said {
        let mut command = self.sortie.command(arguments);
        let elsewhere = self.sortie.directory.path().join("nothing-here");
        command.env("SORTIE_DATA_DIR", &elsewhere).env("SORTIE_URL", &self.url).env("SORTIE_KEY", key);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        assert!(!elsewhere.exists(), "{arguments:?}: nothing is made here");
        let said = Said {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!said.out.contains("SECRET-") && !said.err.contains("SECRET-"), "{arguments:?}: {said:?}");
        assert!(!said.out.contains(key) && !said.err.contains(key), "{arguments:?}: {said:?}");
        said
    }

    #[track_caller]
    fn code(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments, "");
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{arguments:?}: {said:?}");
        code_of(&said)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = std::process::Command::new("kill").args(["-TERM", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}

/// Each time the same, with a key of the admin.
fn house() -> (Sortie, String) {
    let sortie = Sortie::new();
    std::fs::create_dir_all(sortie.data()).unwrap();
    std::fs::write(sortie.data().join("sortie.toml"), SETTINGS.replace("PORT", "0")).unwrap();
    sortie.file("house.yaml", HOUSE);
    sortie.file("fresh.yaml", "external_credentials: [{name: Fresh, protocol: basic, principals: [{name: A, sequence_number: 1}]}]");
    sortie.file("wrong.yaml", "external_credentials: [{name: Fresh, protocol: basix}]");
    sortie.file("unreadable.yaml", "external_credentials: [{name: No name}]");
    sortie.file("chain.pem", "");
    sortie.ok(&["apply", "-f", "house.yaml"]);
    assert_eq!(sortie.run_with_input(&["secret", "set", "provider:Idp", "client_secret", "--stdin"], "SECRET-idp").code, 0);
    let (_, key) = sortie.key("admin");
    (sortie, key)
}

fn code_of(said: &Said) -> String {
    said.err.trim_start_matches("error[").split(']').next().unwrap().to_owned()
}
