//! Logins under way: what ties a browser that comes back from a provider to the one that was sent there.
//!
//! Each step of a login is one statement that moves the row from one stage to the next, so that of two browsers with the same address, on whatever nodes,
//! one goes on.

use std::time::Duration;

use sortie_model::{Timestamp, UserId};
use uuid::Uuid;

use crate::db::{Db, Fault, Row, Sql};
use crate::error::{ReadError, WriteError};
use crate::identity::Identity;

/// How far a login has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoginStage {
    /// The browser is at the provider.
    Started,
    /// It is back, with a code.
    Returned,
    /// The code is being redeemed.
    Redeeming,
    /// There is a grant, which waits for the person's word.
    Redeemed,
}

impl LoginStage {
    const ALL: [Self; 4] = [Self::Started, Self::Returned, Self::Redeeming, Self::Redeemed];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Returned => "returned",
            Self::Redeeming => "redeeming",
            Self::Redeemed => "redeemed",
        }
    }
}

/// A login under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLogin {
    /// Which.
    pub id: Uuid,
    /// SHA-256 of the state that the provider gives back.
    pub state_hash: [u8; 32],
    /// SHA-256 of what only the browser holds in which it began.
    pub browser_hash: [u8; 32],
    /// The only user who may go on; `None` for somebody at the command line of a node.
    pub user: Option<UserId>,
    /// Where the grant will be kept.
    pub identity: Identity,
    /// How far it has come.
    pub stage: LoginStage,
    /// Ciphertext, bound to the row and its stage.
    pub sealed: Vec<u8>,
    /// When it is over.
    pub expires_at: Timestamp,
}

/// A login that begins.
#[derive(Clone, Debug)]
pub struct NewLogin {
    /// Which.
    pub id: Uuid,
    /// SHA-256 of the state that the provider gives back.
    pub state_hash: [u8; 32],
    /// SHA-256 of what only the browser holds in which it begins.
    pub browser_hash: [u8; 32],
    /// The only user who may go on.
    pub user: Option<UserId>,
    /// Where the grant will be kept.
    pub identity: Identity,
    /// Ciphertext, bound to the row and to [`LoginStage::Started`].
    pub sealed: Vec<u8>,
    /// How long it may take.
    pub lifetime: Duration,
}

/// Reads and writes logins under way.
pub struct Logins<'a> {
    pub(crate) db: &'a Db,
}

impl Logins<'_> {
    /// Begins a login. Of the same user the oldest beyond `most` are over with it (OAU-23).
    ///
    /// # Errors
    /// A [`WriteError`]; [`WriteError::Gone`] if principal or user does not exist any more.
    pub async fn start(&self, login: NewLogin, most: u32) -> Result<(), WriteError> {
        // A grant that nobody has confirmed is left to whoever discards it.
        const OVER: Sql =
            Sql::new("logins", "DELETE FROM logins WHERE expires_at <= (SELECT millis FROM clock) AND stage <> 'redeemed' RETURNING id");
        const BEYOND: Sql = Sql::new(
            "logins",
            "UPDATE logins SET expires_at = 0 WHERE user_id = $1 AND expires_at > 0 AND id NOT IN
                 (SELECT id FROM logins WHERE user_id = $1 ORDER BY expires_at DESC, id DESC LIMIT $2) RETURNING id",
        );
        const START: Sql = Sql::new(
            "logins",
            "INSERT INTO logins (id, state_hash, browser_hash, user_id, principal_id, owner_id, stage, sealed, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, 'started', $7, (SELECT millis FROM clock) + $8) RETURNING id",
        );
        self.db.change(OVER, []).await?;
        let NewLogin { id, state_hash, browser_hash, user, identity, sealed, lifetime } = login;
        let millis = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX / 2);
        let values = [
            id.into(),
            state_hash.as_slice().into(),
            browser_hash.as_slice().into(),
            user.into(),
            identity.principal.into(),
            identity.owner.into(),
            sealed.into(),
            millis.into(),
        ];
        self.db.change(START, values).await?;
        if let Some(user) = user {
            self.db.change(BEYOND, [user.into(), i64::from(most).into()]).await?;
        }
        Ok(())
    }

    /// The login that a state belongs to, if it is not over; nothing is changed.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn by_state(&self, state_hash: [u8; 32]) -> Result<Option<StoredLogin>, ReadError> {
        const BY_STATE: Sql = Sql::new(
            "logins",
            "SELECT id, state_hash, browser_hash, user_id, principal_id, owner_id, stage, sealed, expires_at FROM logins CROSS JOIN clock
             WHERE state_hash = $1 AND expires_at > millis",
        );
        let row = self.db.fetch_optional(BY_STATE, [state_hash.as_slice().into()]).await?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    /// A login, if it is not over.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn load(&self, id: Uuid) -> Result<Option<StoredLogin>, ReadError> {
        const LOAD: Sql = Sql::new(
            "logins",
            "SELECT id, state_hash, browser_hash, user_id, principal_id, owner_id, stage, sealed, expires_at FROM logins CROSS JOIN clock
             WHERE id = $1 AND expires_at > millis",
        );
        let row = self.db.fetch_optional(LOAD, [id.into()]).await?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    /// Moves a login on. Of all that ask at the same time, in the whole cluster, one is told `true`. `sealed` must be bound to the new stage.
    ///
    /// # Errors
    /// A [`WriteError`].
    pub async fn advance(&self, id: Uuid, (from, to): (LoginStage, LoginStage), sealed: &[u8]) -> Result<bool, WriteError> {
        const ADVANCE: Sql = Sql::new(
            "logins",
            "UPDATE logins SET stage = $3, sealed = $4 WHERE id = $1 AND stage = $2 AND expires_at > (SELECT millis FROM clock) RETURNING id",
        );
        let moved = self.db.change(ADVANCE, [id.into(), from.as_str().into(), to.as_str().into(), sealed.into()]).await?;
        Ok(!moved.is_empty())
    }

    /// Takes the logins away that are over, a hundred at a time. Of all that ask at the same time each gets others.
    ///
    /// # Errors
    /// A [`WriteError`].
    pub async fn take_over(&self) -> Result<Vec<StoredLogin>, WriteError> {
        const LOOK: Sql = Sql::new("logins", "SELECT id FROM logins CROSS JOIN clock WHERE expires_at <= millis LIMIT 1");
        const TAKE: Sql = Sql::new(
            "logins",
            "DELETE FROM logins WHERE id IN (SELECT id FROM logins CROSS JOIN clock WHERE expires_at <= millis ORDER BY expires_at LIMIT 100)
             RETURNING id, state_hash, browser_hash, user_id, principal_id, owner_id, stage, sealed, expires_at",
        );
        // Usually there is none, and nothing is written.
        if self.db.fetch_optional(LOOK, []).await?.is_none() {
            return Ok(Vec::new());
        }
        let taken = self.db.change(TAKE, []).await?;
        Ok(taken.iter().map(read).collect::<Result<_, Fault>>()?)
    }

    /// Ends a login that is in this stage. Of all that ask at the same time one is told `true`.
    ///
    /// # Errors
    /// A [`WriteError`].
    pub async fn end(&self, id: Uuid, stage: LoginStage) -> Result<bool, WriteError> {
        const END: Sql = Sql::new("logins", "DELETE FROM logins WHERE id = $1 AND stage = $2 RETURNING id");
        Ok(!self.db.change(END, [id.into(), stage.as_str().into()]).await?.is_empty())
    }
}

fn read(row: &Row) -> Result<StoredLogin, Fault> {
    let hash = |column| {
        let bytes = row.bytes(column)?;
        <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| row.unreadable(column, "is no SHA-256"))
    };
    Ok(StoredLogin {
        id: row.id("id")?,
        state_hash: hash("state_hash")?,
        browser_hash: hash("browser_hash")?,
        user: row.optional_id("user_id")?,
        identity: Identity::read(row)?,
        stage: row.parsed("stage", |text| LoginStage::ALL.into_iter().find(|stage| stage.as_str() == text).ok_or(()))?,
        sealed: row.bytes("sealed")?,
        expires_at: row.timestamp("expires_at")?,
    })
}
