//! How often somebody could not sign in, so that guessing ends.

use std::time::Duration;

use sortie_model::Timestamp;

use crate::db::{Db, Sql};
use crate::error::WriteError;
use crate::sessions::before;

/// Counts failures by the name that was typed, folded, and where it came from.
pub struct SignInFailures<'a> {
    pub(crate) db: &'a Db,
}

impl SignInFailures<'_> {
    /// Counts one more try, before its outcome is known, so that tries at the same moment all count. Gives how many there were within `window`, this one
    /// included. What is older is forgotten on this occasion.
    ///
    /// # Errors
    /// A [`WriteError`].
    pub async fn count(&self, account: &str, source: &str, now: Timestamp, window: Duration) -> Result<u64, WriteError> {
        const FORGET: Sql = Sql::new("sign_in_failures", "DELETE FROM sign_in_failures WHERE since <= $1");
        const COUNT: Sql = Sql::new(
            "sign_in_failures",
            "INSERT INTO sign_in_failures (account, source, failures, since) VALUES ($1, $2, 1, $3)
             ON CONFLICT (account, source) DO UPDATE SET failures = sign_in_failures.failures + 1 RETURNING failures",
        );
        self.db.change(FORGET, [before(now, window).into()]).await?;
        let rows = self.db.change(COUNT, [account.into(), source.into(), now.into()]).await?;
        Ok(rows.first().map(|row| row.number("failures")).transpose()?.unwrap_or(1))
    }

    /// Takes one try back: it was none.
    ///
    /// # Errors
    /// A [`WriteError`].
    pub async fn forgive(&self, account: &str, source: &str) -> Result<(), WriteError> {
        const FORGIVE: Sql = Sql::new(
            "sign_in_failures",
            "UPDATE sign_in_failures SET failures = failures - 1 WHERE account = $1 AND source = $2 RETURNING failures",
        );
        self.db.change(FORGIVE, [account.into(), source.into()]).await?;
        Ok(())
    }

    /// Forgets the failures of an account from this source: it has signed in.
    ///
    /// # Errors
    /// A [`WriteError`].
    pub async fn forget(&self, account: &str, source: &str) -> Result<(), WriteError> {
        const FORGET: Sql = Sql::new("sign_in_failures", "DELETE FROM sign_in_failures WHERE account = $1 AND source = $2");
        self.db.change(FORGET, [account.into(), source.into()]).await?;
        Ok(())
    }
}
