//! Grants that were taken away, and whose provider is still to be told (TOK-22, REL-T21).

use std::time::Duration;

use sortie_callout::{CustodyError, GrantKey, Owed};
use sortie_protocol::Grant;
use sortie_store::{Identity, NewlyOwed, OwedRevocation};
use sortie_vault::SealContext;

use super::{HouseCustody, identity, tampered};
use crate::house::{House, new_id};

/// 30 s for whoever has just taken a grant away to tell the provider: longer than a question takes. Then it is tried again, by whichever node comes first.
pub(super) const FIRST_ATTEMPT: Duration = Duration::from_secs(30);

impl HouseCustody {
    pub(super) async fn remove_grants(&self, key: GrantKey) -> Result<Vec<Owed>, CustodyError> {
        let grants = self.house.store().grants();
        let removed = grants.delete(identity(key), new_id(), (new_id, FIRST_ATTEMPT)).await.map_err(|error| self.unwritable(&error))?;
        let mut owed = Vec::new();
        for one in removed {
            match opened(&self.house, &one) {
                Ok(grant) => owed.push(Owed { id: one.id, attempt: one.attempt, grant }),
                // Gone here all the same. Nobody can tell a provider what cannot be read.
                Err(error) => drop(self.give_up(&one, error).await),
            }
        }
        Ok(owed)
    }

    /// Keeps a grant that was never stored. `patience` is how long the caller has for the first attempt.
    pub(super) async fn owe_grant(&self, identity: Identity, grant: &Grant, patience: Duration) -> Result<Owed, CustodyError> {
        let (id, grant_version) = (new_id(), 1);
        let context = context(&OwedContext { identity, grant_id: id, grant_version });
        let sealed = self.house.vault().seal(&context, &grant.to_bytes()).map_err(|_| CustodyError::Sealed)?;
        let newly = NewlyOwed { id, identity, grant_id: id, grant_version, sealed };
        let added = self.house.store().owed_revocations().add(newly, patience).await.map_err(|error| self.unwritable(&error))?;
        Ok(Owed { id: added.id, attempt: added.attempt, grant: grant.clone() })
    }

    pub(super) async fn settle_owed(&self, owed: &Owed, told: Result<(), &'static str>) -> Result<(), CustodyError> {
        let store = self.house.store().owed_revocations();
        let done = match told {
            Ok(()) => store.settle(owed.id).await,
            Err(code) => store.put_off(owed.id, owed.attempt, code, FIRST_ATTEMPT).await.map(drop),
        };
        done.map_err(|error| self.unwritable(&error))
    }

    async fn give_up(&self, one: &OwedRevocation, error: CustodyError) -> Result<bool, CustodyError> {
        let code = sortie_callout::Unobtainable::from(error).code();
        self.house.store().owed_revocations().give_up(one.id, one.attempt, code).await.map_err(|error| self.unwritable(&error))
    }
}

/// What is owed, as it was a grant.
pub(crate) fn opened(house: &House, one: &OwedRevocation) -> Result<Grant, CustodyError> {
    let OwedRevocation { identity, grant_id, grant_version, sealed, .. } = one;
    let context = context(&OwedContext { identity: *identity, grant_id: *grant_id, grant_version: *grant_version });
    let opened = house.vault().open(&context, sealed).map_err(|error| tampered(&error, "owed_revocations"))?;
    Grant::from_bytes(&opened).map_err(|_| CustodyError::Tampered)
}

struct OwedContext {
    identity: Identity,
    grant_id: uuid::Uuid,
    grant_version: i64,
}

/// The one of the grant's own row: its bytes are moved as they are.
const fn context(of: &OwedContext) -> SealContext<'static> {
    HouseCustody::sealed_grant(of.grant_id, of.identity.owner, of.grant_version)
}
