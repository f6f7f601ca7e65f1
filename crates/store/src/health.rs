//! Health: what happened lately with each identity. Every node reports what it saw, and the newest of all is kept.

use std::collections::BTreeMap;

use sortie_model::{Health, PrincipalId};

use crate::db::{Db, Fault, FaultKind, Row, Sql, retry};
use crate::error::{ReadError, WriteError};
use crate::identity::Identity;

/// Reads and writes health.
pub struct HealthRecords<'a> {
    pub(crate) db: &'a Db,
}

impl HealthRecords<'_> {
    /// Stores many reports in one transaction. Of two times the later one stays, a failure's code stays with its time,
    /// and what a report does not know it does not change. Identities that do not exist any more are passed over.
    ///
    /// # Errors
    /// A [`WriteError`]; none of the reports was stored.
    pub async fn record(&self, reports: &BTreeMap<Identity, Health>) -> Result<(), WriteError> {
        // In the order of the map on every node, so that two of them never wait for each other's rows.
        Ok(retry(|| self.try_record(reports)).await?)
    }

    async fn try_record(&self, reports: &BTreeMap<Identity, Health>) -> Result<(), Fault> {
        const RECORD: Sql = Sql::new(
            "health",
            "INSERT INTO health (principal_id, owner_id, owner_key, last_success, last_failure, last_failure_code, token_expires_at)
             SELECT $1, $2, $3, $4, $5, $6, $7
             WHERE EXISTS (SELECT 1 FROM principals WHERE id = $1) AND ($2 IS NULL OR EXISTS (SELECT 1 FROM users WHERE id = $2))
             ON CONFLICT (principal_id, owner_key) DO UPDATE SET
                 last_success = CASE WHEN excluded.last_success > COALESCE(health.last_success, -1)
                     THEN excluded.last_success ELSE health.last_success END,
                 last_failure = CASE WHEN excluded.last_failure > COALESCE(health.last_failure, -1)
                     THEN excluded.last_failure ELSE health.last_failure END,
                 last_failure_code = CASE WHEN excluded.last_failure > COALESCE(health.last_failure, -1)
                     THEN excluded.last_failure_code ELSE health.last_failure_code END,
                 token_expires_at = COALESCE(excluded.token_expires_at, health.token_expires_at)",
        );
        let mut tx = self.db.begin_write().await?;
        for (identity, health) in reports {
            let Health { last_success, last_failure, last_failure_code, token_expires_at } = health.clone();
            let values = [
                identity.principal.into(),
                identity.owner.into(),
                identity.owner_key(),
                last_success.into(),
                last_failure.into(),
                last_failure_code.into(),
                token_expires_at.into(),
            ];
            // Deleted between the look and the insert: when repeated, the look finds it gone.
            tx.execute(RECORD, values).await.map_err(|fault| match fault.kind() {
                FaultKind::ForeignKey => Fault::new(FaultKind::Serialization, "health"),
                _ => fault,
            })?;
        }
        tx.commit().await
    }

    /// The health of one identity, if anything was ever reported of it.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn load(&self, identity: Identity) -> Result<Option<Health>, ReadError> {
        const LOAD: Sql = Sql::new(
            "health",
            "SELECT last_success, last_failure, last_failure_code, token_expires_at FROM health WHERE principal_id = $1 AND owner_key = $2",
        );
        let row = self.db.fetch_optional(LOAD, [identity.principal.into(), identity.owner_key()]).await?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    /// The health of the shared identity of every principal that has any.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn shared(&self) -> Result<BTreeMap<PrincipalId, Health>, ReadError> {
        const SHARED: Sql = Sql::new(
            "health",
            "SELECT principal_id, owner_id, last_success, last_failure, last_failure_code, token_expires_at FROM health
             WHERE owner_id IS NULL",
        );
        let rows = self.db.fetch(SHARED, []).await?;
        Ok(rows.iter().map(|row| Ok((Identity::read(row)?.principal, read(row)?))).collect::<Result<_, Fault>>()?)
    }
}

fn read(row: &Row) -> Result<Health, Fault> {
    Ok(Health {
        last_success: row.optional_timestamp("last_success")?,
        last_failure: row.optional_timestamp("last_failure")?,
        last_failure_code: row.optional_text("last_failure_code")?,
        token_expires_at: row.optional_timestamp("token_expires_at")?,
    })
}
