//! A login at a provider whose token endpoint stands behind a front, and nodes that are processes.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use sortie_testkit::held_front::HeldFront;
use sortie_testkit::peers::OidcProvider;
use sortie_testkit::plain_http;

use crate::harness::Sortie;

/// A house with the credential `Calendar`, whose Named principal `Service` has logged in.
pub(crate) struct Scene {
    pub(crate) provider: OidcProvider,
    /// Before the token endpoint.
    pub(crate) front: HeldFront,
    pub(crate) sortie: Sortie,
    key: String,
    database: Option<String>,
}

/// A process that serves.
pub(crate) struct Node {
    process: Child,
    gateway: String,
    log: PathBuf,
}

/// What a callout ended with: the status, and Sortie's code if it was refused; 0 if there was no answer.
pub(crate) type Verdict = (u16, Option<String>);

impl Scene {
    /// With tokens that live for so long.
    pub(crate) fn new(token_seconds: u32, database: Option<String>) -> Self {
        let provider = OidcProvider::start_for_people(&["http://127.0.0.1/services/externalauthcallback/Idp"]);
        let front = HeldFront::of(provider.issuer());
        let sortie = Sortie::new();
        let mut scene = Self { provider, front, sortie, key: String::new(), database };
        std::fs::create_dir_all(scene.sortie.data()).unwrap();
        std::fs::write(scene.sortie.data().join("sortie.toml"), configuration(None)).unwrap();
        let (issuer, id, front) = (scene.provider.issuer(), OidcProvider::PEOPLE.id, scene.front.url());
        scene.sortie.file(
            "calendar.yaml",
            &format!(
                "
permission_sets: [{{name: Readers}}]
users: [{{name: alice, permission_sets: [Readers]}}]
external_auth_identity_providers:
- name: Idp
  flow: authorization_code
  issuer: {issuer}
  authorize_endpoint: {issuer}/auth
  token_endpoint: {front}/token
  revocation_endpoint: {front}/token/revocation
  key_set_endpoint: {issuer}/jwks
  default_scopes: openid offline_access profile read
  request_parameters: [{{request: authorize, place: query, name: prompt, value: consent}}]
  values: {{client_id: {id}}}
external_credentials:
- name: Calendar
  protocol: oauth_browser
  settings: {{external_auth_identity_provider: Idp}}
  principals: [{{name: Service, sequence_number: 1, enabled_for: {{permission_sets: [Readers]}}}}]
named_credentials: [{{name: Calendar, url: '{issuer}/api', external_credential: Calendar}}]
"
            ),
        );
        scene.run(&["apply", "-f", "calendar.yaml"], "");
        scene.run(&["secret", "set", "provider:Idp", "client_secret", "--stdin"], OidcProvider::PEOPLE.secret);
        let made: Value = serde_json::from_str(&scene.run(&["--json", "key", "create", "--user", "alice"], "")).unwrap();
        made["key"].as_str().unwrap().clone_into(&mut scene.key);
        scene.provider.issue_tokens_for_seconds(token_seconds);
        scene.log_in();
        scene
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sortie.command(arguments);
        command.envs(self.database.iter().map(|database| ("SORTIE_DATABASE_URL", database)));
        command
    }

    /// Runs a command on the house that must succeed, and says what it printed.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> String {
        let mut child = self.command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Somebody logs in for everybody.
    pub(crate) fn log_in(&self) {
        let mut command = self.command(&["auth", "login", "Calendar/Service", "--no-browser", "--yes", "--json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut address = String::new();
        while !address.starts_with("http") {
            let mut line = String::new();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "it says no address");
            address = line.trim().to_owned();
        }
        let location = self.provider.visit(&address, "robot");
        assert_eq!(plain_http::get(&location).unwrap().status, 200);
        // Read to its end: a command that cannot say why it fails is no help.
        let mut why = String::new();
        std::io::Read::read_to_string(&mut said, &mut why).unwrap();
        assert!(child.wait().unwrap().success(), "{why}");
    }

    /// `authenticated`, `needs_authentication` or `not_authenticated`.
    pub(crate) fn state(&self) -> Value {
        let said = self.command(&["--json", "auth", "status", "Calendar/Service"]).output().unwrap();
        serde_json::from_slice(&said.stdout).unwrap()
    }

    /// A process on the data directory of the house.
    pub(crate) fn start(&self) -> Node {
        self.start_in(self.sortie.data(), "node")
    }

    /// Another one on the same database, with a data directory of its own.
    pub(crate) fn start_second(&self) -> Node {
        let data = self.sortie.directory.path().join("second");
        std::fs::create_dir_all(&data).unwrap();
        std::fs::write(data.join("sortie.toml"), configuration(Some(self.sortie.data().join("root.key")))).unwrap();
        self.start_in(data, "second")
    }

    fn start_in(&self, data: PathBuf, name: &str) -> Node {
        let log = self.sortie.directory.path().join(format!("{name}.log"));
        let file = std::fs::File::options().create(true).append(true).open(&log).unwrap();
        let mut command = self.command(&["serve", "--json"]);
        let mut process = command.env("SORTIE_DATA_DIR", data).stdout(Stdio::piped()).stderr(file).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line} {}", std::fs::read_to_string(&log).unwrap()));
        Node { process, gateway: ready["gateway"].as_str().unwrap().to_owned(), log }
    }

    pub(crate) fn get(&self, node: &Node) -> Verdict {
        let headers = [("Proxy-Authorization", format!("Bearer {}", self.key))];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let Ok(answer) = plain_http::send("GET", &format!("{}/callout/Calendar/x", node.gateway), &headers, b"") else { return (0, None) };
        if answer.status == 200 {
            assert_eq!(answer.json()["account"], "robot");
        }
        (answer.status, answer.header("sortie-error").map(str::to_owned))
    }

    /// Calls out again and again until it succeeds; says how long that took.
    #[track_caller]
    pub(crate) fn get_until_served(&self, node: &Node, patience: Duration) -> Duration {
        let begun = Instant::now();
        loop {
            let verdict = self.get(node);
            if verdict.0 == 200 {
                return begun.elapsed();
            }
            assert!(begun.elapsed() < patience, "{verdict:?} after {:?}\n{}", begun.elapsed(), node.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The refresh tokens that have reached the provider, in order.
    pub(crate) fn presented(&self) -> Vec<String> {
        let bodies = self.provider.log().into_iter().map(|request| request.body);
        bodies.filter_map(|body| body.split('&').find_map(|pair| pair.strip_prefix("refresh_token=").map(str::to_owned))).collect()
    }

    #[track_caller]
    pub(crate) fn assert_none_was_used_twice(&self) {
        let presented = self.presented();
        assert_eq!(presented.iter().collect::<HashSet<_>>().len(), presented.len(), "{} presented", presented.len());
    }

    /// How many grants wait in files.
    pub(crate) fn spooled(&self) -> usize {
        let files = std::fs::read_dir(self.sortie.data().join("spool"));
        // One that is still being written has no name of its own yet.
        let is_whole = |file: &std::fs::DirEntry| !file.file_name().to_string_lossy().ends_with(".draft");
        files.map_or(0, |files| files.flatten().filter(is_whole).count())
    }

    #[track_caller]
    pub(crate) fn wait_until_spooled(&self) {
        wait_until("a grant is written down", Duration::from_secs(20), || self.spooled() == 1);
    }
}

/// Any ports, loopback allowed, one core.
fn configuration(key: Option<PathBuf>) -> String {
    let key = key.map(|path| format!("[key]\nfile = '{}'\n", path.display())).unwrap_or_default();
    format!("[egress]\nallow = ['127.0.0.0/8']\n[gateway]\nlisten = '127.0.0.1:0'\ncores = 1\n[admin]\nlisten = '127.0.0.1:0'\n{key}")
}

#[track_caller]
pub(crate) fn wait_until(what: &str, patience: Duration, is_so: impl Fn() -> bool) {
    let end = Instant::now() + patience;
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Node {
    /// `-KILL`, `-STOP` or `-CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap().success());
    }

    /// What it has said on standard error.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        if !std::thread::panicking() {
            assert!(!log.contains("SECRET-"), "{log}");
        }
    }
}
