//! Step 5, obtain: the grant for a chosen principal. Usually one atomic load; otherwise one renewal for all who wait.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use foldhash::fast::RandomState;
use quick_cache::sync::Cache;
use sortie_model::{ExternalCredentialId, PrincipalId, Timestamp, UserId};
use sortie_protocol::{Proof, Values, World};
use tokio::sync::watch;
use uuid::Uuid;

use crate::choose::Chosen;
use crate::gate::Gates;
use crate::ports::{Custody, CustodyError};
use crate::renewal::{self, Recipe, Surroundings};
use crate::scope::Signers;
use crate::slot::{Failed, HealthReport, Renewed, Slot, is_under_way, lock};
use crate::under_way::UnderWay;
use crate::unobtainable::Unobtainable;

/// 25 s: longer than the 20 s that a provider has to answer, shorter than the 30 s of the lease.
const WAIT: Duration = Duration::from_secs(25);

/// What a grant is kept under. The revision makes a grant of an older definition unreachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GrantKey {
    /// The external credential.
    pub credential: ExternalCredentialId,
    /// The principal.
    pub principal: PrincipalId,
    /// The user, for a Per User principal.
    pub user: Option<UserId>,
    /// Revision of the external credential.
    pub revision: i64,
    /// A digest of the settings that formulas made for one user: two users with different scopes never share a token.
    pub variant: Option<[u8; 16]>,
}

/// Which of the grants that were ever kept under a key. The row too: what is kept after a revocation counts from 1 again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) row: Uuid,
    pub(crate) number: i64,
}

/// What is presented to the upstream, ready to use.
#[derive(Clone)]
pub struct Live {
    /// Different for every one ever made in this process.
    pub(crate) serial: u64,
    /// Version of the kept grant; none ever kept for a static protocol.
    pub(crate) version: Version,
    /// Stored values, for formulas.
    pub(crate) values: Values,
    /// What the protocol puts on the request.
    pub(crate) proof: Proof,
    /// From here on a successor is fetched while this one still serves; `None` for what never dies.
    pub(crate) renew_at: Option<Timestamp>,
    /// From here on it is not sent any more.
    pub(crate) stop_at: Option<Timestamp>,
    /// When the provider says it dies.
    pub(crate) expires_at: Option<Timestamp>,
}

impl Live {
    /// When the provider says it dies; `None` for what never does.
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    pub(crate) fn is_usable(&self, now: Timestamp) -> bool {
        self.stop_at.is_none_or(|stop_at| now < stop_at)
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.renew_at.is_some_and(|renew_at| now >= renew_at)
    }
}

/// Which grant will do.
#[derive(Clone, Copy, Debug)]
pub enum Freshness<'a> {
    /// Any that is still good.
    Kept,
    /// Not this one: the upstream has refused it.
    RenewedSince(&'a Live),
    /// Not this one, although nothing is known to be wrong with it: somebody wants another.
    Other(&'a Live),
}

/// Why a grant is renewed.
#[derive(Clone, Copy)]
enum Cause<'a> {
    /// There is none, or it has died.
    Absence,
    /// It will die soon, and serves meanwhile.
    Age(&'a Live),
    /// The upstream has refused it.
    Refusal(&'a Live),
    /// Somebody wants another one.
    Wish(&'a Live),
}

impl Cause<'_> {
    /// The version that will not do. Versions, not serial numbers: a slot that was made anew finds the refused grant in custody again.
    const fn replaced(self) -> Option<Version> {
        match self {
            Self::Absence => None,
            Self::Age(live) | Self::Refusal(live) | Self::Wish(live) => Some(live.version),
        }
    }

    fn is_met_by(self, live: &Live, now: Timestamp) -> bool {
        live.is_usable(now) && self.replaced() != Some(live.version)
    }
}

/// A renewal as one who wants its outcome finds it.
enum Renewal {
    /// Over, with what was wanted.
    Over(Arc<Live>),
    /// Under way.
    UnderWay(watch::Receiver<Renewed>),
}

impl std::fmt::Debug for Live {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Live")
            .field("serial", &self.serial)
            .field("version", &self.version)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// All grants of this process, shared by its cores.
pub struct Grants {
    custody: Arc<dyn Custody>,
    world: Arc<dyn World>,
    runtime: tokio::runtime::Handle,
    shared: Mutex<HashMap<GrantKey, Arc<Slot>, RandomState>>,
    per_user: Cache<GrantKey, Arc<Slot>>,
    gates: Gates,
    serials: AtomicU64,
    under_way: UnderWay,
}

impl Grants {
    /// `runtime` is where renewals run: not a core of the data plane, so that a caller who hangs up does not end them.
    /// `max_per_user` bounds how many users' grants are held at once.
    pub fn new(custody: Arc<dyn Custody>, world: Arc<dyn World>, runtime: tokio::runtime::Handle, max_per_user: usize) -> Arc<Self> {
        let (shared, per_user, serials) = (Mutex::default(), Cache::new(max_per_user), AtomicU64::new(1));
        let (gates, under_way) = (Gates::default(), UnderWay::default());
        Arc::new(Self { custody, world, runtime, shared, per_user, gates, serials, under_way })
    }

    /// What an end of the process must wait for: renewals, and whatever else has asked a provider for something that it gives once.
    pub const fn under_way(&self) -> &UnderWay {
        &self.under_way
    }

    pub(crate) fn world(&self) -> &dyn World {
        &*self.world
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.world.now()
    }

    /// The keys of certificates. Each is loaded once and then kept ready; usually there is none to fetch.
    pub(crate) async fn signers(&self, certificates: &[String]) -> Signers {
        let mut signers = Vec::new();
        for name in certificates {
            signers.push((name.clone(), self.world.signer(name).await));
        }
        signers
    }

    /// The grant for a chosen principal.
    ///
    /// # Errors
    /// There is none, and none could be had in time.
    pub async fn obtain(self: &Arc<Self>, chosen: &Chosen<'_>, freshness: Freshness<'_>) -> Result<Arc<Live>, Unobtainable> {
        let slot = self.slot(chosen);
        // What never dies needs no clock.
        if let Freshness::Kept = freshness
            && let Some(live) = slot.live.load_full().filter(|live| live.stop_at.is_none() && live.renew_at.is_none())
        {
            return Ok(live);
        }
        let now = self.world.now();
        let cause = match freshness {
            Freshness::Kept => Cause::Absence,
            Freshness::RenewedSince(refused) => Cause::Refusal(refused),
            Freshness::Other(unwanted) => Cause::Wish(unwanted),
        };
        if let Some(live) = slot.live.load_full().filter(|live| cause.is_met_by(live, now)) {
            if live.is_due(now) && slot.may_renew_early(now) {
                let _ = self.renew(&slot, chosen, Cause::Age(&live), now);
            }
            return Ok(live);
        }
        // Boxed: waiting is rare, and would make the future of every callout larger.
        let mut live = Box::pin(self.renewed(&slot, chosen, cause, now)).await?;
        // A renewal that was under way may have begun before the refusal, and found the very grant that was refused.
        if cause.replaced() == Some(live.version) {
            live = Box::pin(self.renewed(&slot, chosen, cause, self.world.now())).await?;
        }
        Ok(live)
    }

    /// Whether it makes sense to ask for another grant than the refused one. If it is there or on its way, it costs nothing; if the provider would have to
    /// be asked, only so often.
    pub fn may_renew(&self, chosen: &Chosen<'_>, refused: &Live) -> bool {
        let slot = self.slot(chosen);
        let now = self.world.now();
        let has_another = slot.live.load().as_ref().is_some_and(|live| Cause::Refusal(refused).is_met_by(live, now));
        has_another || slot.rejections.may_renew(now) || slot.is_renewing()
    }

    /// Notes that an upstream took the credential.
    pub fn accepted(&self, chosen: &Chosen<'_>, now: Timestamp) {
        let note = |slot: &Slot| {
            slot.health.succeeded(now);
            slot.rejections.note_success();
        };
        match chosen.identity().user() {
            None => note(&chosen.identity().principal().slot),
            Some(_) => note(&self.slot(chosen)),
        }
    }

    /// Notes that an upstream refused the credential, or that the callout failed otherwise.
    pub fn failed(&self, chosen: &Chosen<'_>, code: &'static str) {
        self.slot(chosen).health.failed(self.world.now(), code);
    }

    /// What is held right now for a chosen principal, without obtaining anything.
    pub fn peek(&self, chosen: &Chosen<'_>) -> Option<Arc<Live>> {
        self.slot(chosen).live.load_full()
    }

    /// Which grant is held right now.
    pub(crate) fn held_version(&self, chosen: &Chosen<'_>) -> Option<Version> {
        self.slot(chosen).live.load().as_ref().map(|live| live.version)
    }

    /// Which grant is kept right now, good or not.
    pub(crate) async fn kept_version(&self, chosen: &Chosen<'_>) -> Result<Option<Version>, Unobtainable> {
        let kept = self.custody.load(chosen.identity().key()).await?;
        Ok(kept.filter(|kept| kept.grant.is_some()).map(|kept| Version { row: kept.row, number: kept.version }))
    }

    /// How the last renewal failed, if none has succeeded since.
    pub(crate) fn last_failed(&self, chosen: &Chosen<'_>) -> Option<Failed> {
        self.slot(chosen).last_failed()
    }

    /// The health of a chosen principal's grant, if there was any since the start.
    pub(crate) fn health_of(&self, chosen: &Chosen<'_>) -> Option<HealthReport> {
        self.slot(chosen).report()
    }

    /// Forgets what is held of an identity; what is still kept is found in custody again.
    pub fn forget(&self, principal: PrincipalId, user: Option<UserId>) {
        let is_meant = |key: &GrantKey| key.principal == principal && key.user == user;
        for slot in lock(&self.shared).iter().filter(|(key, _)| is_meant(key)).map(|(_, slot)| slot) {
            slot.forget();
        }
        // Grants of a Named principal are here too, if formulas make them for each user.
        self.per_user.retain(|key, _| !is_meant(key));
    }

    /// Forgets what is held of everybody.
    pub fn forget_everything(&self) {
        lock(&self.shared).values().for_each(|slot| slot.forget());
        self.per_user.clear();
    }

    /// Where grants are kept.
    pub fn custody(&self) -> &dyn Custody {
        &*self.custody
    }

    /// Everybody's health, for those that had any since the start.
    pub fn health(&self) -> Vec<HealthReport> {
        let shared: Vec<Arc<Slot>> = lock(&self.shared).values().cloned().collect();
        let per_user = self.per_user.iter().map(|(_, slot)| slot);
        shared.into_iter().chain(per_user).filter_map(|slot| slot.report()).collect()
    }

    /// The slot of a shared grant: the one that is already there, or a new one.
    pub(crate) fn shared_slot(&self, key: GrantKey) -> Arc<Slot> {
        Arc::clone(lock(&self.shared).entry(key).or_insert_with(|| Arc::new(Slot::new(key))))
    }

    /// Drops grants of definitions that no longer exist. `keys` are those of all principals; users' own grants are kept under the same ones, with the user added.
    pub(crate) fn forget_all_but<'a>(&self, keys: impl Iterator<Item = &'a GrantKey> + Clone) {
        let mut shared = lock(&self.shared);
        // All of them have a slot, so if there are as many slots there is none to drop.
        let are_all_known = shared.len() <= keys.clone().count();
        if are_all_known && self.per_user.is_empty() {
            return;
        }
        let keys: HashSet<&GrantKey, RandomState> = keys.collect();
        if !are_all_known {
            shared.retain(|key, _| keys.contains(key));
        }
        self.per_user.retain(|key, _| keys.contains(&GrantKey { user: None, variant: None, ..*key }));
    }

    /// Borrowed where it is the principal's own: counting those who hold it would write where all cores read.
    fn slot<'c>(&self, chosen: &'c Chosen<'_>) -> Cow<'c, Arc<Slot>> {
        if chosen.identity().is_shared() {
            return Cow::Borrowed(&chosen.identity().principal().slot);
        }
        let key = chosen.identity().key();
        // `get_or_insert_with` only makes an empty slot: nobody waits for anything here.
        let made: Result<_, std::convert::Infallible> = self.per_user.get_or_insert_with(&key, || Ok(Arc::new(Slot::new(key))));
        Cow::Owned(made.unwrap_or_else(|never| match never {}))
    }

    /// Joins the renewal that is under way, or starts one, and waits for its outcome.
    async fn renewed(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        chosen: &Chosen<'_>,
        cause: Cause<'_>,
        now: Timestamp,
    ) -> Result<Arc<Live>, Unobtainable> {
        let mut renewed = match self.renew(slot, chosen, cause, now)? {
            Renewal::Over(live) => return Ok(live),
            Renewal::UnderWay(renewed) => renewed,
        };
        match tokio::time::timeout(WAIT, renewed.wait_for(Option::is_some)).await {
            Err(_) => Err(Unobtainable::Slow),
            Ok(Err(_)) => Err(Unobtainable::BrokeOff),
            Ok(Ok(outcome)) => outcome.clone().unwrap_or(Err(Unobtainable::BrokeOff)),
        }
    }

    /// Joins the renewal that is under way, or starts one in a task of its own.
    fn renew(self: &Arc<Self>, slot: &Arc<Slot>, chosen: &Chosen<'_>, cause: Cause<'_>, now: Timestamp) -> Result<Renewal, Unobtainable> {
        let mut renewal = lock(&slot.renewal);
        if let Some(last) = renewal.as_ref() {
            if is_under_way(last) {
                return Ok(Renewal::UnderWay(last.clone()));
            }
            // It may have ended between the caller's look at the slot and this one.
            if let Some(Ok(live)) = &*last.borrow()
                && cause.is_met_by(live, now)
            {
                return Ok(Renewal::Over(Arc::clone(live)));
            }
        }
        if let Some(Failed { error, retry_not_before }) = slot.last_failed()
            && now < retry_not_before
        {
            return Err(match error {
                Unobtainable::NeedsLogin { .. } => error,
                _ => Unobtainable::BackingOff { code: error.code(), retry_not_before, said: error.said().cloned() },
            });
        }
        // An end of the process must not cut it off, and the database is about to be closed.
        let step = self.under_way.begin().ok_or(CustodyError::Unavailable)?;
        if let Cause::Refusal(_) = cause {
            slot.rejections.note(now);
        }
        let (sender, receiver) = watch::channel(None);
        *renewal = Some(receiver.clone());
        slot.begin();
        drop(renewal);
        let recipe = Recipe::new(&chosen.named().credential, chosen.identity(), cause.replaced());
        let (grants, slot) = (Arc::clone(self), Arc::clone(slot));
        self.runtime.spawn(async move {
            let surroundings = Surroundings { custody: &*grants.custody, world: &*grants.world, gates: &grants.gates };
            let outcome = renewal::run(surroundings, &recipe, || grants.serials.fetch_add(1, Ordering::Relaxed)).await;
            slot.settle(&outcome, grants.world.now());
            // Waiters are released only now, when the grant is stored and in its place.
            let _ = sender.send(Some(outcome));
            drop(step);
        });
        Ok(Renewal::UnderWay(receiver))
    }
}
