//! The schema, and how a database comes to have it.
//!
//! Migrations are numbered, embedded in the binary and applied in one transaction by one node while the others wait. A
//! schema that is newer than this binary is refused before anything is written (OPS-08 of the attack catalogue).

use crate::db::{Db, Sql, Tx};
use crate::error::OpenError;

/// Every migration there ever was, oldest first: the first is number 1. Never edited after a release; add another.
const MIGRATIONS: &[(&str, &str)] = &[
    ("first", include_str!("../migrations/0001_first.sql")),
    ("formulas", include_str!("../migrations/0002_formulas.sql")),
    ("certificates", include_str!("../migrations/0003_certificates.sql")),
    ("refusals", include_str!("../migrations/0004_refusals.sql")),
    ("renewal_rules", include_str!("../migrations/0005_renewal_rules.sql")),
    ("external_auth_identity_providers", include_str!("../migrations/0006_external_auth_identity_providers.sql")),
    ("logins", include_str!("../migrations/0007_logins.sql")),
    ("system_permissions", include_str!("../migrations/0008_system_permissions.sql")),
    ("sign_in", include_str!("../migrations/0009_sign_in.sql")),
    ("announced_grants", include_str!("../migrations/0010_announced_grants.sql")),
    ("auth_providers", include_str!("../migrations/0011_auth_providers.sql")),
    ("callback_urls", include_str!("../migrations/0012_callback_urls.sql")),
    ("owed_revocations", include_str!("../migrations/0013_owed_revocations.sql")),
    ("idempotency", include_str!("../migrations/0014_idempotency.sql")),
    ("pushed_authorization", include_str!("../migrations/0015_pushed_authorization.sql")),
    ("dying_grants", include_str!("../migrations/0016_dying_grants.sql")),
    ("stored_by", include_str!("../migrations/0017_stored_by.sql")),
    ("user_changes", include_str!("../migrations/0018_user_changes.sql")),
    ("client_certificates", include_str!("../migrations/0019_client_certificates.sql")),
];

/// The newest schema that this binary knows.
fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).expect("there are few migrations")
}

const CREATE: &str =
    "CREATE TABLE sortie_migrations (number BIGINT NOT NULL PRIMARY KEY, name {text} NOT NULL, applied_at BIGINT NOT NULL)";

/// Brings the database to the newest schema.
pub(crate) async fn migrate(db: &Db) -> Result<(), OpenError> {
    let mut tx = db.begin_read().await?;
    let found = applied(&mut tx).await?;
    drop(tx);
    check(found)?;
    if found == known() {
        return Ok(());
    }
    let mut tx = db.begin_write().await?;
    tx.exclude_others().await?;
    // Read again: another node may have been faster while this one waited for the lock.
    let found = applied(&mut tx).await?;
    check(found)?;
    if found == 0 {
        tx.migrate(CREATE).await?;
    }
    for (number, (name, statements)) in (1..).zip(MIGRATIONS).filter(|(number, _)| *number > found) {
        apply(&mut tx, number, name, statements).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn check(found: i64) -> Result<(), OpenError> {
    if found > known() { Err(OpenError::NewerSchema { found, known: known() }) } else { Ok(()) }
}

/// The number of the last migration, 0 in an empty database.
async fn applied(tx: &mut Tx) -> Result<i64, OpenError> {
    const LAST: Sql = Sql::new("sortie_migrations", "SELECT COALESCE(MAX(number), 0) AS number FROM sortie_migrations");
    if !tx.has_table("sortie_migrations").await? {
        return Ok(0);
    }
    let row = tx.fetch_optional(LAST, []).await?;
    Ok(row.map(|row| row.integer("number")).transpose()?.unwrap_or(0))
}

async fn apply(tx: &mut Tx, number: i64, name: &'static str, statements: &'static str) -> Result<(), OpenError> {
    const RECORD: Sql = Sql::new(
        "sortie_migrations",
        "INSERT INTO sortie_migrations (number, name, applied_at) VALUES ($1, $2, (SELECT millis FROM clock))",
    );
    tx.migrate(statements).await?;
    tx.execute(RECORD, [number.into(), name.into()]).await?;
    tracing::info!(number, name, "applied migration {number} `{name}`");
    Ok(())
}
