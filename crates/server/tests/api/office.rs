//! A running server with people of different permissions, and a client that asks its API.

use std::path::Path;

use serde_json::Value;
use sortie_metadata::Definition;
use sortie_model::{Secret, UserName};
use sortie_server::manage::Manage;
use sortie_server::manage::apply::{self, Mode, Surroundings, Unlisted};
use sortie_server::manage::key::{self, NewKeyRequest};
use sortie_server::{Config, House, HouseConfig, Server};
use sortie_testkit::plain_http::{self, Answer};

/// What every secret that is planted here begins with.
pub(crate) const MARK: &str = "SECRET-";

/// A server, and what asks it.
pub(crate) struct Office {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) house: House,
    server: Option<Server>,
    /// Who may do everything.
    pub(crate) admin: Secret,
    directory: tempfile::TempDir,
}

/// Users: `admin` with all permissions, `viewer` with View Setup, `alice` with none but the permission set Callers, `nobody`.
const PEOPLE: &str = "
permission_sets:
- name: Everything
  permissions: [view_setup, manage_named_credentials, manage_users, manage_certificates, view_audit, act_on_behalf]
- {name: Viewers, permissions: [view_setup]}
- {name: Callers}
profiles: [{name: Staff}]
users:
- {name: admin, permission_sets: [Everything]}
- {name: viewer, permission_sets: [Viewers]}
- {name: alice, permission_sets: [Callers]}
- {name: nobody}
";

impl Office {
    pub(crate) fn open() -> Self {
        Self::with(|_| {})
    }

    /// With other settings.
    pub(crate) fn with(set: impl FnOnce(&mut Config)) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.gateway.listen = "127.0.0.1:0".parse().unwrap();
        config.gateway.cores = 1;
        config.admin.listen = "127.0.0.1:0".parse().unwrap();
        config.egress.allow = vec!["127.0.0.0/8".parse().unwrap()];
        set(&mut config);
        let setup = HouseConfig { data_directory: directory.path().join("data"), config, database: None, root_key: None };
        let house = runtime.block_on(House::open(&setup)).unwrap();
        let server = runtime.block_on(Server::start(&setup)).unwrap();
        let mut office = Self { runtime, house, server: Some(server), admin: Secret::new(""), directory };
        office.apply(PEOPLE);
        office.admin = office.key("admin");
        office
    }

    /// Applies a definition as an operator does, and waits until it is in force.
    pub(crate) fn apply(&self, text: &str) {
        let definition = Definition::parse("test.yaml", text).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let surroundings =
            Surroundings { variable: &|name| Some(Secret::new(format!("{MARK}{name}"))), world: None, directory: Path::new(".") };
        let applied = self.manage(async |manage| apply::apply(manage, &definition, &surroundings, Mode::Store, Unlisted::Leave).await);
        applied.unwrap_or_else(|error| panic!("{error}"));
        self.runtime.block_on(self.server().node().unwrap().refresh()).unwrap();
    }

    pub(crate) fn manage<T>(&self, operation: impl AsyncFnOnce(&Manage<'_>) -> T) -> T {
        self.runtime.block_on(async {
            let now = self.house.store().now().await.unwrap();
            operation(&Manage::of(&self.house, "operator:tester", now)).await
        })
    }

    /// A new key of a user.
    pub(crate) fn key(&self, user: &str) -> Secret {
        let user = UserName::parse(user).unwrap();
        let request = NewKeyRequest { user, label: None, expires_at: None };
        self.manage(async |manage| key::create(manage, request).await).unwrap_or_else(|error| panic!("{error}")).text
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server().admin())
    }

    /// One request; `path` begins with the mount.
    pub(crate) fn send(&self, key: Option<&Secret>, method: &str, path: &str, body: Option<&Value>, more: &[(&str, &str)]) -> Answer {
        let bearer = key.map(|key| format!("Bearer {}", key.expose()));
        let mut headers: Vec<(&str, &str)> = more.to_vec();
        headers.extend(bearer.as_ref().map(|bearer| ("Authorization", bearer.as_str())));
        let body = body.map(Value::to_string).unwrap_or_default();
        if !body.is_empty() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            headers.push(("Content-Type", "application/json"));
        }
        let answer = plain_http::send(method, &self.url(path), &headers, body.as_bytes()).unwrap();
        assert!(!answer.text().contains(MARK), "LEAK: {method} {path}: {}", answer.text());
        answer
    }

    /// A request of the admin below `/services/data/v67.0`: status and body.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.ask_as(&self.admin, method, &format!("/services/data/v67.0{path}"), body)
    }

    pub(crate) fn ask_as(&self, key: &Secret, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let answer = self.send(Some(key), method, path, body, &[]);
        let value = if answer.body.is_empty() { Value::Null } else { answer.json() };
        (answer.status, value)
    }

    /// Every line of the audit so far.
    pub(crate) fn audit(&self) -> String {
        let files = sortie_server::audit::files(self.house.audit_directory()).unwrap();
        files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        assert!(!self.audit().contains(MARK), "LEAK: the audit in {:?}", self.directory.path());
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop());
        }
    }
}

/// The `errorCode` of the first error.
pub(crate) fn error_code(body: &Value) -> &str {
    body[0]["errorCode"].as_str().unwrap_or_else(|| panic!("{body}"))
}
