//! API keys, of which only a hash is stored, and the one read that turns a key into a caller.

use sortie_model::{ApiKey, ApiKeyId, PermissionSetId, User, UserId, UserName};

use crate::change::{Rules, require_one};
use crate::db::{Db, Fault, Row, Sql, Tx};
use crate::error::{ChangeError, ReadError};

const RULES: Rules = Rules { what: "API key", refers_to: "user" };

/// Reads API keys.
pub struct ApiKeys<'a> {
    pub(crate) db: &'a Db,
}

/// Changes API keys.
pub struct ApiKeyChanges<'a> {
    pub(crate) tx: &'a mut Tx,
}

/// A user, with what decides about what it may call.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredUser {
    /// The user.
    pub user: User,
    /// The name of its profile.
    pub profile_name: Option<String>,
    /// The permission sets assigned to it.
    pub permission_sets: Vec<PermissionSetId>,
}

/// A key and its user. Whether the key's secret fits, and whether key and user are still good, is for others to check.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredCaller {
    /// The key.
    pub key: ApiKey,
    /// Its user.
    pub user: User,
    /// The name of the user's profile.
    pub profile_name: Option<String>,
    /// The permission sets assigned to the user.
    pub permission_sets: Vec<PermissionSetId>,
}

impl ApiKeys<'_> {
    /// All keys of a user, oldest first.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn of_user(&self, user: UserId) -> Result<Vec<ApiKey>, ReadError> {
        const OF_USER: Sql = Sql::new(
            "api_keys",
            "SELECT id AS key_id, user_id, label, secret_hash, created_at, expires_at, revoked_at FROM api_keys
             WHERE user_id = $1 ORDER BY created_at, id",
        );
        let rows = self.db.fetch(OF_USER, [user.into()]).await?;
        Ok(rows.iter().map(read_key).collect::<Result<_, _>>()?)
    }
}

impl ApiKeyChanges<'_> {
    /// Adds a key.
    ///
    /// # Errors
    /// [`ChangeError::Conflict`] if there is one of this identity, [`ChangeError::Missing`] if the user does not exist.
    pub async fn insert(&mut self, key: &ApiKey) -> Result<(), ChangeError> {
        const INSERT: Sql = Sql::new(
            "api_keys",
            "INSERT INTO api_keys (id, user_id, label, secret_hash, created_at, expires_at, revoked_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        );
        let ApiKey { id, user, label, secret_hash, created_at, expires_at, revoked_at } = key;
        let values = [
            (*id).into(),
            (*user).into(),
            label.as_str().into(),
            secret_hash.as_slice().into(),
            (*created_at).into(),
            (*expires_at).into(),
            (*revoked_at).into(),
        ];
        self.tx.execute(INSERT, values).await.map_err(|fault| RULES.translate(fault, id))?;
        Ok(())
    }

    /// Refuses a key for good from now on, by the database's clock. A key that was revoked before keeps its time.
    ///
    /// # Errors
    /// [`ChangeError::Missing`].
    pub async fn revoke(&mut self, id: ApiKeyId) -> Result<(), ChangeError> {
        const REVOKE: Sql =
            Sql::new("api_keys", "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, (SELECT millis FROM clock)) WHERE id = $1");
        require_one(self.tx.execute(REVOKE, [id.into()]).await?, RULES.what)
    }

    /// Removes a key without a trace.
    ///
    /// # Errors
    /// [`ChangeError::Missing`].
    pub async fn delete(&mut self, id: ApiKeyId) -> Result<(), ChangeError> {
        const DELETE: Sql = Sql::new("api_keys", "DELETE FROM api_keys WHERE id = $1");
        require_one(self.tx.execute(DELETE, [id.into()]).await?, RULES.what)
    }
}

/// One statement: two joins by primary key, and the permission sets folded into one text.
pub(crate) async fn caller_by_key(db: &Db, id: ApiKeyId) -> Result<Option<StoredCaller>, ReadError> {
    const FIND: Sql = Sql::new(
        "api_keys",
        "SELECT api_keys.id AS key_id, api_keys.user_id, label, secret_hash, created_at, expires_at, revoked_at,
                users.name AS user_name, profile_id, is_active, attributes,
                (SELECT name FROM profiles WHERE profiles.id = users.profile_id) AS profile_name,
                (SELECT string_agg(permission_set_id, ' ' ORDER BY permission_set_id) FROM permission_set_assignments
                 WHERE permission_set_assignments.user_id = api_keys.user_id) AS permission_sets
         FROM api_keys JOIN users ON users.id = api_keys.user_id WHERE api_keys.id = $1",
    );
    let Some(row) = db.fetch_optional(FIND, [id.into()]).await? else { return Ok(None) };
    Ok(Some(StoredCaller {
        key: read_key(&row)?,
        user: read_user(&row)?,
        profile_name: row.optional_text("profile_name")?,
        permission_sets: read_sets(&row)?,
    }))
}

pub(crate) async fn user_by_name(db: &Db, name: &UserName) -> Result<Option<StoredUser>, ReadError> {
    const FIND: Sql = Sql::new(
        "users",
        "SELECT users.id AS user_id, users.name AS user_name, profile_id, is_active, attributes,
                (SELECT name FROM profiles WHERE profiles.id = users.profile_id) AS profile_name,
                (SELECT string_agg(permission_set_id, ' ' ORDER BY permission_set_id) FROM permission_set_assignments
                 WHERE permission_set_assignments.user_id = users.id) AS permission_sets
         FROM users WHERE folded = $1",
    );
    let Some(row) = db.fetch_optional(FIND, [name.folded().into()]).await? else { return Ok(None) };
    Ok(Some(StoredUser { user: read_user(&row)?, profile_name: row.optional_text("profile_name")?, permission_sets: read_sets(&row)? }))
}

fn read_key(row: &Row) -> Result<ApiKey, Fault> {
    Ok(ApiKey {
        id: row.parsed("key_id", |text| ApiKeyId::parse(text).ok_or(()))?,
        user: row.id("user_id")?,
        label: row.text("label")?,
        secret_hash: row.bytes("secret_hash")?.try_into().map_err(|_| row.unreadable("secret_hash", "is not 32 bytes long"))?,
        created_at: row.timestamp("created_at")?,
        expires_at: row.optional_timestamp("expires_at")?,
        revoked_at: row.optional_timestamp("revoked_at")?,
    })
}

pub(crate) fn read_user(row: &Row) -> Result<User, Fault> {
    Ok(User {
        id: row.id("user_id")?,
        name: row.parsed("user_name", UserName::parse)?,
        profile: row.optional_id("profile_id")?,
        is_active: row.boolean("is_active")?,
        attributes: row.json("attributes")?,
    })
}

pub(crate) fn read_sets(row: &Row) -> Result<Vec<PermissionSetId>, Fault> {
    let Some(text) = row.optional_text("permission_sets")? else { return Ok(Vec::new()) };
    let parsed: Result<_, _> = text.split(' ').map(str::parse).collect();
    parsed.map_err(|_: uuid::Error| row.unreadable("permission_sets", "holds something that is not an identity"))
}
