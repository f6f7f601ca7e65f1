//! Grants that somebody gives or takes away: a new login takes the place of whatever is there, and every node is told.

use std::time::Duration;

use sortie_model::{ExternalCredentialId, Timestamp, UserId};
use uuid::Uuid;

use super::{GrantIdentity, Grants, SealedGrant};
use crate::db::{Fault, Row, Sql, Tx};
use crate::deployment::Generation;
use crate::error::{ReadError, WriteError};
use crate::identity::Identity;
use crate::owed_revocations::{self, NewlyOwed, OwedRevocation};

/// What came of storing the grant of a new login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// It is stored.
    Stored,
    /// Something else is there than was seen: read it again.
    Changed,
}

/// An identity whose grants were taken away or replaced by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Names this one time.
    pub id: Uuid,
    /// Whose.
    pub identity: Identity,
    /// When, on the database's clock.
    pub at: Timestamp,
}

/// An hour: for how long an announcement can be heard. A node that could not listen for longer must forget everything.
pub const ANNOUNCED_FOR: Duration = Duration::from_secs(3600);

impl Grants<'_> {
    /// Stores the grant of a new login in the place of what was seen there, if that is still there. Every lease is void from then on, and every node is told
    /// under this name.
    ///
    /// # Errors
    /// A [`WriteError`]; [`WriteError::Gone`] if principal or user does not exist any more.
    pub async fn replace(
        &self,
        of: GrantIdentity,
        (id, next_version): (Uuid, i64),
        grant: SealedGrant,
        announcement: Uuid,
    ) -> Result<Replacement, WriteError> {
        const REPLACE: Sql = Sql::new(
            "grants",
            "INSERT INTO grants (id, principal_id, owner_id, owner_key, version, fence, state, variant, revision, sealed, issued_at, expires_at,
                 dies_at)
             VALUES ($1, $2, $3, $4, $6, 1, 'ok', $5, $7, $8, $9, $10, $11)
             ON CONFLICT (principal_id, owner_key, variant) DO UPDATE SET fence = grants.fence + 1, version = excluded.version,
                 revision = excluded.revision, sealed = excluded.sealed, issued_at = excluded.issued_at, expires_at = excluded.expires_at,
                 dies_at = excluded.dies_at,
                 state = 'ok', failure_code = NULL, failure_revision = NULL, failure_at = NULL, failure_said = NULL, retry_not_before = NULL,
                 lease_owner = NULL, lease_until = NULL, inflight_started_at = NULL
             WHERE grants.id = excluded.id AND grants.version = excluded.version - 1
             RETURNING id",
        );
        let SealedGrant { revision, sealed, issued_at, expires_at, dies_at } = grant;
        let values = [
            id.into(),
            of.identity.principal.into(),
            of.identity.owner.into(),
            of.identity.owner_key(),
            of.variant(),
            next_version.into(),
            revision.into(),
            sealed.into(),
            issued_at.into(),
            expires_at.into(),
            dies_at.into(),
        ];
        let mut tx = self.db.begin_write().await?;
        if tx.fetch(REPLACE, values).await?.is_empty() {
            return Ok(Replacement::Changed);
        }
        announce(&mut tx, of.identity, announcement).await?;
        tx.commit().await?;
        Ok(Replacement::Stored)
    }

    /// Removes all grants of an identity; whoever is renewing one can store nothing any more, and every node is told under this name. What is taken away is owed
    /// to its provider from now on, and for `patience` to nobody else but the caller: each under an identity that `new_id` makes.
    ///
    /// # Errors
    /// A [`WriteError`].
    pub async fn delete(
        &self,
        identity: Identity,
        announcement: Uuid,
        (new_id, patience): (fn() -> Uuid, Duration),
    ) -> Result<Vec<OwedRevocation>, WriteError> {
        const DELETE: Sql =
            Sql::new("grants", "DELETE FROM grants WHERE principal_id = $1 AND owner_key = $2 RETURNING id, version, sealed");
        let mut tx = self.db.begin_write().await?;
        let mut owed = Vec::new();
        for row in tx.fetch(DELETE, [identity.principal.into(), identity.owner_key()]).await? {
            if let Some(sealed) = row.optional_bytes("sealed")? {
                let newly = NewlyOwed { id: new_id(), identity, grant_id: row.id("id")?, grant_version: row.integer("version")?, sealed };
                owed.push(owed_revocations::insert(&mut tx, newly, patience).await?);
            }
        }
        announce(&mut tx, identity, announcement).await?;
        tx.commit().await?;
        Ok(owed)
    }

    /// What was taken away or replaced by hand since this moment on the database's clock, each under a name of its own.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn announced(&self, since: Timestamp) -> Result<Vec<Announced>, ReadError> {
        const ANNOUNCED: Sql = Sql::new(
            "announced_grants",
            "SELECT id, principal_id, owner_id, announced_at FROM announced_grants WHERE announced_at >= $1 ORDER BY announced_at",
        );
        let rows = self.db.fetch(ANNOUNCED, [since.into()]).await?;
        let read = |row: &Row| Ok(Announced { id: row.id("id")?, identity: Identity::read(row)?, at: row.timestamp("announced_at")? });
        Ok(rows.iter().map(read).collect::<Result<_, Fault>>()?)
    }
}

/// Within a change, which none that is made meanwhile can undo.
pub(crate) async fn are_there_of_others(tx: &mut Tx, credential: ExternalCredentialId, user: UserId) -> Result<bool, Fault> {
    const OF_OTHERS: Sql = Sql::new(
        "grants",
        "SELECT grants.id AS id FROM grants JOIN principals ON principals.id = principal_id
         WHERE external_credential_id = $1 AND sealed IS NOT NULL AND (owner_id IS NULL OR owner_id <> $2) LIMIT 1",
    );
    Ok(tx.fetch_optional(OF_OTHERS, [credential.into(), user.into()]).await?.is_some())
}

/// Every node forgets what it holds of an identity, because of this change: once, however often it is said.
pub(crate) async fn announce_by(tx: &mut Tx, identity: Identity, change: Generation) -> Result<(), Fault> {
    announce(tx, identity, announcement(identity, change.as_i64())).await
}

/// RFC 9562, section 5.8: a UUID of our own making. No two changes have one generation; its lowest bits are above those where the version is written.
fn announcement(identity: Identity, generation: i64) -> Uuid {
    let whose = identity.principal.as_uuid().as_u64_pair().1 ^ identity.owner.map_or(0, |owner| owner.as_uuid().as_u64_pair().1);
    let id = Uuid::from_u64_pair(generation.unsigned_abs() << 16, whose);
    uuid::Builder::from_custom_bytes(id.into_bytes()).into_uuid()
}

async fn announce(tx: &mut Tx, identity: Identity, id: Uuid) -> Result<(), Fault> {
    const OLD: Sql = Sql::new("announced_grants", "DELETE FROM announced_grants WHERE announced_at < (SELECT millis FROM clock) - $1");
    const ANNOUNCE: Sql = Sql::new(
        "announced_grants",
        "INSERT INTO announced_grants (id, principal_id, owner_id, announced_at) VALUES ($1, $2, $3, (SELECT millis FROM clock))
         ON CONFLICT (id) DO NOTHING",
    );
    tx.execute(OLD, [i64::try_from(ANNOUNCED_FOR.as_millis()).unwrap_or(i64::MAX).into()]).await?;
    tx.execute(ANNOUNCE, [id.into(), identity.principal.into(), identity.owner.into()]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sortie_model::PrincipalId;

    use super::*;

    #[test]
    fn every_change_announces_under_a_name_of_its_own() {
        let [principal, alice, bob] = [(); 3].map(|()| Uuid::new_v4());
        let of = |owner| Identity::of_user(PrincipalId::from_uuid(principal), UserId::from_uuid(owner));
        let generations: Vec<i64> = (0..20_000).chain([1 << 20, (1 << 20) + 4_096, 1 << 40]).collect();
        let ids: BTreeSet<Uuid> =
            generations.iter().flat_map(|generation| [announcement(of(alice), *generation), announcement(of(bob), *generation)]).collect();
        assert_eq!(ids.len(), 2 * generations.len());
    }
}
