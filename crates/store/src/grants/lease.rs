//! The lease that lets exactly one node renew a grant.
//!
//! A lease is a few columns of the grant's row, compared on the database's clock; no transaction stays open while its
//! holder talks to a token endpoint. Whoever takes one gets a fence, a number that only grows. Only the holder of the
//! newest fence may write, so a node that slept through its lease and wakes up can do no harm.

use std::time::Duration;

use sortie_model::Timestamp;
use uuid::Uuid;

use super::{Failure, GrantIdentity, Grants, SealedGrant};
use crate::db::{Fault, Row, Sql};
use crate::error::WriteError;

/// How often the answer to "why was it not ours" may change under our eyes.
const LOOKS: u32 = 3;

/// What becomes of a lease that has ended without a word of its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abandoned {
    /// It is taken over.
    Take,
    /// It is left to its holder for now, who may have an answer of the provider and only no database.
    Leave,
}

/// Who wants to renew what.
#[derive(Clone, Copy, Debug)]
pub struct LeaseRequest {
    /// Which grant.
    pub grant: GrantIdentity,
    /// The version that was found expired or absent; 0 if there was no row.
    pub seen_version: i64,
    /// Who is asking: a fresh identity for each node and start.
    pub owner: Uuid,
    /// Becomes the row's identity if there is no row yet.
    pub new_grant_id: Uuid,
    /// For how long.
    pub duration: Duration,
    /// What becomes of another one's lease that has ended.
    pub abandoned: Abandoned,
}

/// The right to write one grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Identity of the row.
    pub grant_id: Uuid,
    /// Every lease of the row has a higher one.
    pub fence: i64,
    /// The version that a commit makes: seal for this one.
    pub next_version: i64,
}

/// What came of asking for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseOutcome {
    /// It is ours.
    Taken(Lease),
    /// Somebody else is renewing.
    Busy {
        /// Until when, by the database's clock.
        until: Timestamp,
        /// How long that is from now on; none if it has ended and is left to its holder.
        remaining: Duration,
    },
    /// The row is not at the version that was seen: read it again.
    Changed,
}

/// What came of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// Stored.
    Stored {
        /// As this version.
        version: i64,
    },
    /// A later lease has taken over, or the row is gone: what was obtained is void, read again.
    Fenced,
}

/// What came of giving a lease back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// The failure is stored, and the next one may try.
    Done,
    /// A later lease has taken over, or the row is gone: nothing was stored.
    Fenced,
}

impl Grants<'_> {
    /// Asks to be the one who renews. Of all that ask at the same time, in the whole cluster, one gets it.
    ///
    /// # Errors
    /// [`WriteError::Gone`] if principal or user does not exist any more.
    pub async fn lease(&self, request: &LeaseRequest) -> Result<LeaseOutcome, WriteError> {
        for _ in 0..LOOKS {
            let taken = if request.seen_version == 0 { self.make_or_take(request).await? } else { self.take(request).await? };
            if let Some(row) = taken.first() {
                return Ok(LeaseOutcome::Taken(read_lease(row)?));
            }
            if let Some(outcome) = self.why_not(request).await? {
                return Ok(outcome);
            }
        }
        // It ended each time between asking and looking: the next reader will find what came of it.
        Ok(LeaseOutcome::Changed)
    }

    /// Takes the lease of a row that is there.
    async fn take(&self, request: &LeaseRequest) -> Result<Vec<Row>, Fault> {
        const TAKE: Sql = Sql::new(
            "grants",
            "UPDATE grants SET fence = fence + 1, lease_owner = $4,
                 lease_until = (SELECT millis FROM clock) + $5, inflight_started_at = (SELECT millis FROM clock)
             WHERE principal_id = $1 AND owner_key = $2 AND version = $3 AND variant = $6
                 AND (lease_until IS NULL OR lease_until <= (SELECT millis FROM clock) - $7)
             RETURNING id, fence, version",
        );
        let LeaseRequest { grant, seen_version, owner, new_grant_id: _, duration, abandoned } = request;
        let values = [
            grant.identity.principal.into(),
            grant.identity.owner_key(),
            (*seen_version).into(),
            (*owner).into(),
            millis(*duration).into(),
            grant.variant(),
            abandoned.left_for().into(),
        ];
        self.db.change(TAKE, values).await
    }

    /// Makes the row with the lease in it, or takes the lease of a row that holds no grant yet.
    async fn make_or_take(&self, request: &LeaseRequest) -> Result<Vec<Row>, Fault> {
        const MAKE: Sql = Sql::new(
            "grants",
            "INSERT INTO grants (id, principal_id, owner_id, owner_key, version, fence, lease_owner, lease_until, inflight_started_at, state,
                 variant)
             VALUES ($1, $2, $3, $4, 0, 1, $5, (SELECT millis FROM clock) + $6, (SELECT millis FROM clock), 'ok', $7)
             ON CONFLICT (principal_id, owner_key, variant) DO UPDATE SET fence = grants.fence + 1, lease_owner = excluded.lease_owner,
                 lease_until = (SELECT millis FROM clock) + $6, inflight_started_at = (SELECT millis FROM clock)
             WHERE grants.version = 0 AND (grants.lease_until IS NULL OR grants.lease_until <= (SELECT millis FROM clock) - $8)
             RETURNING id, fence, version",
        );
        let LeaseRequest { grant, seen_version: _, owner, new_grant_id, duration, abandoned } = request;
        let values = [
            (*new_grant_id).into(),
            grant.identity.principal.into(),
            grant.identity.owner.into(),
            grant.identity.owner_key(),
            (*owner).into(),
            millis(*duration).into(),
            grant.variant(),
            abandoned.left_for().into(),
        ];
        self.db.change(MAKE, values).await
    }

    /// `None`: the lease that was in the way has ended just now.
    async fn why_not(&self, request: &LeaseRequest) -> Result<Option<LeaseOutcome>, Fault> {
        const LOOK: Sql = Sql::new(
            "grants",
            "SELECT version, lease_until, millis FROM grants CROSS JOIN clock WHERE principal_id = $1 AND owner_key = $2 AND variant = $3",
        );
        let LeaseRequest { grant, seen_version, abandoned, .. } = request;
        let Some(row) =
            self.db.fetch_optional(LOOK, [grant.identity.principal.into(), grant.identity.owner_key(), grant.variant()]).await?
        else {
            return Ok(Some(LeaseOutcome::Changed));
        };
        if row.integer("version")? != *seen_version {
            return Ok(Some(LeaseOutcome::Changed));
        }
        let (until, now) = (row.optional_timestamp("lease_until")?, row.timestamp("millis")?);
        let is_in_the_way = |until: &Timestamp| *until > now || *abandoned == Abandoned::Leave;
        Ok(until.filter(is_in_the_way).map(|until| LeaseOutcome::Busy { until, remaining: until.since(now) }))
    }

    /// Stores a new grant and ends the lease. A lease whose time has passed may still commit, as long as nobody else has
    /// taken it: what was obtained is better than nothing.
    ///
    /// # Errors
    /// A [`WriteError`]. After [`WriteError::OutcomeUnknown`] the same commit may be tried again: it is stored at most
    /// once, and says [`Committed::Fenced`] if it was.
    pub async fn commit(&self, lease: &Lease, grant: SealedGrant) -> Result<Committed, WriteError> {
        const COMMIT: Sql = Sql::new(
            "grants",
            "UPDATE grants SET revision = $4, version = $3, sealed = $5, issued_at = $6, expires_at = $7, dies_at = $8, state = 'ok',
                 failure_code = NULL, failure_revision = NULL, failure_at = NULL, failure_said = NULL, retry_not_before = NULL,
                 lease_owner = NULL, lease_until = NULL, inflight_started_at = NULL
             WHERE id = $1 AND fence = $2 AND version = $3 - 1
             RETURNING version",
        );
        let SealedGrant { revision, sealed, issued_at, expires_at, dies_at } = grant;
        let Lease { grant_id, fence, next_version } = *lease;
        let values = [
            grant_id.into(),
            fence.into(),
            next_version.into(),
            revision.into(),
            sealed.into(),
            issued_at.into(),
            expires_at.into(),
            dies_at.into(),
        ];
        match self.db.change(COMMIT, values).await?.first() {
            Some(row) => Ok(Committed::Stored { version: row.integer("version")? }),
            None => Ok(Committed::Fenced),
        }
    }

    /// Gives the lease back unused. What is stored stays as it is; so does a later lease.
    ///
    /// # Errors
    /// A [`WriteError`].
    pub async fn give_back(&self, lease: &Lease) -> Result<(), WriteError> {
        const GIVE_BACK: Sql = Sql::new(
            "grants",
            "UPDATE grants SET lease_owner = NULL, lease_until = NULL, inflight_started_at = NULL WHERE id = $1 AND fence = $2 AND version = $3 - 1
             RETURNING version",
        );
        let Lease { grant_id, fence, next_version } = *lease;
        self.db.change(GIVE_BACK, [grant_id.into(), fence.into(), next_version.into()]).await?;
        Ok(())
    }

    /// Gives the lease back after a failure. The grant itself stays: it may be good for a while yet.
    ///
    /// # Errors
    /// A [`WriteError`].
    pub async fn release(&self, lease: &Lease, failure: &Failure) -> Result<Released, WriteError> {
        const RELEASE: Sql = Sql::new(
            "grants",
            "UPDATE grants SET state = $4, failure_code = $5, failure_revision = $6, retry_not_before = $7, failure_at = $8, failure_said = $9,
                 lease_owner = NULL, lease_until = NULL, inflight_started_at = NULL
             WHERE id = $1 AND fence = $2 AND version = $3 - 1
             RETURNING version",
        );
        let Failure { revision, state, code, retry_not_before, at, said } = failure;
        let Lease { grant_id, fence, next_version } = *lease;
        let values = [
            grant_id.into(),
            fence.into(),
            next_version.into(),
            state.as_str().into(),
            code.as_str().into(),
            (*revision).into(),
            (*retry_not_before).into(),
            (*at).into(),
            said.clone().into(),
        ];
        let done = self.db.change(RELEASE, values).await?;
        Ok(if done.is_empty() { Released::Fenced } else { Released::Done })
    }
}

impl Abandoned {
    /// Milliseconds after its end before a lease is taken over.
    const fn left_for(self) -> i64 {
        match self {
            Self::Take => 0,
            // Longer than any clock has run.
            Self::Leave => i64::MAX / 4,
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}

fn read_lease(row: &Row) -> Result<Lease, Fault> {
    Ok(Lease { grant_id: row.id("id")?, fence: row.integer("fence")?, next_version: row.integer("version")?.saturating_add(1) })
}
