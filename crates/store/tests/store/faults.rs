//! What goes wrong around the store, and what it says then.

use std::time::Duration;

use sortie_store::{Abandoned, LeaseOutcome, LeaseRequest, ReadError};
use uuid::Uuid;

use crate::backend::{Backend, both_backends};
use crate::fixtures::{external_credential, principal, user, user_name};

both_backends! {
    a_stored_value_that_makes_no_sense_is_named_and_not_shown,
    a_lease_keeps_nobody_from_writing,
    a_closed_store_says_so,
}

async fn a_stored_value_that_makes_no_sense_is_named_and_not_shown(backend: Backend) {
    let store = backend.store().await;
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&external_credential("Crm")).await.unwrap();
    change.users().insert(&user("alice", None)).await.unwrap();
    change.commit().await.unwrap();
    for (column, wrong, message) in [
        ("settings", "'{\"a\": SECRET-x'", "column `settings` is not the JSON of its type (`external_credentials`)"),
        ("settings", "'[\"SECRET-x\"]'", "column `settings` is not the JSON of its type (`external_credentials`)"),
        ("headers", "'[{\"name\":\"SECRET-x\"}]'", "column `headers` is not the JSON of its type (`external_credentials`)"),
        ("name", "'SECRET x'", "column `name` breaks the rule of its type (`external_credentials`)"),
        ("id", "'SECRET-x'", "column `id` breaks the rule of its type (`external_credentials`)"),
    ] {
        let before = backend.query(&format!("SELECT {column} FROM external_credentials")).await.remove(0);
        backend.query(&format!("UPDATE external_credentials SET {column} = {wrong}")).await;
        let refused = store.definitions().await.unwrap_err();
        assert_eq!((refused.code(), refused.is_retryable()), ("stored_value_unreadable", false));
        assert!(!format!("{refused:?}").contains("SECRET"), "{refused:?}");
        let ReadError::Unreadable { source } = refused else { panic!("{refused}") };
        assert_eq!(source.to_string(), message);
        backend.query(&format!("UPDATE external_credentials SET {column} = '{}'", before.replace('\'', "''"))).await;
    }
    store.definitions().await.unwrap();
    backend.query("UPDATE users SET attributes = 'SECRET'").await;
    let refused = store.caller_by_user(&user_name("alice")).await.unwrap_err();
    assert_eq!(refused.code(), "stored_value_unreadable");
}

async fn a_lease_keeps_nobody_from_writing(backend: Backend) {
    let (store, other) = (backend.store().await, backend.store().await);
    let crm = external_credential("Crm");
    let admin = principal(&crm, "Admin", 1);
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    change.principals().insert(&admin).await.unwrap();
    change.commit().await.unwrap();
    let request = LeaseRequest {
        grant: sortie_store::Identity::shared(admin.id).into(),
        seen_version: 0,
        owner: Uuid::new_v4(),
        new_grant_id: Uuid::now_v7(),
        duration: Duration::from_secs(30),
        abandoned: Abandoned::Take,
    };
    assert!(matches!(store.grants().lease(&request).await.unwrap(), LeaseOutcome::Taken(_)));
    // While the token would be fetched: even the row's own principal may go.
    let mut change = other.change().await.unwrap();
    change.principals().delete(admin.id).await.unwrap();
    change.commit().await.unwrap();
    if let Backend::Postgres(_) = backend {
        let open = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()";
        assert_eq!(backend.query(open).await, ["0"], "no transaction is open");
    }
}

async fn a_closed_store_says_so(backend: Backend) {
    let store = backend.store().await;
    store.close().await;
    assert_eq!(store.definitions().await.unwrap_err().code(), "database_unavailable");
    assert_eq!(store.change().await.err().unwrap().code(), "database_unavailable");
}

/// REL-D01 of the fault catalogue: somebody holds SQLite's lock for longer than anybody waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_go_on_while_a_locked_database_refuses_changes() {
    use sqlx::{ConnectOptions, Executor};

    let backend = Backend::sqlite();
    let store = backend.store().await;
    let sortie_store::Location::Sqlite { path } = backend.location() else { panic!("it is SQLite") };
    let mut holder = sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    holder.execute("BEGIN IMMEDIATE").await.unwrap();

    let change = tokio::spawn({
        let store = store.clone();
        async move { store.change().await.map(drop) }
    });
    while !change.is_finished() {
        store.definitions().await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let refused = change.await.unwrap().unwrap_err();
    assert_eq!((refused.code(), refused.is_retryable()), ("database_unavailable", true));
    holder.execute("ROLLBACK").await.unwrap();
    store.change().await.unwrap().commit().await.unwrap();
}

/// Connections that the server ended: the feed and the pool come back by themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_connections_are_made_anew() {
    let backend = Backend::postgres();
    let (one, other) = (backend.store().await, backend.store().await);
    let mut heard = other.changes();
    for _ in 0..3 {
        let others = "pid <> pg_backend_pid() AND datname = current_database()";
        backend.query(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")).await;
        // A burst of errors is allowed for a second; after that every call must pass.
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let mut change = one.change().await.unwrap();
        let name = format!("Crm_{}", Uuid::new_v4().simple().to_string().replace(|c: char| c.is_ascii_digit(), "d"));
        change.external_credentials().insert(&external_credential(&name)).await.unwrap();
        let generation = change.commit().await.unwrap();
        tokio::time::timeout(Duration::from_secs(5), heard.wait_for(|known| *known >= generation.as_i64())).await.unwrap().unwrap();
        assert_eq!(other.definitions().await.unwrap().generation, generation);
    }
}

/// A holder that hangs must not hang everybody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_waits_for_another_one_and_not_for_ever() {
    let backend = Backend::postgres();
    let (one, other) = (backend.store().await, backend.store().await);
    let forgotten = one.change().await.unwrap();
    let refused = other.change().await.err().unwrap();
    assert_eq!((refused.code(), refused.is_retryable()), ("database_unavailable", true));
    drop(forgotten);
    other.change().await.unwrap().commit().await.unwrap();
}
