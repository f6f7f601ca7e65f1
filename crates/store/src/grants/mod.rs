//! Grants: tokens and what goes with them, as they are stored. Who may write one is in [`lease`] and [`by_hand`].

mod by_hand;
mod fill;
mod lease;

use std::collections::BTreeMap;

use sortie_model::{PrincipalId, Timestamp};
use uuid::Uuid;

use crate::db::{Db, Fault, Row, Sql, Value};
use crate::error::ReadError;
use crate::identity::Identity;

pub use by_hand::{ANNOUNCED_FOR, Announced, Replacement};
pub(crate) use by_hand::{announce_by, are_there_of_others};
pub use lease::{Abandoned, Committed, Lease, LeaseOutcome, LeaseRequest, Released};

/// What a failure to renew means for the grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GrantState {
    /// Nothing: it was only not renewed for now.
    Ok,
    /// The provider refused for good: somebody has to authenticate again.
    NeedsAuthentication,
    /// The provider refused the client itself: an admin has to correct the definition.
    ConfigurationError,
}

impl GrantState {
    const ALL: [Self; 3] = [Self::Ok, Self::NeedsAuthentication, Self::ConfigurationError];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NeedsAuthentication => "needs_authentication",
            Self::ConfigurationError => "configuration_error",
        }
    }
}

/// Which grant of an identity: usually there is one. Where formulas make settings for each user, there is one for each of their results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GrantIdentity {
    /// Whose.
    pub identity: Identity,
    /// A digest of what the formulas gave.
    pub variant: Option<[u8; 16]>,
}

impl GrantIdentity {
    fn variant(&self) -> Value {
        let hexadecimal = |variant: [u8; 16]| format!("{:032x}", u128::from_be_bytes(variant));
        self.variant.map(hexadecimal).unwrap_or_default().into()
    }
}

impl StoredGrant {
    /// Whether there is one for which nobody has to authenticate again.
    pub fn is_usable(&self) -> bool {
        let is_alive = |grant: &SealedGrant| grant.dies_at.is_none_or(|dies_at| dies_at > self.read_at);
        let is_refused = |failure: &Failure| failure.state == GrantState::NeedsAuthentication;
        self.grant.as_ref().is_some_and(is_alive) && !self.failure.as_ref().is_some_and(is_refused)
    }
}

impl From<Identity> for GrantIdentity {
    fn from(identity: Identity) -> Self {
        Self { identity, variant: None }
    }
}

/// A grant row as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredGrant {
    /// Identity of the row. Part of what the sealed bytes are bound to, as is the version.
    pub id: Uuid,
    /// 0 before the first grant, and one more with every new one.
    pub version: i64,
    /// The grant itself. `None` before the first one.
    pub grant: Option<SealedGrant>,
    /// How the last attempt to renew it failed, until one succeeds.
    pub failure: Option<Failure>,
    /// Until when somebody is renewing it. `None`: nobody is.
    pub leased_until: Option<Timestamp>,
    /// Since when somebody is renewing it.
    pub inflight_since: Option<Timestamp>,
    /// The database's clock when this was read: what the other times are to be compared with.
    pub read_at: Timestamp,
}

/// A grant that was obtained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedGrant {
    /// The revision of the external credential that it was obtained under. Of another revision, it must not be used.
    pub revision: i64,
    /// Ciphertext, bound to the row's identity and to its version: to [`Lease::next_version`] when it is committed.
    pub sealed: Vec<u8>,
    /// When it was obtained.
    pub issued_at: Timestamp,
    /// When its token dies.
    pub expires_at: Option<Timestamp>,
    /// When nothing can be had of it any more but by somebody who authenticates again. `None`: it is renewed.
    pub dies_at: Option<Timestamp>,
}

/// How a renewal failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The revision of the external credential under which it failed. Of another revision, it means nothing any more.
    pub revision: i64,
    /// What it means for the grant.
    pub state: GrantState,
    /// Stable code.
    pub code: String,
    /// No attempt before this moment.
    pub retry_not_before: Option<Timestamp>,
    /// When it happened. `None` for one that was stored before this was kept.
    pub at: Option<Timestamp>,
    /// What the provider said, as JSON.
    pub said: Option<String>,
}

/// On the way of every callout whose grant is not in memory: one look into the index `grants_variant`.
const LOAD_TEXT: &str =
    "SELECT id, version, revision, sealed, issued_at, expires_at, dies_at, state, failure_code, failure_revision, failure_at, failure_said,
         retry_not_before, millis,
         CASE WHEN lease_until > millis THEN lease_until END AS leased_until,
         CASE WHEN lease_until > millis THEN inflight_started_at END AS inflight_since
     FROM grants CROSS JOIN clock WHERE principal_id = $1 AND owner_key = $2 AND variant = $3";

/// Reads and writes grants.
pub struct Grants<'a> {
    pub(crate) db: &'a Db,
}

impl Grants<'_> {
    /// One grant, in whatever state.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn load(&self, grant: impl Into<GrantIdentity>) -> Result<Option<StoredGrant>, ReadError> {
        const LOAD: Sql = Sql::new("grants", LOAD_TEXT);
        let grant = grant.into();
        let row = self.db.fetch_optional(LOAD, [grant.identity.principal.into(), grant.identity.owner_key(), grant.variant()]).await?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    /// How many identities of each principal have a grant for which nobody has to authenticate again.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn counts(&self) -> Result<BTreeMap<PrincipalId, u64>, ReadError> {
        const COUNTS: Sql = Sql::new(
            "grants",
            "SELECT principal_id, COUNT(DISTINCT owner_key) AS identities FROM grants CROSS JOIN clock
             WHERE sealed IS NOT NULL AND state <> 'needs_authentication' AND (dies_at IS NULL OR dies_at > millis) GROUP BY principal_id",
        );
        let rows = self.db.fetch(COUNTS, []).await?;
        let count = |row: &Row| Ok((row.id("principal_id")?, row.integer("identities")?.unsigned_abs()));
        Ok(rows.iter().map(count).collect::<Result<_, Fault>>()?)
    }
}

fn read(row: &Row) -> Result<StoredGrant, Fault> {
    Ok(StoredGrant {
        id: row.id("id")?,
        version: row.integer("version")?,
        grant: row.optional_bytes("sealed")?.map(|sealed| read_grant(row, sealed)).transpose()?,
        failure: row.optional_text("failure_code")?.map(|code| read_failure(row, code)).transpose()?,
        leased_until: row.optional_timestamp("leased_until")?,
        inflight_since: row.optional_timestamp("inflight_since")?,
        read_at: row.timestamp("millis")?,
    })
}

fn read_grant(row: &Row, sealed: Vec<u8>) -> Result<SealedGrant, Fault> {
    Ok(SealedGrant {
        revision: row.integer("revision")?,
        sealed,
        issued_at: row.timestamp("issued_at")?,
        expires_at: row.optional_timestamp("expires_at")?,
        dies_at: row.optional_timestamp("dies_at")?,
    })
}

fn read_failure(row: &Row, code: String) -> Result<Failure, Fault> {
    let state = |text: &str| GrantState::ALL.into_iter().find(|state| state.as_str() == text).ok_or(());
    Ok(Failure {
        revision: row.integer("failure_revision")?,
        state: row.parsed("state", state)?,
        code,
        retry_not_before: row.optional_timestamp("retry_not_before")?,
        at: row.optional_timestamp("failure_at")?,
        said: row.optional_text("failure_said")?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{Location, Store};

    #[tokio::test]
    async fn a_grant_is_found_by_its_index_and_by_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        Store::open(&Location::Sqlite { path: directory.path().join("sortie.sqlite") }, Uuid::nil()).await.unwrap().close().await;
        let db = Db::open_sqlite(&directory.path().join("sortie.sqlite")).await.unwrap().unwrap();
        let explain: &'static str = Box::leak(format!("EXPLAIN QUERY PLAN {LOAD_TEXT}").into_boxed_str());
        let rows = db.fetch(Sql::new("grants", explain), ["a".into(), "b".into(), "".into()]).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.text("detail").unwrap()).collect();
        let of_grants: Vec<&String> = plan.iter().filter(|step| step.contains("grants")).collect();
        assert_eq!(of_grants, ["SEARCH grants USING INDEX grants_variant (principal_id=? AND owner_key=? AND variant=?)"], "{plan:?}");
    }
}
