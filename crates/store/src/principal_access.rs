//! Principal access: which permission sets and profiles may use which principals.

use sortie_model::{Grantee, PermissionSetId, PrincipalAccess, ProfileId};

use crate::change::{Rules, require_one};
use crate::db::{Fault, Row, Sql, Tx, packed};
use crate::error::ChangeError;

/// Changes of principal access.
pub struct PrincipalAccessChanges<'a> {
    pub(crate) tx: &'a mut Tx,
}

impl PrincipalAccessChanges<'_> {
    /// Gives access. Giving it twice is the same as once.
    ///
    /// # Errors
    /// [`ChangeError::Missing`] if the principal or the grantee does not exist.
    pub async fn insert(&mut self, access: PrincipalAccess) -> Result<(), ChangeError> {
        const INSERT: Sql = Sql::new(
            "principal_access",
            "INSERT INTO principal_access (principal_id, permission_set_id, profile_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        );
        let rules = Rules { what: "principal access", refers_to: "principal, permission set or profile" };
        let (permission_set, profile) = columns(access.grantee);
        let values = [access.principal.into(), permission_set.into(), profile.into()];
        self.tx.execute(INSERT, values).await.map_err(|fault| rules.translate(fault, access.principal))?;
        Ok(())
    }

    /// Takes access away.
    ///
    /// # Errors
    /// [`ChangeError::Missing`] if it was not given.
    pub async fn delete(&mut self, access: PrincipalAccess) -> Result<(), ChangeError> {
        const DELETE: Sql = Sql::new(
            "principal_access",
            "DELETE FROM principal_access WHERE principal_id = $1 AND (permission_set_id = $2 OR profile_id = $3)",
        );
        let (permission_set, profile) = columns(access.grantee);
        let values = [access.principal.into(), permission_set.into(), profile.into()];
        require_one(self.tx.execute(DELETE, values).await?, "principal access")
    }
}

const fn columns(grantee: Grantee) -> (Option<PermissionSetId>, Option<ProfileId>) {
    match grantee {
        Grantee::PermissionSet(id) => (Some(id), None),
        Grantee::Profile(id) => (None, Some(id)),
    }
}

pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<PrincipalAccess>, Fault> {
    const ALL: Sql = packed!(
        "principal_access",
        ["principal_id", "COALESCE(permission_set_id, '')", "COALESCE(profile_id, '')"],
        "ORDER BY principal_id, COALESCE(permission_set_id, profile_id)"
    );
    tx.fetch_each(ALL, read).await
}

fn read(row: &Row) -> Result<PrincipalAccess, Fault> {
    let mut fields = row.fields()?;
    let principal = fields.id("principal_id")?;
    let grantee = match (fields.optional_id("permission_set_id")?, fields.optional_id("profile_id")?) {
        (Some(id), None) => Grantee::PermissionSet(id),
        (None, Some(id)) => Grantee::Profile(id),
        (Some(_), Some(_)) | (None, None) => {
            return Err(row.unreadable("permission_set_id", "and `profile_id` are both set, or both absent"));
        }
    };
    Ok(PrincipalAccess { principal, grantee })
}
