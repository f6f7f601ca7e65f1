//! Users, their attributes, and the permission sets assigned to them.

use std::collections::BTreeSet;

use sortie_model::{Grantee, PermissionSetId, SystemPermissions, User, UserId, UserName};

use crate::change::{Rules, require_one};
use crate::db::{Db, Fault, Row, Sql, Tx};
use crate::error::{ChangeError, ReadError};

const RULES: Rules = Rules { what: "user", refers_to: "profile" };

/// Reads users.
pub struct Users<'a> {
    pub(crate) db: &'a Db,
}

/// Changes users.
pub struct UserChanges<'a> {
    pub(crate) tx: &'a mut Tx,
}

const BY_NAME: Sql = Sql::new("users", "SELECT id, name, profile_id, is_active, attributes FROM users WHERE folded = $1");
const SETS: Sql = Sql::new(
    "permission_set_assignments",
    "SELECT permission_set_id FROM permission_set_assignments WHERE user_id = $1 ORDER BY permission_set_id",
);

impl Users<'_> {
    /// The user of this name.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn find(&self, name: &UserName) -> Result<Option<User>, ReadError> {
        Ok(self.db.fetch_optional(BY_NAME, [name.folded().into()]).await?.as_ref().map(read).transpose()?)
    }

    /// The user of this identity.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn load(&self, id: UserId) -> Result<Option<User>, ReadError> {
        const BY_ID: Sql = Sql::new("users", "SELECT id, name, profile_id, is_active, attributes FROM users WHERE id = $1");
        Ok(self.db.fetch_optional(BY_ID, [id.into()]).await?.as_ref().map(read).transpose()?)
    }

    /// At most `limit` users in the order of their names, beginning behind `after`.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn list(&self, after: Option<&UserName>, limit: u32) -> Result<Vec<User>, ReadError> {
        const LIST: Sql =
            Sql::new("users", "SELECT id, name, profile_id, is_active, attributes FROM users WHERE folded > $1 ORDER BY folded LIMIT $2");
        // Every name is greater than the empty text.
        let after = after.map(UserName::folded).unwrap_or_default();
        let rows = self.db.fetch(LIST, [after.into(), limit.into()]).await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// The permission sets assigned to a user.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn permission_sets(&self, id: UserId) -> Result<Vec<PermissionSetId>, ReadError> {
        let rows = self.db.fetch(SETS, [id.into()]).await?;
        Ok(rows.iter().map(|row| row.id("permission_set_id")).collect::<Result<_, _>>()?)
    }

    /// What a user may do with Sortie itself, by its permission sets and its profile together. Nothing for a user who does not exist.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn system_permissions(&self, id: UserId) -> Result<SystemPermissions, ReadError> {
        const HELD: Sql = Sql::new(
            "permission_sets",
            "SELECT permissions FROM permission_sets JOIN permission_set_assignments ON permission_set_id = id WHERE user_id = $1
             UNION ALL SELECT permissions FROM profiles JOIN users ON users.profile_id = profiles.id WHERE users.id = $1",
        );
        let mut held = SystemPermissions::new();
        for row in self.db.fetch(HELD, [id.into()]).await? {
            held.extend(row.json::<SystemPermissions>("permissions")?);
        }
        Ok(held)
    }

    /// The permission sets and profiles that at least one active user has.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn held_grantees(&self) -> Result<BTreeSet<Grantee>, ReadError> {
        const HELD_SETS: Sql = Sql::new(
            "permission_set_assignments",
            "SELECT id FROM permission_sets WHERE EXISTS (SELECT 1 FROM permission_set_assignments
                 JOIN users ON users.id = user_id AND is_active = 1 WHERE permission_set_id = permission_sets.id)",
        );
        const HELD_PROFILES: Sql = Sql::new(
            "users",
            "SELECT id FROM profiles WHERE EXISTS (SELECT 1 FROM users WHERE profile_id = profiles.id AND is_active = 1)",
        );
        let (sets, profiles) = (self.db.fetch(HELD_SETS, []).await?, self.db.fetch(HELD_PROFILES, []).await?);
        let sets = sets.iter().map(|row| row.id("id").map(Grantee::PermissionSet));
        let profiles = profiles.iter().map(|row| row.id("id").map(Grantee::Profile));
        Ok(sets.chain(profiles).collect::<Result<_, _>>()?)
    }
}

impl UserChanges<'_> {
    /// Adds a user.
    ///
    /// # Errors
    /// [`ChangeError::Conflict`] if the name is taken, [`ChangeError::Missing`] if the profile does not exist.
    pub async fn insert(&mut self, user: &User) -> Result<(), ChangeError> {
        const INSERT: Sql =
            Sql::new("users", "INSERT INTO users (id, name, folded, profile_id, is_active, attributes) VALUES ($1, $2, $3, $4, $5, $6)");
        let User { id, name, profile, is_active, attributes } = user;
        let attributes = crate::json(attributes);
        let values = [(*id).into(), name.into(), name.folded().into(), (*profile).into(), (*is_active).into(), attributes];
        self.tx.execute(INSERT, values).await.map_err(|fault| RULES.translate(fault, name))?;
        Ok(())
    }

    /// Replaces all fields of a user.
    ///
    /// # Errors
    /// [`ChangeError::Missing`] if user or profile does not exist, [`ChangeError::Conflict`] if the name is taken.
    pub async fn update(&mut self, user: &User) -> Result<(), ChangeError> {
        const UPDATE: Sql =
            Sql::new("users", "UPDATE users SET name = $2, folded = $3, profile_id = $4, is_active = $5, attributes = $6 WHERE id = $1");
        let User { id, name, profile, is_active, attributes } = user;
        let attributes = crate::json(attributes);
        let values = [(*id).into(), name.into(), name.folded().into(), (*profile).into(), (*is_active).into(), attributes];
        let changed = self.tx.execute(UPDATE, values).await.map_err(|fault| RULES.translate(fault, name))?;
        if !is_active {
            // Not only hidden: they would go on when the user is active again.
            crate::sessions::end_all(self.tx, *id).await?;
        }
        require_one(changed, RULES.what)
    }

    /// Removes a user with all keys, assignments, own secrets and grants. A new user of the same name gets nothing of it.
    ///
    /// # Errors
    /// [`ChangeError::Missing`].
    pub async fn delete(&mut self, id: UserId) -> Result<(), ChangeError> {
        const DELETE: Sql = Sql::new("users", "DELETE FROM users WHERE id = $1");
        require_one(self.tx.execute(DELETE, [id.into()]).await?, RULES.what)
    }

    /// Assigns a permission set. Assigning it twice is the same as once.
    ///
    /// # Errors
    /// [`ChangeError::Missing`] if either does not exist.
    pub async fn assign(&mut self, user: UserId, permission_set: PermissionSetId) -> Result<(), ChangeError> {
        const ASSIGN: Sql = Sql::new(
            "permission_set_assignments",
            "INSERT INTO permission_set_assignments (user_id, permission_set_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        );
        let rules = Rules { what: "assignment", refers_to: "user or permission set" };
        self.tx.execute(ASSIGN, [user.into(), permission_set.into()]).await.map_err(|fault| rules.translate(fault, user))?;
        Ok(())
    }

    /// Takes a permission set away.
    ///
    /// # Errors
    /// [`ChangeError::Missing`] if it was not assigned.
    pub async fn unassign(&mut self, user: UserId, permission_set: PermissionSetId) -> Result<(), ChangeError> {
        const UNASSIGN: Sql =
            Sql::new("permission_set_assignments", "DELETE FROM permission_set_assignments WHERE user_id = $1 AND permission_set_id = $2");
        require_one(self.tx.execute(UNASSIGN, [user.into(), permission_set.into()]).await?, "assignment")
    }

    /// The user of this name, as it is within the change.
    ///
    /// # Errors
    /// A [`ChangeError`] of the database.
    pub async fn find(&mut self, name: &UserName) -> Result<Option<User>, ChangeError> {
        Ok(self.tx.fetch_optional(BY_NAME, [name.folded().into()]).await?.as_ref().map(read).transpose()?)
    }

    /// Whether any user has an attribute of this name, without regard to ASCII case. Looks through all users.
    ///
    /// # Errors
    /// A [`ChangeError`].
    pub async fn any_has_attribute(&mut self, name: &str) -> Result<bool, ChangeError> {
        const ANY: Sql = Sql::new("users", "SELECT id FROM users WHERE LOWER(attributes) LIKE $1 ESCAPE '!' LIMIT 1");
        // Attributes are one JSON object; a quote within a value is escaped there, so that only a name stands between plain ones.
        let pattern = format!("%\"{}\":%", name.to_ascii_lowercase().replace('_', "!_"));
        Ok(self.tx.fetch_optional(ANY, [pattern.into()]).await?.is_some())
    }

    /// The permission sets assigned to a user, as they are within the change.
    ///
    /// # Errors
    /// A [`ChangeError`] of the database.
    pub async fn permission_sets(&mut self, id: UserId) -> Result<Vec<PermissionSetId>, ChangeError> {
        let rows = self.tx.fetch(SETS, [id.into()]).await?;
        Ok(rows.iter().map(|row| row.id("permission_set_id")).collect::<Result<_, _>>()?)
    }
}

fn read(row: &Row) -> Result<User, Fault> {
    Ok(User {
        id: row.id("id")?,
        name: row.parsed("name", UserName::parse)?,
        profile: row.optional_id("profile_id")?,
        is_active: row.boolean("is_active")?,
        attributes: row.json("attributes")?,
    })
}
