//! Custody in memory, with the leases and fences of the real one, for any number of nodes. A hook can delay, break or stop any operation.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::FutureExt as _;
use sortie_callout::{Committed, Custody, CustodyError, GrantKey, Kept, KeptFailure, Lease, Leased, Noted, Owed};
use sortie_model::{ApiName, ExternalCredentialId, IdentityProvider, PrincipalId, Secret, Timestamp, UserId};
use sortie_protocol::{Grant, Pending, Values};
use uuid::Uuid;

use super::Clock;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Values,
    ProviderValues,
    Load,
    Lease,
    Commit,
    GiveBack,
    Fail,
    Replace,
    Remove,
    Owe,
    Settle,
}

/// What a hook does to an operation before it happens.
pub(crate) enum Fault {
    /// It happens later.
    Delay(Duration),
    /// It happens now, and its answer is long on its way.
    DelayAnswer(Duration),
    Fail(CustodyError),
    Panic,
    Never,
}

type Hook = Box<dyn Fn(Operation, GrantKey) -> Option<Fault> + Send + Sync>;
type Identity = (PrincipalId, Option<UserId>);
type RowKey = (PrincipalId, Option<UserId>, Option<[u8; 16]>);

pub(crate) struct MemoryCustody {
    clock: Clock,
    state: Mutex<State>,
    hook: Mutex<Option<Hook>>,
}

#[derive(Default)]
struct State {
    values: HashMap<Identity, Values>,
    provider_values: HashMap<ApiName, Values>,
    revisions: HashMap<ExternalCredentialId, i64>,
    rows: HashMap<RowKey, Row>,
    ledger: Vec<(Operation, GrantKey)>,
    fenced: u32,
    /// What providers are still to be told.
    owed: Vec<Owed>,
}

#[derive(Clone, Default)]
struct Row {
    id: Uuid,
    revision: i64,
    version: i64,
    grant: Option<(Grant, Timestamp, Timestamp)>,
    /// With the revision of the credential that it happened under.
    failure: Option<(KeptFailure, i64)>,
    fence: i64,
    leased_until: Option<Timestamp>,
}

impl MemoryCustody {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default(), hook: Mutex::default() }
    }

    // === What tests do to it ===

    /// Stores values. A user's own ones take that user's grant away; for shared ones the scene moves the credential's revision.
    pub(crate) fn store(&self, principal: PrincipalId, user: Option<UserId>, values: &[(&str, &str)]) {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
        let mut state = self.state.lock().unwrap();
        state.values.insert((principal, user), values);
        if user.is_some() {
            state.rows.remove(&(principal, user, None));
        }
    }

    /// Stores values of a provider; the scene moves the revision of those that name it.
    pub(crate) fn store_of_provider(&self, provider: &str, values: &[(&str, &str)]) {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
        self.state.lock().unwrap().provider_values.insert(ApiName::parse(provider).unwrap(), values);
    }

    pub(crate) fn remove_values(&self, principal: PrincipalId, user: Option<UserId>) {
        let mut state = self.state.lock().unwrap();
        state.values.remove(&(principal, user));
        state.rows.remove(&(principal, user, None));
    }

    pub(crate) fn set_revision(&self, credential: ExternalCredentialId, revision: i64) {
        self.state.lock().unwrap().revisions.insert(credential, revision);
    }

    /// Deletes a credential with everything below it.
    pub(crate) fn delete(&self, credential: ExternalCredentialId, principal: PrincipalId) {
        let mut state = self.state.lock().unwrap();
        state.revisions.remove(&credential);
        state.values.retain(|(of, ..), _| *of != principal);
        state.rows.retain(|(of, ..), _| *of != principal);
    }

    /// Moves a row as if another node had stored something.
    pub(crate) fn bump(&self, principal: PrincipalId) {
        self.state.lock().unwrap().rows.entry((principal, None, None)).or_default().version += 1;
    }

    pub(crate) fn on(&self, hook: impl Fn(Operation, GrantKey) -> Option<Fault> + Send + Sync + 'static) {
        *self.hook.lock().unwrap() = Some(Box::new(hook));
    }

    pub(crate) fn calm_down(&self) {
        *self.hook.lock().unwrap() = None;
    }

    // === What tests see of it ===

    pub(crate) fn count(&self, operation: Operation) -> usize {
        self.state.lock().unwrap().ledger.iter().filter(|(done, _)| *done == operation).count()
    }

    pub(crate) fn total(&self) -> usize {
        self.state.lock().unwrap().ledger.len()
    }

    pub(crate) fn fenced(&self) -> u32 {
        self.state.lock().unwrap().fenced
    }

    pub(crate) fn version(&self, principal: PrincipalId, user: Option<UserId>) -> Option<i64> {
        self.state.lock().unwrap().rows.get(&(principal, user, None)).map(|row| row.version)
    }

    pub(crate) fn kept_token(&self, principal: PrincipalId, user: Option<UserId>) -> Option<String> {
        let state = self.state.lock().unwrap();
        let (grant, ..) = state.rows.get(&(principal, user, None))?.grant.as_ref()?;
        grant.parts.get("access_token").map(|token| token.expose().to_owned())
    }

    /// The refresh tokens that providers are still to be told about.
    pub(crate) fn owed(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.owed.iter().filter_map(|owed| owed.grant.parts.get("refresh_token")).map(|token| token.expose().to_owned()).collect()
    }

    pub(crate) fn is_leased(&self, principal: PrincipalId, user: Option<UserId>) -> bool {
        let now = self.clock.now();
        let state = self.state.lock().unwrap();
        state.rows.get(&(principal, user, None)).is_some_and(|row| row.leased_until.is_some_and(|until| now < until))
    }

    // === The operations ===

    async fn perform<T>(
        &self,
        operation: Operation,
        key: GrantKey,
        transaction: impl FnOnce(&mut State, Timestamp) -> T,
    ) -> Result<T, CustodyError> {
        self.state.lock().unwrap().ledger.push((operation, key));
        let fault = self.hook.lock().unwrap().as_ref().and_then(|hook| hook(operation, key));
        // A database is never as quick as a function call.
        tokio::task::yield_now().await;
        let mut on_its_way = Duration::ZERO;
        match fault {
            None => {}
            Some(Fault::Delay(duration)) => tokio::time::sleep(duration).await,
            Some(Fault::DelayAnswer(duration)) => on_its_way = duration,
            Some(Fault::Fail(error)) => return Err(error),
            Some(Fault::Panic) => panic!("the test asked for a panic in {operation:?}"),
            Some(Fault::Never) => std::future::pending().await,
        }
        let done = transaction(&mut self.state.lock().unwrap(), self.clock.now());
        if !on_its_way.is_zero() {
            tokio::time::sleep(on_its_way).await;
        }
        Ok(done)
    }
}

fn identity(key: GrantKey) -> Identity {
    (key.principal, key.user)
}

fn row(key: GrantKey) -> RowKey {
    (key.principal, key.user, key.variant)
}

/// What happens in one transaction.
impl State {
    fn lease(&mut self, now: Timestamp, key: GrantKey, seen_version: i64, duration: Duration) -> Result<Leased, CustodyError> {
        if !self.revisions.contains_key(&key.credential) {
            return Err(CustodyError::Unavailable); // A foreign key would be broken.
        }
        let next_id = Uuid::from_u128(u128::MAX - self.ledger.len() as u128);
        let row = self.rows.entry(row(key)).or_insert_with(|| Row { id: next_id, ..Row::default() });
        if row.version != seen_version {
            return Ok(Leased::Changed);
        }
        if row.leased_until.is_some_and(|until| now < until) {
            return Ok(Leased::Busy);
        }
        row.fence += 1;
        row.leased_until = Some(now.after(duration));
        Ok(Leased::Taken(Lease { row: row.id, fence: row.fence, next_version: row.version + 1 }))
    }

    /// The row, if the lease is still the newest.
    fn held(&mut self, key: GrantKey, lease: Lease) -> Option<&mut Row> {
        let is_held = |row: &&mut Row| row.id == lease.row && row.fence == lease.fence && row.version + 1 == lease.next_version;
        self.rows.get_mut(&row(key)).filter(is_held)
    }

    fn commit(&mut self, key: GrantKey, lease: Lease, grant: (Grant, Timestamp, Timestamp)) -> Committed {
        let Some(row) = self.held(key, lease) else {
            self.fenced += 1;
            return Committed::Fenced;
        };
        let (id, fence, version) = (row.id, row.fence, lease.next_version);
        *row = Row { id, revision: key.revision, version, grant: Some(grant), failure: None, fence, leased_until: None };
        Committed::Stored(version)
    }

    fn fail(&mut self, key: GrantKey, lease: Lease, failure: KeptFailure) -> Noted {
        let Some(row) = self.held(key, lease) else { return Noted::Fenced };
        row.failure = Some((failure, key.revision));
        row.leased_until = None;
        Noted::Done
    }

    fn owe(&mut self, grant: Grant) -> Owed {
        let owed = Owed { id: Uuid::from_u128(self.ledger.len() as u128), attempt: 1, grant };
        self.owed.push(owed.clone());
        owed
    }

    fn replace(&mut self, key: GrantKey, grant: (Grant, Timestamp, Timestamp)) {
        let next_id = Uuid::from_u128(u128::MAX - self.ledger.len() as u128);
        let row = self.rows.entry(row(key)).or_insert_with(|| Row { id: next_id, ..Row::default() });
        let (id, fence, version) = (row.id, row.fence + 1, row.version + 1);
        *row = Row { id, revision: key.revision, version, grant: Some(grant), failure: None, fence, leased_until: None };
    }
}

impl Custody for MemoryCustody {
    fn values(&self, key: GrantKey) -> Pending<'_, Result<Values, CustodyError>> {
        Box::pin(self.perform(Operation::Values, key, move |state, _| state.values.get(&identity(key)).cloned().unwrap_or_default()))
    }

    fn provider_values<'a>(&'a self, provider: &'a IdentityProvider) -> Pending<'a, Result<Values, CustodyError>> {
        // No identity of a grant: one provider is asked for many.
        let key = GrantKey {
            credential: ExternalCredentialId::from_uuid(Uuid::nil()),
            principal: PrincipalId::from_uuid(Uuid::nil()),
            user: None,
            revision: 0,
            variant: None,
        };
        Box::pin(self.perform(Operation::ProviderValues, key, move |state, _| {
            state.provider_values.get(provider.name()).cloned().unwrap_or_default()
        }))
    }

    fn load(&self, key: GrantKey) -> Pending<'_, Result<Option<Kept>, CustodyError>> {
        Box::pin(self.perform(Operation::Load, key, move |state, _| {
            let Row { id, revision, version, grant, failure, .. } = state.rows.get(&row(key))?.clone();
            // What failed under another definition means nothing under this one.
            let failure = failure.filter(|(_, revision)| *revision == key.revision).map(|(failure, _)| failure);
            Some(Kept { row: id, version, revision, grant, failure })
        }))
    }

    fn lease(&self, key: GrantKey, seen_version: i64, duration: Duration) -> Pending<'_, Result<Leased, CustodyError>> {
        Box::pin(
            self.perform(Operation::Lease, key, move |state, now| state.lease(now, key, seen_version, duration))
                .map(|leased| leased.and_then(|leased| leased)),
        )
    }

    fn commit<'a>(
        &'a self,
        key: GrantKey,
        lease: Lease,
        grant: &'a Grant,
        issued_at: Timestamp,
        expires_at: Timestamp,
    ) -> Pending<'a, Result<Committed, CustodyError>> {
        // The lifetime is stored as a moment only, as in the real one.
        let grant = Grant { lifetime: None, ..grant.clone() };
        Box::pin(self.perform(Operation::Commit, key, move |state, _| state.commit(key, lease, (grant, issued_at, expires_at))))
    }

    fn give_back(&self, key: GrantKey, lease: Lease) -> Pending<'_, Result<(), CustodyError>> {
        Box::pin(self.perform(Operation::GiveBack, key, move |state, _| {
            if let Some(row) = state.held(key, lease) {
                row.leased_until = None;
            }
        }))
    }

    fn fail(&self, key: GrantKey, lease: Lease, failure: KeptFailure) -> Pending<'_, Result<Noted, CustodyError>> {
        Box::pin(self.perform(Operation::Fail, key, move |state, _| state.fail(key, lease, failure)))
    }

    fn replace<'a>(
        &'a self,
        key: GrantKey,
        grant: &'a Grant,
        issued_at: Timestamp,
        expires_at: Timestamp,
    ) -> Pending<'a, Result<(), CustodyError>> {
        let grant = Grant { lifetime: None, ..grant.clone() };
        Box::pin(self.perform(Operation::Replace, key, move |state, _| state.replace(key, (grant, issued_at, expires_at))))
    }

    fn remove(&self, key: GrantKey) -> Pending<'_, Result<Vec<Owed>, CustodyError>> {
        Box::pin(self.perform(Operation::Remove, key, move |state, _| {
            let removed = state.rows.extract_if(|(principal, user, _), _| (*principal, *user) == identity(key));
            let removed: Vec<Grant> = removed.filter_map(|(_, row)| row.grant.map(|(grant, ..)| grant)).collect();
            removed.into_iter().map(|grant| state.owe(grant)).collect()
        }))
    }

    fn owe<'a>(&'a self, key: GrantKey, grant: &'a Grant) -> Pending<'a, Result<Owed, CustodyError>> {
        Box::pin(self.perform(Operation::Owe, key, move |state, _| state.owe(grant.clone())))
    }

    fn settle<'a>(&'a self, owed: &'a Owed, told: Result<(), &'static str>) -> Pending<'a, Result<(), CustodyError>> {
        let key = GrantKey {
            credential: ExternalCredentialId::from_uuid(Uuid::nil()),
            principal: PrincipalId::from_uuid(Uuid::nil()),
            user: None,
            revision: 0,
            variant: None,
        };
        Box::pin(self.perform(Operation::Settle, key, move |state, _| {
            if told.is_ok() {
                state.owed.retain(|known| known.id != owed.id);
            }
        }))
    }
}
