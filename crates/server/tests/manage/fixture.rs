//! A house of its own for each test, on either database, and short ways to manage it.

use std::path::Path;

use sortie_metadata::Definition;
use sortie_model::{ApiName, Secret, Timestamp, UserName};
use sortie_protocol::World;
use sortie_server::manage::apply::{self, ApplyError, Mode, Surroundings, Unlisted};
use sortie_server::manage::{Action, Change, Manage, PrincipalReference};
use sortie_server::{Config, House, HouseConfig};
use sortie_testkit::peers::TestDatabase;
use tempfile::TempDir;

/// 2026-11-22T06:24:36Z.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_328_676_000);

pub(crate) struct Fixture {
    pub(crate) house: House,
    pub(crate) directory: TempDir,
    pub(crate) database: Option<TestDatabase>,
}

impl Fixture {
    pub(crate) async fn sqlite() -> Self {
        Self::open(None).await
    }

    pub(crate) async fn postgres() -> Self {
        Self::open(Some(TestDatabase::create())).await
    }

    async fn open(database: Option<TestDatabase>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let setup = HouseConfig {
            data_directory: directory.path().join("data"),
            config: Config::default(),
            database: database.as_ref().map(|database| Secret::new(database.url())),
            root_key: None,
        };
        Self { house: House::open(&setup).await.unwrap(), directory, database }
    }

    pub(crate) fn manage(&self) -> Manage<'_> {
        Manage::of(&self.house, "operator:tester", NOW)
    }

    pub(crate) async fn try_apply(&self, text: &str, mode: Mode, unlisted: Unlisted) -> Result<Vec<Change>, ApplyError> {
        self.try_apply_asking(None, text, mode, unlisted).await
    }

    /// The same where issuers can be asked.
    pub(crate) async fn try_apply_asking(
        &self,
        world: Option<&dyn World>,
        text: &str,
        mode: Mode,
        unlisted: Unlisted,
    ) -> Result<Vec<Change>, ApplyError> {
        let definition = Definition::parse("test.yaml", text).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let surroundings = Surroundings { variable: &variable, world, directory: self.directory.path() };
        apply::apply(&self.manage(), &definition, &surroundings, mode, unlisted).await
    }

    /// Applies, and says what was done: `created external_credential Billing`, `updated principal Billing/Service values.password`.
    pub(crate) async fn apply(&self, text: &str) -> Vec<String> {
        said(&self.try_apply(text, Mode::Store, Unlisted::Leave).await.unwrap_or_else(|error| panic!("{error}")))
    }

    /// `line:column path rule` of everything that is refused.
    pub(crate) async fn refused(&self, text: &str) -> Vec<String> {
        match self.try_apply(text, Mode::Store, Unlisted::Leave).await {
            Err(ApplyError::Refused(problems)) => problems
                .iter()
                .map(|problem| format!("{}:{} {} {}", problem.place.line, problem.place.column, problem.path, problem.rule))
                .collect(),
            other => panic!("was to be refused: {other:?}"),
        }
    }

    pub(crate) async fn generation(&self) -> i64 {
        self.house.store().generation().await.unwrap().as_i64()
    }

    pub(crate) async fn revision(&self) -> i64 {
        self.house.store().definitions().await.unwrap().external_credentials[0].revision
    }
}

/// The environment of all tests.
fn variable(name: &str) -> Option<Secret> {
    match name {
        "SECRET_ONE" => Some(Secret::new("SECRET-one")),
        "SECRET_TWO" => Some(Secret::new("SECRET-two")),
        "WITH_COLON" => Some(Secret::new("SECRET-a:b")),
        "EMPTY" => Some(Secret::new("")),
        _ => None,
    }
}

pub(crate) fn said(changes: &[Change]) -> Vec<String> {
    changes.iter().map(say).collect()
}

pub(crate) fn say(change: &Change) -> String {
    let Change { object, name, action, fields } = change;
    let fields = fields.iter().map(|field| format!(" {field}")).collect::<String>();
    format!("{} {object} {name}{fields}", action.as_str())
}

/// Whether nothing at all was made other than before.
pub(crate) fn is_quiet(changes: &[Change]) -> bool {
    changes.iter().all(|change| matches!(change.action, Action::Unchanged | Action::LeftAlone))
}

pub(crate) fn user(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

pub(crate) fn name(text: &str) -> ApiName {
    ApiName::parse(text).unwrap()
}

pub(crate) fn principal(text: &str) -> PrincipalReference {
    PrincipalReference::parse(text).unwrap()
}

pub(crate) fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// Makes two tests of every function: one on SQLite, one on PostgreSQL.
macro_rules! both_databases {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::fixture::Fixture::sqlite().await).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::fixture::Fixture::postgres().await).await;
            })+
        }
    };
}
pub(crate) use both_databases;

/// A file with one of everything.
pub(crate) const BILLING: &str = r#"
profiles:
  - name: Staff
permission_sets:
  - name: Readers
users:
  - name: alice
    profile: Staff
    permission_sets: [Readers]
    attributes: {Email: alice@example.test}
external_credentials:
  - name: Billing
    protocol: oauth_client_credentials
    settings: {token_endpoint: https://id.test/token, scope: read}
    headers: [{name: X-Client, value: "{!$Credential.Billing.client_id}"}]
    principals:
      - name: Service
        sequence_number: 1
        enabled_for: {permission_sets: [Readers]}
        values: {client_id: billing, client_secret: {from_environment: SECRET_ONE}}
named_credentials:
  - name: Billing
    url: https://api.test/v1
    external_credential: Billing
"#;
