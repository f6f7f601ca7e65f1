//! Audit anchors: now and then, how far a lane of the audit had come and what its chain's hash was. The audit itself
//! lies elsewhere, so whoever cuts off its end or rewrites it would have to change both.

use sortie_model::Timestamp;

use crate::db::{Db, Fault, FaultKind, Row, Sql};
use crate::error::{ReadError, WriteError};

/// How far a lane had come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Which lane.
    pub lane: String,
    /// Number of the record.
    pub sequence: i64,
    /// The chain's hash, that record included.
    pub hash: Vec<u8>,
    /// When it was stored, by the database's clock.
    pub at: Timestamp,
}

/// Reads and writes anchors.
pub struct AuditAnchors<'a> {
    pub(crate) db: &'a Db,
}

impl AuditAnchors<'_> {
    /// Stores an anchor. There is no way to change or remove one.
    ///
    /// # Errors
    /// [`WriteError::Exists`] if the lane has one at this record.
    pub async fn append(&self, lane: &str, sequence: i64, hash: &[u8]) -> Result<(), WriteError> {
        const APPEND: Sql = Sql::new(
            "audit_anchors",
            "INSERT INTO audit_anchors (lane, sequence, hash, at) VALUES ($1, $2, $3, (SELECT millis FROM clock))",
        );
        let appended = self.db.change(APPEND, [lane.into(), sequence.into(), hash.into()]).await;
        appended.map(drop).map_err(|fault| match fault.kind() {
            FaultKind::Unique { .. } => WriteError::Exists,
            _ => fault.into(),
        })
    }

    /// The last anchor of every lane, in the order of the lanes' names.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn last_of_each(&self) -> Result<Vec<Anchor>, ReadError> {
        const LAST: Sql = Sql::new(
            "audit_anchors",
            "SELECT lane, sequence, hash, at FROM audit_anchors
             WHERE sequence = (SELECT MAX(sequence) FROM audit_anchors AS others WHERE others.lane = audit_anchors.lane)
             ORDER BY lane",
        );
        let rows = self.db.fetch(LAST, []).await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// At most `limit` anchors of a lane behind record `after`, oldest first.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn of_lane(&self, lane: &str, after: i64, limit: u32) -> Result<Vec<Anchor>, ReadError> {
        const OF_LANE: Sql = Sql::new(
            "audit_anchors",
            "SELECT lane, sequence, hash, at FROM audit_anchors WHERE lane = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
        );
        let rows = self.db.fetch(OF_LANE, [lane.into(), after.into(), limit.into()]).await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }
}

fn read(row: &Row) -> Result<Anchor, Fault> {
    Ok(Anchor { lane: row.text("lane")?, sequence: row.integer("sequence")?, hash: row.bytes("hash")?, at: row.timestamp("at")? })
}
