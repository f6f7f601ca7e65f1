//! Custody: stored values and grants for the callout's flow, where the database's sealed rows and the vault's keys meet.

pub(crate) mod owed;
mod rescue;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use sortie_callout::{Committed, Custody, CustodyError, GrantKey, Kept, KeptFailure, Lease, Leased, Noted, Owed};
use sortie_model::{ExternalCredentialId, IdentityProvider, Secret, Timestamp, UserId};
use sortie_protocol::{Grant, Pending, Values, World};
use sortie_store::{
    Abandoned, Failure, GrantIdentity, GrantState, Identity, LeaseOutcome, LeaseRequest, ReadError, Released, Replacement, SealedGrant,
    WriteError,
};
use sortie_vault::SealContext;
use tokio::time::Instant;
use uuid::Uuid;

use crate::house::{House, new_id};
use crate::manage::provider;
use owed::FIRST_ATTEMPT;
use rescue::Obtained;
pub(crate) use rescue::cannot_write;

/// Every code that a failed renewal can have, so that one read back from the database is the one that was written.
const FAILURE_CODES: &[&str] = &[
    "credential_not_configured",
    "credential_misconfigured",
    "token_refused",
    "needs_authentication",
    "token_endpoint_unavailable",
    "token_answer_malformed",
    "token_endpoint_timeout",
    "egress_denied",
    "store_unavailable",
    "secret_tampered",
    "sealed",
    "definition_changed",
    "internal",
];

/// How often something else may come in between when a new login is stored.
const MAX_REPLACEMENTS: u32 = 10;

/// Of each credential its revision, and SHA-256 of what decides where its values may go.
pub(crate) type Destinations = HashMap<ExternalCredentialId, (i64, [u8; 32])>;

/// Custody of one node.
pub(crate) struct HouseCustody {
    house: House,
    /// Of the definitions in force.
    pub(crate) destinations: ArcSwap<Destinations>,
    /// Whose leases are this node's.
    owner: Uuid,
    world: Arc<dyn World>,
    /// Milliseconds by which this node's clock is ahead of the database's, as last seen. Stored times are the database's (REL-T11): nodes whose clocks differ
    /// must agree when a token dies.
    ahead: AtomicI64,
    /// Whether that was seen yet: nothing may be stored before.
    has_met_clock: AtomicBool,
    /// When the database did not answer last; at first when this node began.
    away: Mutex<Instant>,
}

impl HouseCustody {
    pub(crate) fn new(house: House, world: Arc<dyn World>) -> Self {
        Self {
            house,
            destinations: ArcSwap::default(),
            owner: new_id(),
            world,
            ahead: AtomicI64::new(0),
            has_met_clock: AtomicBool::new(false),
            away: Mutex::new(Instant::now()),
        }
    }

    fn see_clock(&self, stored: Timestamp) {
        self.ahead.store(self.world.now().as_millis() - stored.as_millis(), Ordering::Relaxed);
        self.has_met_clock.store(true, Ordering::Relaxed);
    }

    /// Looks at the database's clock, if nothing was read yet that told it.
    async fn meet_clock(&self) -> Result<(), CustodyError> {
        if !self.has_met_clock.load(Ordering::Relaxed) {
            self.see_clock(self.house.store().now().await.map_err(|error| self.unreadable(&error))?);
        }
        Ok(())
    }

    fn to_own_clock(&self, stored: Timestamp) -> Timestamp {
        Timestamp::from_millis(stored.as_millis().saturating_add(self.ahead.load(Ordering::Relaxed)))
    }

    fn to_stored_clock(&self, own: Timestamp) -> Timestamp {
        Timestamp::from_millis(own.as_millis().saturating_sub(self.ahead.load(Ordering::Relaxed)))
    }

    const fn grant_context(row: Uuid, key: GrantKey, version: i64) -> SealContext<'static> {
        Self::sealed_grant(row, key.user, version)
    }

    const fn sealed_grant(row: Uuid, owner: Option<UserId>, version: i64) -> SealContext<'static> {
        // A token goes where its named credentials say; the values that it is made of are the ones that are bound to a destination.
        SealContext { table: "grants", row, field: "sealed", owner, version, destination: [0; 32] }
    }

    async fn load_values(&self, key: GrantKey) -> Result<Values, CustodyError> {
        let rows = self.house.store().credential_values().load(identity(key)).await.map_err(|error| self.unreadable(&error))?;
        // After the rows were read. A callout of an older definition would send the values of this one where that one says (P2, P21).
        let destination = match self.destinations.load().get(&key.credential) {
            Some((revision, destination)) if *revision == key.revision => *destination,
            _ => return Err(CustodyError::Changed),
        };
        let mut values = Values::new();
        for row in rows {
            let context = SealContext {
                table: "credential_values",
                row: row.head.id,
                field: &row.head.name,
                owner: key.user,
                version: row.head.version,
                destination,
            };
            let opened = self.house.vault().open(&context, &row.sealed).map_err(|error| tampered(&error, "credential_values"))?;
            let text = std::str::from_utf8(opened.expose()).map_err(|_| CustodyError::Tampered)?;
            values.insert(row.head.name, Secret::new(text));
        }
        Ok(values)
    }

    async fn load_provider_values(&self, definition: &IdentityProvider) -> Result<Values, CustodyError> {
        let stored = self.house.store().provider_values();
        let rows = stored.load(definition.id()).await.map_err(|error| self.unreadable(&error))?;
        let mut values = Values::new();
        for row in rows {
            let opened = provider::open(self.house.vault(), definition, &row);
            let opened = opened.map_err(|error| tampered(&error, "provider_values"))?;
            let text = std::str::from_utf8(opened.expose()).map_err(|_| CustodyError::Tampered)?;
            values.insert(row.head.name, Secret::new(text));
        }
        Ok(values)
    }

    async fn load_grant(&self, key: GrantKey) -> Result<Option<Kept>, CustodyError> {
        let loaded = self.load_row(key).await?;
        // What the provider gave for this one, and the database does not have yet: nobody may present this one again.
        match &loaded {
            Some((row, Kept { grant: Some((grant, ..)), .. })) if grant.is_irreplaceable() && self.bring_back(*row).await? => {
                Ok(self.load_row(key).await?.map(|(_, kept)| kept))
            }
            _ => Ok(loaded.map(|(_, kept)| kept)),
        }
    }

    async fn load_row(&self, key: GrantKey) -> Result<Option<(Uuid, Kept)>, CustodyError> {
        let Some(row) = self.house.store().grants().load(grant_identity(key)).await.map_err(|error| self.unreadable(&error))? else {
            return Ok(None);
        };
        self.see_clock(row.read_at);
        let revision = row.grant.as_ref().map_or(key.revision, |grant| grant.revision);
        let grant = match row.grant {
            Some(SealedGrant { sealed, issued_at, expires_at: Some(expires_at), .. }) => {
                let opened = self
                    .house
                    .vault()
                    .open(&Self::grant_context(row.id, key, row.version), &sealed)
                    .map_err(|error| tampered(&error, "grants"))?;
                let grant = Grant::from_bytes(&opened).map_err(|_| CustodyError::Tampered)?;
                Some((grant, self.to_own_clock(issued_at), self.to_own_clock(expires_at)))
            }
            _ => None,
        };
        // What failed under another definition means nothing under this one.
        let failure = row.failure.filter(|failure| failure.revision == key.revision).and_then(|failure| {
            let retry_not_before = self.to_own_clock(failure.retry_not_before?);
            let at = failure.at.map_or(retry_not_before, |at| self.to_own_clock(at));
            let said = failure.said.and_then(|said| serde_json::from_str(&said).ok());
            Some(KeptFailure { code: known_code(&failure.code), at, retry_not_before, said })
        });
        Ok(Some((row.id, Kept { row: row.id, version: row.version, revision, grant, failure })))
    }

    async fn take_lease(&self, key: GrantKey, seen_version: i64, duration: Duration) -> Result<Leased, CustodyError> {
        self.meet_clock().await?;
        let abandoned = if self.leaves_head_start() { Abandoned::Leave } else { Abandoned::Take };
        let (grant, owner, new_grant_id) = (grant_identity(key), self.owner, new_id());
        let request = LeaseRequest { grant, seen_version, owner, new_grant_id, duration, abandoned };
        Ok(match self.house.store().grants().lease(&request).await.map_err(|error| self.unwritable(&error))? {
            LeaseOutcome::Taken(lease) => {
                Leased::Taken(Lease { row: lease.grant_id, fence: lease.fence, next_version: lease.next_version })
            }
            LeaseOutcome::Busy { .. } => Leased::Busy,
            LeaseOutcome::Changed => Leased::Changed,
        })
    }

    async fn commit_grant(
        &self,
        key: GrantKey,
        lease: Lease,
        grant: &Grant,
        issued_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Committed, CustodyError> {
        let (issued_at, expires_at) = (self.to_stored_clock(issued_at), self.to_stored_clock(expires_at));
        let obtained = Obtained { key, lease, grant, issued_at, expires_at };
        let written = self.write_down(&obtained).await;
        // What the database does not take stays written down.
        let committed = self.store(&obtained).await?;
        if committed == Committed::Fenced {
            self.void(&obtained).await?;
        }
        self.strike_out(written);
        Ok(committed)
    }

    async fn replace_grant(&self, key: GrantKey, grant: &Grant, issued_at: Timestamp, expires_at: Timestamp) -> Result<(), CustodyError> {
        let grants = self.house.store().grants();
        self.meet_clock().await?;
        // Whoever stores something between reading and writing makes this one look again; nobody does so without end.
        for _ in 0..MAX_REPLACEMENTS {
            let row = grants.load(grant_identity(key)).await.map_err(|error| self.unreadable(&error))?;
            let (id, version) = row.map_or_else(|| (new_id(), 1), |row| (row.id, row.version + 1));
            let sealed = self.house.vault().seal(&Self::grant_context(id, key, version), &grant.to_bytes());
            let sealed = SealedGrant {
                revision: key.revision,
                sealed: sealed.map_err(|_| CustodyError::Sealed)?,
                issued_at: self.to_stored_clock(issued_at),
                expires_at: Some(self.to_stored_clock(expires_at)),
                dies_at: (!grant.renews()).then(|| self.to_stored_clock(expires_at)),
            };
            if grants.replace(grant_identity(key), (id, version), sealed, new_id()).await.map_err(|error| self.unwritable(&error))?
                == Replacement::Stored
            {
                return Ok(());
            }
        }
        Err(CustodyError::Unavailable)
    }

    fn unreadable(&self, error: &ReadError) -> CustodyError {
        tracing::error!(code = error.code(), "the database cannot be read: {error}");
        self.note_away();
        CustodyError::Unavailable
    }

    fn unwritable(&self, error: &WriteError) -> CustodyError {
        if let WriteError::Gone = error {
            tracing::info!("a grant has no place any more: its principal or its user is gone");
            return CustodyError::Changed;
        }
        tracing::error!(code = error.code(), "the database cannot be written: {error}");
        self.note_away();
        CustodyError::Unavailable
    }

    async fn give_lease_back(&self, lease: Lease) -> Result<(), CustodyError> {
        self.house.store().grants().give_back(&stored(lease)).await.map_err(|error| self.unwritable(&error))
    }

    async fn note_failure(&self, key: GrantKey, lease: Lease, failure: KeptFailure) -> Result<Noted, CustodyError> {
        let state = match failure.code {
            "needs_authentication" => GrantState::NeedsAuthentication,
            "token_refused" | "credential_misconfigured" | "credential_not_configured" | "egress_denied" => GrantState::ConfigurationError,
            _ => GrantState::Ok,
        };
        let failure = Failure {
            revision: key.revision,
            state,
            code: failure.code.to_owned(),
            retry_not_before: Some(self.to_stored_clock(failure.retry_not_before)),
            at: Some(self.to_stored_clock(failure.at)),
            said: failure.said.and_then(|said| serde_json::to_string(&said).ok()),
        };
        Ok(match self.house.store().grants().release(&stored(lease), &failure).await.map_err(|error| self.unwritable(&error))? {
            Released::Done => Noted::Done,
            Released::Fenced => Noted::Fenced,
        })
    }
}

impl Custody for HouseCustody {
    fn values(&self, key: GrantKey) -> Pending<'_, Result<Values, CustodyError>> {
        Box::pin(self.load_values(key))
    }

    fn provider_values<'a>(&'a self, provider: &'a IdentityProvider) -> Pending<'a, Result<Values, CustodyError>> {
        Box::pin(self.load_provider_values(provider))
    }

    fn load(&self, key: GrantKey) -> Pending<'_, Result<Option<Kept>, CustodyError>> {
        Box::pin(self.load_grant(key))
    }

    fn lease(&self, key: GrantKey, seen_version: i64, duration: Duration) -> Pending<'_, Result<Leased, CustodyError>> {
        Box::pin(self.take_lease(key, seen_version, duration))
    }

    fn commit<'a>(
        &'a self,
        key: GrantKey,
        lease: Lease,
        grant: &'a Grant,
        issued_at: Timestamp,
        expires_at: Timestamp,
    ) -> Pending<'a, Result<Committed, CustodyError>> {
        Box::pin(self.commit_grant(key, lease, grant, issued_at, expires_at))
    }

    fn give_back(&self, _key: GrantKey, lease: Lease) -> Pending<'_, Result<(), CustodyError>> {
        Box::pin(self.give_lease_back(lease))
    }

    fn fail(&self, key: GrantKey, lease: Lease, failure: KeptFailure) -> Pending<'_, Result<Noted, CustodyError>> {
        Box::pin(self.note_failure(key, lease, failure))
    }

    fn replace<'a>(
        &'a self,
        key: GrantKey,
        grant: &'a Grant,
        issued_at: Timestamp,
        expires_at: Timestamp,
    ) -> Pending<'a, Result<(), CustodyError>> {
        Box::pin(self.replace_grant(key, grant, issued_at, expires_at))
    }

    fn remove(&self, key: GrantKey) -> Pending<'_, Result<Vec<Owed>, CustodyError>> {
        Box::pin(self.remove_grants(key))
    }

    fn owe<'a>(&'a self, key: GrantKey, grant: &'a Grant) -> Pending<'a, Result<Owed, CustodyError>> {
        Box::pin(self.owe_grant(identity(key), grant, FIRST_ATTEMPT))
    }

    fn settle<'a>(&'a self, owed: &'a Owed, told: Result<(), &'static str>) -> Pending<'a, Result<(), CustodyError>> {
        Box::pin(self.settle_owed(owed, told))
    }
}

const fn grant_identity(key: GrantKey) -> GrantIdentity {
    GrantIdentity { identity: identity(key), variant: key.variant }
}

const fn identity(key: GrantKey) -> Identity {
    Identity { principal: key.principal, owner: key.user }
}

const fn stored(lease: Lease) -> sortie_store::Lease {
    sortie_store::Lease { grant_id: lease.row, fence: lease.fence, next_version: lease.next_version }
}

fn known_code(code: &str) -> &'static str {
    FAILURE_CODES.iter().find(|known| **known == code).copied().unwrap_or("internal")
}

fn tampered(error: &sortie_vault::OpenError, table: &str) -> CustodyError {
    tracing::error!(code = error.code(), table, "a sealed value in `{table}` does not open: {error}");
    CustodyError::Tampered
}
