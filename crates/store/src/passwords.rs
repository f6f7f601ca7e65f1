//! Passwords of people, hashed before they come here.

use sortie_model::{UserId, UserName};

use crate::change::{Rules, require_one};
use crate::db::{Db, Fault, Row, Sql, Tx};
use crate::error::{ChangeError, ReadError};

const RULES: Rules = Rules { what: "password", refers_to: "user" };

/// Reads passwords.
pub struct Passwords<'a> {
    pub(crate) db: &'a Db,
}

/// Changes passwords.
pub struct PasswordChanges<'a> {
    pub(crate) tx: &'a mut Tx,
}

/// The password of an active user.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredPassword {
    /// Whose it is.
    pub user: UserId,
    /// PHC text.
    pub hash: String,
}

impl Passwords<'_> {
    /// The password of the user of this name; `None` also for a user who is inactive or has none.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn find(&self, name: &UserName) -> Result<Option<StoredPassword>, ReadError> {
        const FIND: Sql = Sql::new(
            "passwords",
            "SELECT user_id, hash FROM passwords JOIN users ON users.id = user_id WHERE folded = $1 AND is_active = 1",
        );
        Ok(self.db.fetch_optional(FIND, [name.folded().into()]).await?.as_ref().map(read).transpose()?)
    }

    /// Whether the user has a password.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn is_set(&self, user: UserId) -> Result<bool, ReadError> {
        const IS_SET: Sql = Sql::new("passwords", "SELECT user_id FROM passwords WHERE user_id = $1");
        Ok(self.db.fetch_optional(IS_SET, [user.into()]).await?.is_some())
    }
}

impl PasswordChanges<'_> {
    /// Stores a password in place of the one before, and ends the user's sessions: who changes it because somebody else has it wants that one out.
    /// Says whether there was one before.
    ///
    /// # Errors
    /// [`ChangeError::Missing`] if the user does not exist.
    pub async fn set(&mut self, user: UserId, hash: &str) -> Result<bool, ChangeError> {
        const UPDATE: Sql =
            Sql::new("passwords", "UPDATE passwords SET hash = $2, updated_at = (SELECT millis FROM clock) WHERE user_id = $1");
        const INSERT: Sql =
            Sql::new("passwords", "INSERT INTO passwords (user_id, hash, updated_at) VALUES ($1, $2, (SELECT millis FROM clock))");
        let was_there = self.tx.execute(UPDATE, [user.into(), hash.into()]).await? > 0;
        if !was_there {
            self.tx.execute(INSERT, [user.into(), hash.into()]).await.map_err(|fault| RULES.translate(fault, user))?;
        }
        crate::sessions::end_all(self.tx, user).await?;
        Ok(was_there)
    }

    /// Takes the password away, and ends the user's sessions.
    ///
    /// # Errors
    /// [`ChangeError::Missing`] if there is none.
    pub async fn delete(&mut self, user: UserId) -> Result<(), ChangeError> {
        const DELETE: Sql = Sql::new("passwords", "DELETE FROM passwords WHERE user_id = $1");
        require_one(self.tx.execute(DELETE, [user.into()]).await?, RULES.what)?;
        crate::sessions::end_all(self.tx, user).await?;
        Ok(())
    }
}

fn read(row: &Row) -> Result<StoredPassword, Fault> {
    Ok(StoredPassword { user: row.id("user_id")?, hash: row.text("hash")? })
}
