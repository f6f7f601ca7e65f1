//! Sessions of people in the console. What the browser has is hashed before it comes here.

use std::time::Duration;

use sortie_model::{Timestamp, UserId};

use crate::api_keys::{StoredUser, read_sets, read_user};
use crate::db::{Db, Fault, FaultKind, Row, Sql, Tx};
use crate::error::{ReadError, WriteError};

/// 1 minute: how exactly the last use is known. A page then rarely writes.
const USE_IS_NOTED_EVERY: Duration = Duration::from_secs(60);

/// Sessions. Times are those that the caller says: one clock decides about one session.
pub struct Sessions<'a> {
    pub(crate) db: &'a Db,
}

/// SHA-256 of what the browser has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionHash(pub [u8; 32]);

/// How somebody signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInMethod {
    /// With a password that we keep.
    Password,
    /// At an OpenID provider.
    OpenId,
}

/// A session that goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSession {
    /// Who signed in.
    pub user: StoredUser,
    /// How.
    pub method: SignInMethod,
    /// When.
    pub started_at: Timestamp,
    /// Until when it can go on at most.
    pub ends_at: Timestamp,
}

impl SignInMethod {
    /// As in the database and in the audit.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::OpenId => "openid",
        }
    }
}

impl Sessions<'_> {
    /// Begins a session of a user, which ends at `ends_at` at the latest. Sessions that are over are forgotten on this occasion.
    ///
    /// # Errors
    /// [`WriteError::Gone`] if the user does not exist any more or is inactive.
    pub async fn begin(
        &self,
        id: SessionHash,
        user: UserId,
        method: SignInMethod,
        now: Timestamp,
        ends_at: Timestamp,
    ) -> Result<(), WriteError> {
        const BEGIN: Sql = Sql::new(
            "sessions",
            "INSERT INTO sessions (id_hash, user_id, method, started_at, used_at, ends_at)
             SELECT $1, id, $3, $4, $4, $5 FROM users WHERE id = $2 AND is_active = 1 RETURNING user_id",
        );
        const SWEEP: Sql = Sql::new("sessions", "DELETE FROM sessions WHERE ends_at <= $1");
        self.db.change(SWEEP, [now.into()]).await?;
        let values = [id.0.as_slice().into(), user.into(), method.as_str().into(), now.into(), ends_at.into()];
        let begun = self.db.change(BEGIN, values).await.map_err(|fault| match fault.kind() {
            FaultKind::Unique { .. } => WriteError::Exists,
            _ => fault.into(),
        })?;
        if begun.is_empty() { Err(WriteError::Gone) } else { Ok(()) }
    }

    /// The session, if it goes on: not over, used within `idle`, its user active. One indexed read, and once a minute a write.
    ///
    /// # Errors
    /// A [`WriteError`]: it cannot be read, or its use not noted.
    pub async fn find(&self, id: SessionHash, now: Timestamp, idle: Duration) -> Result<Option<StoredSession>, WriteError> {
        const FIND: Sql = Sql::new(
            "sessions",
            "SELECT sessions.user_id, method, started_at, used_at, ends_at, users.name AS user_name, profile_id, is_active, attributes,
                    (SELECT name FROM profiles WHERE profiles.id = users.profile_id) AS profile_name,
                    (SELECT string_agg(permission_set_id, ' ' ORDER BY permission_set_id) FROM permission_set_assignments
                     WHERE permission_set_assignments.user_id = users.id) AS permission_sets
             FROM sessions JOIN users ON users.id = sessions.user_id
             WHERE id_hash = $1 AND is_active = 1 AND ends_at > $2 AND used_at > $3",
        );
        // It never goes backwards, so that a node whose clock is slow shortens nobody's session.
        const NOTE_USE: Sql = Sql::new("sessions", "UPDATE sessions SET used_at = $2 WHERE id_hash = $1 AND used_at < $2");
        let values = [id.0.as_slice().into(), now.into(), before(now, idle).into()];
        let Some(row) = self.db.fetch_optional(FIND, values).await? else { return Ok(None) };
        if now.since(row.timestamp("used_at")?) >= USE_IS_NOTED_EVERY {
            self.db.change(NOTE_USE, [id.0.as_slice().into(), now.into()]).await?;
        }
        Ok(Some(read(&row)?))
    }

    /// Ends a session. Ending one that is over already is the same.
    ///
    /// # Errors
    /// A [`WriteError`].
    pub async fn end(&self, id: SessionHash) -> Result<(), WriteError> {
        const END: Sql = Sql::new("sessions", "DELETE FROM sessions WHERE id_hash = $1");
        self.db.change(END, [id.0.as_slice().into()]).await?;
        Ok(())
    }

    /// How many sessions of a user are kept, those that are over and not yet forgotten among them.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn count(&self, user: UserId) -> Result<u64, ReadError> {
        const COUNT: Sql = Sql::new("sessions", "SELECT COUNT(*) AS sessions FROM sessions WHERE user_id = $1");
        let row = self.db.fetch_optional(COUNT, [user.into()]).await?;
        Ok(row.map(|row| row.number("sessions")).transpose()?.unwrap_or(0))
    }
}

/// Ends all sessions of a user.
pub(crate) async fn end_all(tx: &mut Tx, user: UserId) -> Result<(), Fault> {
    const END_ALL: Sql = Sql::new("sessions", "DELETE FROM sessions WHERE user_id = $1");
    tx.execute(END_ALL, [user.into()]).await.map(drop)
}

/// The moment that lies `window` before `now`.
pub(crate) fn before(now: Timestamp, window: Duration) -> Timestamp {
    Timestamp::from_millis(now.as_millis().saturating_sub(i64::try_from(window.as_millis()).unwrap_or(i64::MAX)))
}

fn read(row: &Row) -> Result<StoredSession, Fault> {
    Ok(StoredSession {
        user: StoredUser { user: read_user(row)?, profile_name: row.optional_text("profile_name")?, permission_sets: read_sets(row)? },
        method: row.parsed("method", |text| match text {
            "password" => Ok(SignInMethod::Password),
            "openid" => Ok(SignInMethod::OpenId),
            _ => Err(()),
        })?,
        started_at: row.timestamp("started_at")?,
        ends_at: row.timestamp("ends_at")?,
    })
}
