//! Profiles. They hold nothing themselves; principal access and users refer to them.

use sortie_model::{ApiName, Label, Profile, ProfileId};

use crate::change::{Rules, require_one};
use crate::db::{Fault, Row, Sql, Tx};
use crate::error::ChangeError;

const RULES: Rules = Rules { what: "profile", refers_to: "profile" };

/// Changes of profiles.
pub struct ProfileChanges<'a> {
    pub(crate) tx: &'a mut Tx,
}

impl ProfileChanges<'_> {
    /// Adds a profile.
    ///
    /// # Errors
    /// [`ChangeError::Conflict`] if the name is taken.
    pub async fn insert(&mut self, profile: &Profile) -> Result<(), ChangeError> {
        const INSERT: Sql = Sql::new(
            "profiles",
            "INSERT INTO profiles (id, name, folded, label, description, permissions) VALUES ($1, $2, $3, $4, $5, $6)",
        );
        let Profile { id, name, label, description, permissions } = profile;
        let values = [(*id).into(), name.into(), name.folded().into(), label.into(), description.as_str().into(), crate::json(permissions)];
        self.tx.execute(INSERT, values).await.map_err(|fault| RULES.translate(fault, name))?;
        Ok(())
    }

    /// Replaces all fields of a profile.
    ///
    /// # Errors
    /// [`ChangeError::Missing`], or [`ChangeError::Conflict`] if the name is taken.
    pub async fn update(&mut self, profile: &Profile) -> Result<(), ChangeError> {
        const UPDATE: Sql = Sql::new(
            "profiles",
            "UPDATE profiles SET name = $2, folded = $3, label = $4, description = $5, permissions = $6 WHERE id = $1",
        );
        let Profile { id, name, label, description, permissions } = profile;
        let values = [(*id).into(), name.into(), name.folded().into(), label.into(), description.as_str().into(), crate::json(permissions)];
        let changed = self.tx.execute(UPDATE, values).await.map_err(|fault| RULES.translate(fault, name))?;
        require_one(changed, RULES.what)
    }

    /// Removes a profile and the access it gave.
    ///
    /// # Errors
    /// [`ChangeError::Missing`], or [`ChangeError::InUse`] while users have it.
    pub async fn delete(&mut self, id: ProfileId) -> Result<(), ChangeError> {
        const USERS: Sql = Sql::new(
            "users",
            "SELECT users.name AS user_name, profiles.name AS profile_name FROM users JOIN profiles ON profiles.id = users.profile_id
             WHERE profile_id = $1 ORDER BY users.folded LIMIT 5",
        );
        const DELETE: Sql = Sql::new("profiles", "DELETE FROM profiles WHERE id = $1");
        let users = self.tx.fetch(USERS, [id.into()]).await?;
        if let Some(first) = users.first() {
            let used_by = users.iter().map(|row| Ok(format!("user `{}`", row.text("user_name")?))).collect::<Result<_, Fault>>()?;
            return Err(ChangeError::InUse { what: RULES.what, name: first.text("profile_name")?, used_by });
        }
        require_one(self.tx.execute(DELETE, [id.into()]).await?, RULES.what)
    }
}

pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<Profile>, Fault> {
    const ALL: Sql = Sql::new("profiles", "SELECT id, name, label, description, permissions FROM profiles ORDER BY folded");
    tx.fetch(ALL, []).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Profile, Fault> {
    Ok(Profile {
        id: row.id("id")?,
        name: row.parsed("name", ApiName::parse)?,
        label: row.parsed("label", Label::parse)?,
        description: row.text("description")?,
        permissions: row.json("permissions")?,
    })
}
