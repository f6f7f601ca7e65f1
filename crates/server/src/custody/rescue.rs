//! What a provider has given is not lost between its answer and the commit: neither when this process ends nor when the database is away (REL-T07 to T09).

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use sortie_callout::{Committed, CustodyError, GrantKey, Lease};
use sortie_model::{PrincipalId, SecretBytes, Timestamp, UserId};
use sortie_protocol::Grant;
use sortie_store::SealedGrant;
use sortie_vault::SealContext;
use tokio::time::Instant;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{HouseCustody, grant_identity, identity, stored, tampered};
use crate::spool::{Entry, Spool};

/// 5 s: how long whoever has just got the database (back) leaves leases alone that ended meanwhile. Their holders may have been without it too, and bring
/// what the provider gave them; nobody else may present the refresh token that it was given for.
const HEAD_START: Duration = Duration::from_secs(5);

/// A grant that is on its way to the database.
pub(super) struct Obtained<'a> {
    pub(super) key: GrantKey,
    pub(super) lease: Lease,
    pub(super) grant: &'a Grant,
    /// On the database's clock.
    pub(super) issued_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

impl HouseCustody {
    /// Notes that the database did not answer.
    pub(crate) fn note_away(&self) {
        *self.away.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Instant::now();
    }

    /// Whether leases that have ended are to be left to their holders for a while.
    pub(super) fn leaves_head_start(&self) -> bool {
        self.away.lock().unwrap_or_else(std::sync::PoisonError::into_inner).elapsed() < HEAD_START
    }

    /// Writes down what would be lost for good. `None`: it can be had again, or it cannot be written down; then only the database stands between it and its loss, as
    /// the log says, and the renewal goes on.
    pub(super) async fn write_down(&self, obtained: &Obtained<'_>) -> Option<Entry> {
        if !obtained.grant.is_irreplaceable() {
            return None;
        }
        let entry = Entry { row: obtained.lease.row, fence: obtained.lease.fence };
        let sealed = self.house.vault().seal(&context(entry), &obtained.to_bytes()).ok()?;
        let spool = self.house.spool().clone();
        let written = tokio::task::spawn_blocking(move || spool.keep(entry, &sealed)).await;
        match written.unwrap_or_else(|_| Err(io::Error::other("the writer broke off"))) {
            Ok(()) => Some(entry),
            Err(error) => {
                cannot_write(self.house.spool(), &error);
                None
            }
        }
    }

    /// Forgets what is in the database, or is not wanted there.
    pub(super) fn strike_out(&self, entry: Option<Entry>) {
        if let Some(entry) = entry
            && let Err(error) = self.house.spool().remove(entry)
        {
            tracing::warn!(code = "spool_unusable", "a file of the spool cannot be removed; it does no harm: {error}");
        }
    }

    /// Brings what is written down for this row to the database, if anything is. Says whether there was something.
    pub(super) async fn bring_back(&self, row: Uuid) -> Result<bool, CustodyError> {
        let waiting: Vec<Entry> = self.waiting().into_iter().filter(|entry| entry.row == row).collect();
        for entry in &waiting {
            self.replay(*entry).await?;
        }
        Ok(!waiting.is_empty())
    }

    /// Brings all that is written down to the database: what processes have left behind that ended, or found no database. Gives back whose it was.
    pub(crate) async fn bring_all_back(&self) -> Vec<(PrincipalId, Option<UserId>)> {
        let mut whose = Vec::new();
        for entry in self.waiting() {
            match self.replay(entry).await {
                Ok(key) => whose.extend(key.map(|key| (key.principal, key.user))),
                // The database is away, and so it is for the others.
                Err(CustodyError::Unavailable) => break,
                Err(_) => {}
            }
        }
        whose
    }

    fn waiting(&self) -> Vec<Entry> {
        self.house.spool().entries().unwrap_or_else(|error| {
            tracing::error!(code = "spool_unusable", "the spool {} cannot be read: {error}", self.house.spool().directory().display());
            Vec::new()
        })
    }

    /// Commits an entry under the fence that it was obtained under, which the process that wrote it may do at the same time: one of them is told that the
    /// other was faster. `None`: it was not there any more, or does not open.
    async fn replay(&self, entry: Entry) -> Result<Option<GrantKey>, CustodyError> {
        let spool = self.house.spool();
        let Ok(Some(sealed)) = spool.read(entry) else { return Ok(None) };
        let opened = self.house.vault().open(&context(entry), &sealed).map_err(|error| tampered(&error, "spool"));
        let Some(found) = opened.ok().and_then(|bytes| Found::from_bytes(&bytes)) else {
            let aside = spool.set_aside(entry).map(|path| path.display().to_string()).unwrap_or_default();
            tracing::error!(code = "spool_unreadable", "what a provider has given cannot be read any more, and is set aside as {aside}");
            return Ok(None);
        };
        let Found { key, next_version, grant, issued_at, expires_at } = found;
        let lease = Lease { row: entry.row, fence: entry.fence, next_version };
        let obtained = Obtained { key, lease, grant: &grant, issued_at, expires_at };
        match self.store(&obtained).await? {
            Committed::Stored(version) => {
                tracing::info!(credential = %key.credential, principal = %key.principal, version, "a renewed grant that the database had not taken is stored now");
            }
            Committed::Fenced => self.void(&obtained).await?,
        }
        self.strike_out(Some(entry));
        Ok(Some(key))
    }

    /// One commit.
    pub(super) async fn store(&self, obtained: &Obtained<'_>) -> Result<Committed, CustodyError> {
        let Obtained { key, lease, grant, issued_at, expires_at } = *obtained;
        let context = Self::grant_context(lease.row, key, lease.next_version);
        let sealed = self.house.vault().seal(&context, &grant.to_bytes()).map_err(|_| CustodyError::Sealed)?;
        let dies_at = (!grant.renews()).then_some(expires_at);
        let grant = SealedGrant { revision: key.revision, sealed, issued_at, expires_at: Some(expires_at), dies_at };
        Ok(match self.house.store().grants().commit(&stored(lease), grant).await.map_err(|error| self.unwritable(&error))? {
            sortie_store::Committed::Stored { version } => Committed::Stored(version),
            sortie_store::Committed::Fenced => Committed::Fenced,
        })
    }

    /// What was obtained is not wanted: a later lease or a new login has taken over, the row is gone, or it is stored already.
    pub(super) async fn void(&self, obtained: &Obtained<'_>) -> Result<(), CustodyError> {
        let Obtained { key, grant, .. } = obtained;
        let row = self.house.store().grants().load(grant_identity(*key)).await.map_err(|error| self.unreadable(&error))?;
        // REL-T21: it was taken away meanwhile, and what the provider gave after that lives on over there. Where something else is kept in its place, nobody is told:
        // many providers would take that back, too.
        if row.is_none() && grant.is_irreplaceable() {
            tracing::info!(credential = %key.credential, principal = %key.principal, "a renewed grant is thrown away: it was taken away meanwhile");
            self.owe_grant(identity(*key), grant, Duration::ZERO).await?;
        }
        Ok(())
    }
}

/// Says that the node goes on without a spool.
pub(crate) fn cannot_write(spool: &Spool, error: &io::Error) {
    let directory = spool.directory().display();
    tracing::error!(
        code = "spool_unusable",
        "the spool {directory} cannot be written: a login that is renewed while the database goes away or this process ends has to be made anew: {error}"
    );
}

/// Bound to the row and the fence, which the file's name says: under another name it does not open.
fn context(entry: Entry) -> SealContext<'static> {
    SealContext { table: "grants", row: entry.row, field: "spool", owner: None, version: entry.fence, destination: [0; 32] }
}

/// An entry as it was read.
struct Found {
    key: GrantKey,
    next_version: i64,
    grant: Grant,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl Obtained<'_> {
    fn to_bytes(&self) -> SecretBytes {
        let Self { key, lease, grant, issued_at, expires_at } = self;
        let GrantKey { credential, principal, user, revision, variant } = key;
        let grant = grant.to_bytes();
        let text = |value: &dyn ToString| value.to_string();
        let (credential, principal, revision) = (text(credential), text(principal), text(revision));
        let (version, issued_at, expires_at) = (text(&lease.next_version), text(&issued_at.as_millis()), text(&expires_at.as_millis()));
        let (user, variant) = (user.map(|user| user.to_string()), variant.map(|variant| text(&u128::from_be_bytes(variant))));
        let mut parts = BTreeMap::from([
            ("credential", credential.as_str()),
            ("principal", &principal),
            ("revision", &revision),
            ("version", &version),
            ("issued_at", &issued_at),
            ("expires_at", &expires_at),
            ("grant", std::str::from_utf8(grant.expose()).expect("JSON is text")),
        ]);
        parts.extend(user.as_deref().map(|user| ("user", user)));
        parts.extend(variant.as_deref().map(|variant| ("variant", variant)));
        SecretBytes::new(Zeroizing::new(serde_json::to_vec(&parts).expect("a map of texts is JSON")).as_slice())
    }
}

impl Found {
    fn from_bytes(bytes: &SecretBytes) -> Option<Self> {
        let parts: BTreeMap<String, Zeroizing<String>> = serde_json::from_slice::<BTreeMap<String, String>>(bytes.expose())
            .ok()?
            .into_iter()
            .map(|(name, part)| (name, Zeroizing::new(part)))
            .collect();
        let part = |name: &str| parts.get(name).map(|part| part.as_str());
        let number = |name: &str| part(name)?.parse::<i64>().ok();
        let key = GrantKey {
            credential: part("credential")?.parse().ok()?,
            principal: part("principal")?.parse().ok()?,
            user: part("user").map(|user| user.parse().ok()).map_or(Some(None), |user| user.map(Some))?,
            revision: number("revision")?,
            variant: part("variant")
                .map(|text| text.parse::<u128>().ok())
                .map_or(Some(None), |variant| variant.map(Some))?
                .map(u128::to_be_bytes),
        };
        Some(Self {
            key,
            next_version: number("version")?,
            grant: Grant::from_bytes(&SecretBytes::new(part("grant")?.as_bytes())).ok()?,
            issued_at: Timestamp::from_millis(number("issued_at")?),
            expires_at: Timestamp::from_millis(number("expires_at")?),
        })
    }
}
