//! What is in force after a body was waited for: it may be another than when the callout began, up to two minutes before (P2, P17).

use std::sync::Arc;

use crate::authorize::authorize;
use crate::choose::{Chosen, choose};
use crate::parse::Reference;
use crate::ports::CustodyError;
use crate::snapshot::Snapshot;
use crate::unobtainable::Unobtainable;
use crate::{Caller, Refused};

/// What is in force at the moment.
pub trait InForce {
    /// The definitions.
    fn snapshot(&self) -> Arc<Snapshot>;

    /// Who calls, as of this generation: permissions may have been taken away, or the key.
    fn caller(&self, generation: i64) -> impl Future<Output = Result<Arc<Caller>, Refused>>;
}

/// A callout as it was authorized, to be authorized again.
pub(crate) struct Again<'a, 's, I> {
    pub(crate) chosen: &'a Chosen<'s>,
    pub(crate) reference: &'a Reference<'a>,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) in_force: &'a I,
}

impl<I> Clone for Again<'_, '_, I> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I> Copy for Again<'_, '_, I> {}

impl<I: InForce> Again<'_, '_, I> {
    /// Whether the callout may still go on, and to the same place as the same identity. The intent is recorded with these, so it goes nowhere else.
    pub(crate) async fn authorize(self) -> Result<(), Refused> {
        let Self { chosen, reference, snapshot, in_force } = self;
        let now = in_force.snapshot();
        // Also if nothing has changed: a key may have expired meanwhile.
        let caller = in_force.caller(now.generation()).await?;
        if now.generation() == snapshot.generation() {
            return Ok(());
        }
        let again = choose(authorize(&now, &caller, reference)?)?;
        let (before, after) = (chosen.identity().caller(), again.identity().caller());
        let is_same = again.identity().key() == chosen.identity().key()
            && again.named().is_same_as(chosen.named())
            // Formulas read these.
            && (&after.attributes, &after.profile) == (&before.attributes, &before.profile);
        if is_same { Ok(()) } else { Err(Unobtainable::from(CustodyError::Changed).into()) }
    }
}
