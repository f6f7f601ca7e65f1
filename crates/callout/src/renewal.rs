//! Renewal: one at a time per grant in the whole cluster, and none lost.
//!
//! In this process a slot lets one renewal run. Across processes a fenced lease in the grant's row does, on the database's clock, with no transaction
//! held while the provider is asked. Losers wait and read again. `invalid_grant` means: read again, and only if nothing changed, somebody has to
//! authenticate anew. A time-out never means that.

use std::sync::Arc;
use std::time::Duration;

use sortie_model::{Settings, Timestamp};
use sortie_protocol::{Grant, Material, ObtainError, Protocol, Renewal, Values, World};

use crate::choose::Chosen;
use crate::obtain::{GrantKey, Live, Unobtainable};
use crate::ports::{Committed, Custody, Kept, KeptFailure, Lease, Leased};

/// 30 s on the database's clock: longer than the provider has to answer, so that a lease never ends while its holder still waits.
const LEASE: Duration = Duration::from_secs(30);

/// 20 s for the provider's answer, from connecting to the last byte.
const PROVIDER_DEADLINE: Duration = Duration::from_secs(20);

/// How often a loser looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Looks before giving up: 30 s, the length of a lease.
const MAX_LOOKS: u32 = 300;

/// Five minutes, if the provider does not say how long its token lives (RFC 6749, section 5.1 lets it).
const DEFAULT_LIFETIME: Duration = Duration::from_secs(300);

/// All that a renewal needs, owned, since it outlives its caller.
pub(crate) struct Recipe {
    key: GrantKey,
    protocol: &'static dyn Protocol,
    settings: Settings,
    /// The version that will not do.
    replaced: Option<i64>,
}

impl Recipe {
    pub(crate) fn new(chosen: &Chosen<'_>, replaced: Option<i64>) -> Self {
        let credential = &chosen.named().credential;
        Self { key: chosen.key(), protocol: credential.protocol, settings: credential.settings.clone(), replaced }
    }

    fn material<'a>(&'a self, values: &'a Values, grant: Option<&'a Grant>) -> Material<'a> {
        Material { settings: &self.settings, values, grant }
    }
}

/// Finds or fetches a grant, and makes it ready to use.
pub(crate) async fn run(
    custody: &dyn Custody,
    world: &dyn World,
    recipe: &Recipe,
    serial: impl Fn() -> u64,
) -> Result<Arc<Live>, Unobtainable> {
    let values = custody.values(recipe.key).await?;
    match recipe.protocol.renewal() {
        Renewal::Static => {
            let proof = recipe.protocol.prove(recipe.material(&values, None)).map_err(ObtainError::from)?;
            Ok(Arc::new(Live {
                serial: serial(),
                version: 0,
                values,
                proof,
                obtained_at: world.now(),
                renew_at: None,
                stop_at: None,
                expires_at: None,
            }))
        }
        Renewal::Renewable => {
            let renewed = renew(custody, world, recipe, &values).await?;
            let proof = recipe.protocol.prove(recipe.material(&values, Some(&renewed.grant))).map_err(ObtainError::from)?;
            let Renewed { version, issued_at, expires_at, .. } = renewed;
            let (renew_at, stop_at) = (renew_at(issued_at, expires_at, version), stop_at(issued_at, expires_at));
            Ok(Arc::new(Live {
                serial: serial(),
                version,
                values,
                proof,
                obtained_at: world.now(),
                renew_at: Some(renew_at),
                stop_at: Some(stop_at),
                expires_at: Some(expires_at),
            }))
        }
    }
}

struct Renewed {
    grant: Grant,
    version: i64,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

async fn renew(custody: &dyn Custody, world: &dyn World, recipe: &Recipe, values: &Values) -> Result<Renewed, Unobtainable> {
    for _ in 0..MAX_LOOKS {
        let kept = custody.load(recipe.key).await?;
        let seen_version = kept.as_ref().map_or(0, |kept| kept.version);
        if let Some(adopted) = kept.and_then(|kept| adopt(kept, recipe, world.now())) {
            return adopted;
        }
        match custody.lease(recipe.key, seen_version, LEASE).await? {
            Leased::Taken(lease) => match fetch(custody, world, recipe, values, lease).await? {
                Some(renewed) => return Ok(renewed),
                None => continue,
            },
            Leased::Changed => continue,
            Leased::Busy => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
    Err(Unobtainable::Slow)
}

/// What is kept, if it will do: it was obtained under the current definition, is not the refused one, and need not be renewed yet. A recent failure
/// will do as well: another node has just tried.
fn adopt(kept: Kept, recipe: &Recipe, now: Timestamp) -> Option<Result<Renewed, Unobtainable>> {
    let Kept { version, revision, grant, failure } = kept;
    if revision != recipe.key.revision {
        return None;
    }
    if let Some(KeptFailure { code, retry_not_before }) = failure
        && now < retry_not_before
    {
        return Some(Err(Unobtainable::BackingOff { code, retry_not_before }));
    }
    let (grant, issued_at, expires_at) = grant?;
    let is_good = now < renew_at(issued_at, expires_at, version) && recipe.replaced != Some(version);
    is_good.then_some(Ok(Renewed { grant, version, issued_at, expires_at }))
}

/// Asks the provider, as the holder of the lease. `None`: another holder took over meanwhile, read again.
async fn fetch(
    custody: &dyn Custody,
    world: &dyn World,
    recipe: &Recipe,
    values: &Values,
    lease: Lease,
) -> Result<Option<Renewed>, Unobtainable> {
    let obtained = tokio::time::timeout(PROVIDER_DEADLINE, recipe.protocol.obtain(world, recipe.material(values, None))).await;
    match obtained.unwrap_or(Err(ObtainError::Unanswered)) {
        Ok(grant) => {
            let issued_at = world.now();
            let expires_at = issued_at.after(grant.lifetime.unwrap_or(DEFAULT_LIFETIME));
            match custody.commit(recipe.key, lease, &grant, issued_at, expires_at).await? {
                Committed::Stored(version) => Ok(Some(Renewed { grant, version, issued_at, expires_at })),
                Committed::Fenced => Ok(None),
            }
        }
        Err(error) => {
            let error = Unobtainable::from(error);
            let failure = KeptFailure { code: error.code(), retry_not_before: world.now().after(pause(&error, 1)) };
            // The first failure is what the caller must hear of; that it could not be noted is only logged.
            if let Err(custody_error) = custody.fail(recipe.key, lease, failure).await {
                tracing::warn!(code = error.code(), "cannot note a failed renewal: {custody_error}");
            }
            Err(error)
        }
    }
}

/// How long to stay away after the nth failure in a row: 1 s, doubling to 60 s, or as long as the provider says. Something missing in our own
/// definitions is looked for again at once: storing it changes the revision, and asks nobody.
pub(crate) fn pause(error: &Unobtainable, in_a_row: u32) -> Duration {
    let backoff = Duration::from_secs(1 << in_a_row.saturating_sub(1).min(6)).min(Duration::from_secs(60));
    match error {
        Unobtainable::Protocol(ObtainError::Unavailable { retry_after: Some(retry_after), .. }) => backoff.max(*retry_after),
        Unobtainable::Protocol(ObtainError::NotConfigured { .. } | ObtainError::WrongConfiguration { .. })
        | Unobtainable::BackingOff { .. } => Duration::ZERO,
        Unobtainable::Protocol(_) | Unobtainable::Custody(_) | Unobtainable::Slow | Unobtainable::BrokeOff => backoff,
    }
}

/// At four fifths of the life, less up to a twentieth, so that many tokens of one age are not renewed at one moment. The version is chance enough.
fn renew_at(issued_at: Timestamp, expires_at: Timestamp, version: i64) -> Timestamp {
    let life = expires_at.since(issued_at);
    let spread = u32::try_from(version.rem_euclid(16)).unwrap_or(0);
    issued_at.after(life * 4 / 5 - life / 20 * spread / 16)
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
            for version in 0..40 {
                let (issued, expires) = (Timestamp::from_millis(0), Timestamp::from_millis(seconds * 1000));
                let (renew, stop) = (renew_at(issued, expires, version), stop_at(issued, expires));
                assert!(issued <= renew && renew <= stop && stop <= expires, "{seconds} {version}");
                assert!(seconds == 0 || renew.as_millis() >= seconds * 740, "{seconds} {version}: {renew:?}");
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
