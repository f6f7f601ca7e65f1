//! Very many grants at once, so that a house with very many can be measured and tested. Nothing that serves does this.

use uuid::Uuid;

use super::{GrantIdentity, Grants, SealedGrant};
use crate::db::Sql;
use crate::error::WriteError;

impl Grants<'_> {
    /// Stores grants where there are none, in one transaction; each is sealed for its identity and version 1.
    ///
    /// # Errors
    /// A [`WriteError`]; [`WriteError::Exists`] where there is one already. None was stored then.
    #[doc(hidden)]
    pub async fn fill(&self, grants: Vec<(GrantIdentity, Uuid, SealedGrant)>) -> Result<(), WriteError> {
        const FILL: Sql = Sql::new(
            "grants",
            "INSERT INTO grants (id, principal_id, owner_id, owner_key, version, fence, state, variant, revision, sealed, issued_at, expires_at,
                 dies_at)
             VALUES ($1, $2, $3, $4, 1, 1, 'ok', $5, $6, $7, $8, $9, $10)",
        );
        let mut tx = self.db.begin_write().await?;
        for (of, id, SealedGrant { revision, sealed, issued_at, expires_at, dies_at }) in grants {
            let values = [
                id.into(),
                of.identity.principal.into(),
                of.identity.owner.into(),
                of.identity.owner_key(),
                of.variant(),
                revision.into(),
                sealed.into(),
                issued_at.into(),
                expires_at.into(),
                dies_at.into(),
            ];
            tx.execute(FILL, values).await?;
        }
        Ok(tx.commit().await?)
    }
}
