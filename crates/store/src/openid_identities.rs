//! Who somebody is at an OpenID provider.

use sortie_model::{UserId, UserName};

use crate::api_keys::{StoredUser, user_by_name};
use crate::change::Rules;
use crate::db::{Db, Sql, Tx};
use crate::error::{ChangeError, ReadError};

const RULES: Rules = Rules { what: "OpenID identity", refers_to: "user" };

/// Reads identities.
pub struct OpenIdIdentities<'a> {
    pub(crate) db: &'a Db,
}

/// Links identities.
pub struct OpenIdIdentityChanges<'a> {
    pub(crate) tx: &'a mut Tx,
}

impl OpenIdIdentities<'_> {
    /// The user that this identity belongs to, active or not.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn find(&self, issuer: &str, subject: &str) -> Result<Option<StoredUser>, ReadError> {
        const FIND: Sql = Sql::new(
            "openid_identities",
            "SELECT name FROM openid_identities JOIN users ON users.id = user_id WHERE issuer = $1 AND subject = $2",
        );
        let Some(row) = self.db.fetch_optional(FIND, [issuer.into(), subject.into()]).await? else { return Ok(None) };
        user_by_name(self.db, &row.parsed("name", UserName::parse)?).await
    }
}

impl OpenIdIdentityChanges<'_> {
    /// Whether the user has an identity of this issuer.
    ///
    /// # Errors
    /// A [`ChangeError`] of the database.
    pub async fn is_linked(&mut self, issuer: &str, user: UserId) -> Result<bool, ChangeError> {
        const LINKED: Sql = Sql::new("openid_identities", "SELECT subject FROM openid_identities WHERE issuer = $1 AND user_id = $2");
        Ok(self.tx.fetch_optional(LINKED, [issuer.into(), user.into()]).await?.is_some())
    }

    /// Links an identity to a user, for good.
    ///
    /// # Errors
    /// [`ChangeError::Conflict`] if the identity belongs to somebody, [`ChangeError::Missing`] if the user does not exist.
    pub async fn link(&mut self, issuer: &str, subject: &str, user: UserId) -> Result<(), ChangeError> {
        const LINK: Sql = Sql::new(
            "openid_identities",
            "INSERT INTO openid_identities (issuer, subject, user_id, linked_at) VALUES ($1, $2, $3, (SELECT millis FROM clock))",
        );
        let values = [issuer.into(), subject.into(), user.into()];
        self.tx.execute(LINK, values).await.map_err(|fault| RULES.translate(fault, subject))?;
        Ok(())
    }

    /// Takes all identities from a user, who is linked anew at the next sign-in, and ends the user's sessions. Gives how many there were.
    ///
    /// # Errors
    /// A [`ChangeError`] of the database.
    pub async fn unlink(&mut self, user: UserId) -> Result<u64, ChangeError> {
        const UNLINK: Sql = Sql::new("openid_identities", "DELETE FROM openid_identities WHERE user_id = $1");
        let gone = self.tx.execute(UNLINK, [user.into()]).await?;
        crate::sessions::end_all(self.tx, user).await?;
        Ok(gone)
    }
}
