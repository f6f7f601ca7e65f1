//! Permission sets. They hold nothing themselves; principal access and users refer to them.

use sortie_model::{ApiName, Label, PermissionSet, PermissionSetId};

use crate::change::{Rules, require_one};
use crate::db::{Fault, Row, Sql, Tx};
use crate::error::ChangeError;

const RULES: Rules = Rules { what: "permission set", refers_to: "permission set" };

/// Changes of permission sets.
pub struct PermissionSetChanges<'a> {
    pub(crate) tx: &'a mut Tx,
}

impl PermissionSetChanges<'_> {
    /// Adds a permission set.
    ///
    /// # Errors
    /// [`ChangeError::Conflict`] if the name is taken.
    pub async fn insert(&mut self, permission_set: &PermissionSet) -> Result<(), ChangeError> {
        const INSERT: Sql = Sql::new(
            "permission_sets",
            "INSERT INTO permission_sets (id, name, folded, label, description, permissions) VALUES ($1, $2, $3, $4, $5, $6)",
        );
        let PermissionSet { id, name, label, description, permissions } = permission_set;
        let values = [(*id).into(), name.into(), name.folded().into(), label.into(), description.as_str().into(), crate::json(permissions)];
        self.tx.execute(INSERT, values).await.map_err(|fault| RULES.translate(fault, name))?;
        Ok(())
    }

    /// Replaces all fields of a permission set.
    ///
    /// # Errors
    /// [`ChangeError::Missing`], or [`ChangeError::Conflict`] if the name is taken.
    pub async fn update(&mut self, permission_set: &PermissionSet) -> Result<(), ChangeError> {
        const UPDATE: Sql = Sql::new(
            "permission_sets",
            "UPDATE permission_sets SET name = $2, folded = $3, label = $4, description = $5, permissions = $6 WHERE id = $1",
        );
        let PermissionSet { id, name, label, description, permissions } = permission_set;
        let values = [(*id).into(), name.into(), name.folded().into(), label.into(), description.as_str().into(), crate::json(permissions)];
        let changed = self.tx.execute(UPDATE, values).await.map_err(|fault| RULES.translate(fault, name))?;
        require_one(changed, RULES.what)
    }

    /// Removes a permission set, its assignments, and the access it gave.
    ///
    /// # Errors
    /// [`ChangeError::Missing`].
    pub async fn delete(&mut self, id: PermissionSetId) -> Result<(), ChangeError> {
        const DELETE: Sql = Sql::new("permission_sets", "DELETE FROM permission_sets WHERE id = $1");
        require_one(self.tx.execute(DELETE, [id.into()]).await?, RULES.what)
    }
}

pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<PermissionSet>, Fault> {
    const ALL: Sql = Sql::new("permission_sets", "SELECT id, name, label, description, permissions FROM permission_sets ORDER BY folded");
    tx.fetch(ALL, []).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<PermissionSet, Fault> {
    Ok(PermissionSet {
        id: row.id("id")?,
        name: row.parsed("name", ApiName::parse)?,
        label: row.parsed("label", Label::parse)?,
        description: row.text("description")?,
        permissions: row.json("permissions")?,
    })
}
