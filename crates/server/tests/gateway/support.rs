//! A real server on loopback with a house of its own, filled through the store, and a raw client that sends bytes as they are.

mod child;
mod definitions;
pub(crate) mod fill;
pub(crate) mod logins;
mod marks;
mod oauth;
mod scene;
mod wire;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use sortie_model::Secret;
use sortie_server::{Config, House, HouseConfig, Server};
use sortie_testkit::plain_http;

pub(crate) use child::{Child, served_as_child};
pub(crate) use definitions::{Credential, key_id};
pub(crate) use marks::Marks;
pub(crate) use oauth::{OAuthName, Stage};
pub(crate) use scene::{Expected, Scene};
pub(crate) use wire::{Answer, BodyEnd, Caller};

/// A server under test, with the runtime that it shares with nothing else.
pub(crate) struct TestServer {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) setup: HouseConfig,
    pub(crate) house: House,
    server: Option<Server>,
    /// Every key ever made, for the scanner.
    keys: Mutex<Vec<Secret>>,
    directory: tempfile::TempDir,
}

impl TestServer {
    /// A house with loopback allowed, nothing in it, and nothing listening yet.
    pub(crate) fn new() -> Self {
        Self::with_database(None)
    }

    pub(crate) fn with_database(database: Option<String>) -> Self {
        Self::with(database, |_| {})
    }

    /// The same with other settings.
    pub(crate) fn with(database: Option<String>, adjust: impl FnOnce(&mut Config)) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let setup = Self::setup(directory.path().join("data"), database, adjust);
        let house = runtime.block_on(House::open(&setup)).unwrap();
        Self { runtime, setup, house, server: None, keys: Mutex::default(), directory }
    }

    /// Loopback allowed, one core, any ports.
    fn setup(data_directory: PathBuf, database: Option<String>, adjust: impl FnOnce(&mut Config)) -> HouseConfig {
        let mut config = Config::default();
        config.gateway.listen = "127.0.0.1:0".parse().unwrap();
        config.gateway.cores = 1;
        config.admin.listen = "127.0.0.1:0".parse().unwrap();
        config.egress.allow = vec!["127.0.0.0/8".parse().unwrap()];
        adjust(&mut config);
        HouseConfig { data_directory, config, database: database.map(Secret::new), root_key: None }
    }

    /// A second node of the same deployment, with a data directory of its own and the same root key.
    pub(crate) fn second_node(&self) -> Self {
        let database = self.setup.database.as_ref().expect("nodes share a PostgreSQL").expose().to_owned();
        let key_file = self.setup.data_directory.join("root.key");
        Self::with(Some(database), |config| config.key.file = Some(key_file))
    }

    /// Starts to listen.
    pub(crate) fn start(&mut self) {
        self.server = Some(self.runtime.block_on(Server::start(&self.setup)).unwrap());
    }

    /// Stops in order, so that all records are written.
    pub(crate) fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop());
        }
    }

    /// The running server, for a test that stops it itself.
    pub(crate) fn take(&mut self) -> Server {
        self.server.take().expect("started")
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().expect("started")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server().gateway()
    }

    pub(crate) fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// Waits until the running server has the newest definitions in force.
    pub(crate) fn settle(&self) {
        let newest = self.runtime.block_on(self.house.store().generation()).unwrap().as_i64();
        let node = self.server().node().expect("unsealed").clone();
        self.runtime.block_on(async {
            let settled = async {
                while node.snapshot().generation() < newest {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(5), settled).await.expect("P17: a change binds within 5 s");
        });
    }

    pub(crate) fn caller(&self) -> Caller {
        Caller::connect(self.address())
    }

    /// Raw bytes on a new connection, and the first answer.
    pub(crate) fn raw(&self, bytes: impl AsRef<[u8]>) -> Answer {
        let mut caller = self.caller();
        caller.send(bytes);
        caller.answer().expect("an answer before the connection ends")
    }

    /// One request with `Connection: close`; `headers` end with CRLF each.
    pub(crate) fn request(&self, key: &Secret, method: &str, target: &str, headers: &str, body: &str) -> Answer {
        let mut caller = self.caller();
        caller.send(request(key, method, target, &format!("Connection: close\r\n{headers}"), body));
        caller.answer_to(method).expect("an answer before the connection ends")
    }

    pub(crate) fn get(&self, key: &Secret, target: &str) -> Answer {
        self.request(key, "GET", target, "", "")
    }

    /// Fails if one of the secrets planted so far stands in these bytes.
    #[track_caller]
    pub(crate) fn assert_unmarked(&self, what: &str, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        if let Some(found) = self.marks().find(bytes) {
            panic!("{what} holds {found}: {}", String::from_utf8_lossy(bytes));
        }
    }

    pub(crate) fn marks(&self) -> Marks {
        Marks::new(self.keys.lock().unwrap().iter())
    }

    /// What the operators' listener says: status and text.
    pub(crate) fn admin(&self, path: &str) -> (u16, String) {
        let answer = plain_http::get(&format!("http://{}{path}", self.server().admin())).unwrap();
        (answer.status, answer.text())
    }

    /// Every line of the audit so far: whole after a stop, else at most 100 ms behind.
    pub(crate) fn audit(&self) -> String {
        let files = sortie_server::audit::files(self.house.audit_directory()).unwrap();
        files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }

    /// The same as JSON.
    pub(crate) fn records(&self) -> Vec<serde_json::Value> {
        let mut records: Vec<serde_json::Value> = self.audit().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        // Each core writes a file of its own; which one a connection comes to is chance.
        records.sort_by_key(|record| record["at"].as_str().unwrap().to_owned());
        records
    }

    /// Waits up to 10 s until some audit records of this event are there that `is_wanted`.
    pub(crate) fn wait_for_record(&self, event: &str, is_wanted: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        for _ in 0..500 {
            let found = self.records().into_iter().find(|record| record["event"] == event && is_wanted(record));
            if let Some(record) = found {
                return record;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("no such `{event}` within 10 s: {}", self.audit())
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A request as text. `headers` end with CRLF each.
pub(crate) fn request(key: &Secret, method: &str, target: &str, headers: &str, body: &str) -> String {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let key = key.expose();
    format!("{method} {target} HTTP/1.1\r\nHost: gateway.test\r\nProxy-Authorization: Bearer {key}\r\n{length}{headers}\r\n{body}")
}
