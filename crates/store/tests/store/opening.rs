//! Opening: migrations, versions, files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use sortie_model::Secret;
use sortie_store::{Location, OpenError, Store};
use uuid::Uuid;

use crate::backend::{Backend, both_backends};
use crate::fixtures::external_credential;

both_backends! {
    of_three_that_open_an_empty_database_one_migrates,
    a_newer_schema_is_refused_and_not_touched,
    a_deployment_keeps_its_identity,
    a_change_is_heard_of_by_another_process,
    a_change_through_the_same_store_is_heard_of_at_once,
}

/// REL-C06 of the fault catalogue.
async fn of_three_that_open_an_empty_database_one_migrates(backend: Backend) {
    let open = || {
        let location = backend.location();
        tokio::spawn(async move { Store::open(&location, Uuid::new_v4()).await.unwrap() })
    };
    let opening = [open(), open(), open()];
    let mut deployments = Vec::new();
    for store in opening {
        deployments.push(store.await.unwrap().deployment_id());
    }
    assert!(deployments.iter().all(|id| *id == deployments[0]), "all agree on one identity: {deployments:?}");
    assert_eq!(
        backend.query("SELECT number, name FROM sortie_migrations").await,
        [
            "1|first",
            "2|formulas",
            "3|certificates",
            "4|refusals",
            "5|renewal_rules",
            "6|external_auth_identity_providers",
            "7|logins",
            "8|system_permissions",
            "9|sign_in",
            "10|announced_grants",
            "11|auth_providers",
            "12|callback_urls",
            "13|owed_revocations",
            "14|idempotency",
            "15|pushed_authorization",
            "16|dying_grants",
            "17|stored_by",
            "18|user_changes",
            "19|client_certificates"
        ]
    );
}

/// OPS-08 of the attack catalogue.
async fn a_newer_schema_is_refused_and_not_touched(backend: Backend) {
    let schema = match backend {
        Backend::Sqlite(_) => "SELECT name || COALESCE(sql, '') FROM sqlite_schema ORDER BY 1",
        Backend::Postgres(_) => {
            "SELECT table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1"
        }
    };
    backend.store().await.close().await;
    backend.query("INSERT INTO sortie_migrations (number, name, applied_at) VALUES (99, 'of the future', 0)").await;
    backend.query("DROP TABLE health").await;
    let before = backend.query(schema).await;
    let file = match &backend {
        Backend::Sqlite(directory) => Some(directory.path().join("sortie.db")),
        Backend::Postgres(_) => None,
    };
    let bytes = file.as_ref().map(|file| fs::read(file).unwrap());

    let Err(refused) = Store::open(&backend.location(), Uuid::new_v4()).await else { panic!("it was opened") };
    assert!(matches!(refused, OpenError::NewerSchema { found: 99, known: 19 }), "{refused}");
    assert_eq!(refused.code(), "database_newer_schema");
    assert_eq!(file.as_ref().map(|file| fs::read(file).unwrap()), bytes, "not one byte");
    assert_eq!(backend.query(schema).await, before);
}

async fn a_deployment_keeps_its_identity(backend: Backend) {
    let id = Uuid::new_v4();
    let first = Store::open(&backend.location(), id).await.unwrap();
    assert_eq!(first.deployment_id(), id);
    first.close().await;
    assert_eq!(backend.store().await.deployment_id(), id);
}

async fn a_change_is_heard_of_by_another_process(backend: Backend) {
    // Two stores share nothing but the database, as two processes do.
    let (one, other) = (backend.store().await, backend.store().await);
    let mut heard = other.changes();
    let mut change = one.change().await.unwrap();
    change.external_credentials().insert(&external_credential("Crm")).await.unwrap();
    let generation = change.commit().await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), heard.wait_for(|known| *known >= generation.as_i64())).await.unwrap().unwrap();
    assert_eq!(other.definitions().await.unwrap(), one.definitions().await.unwrap());
}

async fn a_change_through_the_same_store_is_heard_of_at_once(backend: Backend) {
    let store = backend.store().await;
    let heard = store.changes();
    let generation = store.change().await.unwrap().commit().await.unwrap();
    assert_eq!(*heard.borrow(), generation.as_i64());
}

/// REL-D24 of the fault catalogue, as far as it shows without a pooler: what a pooler would break is not used.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_a_pooler_nothing_is_prepared_and_nobody_listens() {
    let backend = Backend::postgres();
    let Location::Postgres { url } = backend.location() else { panic!("it is PostgreSQL") };
    let pooled = Location::Postgres { url: Secret::new(format!("{}?statement-cache-capacity=0", url.expose())) };
    let store = Store::open(&pooled, Uuid::new_v4()).await.unwrap();
    let mut heard = store.changes();
    let other = Store::open(&pooled, Uuid::new_v4()).await.unwrap();
    let generation = other.change().await.unwrap().commit().await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), heard.wait_for(|known| *known >= generation.as_i64())).await.unwrap().unwrap();

    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&external_credential("Crm")).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(store.definitions().await.unwrap().external_credentials.len(), 1);
    store.audit_anchors().append("core-0", 1, &[1; 32]).await.unwrap();

    // Of a connection that is idle the server shows what it did last: here always the end of a transaction.
    let last =
        "SELECT DISTINCT query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle'";
    let last = backend.query(last).await;
    assert!(!last.is_empty() && last.iter().all(|query| ["COMMIT", "ROLLBACK"].contains(&query.as_str())), "{last:?}");
}

/// OPS-03 of the attack catalogue.
#[tokio::test]
async fn nobody_but_the_owner_can_read_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("made/here/sortie.db");
    let location = Location::Sqlite { path: path.clone() };
    let store = Store::open(&location, Uuid::new_v4()).await.unwrap();
    store.change().await.unwrap().commit().await.unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory.path().join("made")), 0o700);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for name in ["sortie.db", "sortie.db-wal", "sortie.db-shm"] {
        assert_eq!(mode(&path.with_file_name(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn files_that_others_could_read_or_replace_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let refusal = async |path: &std::path::Path| {
        let Err(refused) = Store::open(&Location::Sqlite { path: path.to_owned() }, Uuid::new_v4()).await else { panic!("it was opened") };
        assert_eq!(refused.code(), "database_file_unsafe", "{refused}");
        refused.to_string()
    };
    let open = directory.path().join("open.db");
    fs::write(&open, "").unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(refusal(&open).await.contains("can be read or written by others (mode 644); run chmod 600"));

    let link = directory.path().join("link.db");
    std::os::unix::fs::symlink(directory.path().join("elsewhere.db"), &link).unwrap();
    assert!(refusal(&link).await.contains("is not a regular file"));

    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(refusal(&directory.path().join("new.db")).await.contains("directory that others can write to (mode 777)"));
    assert!(!directory.path().join("new.db").exists(), "nothing was made there");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sortie.db");
    fs::write(&path, "not a database, but long enough to be taken for the header of one. ".repeat(40)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let before = fs::read(&path).unwrap();
    let Err(refused) = Store::open(&Location::Sqlite { path: path.clone() }, Uuid::new_v4()).await else { panic!("it was opened") };
    let OpenError::Failed { source } = refused else { panic!("{refused}") };
    assert!(source.to_string().starts_with("the database file is damaged"), "{source}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let url = Secret::new("postgres://me:SECRET-pw@127.0.0.1:1/sortie");
    let Err(refused) = Store::open(&Location::Postgres { url }, Uuid::new_v4()).await else { panic!("it was opened") };
    assert_eq!((refused.code(), refused.is_retryable()), ("database_unavailable", true));
    assert!(!format!("{refused:?}").contains("SECRET-pw"));
}
