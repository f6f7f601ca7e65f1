//! Another grant on somebody's word, without a callout. Whether they may is decided before, by whoever asks.

use std::sync::Arc;

use sortie_protocol::Renewal;

use crate::choose::Chosen;
use crate::obtain::{Freshness, Grants};
use crate::snapshot::Snapshot;
use crate::{Caller, Refused};

/// Why there is no other grant.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The protocol presents what is stored.
    #[error("nothing can be refreshed")]
    Static,
    /// No named credential leads to it, so that nothing could use it.
    #[error("no named credential uses the external credential")]
    NotUsed,
    /// It could not be obtained.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Obtains another grant for a principal, in place of the one that is there, if there is one.
///
/// # Errors
/// A [`RefreshError`].
pub async fn refresh(
    snapshot: &Snapshot,
    grants: &Arc<Grants>,
    caller: &Caller,
    (credential, principal): (&str, &str),
) -> Result<(), RefreshError> {
    let named = snapshot.named_with(credential).ok_or(RefreshError::NotUsed)?;
    let principal =
        named.credential.principals.iter().find(|known| known.name.eq_ignore_ascii_case(principal)).ok_or(RefreshError::NotUsed)?;
    if named.credential.protocol.renewal() == Renewal::Static {
        return Err(RefreshError::Static);
    }
    let chosen = Chosen::of(named, principal, caller)?;
    // Whatever is there, in memory or in the database, is what the new one replaces.
    let before = [grants.held_version(&chosen), grants.kept_version(&chosen).await.map_err(Refused::from)?];
    let live = grants.obtain(&chosen, Freshness::Kept).await.map_err(Refused::from)?;
    if before.contains(&Some(live.version)) {
        grants.obtain(&chosen, Freshness::Other(&live)).await.map_err(Refused::from)?;
    }
    Ok(())
}
