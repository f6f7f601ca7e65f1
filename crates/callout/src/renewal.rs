//! Renewal: one at a time per grant in the whole cluster, and none lost.
//!
//! In this process a slot lets one renewal run. Across processes a fenced lease in the grant's row does, on the database's clock, with no transaction
//! held while the provider is asked. Losers wait and read again. `invalid_grant` means: read again, and only if nothing changed, somebody has to
//! authenticate anew. A time-out never means that.

mod course;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use sortie_model::{IdentityProvider, Settings, Timestamp};
use sortie_protocol::{
    Grant, Material, NoLogin, ObtainError, Place, Protocol, Provider, Renewal, Values, World, needs_provider, usable_provider,
};

use tokio::time::Instant;

use crate::gate::Gates;
use crate::identity::Identity;
use crate::obtain::{GrantKey, Live, Version};
use crate::ports::{Committed, Custody, CustodyError, KeptFailure, Lease, Leased, Noted};
use crate::snapshot::Credential;
use crate::unobtainable::Unobtainable;
pub(crate) use course::Course;

/// 30 s on the database's clock: longer than the provider has to answer, so that a lease never ends while its holder still waits.
const LEASE: Duration = Duration::from_secs(30);

/// 20 s for the provider's answer, from connecting to the last byte.
pub(crate) const PROVIDER_DEADLINE: Duration = Duration::from_secs(20);

/// How often a loser looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Looks before giving up: 32 s, a little longer than the lease of a holder who died.
const MAX_LOOKS: u32 = 320;

/// 25 s in the provider's queue, as long as a caller waits: behind it nobody waits for this renewal any more.
const QUEUE: Duration = Duration::from_secs(25);

/// 1 s: how soon after a login every node knows of it.
const LOOK_FOR_LOGIN: Duration = Duration::from_secs(1);

/// 60 s for the whole renewal. Whoever needs longer waits for custody: nobody asks a provider who could not hear its answer out within this time.
const DEADLINE: Duration = Duration::from_secs(60);

/// 35 s: nobody asks later than this, so that 20 s are left for the provider's answer, and 5 s to store it. What it gives may be given only once (P12).
const LAST_QUESTION: Duration = Duration::from_secs(DEADLINE.as_secs() - PROVIDER_DEADLINE.as_secs() - 5);

/// Five minutes, if the provider does not say how long its token lives (RFC 6749, section 5.1 lets it).
pub(crate) const DEFAULT_LIFETIME: Duration = Duration::from_secs(300);

/// All that a renewal needs, owned, since it outlives its caller.
pub(crate) struct Recipe {
    key: GrantKey,
    /// Whose values it is lent.
    lender: Option<GrantKey>,
    protocol: &'static dyn Protocol,
    settings: Settings,
    /// Of the same definitions as the key's revision.
    provider: Option<Arc<IdentityProvider>>,
    /// The version that will not do.
    replaced: Option<Version>,
}

impl Recipe {
    pub(crate) fn new(credential: &Credential, identity: &Identity<'_>, replaced: Option<Version>) -> Self {
        let (protocol, provider) = (credential.protocol, credential.provider.clone());
        let (key, lender, settings) = (identity.key(), identity.principal().lender, identity.settings().into_owned());
        Self { key, lender, protocol, settings, provider, replaced }
    }

    /// The values to work with: those that it is lent, and its own in their place.
    pub(crate) async fn values(&self, custody: &dyn Custody) -> Result<Values, CustodyError> {
        if !self.protocol.has_values() {
            return Ok(Values::new());
        }
        let mut values = match self.lender {
            Some(lender) => custody.values(lender).await?,
            None => Values::new(),
        };
        values.extend(custody.values(self.key).await?);
        Ok(values)
    }

    pub(crate) fn material<'a>(&'a self, values: &'a Values, grant: Option<&'a Grant>) -> Material<'a> {
        Material { settings: &self.settings, values, grant, provider: None }
    }

    /// What is stored for the provider. It goes no further than to the protocol's request: no formula and no proof ever sees it.
    pub(crate) async fn provider_values(&self, custody: &dyn Custody) -> Result<Values, CustodyError> {
        match &self.provider {
            Some(provider) => custody.provider_values(provider).await,
            None => Ok(Values::new()),
        }
    }

    pub(crate) fn provider<'a>(&'a self, values: &'a Values) -> Option<Provider<'a>> {
        self.provider.as_deref().map(|definition| Provider::of(definition, values))
    }

    /// Whom obtaining a grant will ask. Its secret is not needed for that.
    fn asks(&self, values: &Values) -> Option<String> {
        let none = Values::new();
        let material = Material { provider: self.provider(&none), ..self.material(values, None) };
        self.protocol.asks(material).map(Cow::into_owned)
    }

    /// What is wrong with the provider, for a protocol that needs one.
    pub(crate) async fn check_provider(&self, custody: &dyn Custody) -> Result<(), Unobtainable> {
        if !needs_provider(self.protocol) {
            return Ok(());
        }
        let (values, own) = (self.provider_values(custody).await?, Values::new());
        let material = Material { provider: self.provider(&values), ..self.material(&own, None) };
        usable_provider(self.protocol, material).map(|_| ()).map_err(Into::into)
    }

    async fn obtain(
        &self,
        custody: &dyn Custody,
        world: &dyn World,
        values: &Values,
        before: Option<&Grant>,
    ) -> Result<Grant, Unobtainable> {
        let provider_values = self.provider_values(custody).await?;
        let material = Material { provider: self.provider(&provider_values), ..self.material(values, before) };
        self.protocol.obtain(world, material).await.map_err(|error| self.failed(error))
    }

    /// Makes values, and the grant of a renewable protocol, ready to use.
    pub(crate) fn live(&self, values: Values, renewed: Option<Renewed>, serial: u64) -> Result<Live, Unobtainable> {
        let grant = renewed.as_ref().map(|renewed| &renewed.grant);
        let proof = self.protocol.prove(self.material(&values, grant)).map_err(|error| self.failed(error.into()))?;
        let version = renewed.as_ref().map(|renewed| renewed.version).unwrap_or_default();
        let times = renewed.map(|Renewed { issued_at, expires_at, .. }| {
            (renew_at(issued_at, expires_at, spread(self.key, version.number)), stop_at(issued_at, expires_at), expires_at)
        });
        let (renew_at, stop_at, expires_at) = (times.map(|times| times.0), times.map(|times| times.1), times.map(|times| times.2));
        Ok(Live { serial, version, values, proof, renew_at, stop_at, expires_at })
    }

    /// What one user has not stored is not the admin's to fill in.
    pub(crate) fn failed(&self, error: ObtainError) -> Unobtainable {
        let is_value = |name: &str| self.protocol.fields().iter().any(|field| field.name == name && field.place == Place::Values);
        match error {
            ObtainError::NotConfigured { field } if self.key.user.is_some() && is_value(field) => Unobtainable::NotAuthenticated { field },
            ObtainError::NotLoggedIn(why) => self.needs_login(why, None),
            ObtainError::InvalidGrant(said) if self.protocol.login().is_some() => self.needs_login(NoLogin::Refused, Some(said)),
            other => other.into(),
        }
    }
}

/// What a renewal works with.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) custody: &'a dyn Custody,
    pub(crate) world: &'a dyn World,
    pub(crate) gates: &'a Gates,
}

/// Finds or fetches a grant, and makes it ready to use. Always ends, and never by a panic: others wait for it.
pub(crate) async fn run(at: Surroundings<'_>, recipe: &Recipe, serial: impl Fn() -> u64) -> Result<Arc<Live>, Unobtainable> {
    let found = unless_it_panics(tokio::time::timeout(DEADLINE, find(at, recipe, serial))).await;
    found.ok_or(Unobtainable::BrokeOff)?.unwrap_or(Err(CustodyError::Unavailable.into()))
}

async fn find(at: Surroundings<'_>, recipe: &Recipe, serial: impl Fn() -> u64) -> Result<Arc<Live>, Unobtainable> {
    let begun = Instant::now();
    let values = recipe.values(at.custody).await?;
    let renewed = match recipe.protocol.renewal() {
        Renewal::Static => None,
        Renewal::Renewable => Some(renew(at, recipe, &values, begun).await?),
    };
    recipe.live(values, renewed, serial()).map(Arc::new)
}

/// `None` instead of a panic. The future is not touched again after one, so nothing half-done is seen.
async fn unless_it_panics<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(polled) => polled.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}

/// A grant as it came from the provider or from custody.
pub(crate) struct Renewed {
    grant: Grant,
    version: Version,
    issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

async fn renew(at: Surroundings<'_>, recipe: &Recipe, values: &Values, begun: Instant) -> Result<Renewed, Unobtainable> {
    for look in 0..MAX_LOOKS {
        let kept = at.custody.load(recipe.key).await?;
        let seen_version = kept.as_ref().map_or(0, |kept| kept.version);
        let before = match recipe.course(at.custody, kept, at.world.now()).await? {
            Course::Adopt(renewed) => return Ok(renewed),
            Course::Renew { before } => before,
        };
        // Before the lease, which is not to run out in a queue.
        let passed = match recipe.asks(values) {
            Some(provider) => Some(tokio::time::timeout(QUEUE, at.gates.pass(&provider)).await.map_err(|_| Unobtainable::Slow)?),
            None => None,
        };
        if begun.elapsed() > LAST_QUESTION {
            return Err(Unobtainable::Slow);
        }
        let asked_at = Instant::now();
        match at.custody.lease(recipe.key, seen_version, LEASE).await? {
            // Who slept that long before a single byte was sent would ask when another one may have the lease (REL-T10), or could not hear the answer out.
            Leased::Taken(lease) if asked_at.elapsed() > LEASE.saturating_sub(PROVIDER_DEADLINE) || begun.elapsed() > LAST_QUESTION => {
                // Nothing has failed: whoever looks next, on whatever node, may have it at once.
                at.custody.give_back(recipe.key, lease).await?;
            }
            Leased::Taken(lease) => match fetch(at, recipe, (values, before.as_ref()), lease).await? {
                Some(renewed) => return Ok(renewed),
                None => continue,
            },
            // Usually a successor has just been stored. A row that changes again and again is not chased.
            Leased::Changed if look == 0 => {}
            Leased::Changed | Leased::Busy => {
                drop(passed);
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
    }
    Err(Unobtainable::Slow)
}

/// Asks the provider, as the holder of the lease. `None`: another holder took over meanwhile, read again.
async fn fetch(
    at: Surroundings<'_>,
    recipe: &Recipe,
    (values, before): (&Values, Option<&Grant>),
    lease: Lease,
) -> Result<Option<Renewed>, Unobtainable> {
    let Surroundings { custody, world, gates: _ } = at;
    let issued_at = world.now();
    let obtained = unless_it_panics(recipe.obtain(custody, world, values, before));
    let obtained = match tokio::time::timeout(PROVIDER_DEADLINE, obtained).await {
        Ok(Some(obtained)) => obtained,
        // The lease is given back all the same.
        Ok(None) => Err(Unobtainable::BrokeOff),
        Err(_) => Err(ObtainError::Unanswered.into()),
    };
    match obtained {
        Ok(grant) => {
            // RFC 6749, section 5.1: the lifetime counts "from the time the response was generated", which was not before the question.
            let expires_at = issued_at.after(grant.lifetime.unwrap_or(DEFAULT_LIFETIME));
            match custody.commit(recipe.key, lease, &grant, issued_at, expires_at).await? {
                Committed::Stored(number) => {
                    let version = Version { row: lease.row, number };
                    Ok(Some(Renewed { grant, version, issued_at, expires_at }))
                }
                Committed::Fenced => Ok(None),
            }
        }
        Err(error) => {
            let now = world.now();
            let (retry_not_before, said) = (now.after(pause(&error, 1)), error.said().cloned());
            let failure = KeptFailure { code: error.code(), at: now, retry_not_before, said };
            match custody.fail(recipe.key, lease, failure).await {
                Ok(Noted::Done) => {
                    warn_of_lost_login(recipe.key, &error);
                    Err(error)
                }
                // What was refused is not what is kept now (TOK-12).
                Ok(Noted::Fenced) => Ok(None),
                // The first failure is what the caller must hear of; that it could not be noted is only logged.
                Err(custody_error) => {
                    tracing::warn!(code = error.code(), "cannot note a failed renewal: {custody_error}");
                    Err(error)
                }
            }
        }
    }
}

/// Once for each login that a provider takes back: from then on whoever needs it hears of it at each callout (TOK-13).
fn warn_of_lost_login(key: GrantKey, error: &Unobtainable) {
    if let Unobtainable::NeedsLogin { .. } = error {
        let user = key.user.map(|user| user.to_string()).unwrap_or_default();
        tracing::warn!(credential = %key.credential, principal = %key.principal, user, code = error.code(), "somebody has to log in again: {error}");
    }
}

/// How long to stay away after the nth failure in a row: 1 s, doubling to 60 s, or as long as the provider says. Something missing in our own
/// definitions is looked for again at once: that asks nobody. A wrong setting may have asked somebody, whose redirect told us; correcting it makes
/// a new revision, which has no pause.
pub(crate) fn pause(error: &Unobtainable, in_a_row: u32) -> Duration {
    let backoff = Duration::from_secs(1 << in_a_row.saturating_sub(1).min(6)).min(Duration::from_secs(60));
    match error {
        Unobtainable::Protocol(ObtainError::Unavailable { retry_after: Some(retry_after), .. }) => backoff.max(*retry_after),
        Unobtainable::Protocol(ObtainError::NotConfigured { .. })
        | Unobtainable::NotAuthenticated { .. }
        | Unobtainable::BackingOff { .. } => Duration::ZERO,
        Unobtainable::NeedsLogin { .. } => LOOK_FOR_LOGIN,
        Unobtainable::Protocol(_) | Unobtainable::Custody(_) | Unobtainable::Slow | Unobtainable::BrokeOff => backoff,
    }
}

/// The steps of [`spread`].
const STEPS: u32 = 1024;

/// At four fifths of the life, less up to a twentieth, so that many tokens of one age are not renewed at one moment.
fn renew_at(issued_at: Timestamp, expires_at: Timestamp, spread: u32) -> Timestamp {
    let life = expires_at.since(issued_at);
    issued_at.after(life * 4 / 5 - life / 20 * spread / STEPS)
}

/// Chance that all nodes agree on: the last bits of an identity are random (RFC 9562, section 5.7). The version moves the moment from life to life.
fn spread(key: GrantKey, version: i64) -> u32 {
    let identity = key.principal.as_uuid().as_u128() ^ key.user.map_or(0, |user| user.as_uuid().as_u128());
    let mixed = identity.wrapping_add(u128::from(version.unsigned_abs())) % u128::from(STEPS);
    u32::try_from(mixed).unwrap_or(0)
}

/// 30 s or a tenth of the life before the end, whichever is less: clocks differ, and the callout takes time.
fn stop_at(issued_at: Timestamp, expires_at: Timestamp) -> Timestamp {
    let life = expires_at.since(issued_at);
    issued_at.after(life - (life / 10).min(Duration::from_secs(30)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_it_stops_and_stops_before_it_dies() {
        for seconds in [0, 1, 3, 60, 3600, 86_400] {
            for spread in (0..STEPS).step_by(31) {
                let (issued, expires) = (Timestamp::from_millis(0), Timestamp::from_millis(seconds * 1000));
                let (renew, stop) = (renew_at(issued, expires, spread), stop_at(issued, expires));
                assert!(issued <= renew && renew <= stop && stop <= expires, "{seconds} {spread}");
                assert!(seconds == 0 || renew.as_millis() >= seconds * 740, "{seconds} {spread}: {renew:?}");
            }
        }
    }

    #[test]
    fn the_pause_grows_and_obeys_the_provider() {
        let unavailable = |retry_after| Unobtainable::from(ObtainError::Unavailable { status: Some(503), retry_after });
        let pauses: Vec<u64> = [1, 2, 3, 7, 100].map(|n| pause(&unavailable(None), n).as_secs()).to_vec();
        assert_eq!(pauses, [1, 2, 4, 60, 60]);
        assert_eq!(pause(&unavailable(Some(Duration::from_secs(120))), 1), Duration::from_secs(120)); // REL-T14
        assert_eq!(pause(&ObtainError::NotConfigured { field: "client_id" }.into(), 5), Duration::ZERO);
    }
}
