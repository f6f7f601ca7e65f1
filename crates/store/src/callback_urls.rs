//! The callback URLs that providers have accepted: what is registered over there, as far as it can be known from here.

use std::collections::BTreeMap;

use sortie_model::{IdentityProviderId, Timestamp};

use crate::db::{Db, Row, Sql, Value};
use crate::error::{ReadError, WriteError};
use crate::provider_values::{columns, read_provider};

/// Reads and writes them.
pub struct CallbackUrls<'a> {
    pub(crate) db: &'a Db,
}

/// A callback URL with which a login has worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedCallback {
    /// Exactly as it was sent.
    pub url: String,
    /// When that was.
    pub accepted_at: Timestamp,
}

impl CallbackUrls<'_> {
    /// A provider has given tokens for a login with this address.
    ///
    /// # Errors
    /// A [`WriteError`]; [`WriteError::Gone`] if there is no such provider any more.
    pub async fn accept(&self, provider: IdentityProviderId, url: &str) -> Result<(), WriteError> {
        const ACCEPT: Sql = Sql::new(
            "callback_urls",
            "INSERT INTO callback_urls (provider_id, external_auth_identity_provider_id, auth_provider_id, url, accepted_at)
             VALUES ($1, $2, $3, $4, (SELECT millis FROM clock))
             ON CONFLICT (provider_id) DO UPDATE SET url = excluded.url, accepted_at = excluded.accepted_at",
        );
        let [external_auth, auth] = columns(provider);
        let values: [Value; 4] = [provider.into(), external_auth, auth, url.into()];
        self.db.change(ACCEPT, values).await?;
        Ok(())
    }

    /// The last one of a provider.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn of(&self, provider: IdentityProviderId) -> Result<Option<AcceptedCallback>, ReadError> {
        const OF: Sql = Sql::new("callback_urls", "SELECT url, accepted_at FROM callback_urls WHERE provider_id = $1");
        Ok(self.db.fetch_optional(OF, [provider.into()]).await?.as_ref().map(read).transpose()?)
    }

    /// The last one of every provider that has accepted one.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn all(&self) -> Result<BTreeMap<IdentityProviderId, AcceptedCallback>, ReadError> {
        const ALL: Sql =
            Sql::new("callback_urls", "SELECT external_auth_identity_provider_id, auth_provider_id, url, accepted_at FROM callback_urls");
        let rows = self.db.fetch(ALL, []).await?;
        Ok(rows.iter().map(|row| Ok((read_provider(row)?, read(row)?))).collect::<Result<_, crate::db::Fault>>()?)
    }
}

fn read(row: &Row) -> Result<AcceptedCallback, crate::db::Fault> {
    Ok(AcceptedCallback { url: row.text("url")?, accepted_at: row.timestamp("accepted_at")? })
}
