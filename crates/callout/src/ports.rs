//! What the flow needs of the world around it. Each port has one implementation that ships and one in the tests.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use sortie_model::{IdentityProvider, Timestamp};
use sortie_protocol::shared::sigv4::{BodyFault, Recoder};
use sortie_protocol::{Grant, Pending, ProviderError, Values};

use crate::audit::{Intent, Opened, Outcome, Refusal};
use crate::client_certificate::ClientIdentity;
use crate::holding::Room;
use crate::obtain::GrantKey;
use crate::snapshot::Named;

/// Keeps stored values and grants, encrypted, for all nodes together.
pub trait Custody: Send + Sync {
    /// The values stored for the principal (and user) of this key.
    fn values(&self, key: GrantKey) -> Pending<'_, Result<Values, CustodyError>>;

    /// The values stored for a provider. Only asked for when a grant is obtained.
    fn provider_values<'a>(&'a self, provider: &'a IdentityProvider) -> Pending<'a, Result<Values, CustodyError>>;

    /// The grant kept under this key, in whatever state and of whatever revision. A failure under another revision than the key's is left out: what was wrong then may be right now.
    fn load(&self, key: GrantKey) -> Pending<'_, Result<Option<Kept>, CustodyError>>;

    /// Asks to be the one who renews. Exactly one wins for `duration` on the database's clock, if the row is still at `seen_version`.
    fn lease(&self, key: GrantKey, seen_version: i64, duration: Duration) -> Pending<'_, Result<Leased, CustodyError>>;

    /// Stores a new grant, if the lease is still the newest one.
    fn commit<'a>(
        &'a self,
        key: GrantKey,
        lease: Lease,
        grant: &'a Grant,
        issued_at: Timestamp,
        expires_at: Timestamp,
    ) -> Pending<'a, Result<Committed, CustodyError>>;

    /// Gives the lease back unused. What is kept stays as it is; if a later lease has taken over, so does that.
    fn give_back(&self, key: GrantKey, lease: Lease) -> Pending<'_, Result<(), CustodyError>>;

    /// Gives the lease back after a failure.
    fn fail(&self, key: GrantKey, lease: Lease, failure: KeptFailure) -> Pending<'_, Result<Noted, CustodyError>>;

    /// Stores the grant of a new login in the place of whatever is there; a renewal that is under way can store nothing any more (REL-T20).
    fn replace<'a>(
        &'a self,
        key: GrantKey,
        grant: &'a Grant,
        issued_at: Timestamp,
        expires_at: Timestamp,
    ) -> Pending<'a, Result<(), CustodyError>>;

    /// Takes a grant away, in all its variants; a renewal that is under way can store nothing any more (REL-T21). What is taken away is owed to its provider from now
    /// on, and whoever gets it here tells the provider first.
    fn remove(&self, key: GrantKey) -> Pending<'_, Result<Vec<Owed>, CustodyError>>;

    /// Keeps a grant that is not wanted, to be told to its provider.
    fn owe<'a>(&'a self, key: GrantKey, grant: &'a Grant) -> Pending<'a, Result<Owed, CustodyError>>;

    /// Notes what came of telling the provider: it is owed no more, or tried again later.
    fn settle<'a>(&'a self, owed: &'a Owed, told: Result<(), &'static str>) -> Pending<'a, Result<(), CustodyError>>;
}

/// A grant that is not wanted any more, and whose provider does not know it yet.
#[derive(Clone, Debug)]
pub struct Owed {
    /// Names this one time.
    pub id: uuid::Uuid,
    /// Counts the attempts to tell the provider.
    pub attempt: i64,
    /// The grant.
    pub grant: Grant,
}

/// A grant as it is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The row that it is kept in: another one after a login was taken away and made anew.
    pub row: uuid::Uuid,
    /// Counts the grants stored in this row.
    pub version: i64,
    /// The revision of the credential that the grant was obtained under.
    pub revision: i64,
    /// The grant with its times, if there is one.
    pub grant: Option<(Grant, Timestamp, Timestamp)>,
    /// How the last attempt to renew it failed, if it did.
    pub failure: Option<KeptFailure>,
}

/// A failure as it is kept, so that all nodes know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFailure {
    /// Stable code.
    pub code: &'static str,
    /// When it happened.
    pub at: Timestamp,
    /// No attempt before this moment.
    pub retry_not_before: Timestamp,
    /// What the provider said, if it refused.
    pub said: Option<ProviderError>,
}

/// The right to renew one grant, until it ends on the database's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The row.
    pub row: uuid::Uuid,
    /// Every new lease has a higher one; only the highest may commit.
    pub fence: i64,
    /// The version that a commit will make.
    pub next_version: i64,
}

/// What came of asking for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leased {
    /// It is ours.
    Taken(Lease),
    /// Somebody else is renewing.
    Busy,
    /// The row has changed since it was read: read it again.
    Changed,
}

/// What came of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// Stored, as this version.
    Stored(i64),
    /// A later lease has taken over: what we obtained is void, read again.
    Fenced,
}

/// What came of giving a lease back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// The failure is kept.
    Done,
    /// A later lease or a new login has taken over: read again.
    Fenced,
}

/// Secrets cannot be had at the moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustodyError {
    /// No answer from the database.
    #[error("the database cannot be reached")]
    Unavailable,
    /// The database answered with something that fails its integrity check.
    #[error("a stored secret fails its integrity check")]
    Tampered,
    /// No key: the node is sealed.
    #[error("the node is sealed")]
    Sealed,
    /// What was to be read or stored belongs to a definition, a principal or a user that is another now, or gone.
    #[error("the definition has changed meanwhile, or the user is gone")]
    Changed,
}

/// Sends a request to the place that a name stands for. One implementation per core, so nothing needs to be `Send`.
pub trait Forward {
    /// The caller's body on its way out.
    type RequestBody: Replay;
    /// The upstream's body on its way back.
    type AnswerBody: Body<Data = Bytes> + Unpin;

    /// Sends, over a connection at whose making this identity was shown if there is one, and waits for the head of the answer. Redirects are handed back.
    fn forward<'a>(
        &'a self,
        named: &'a Named,
        identity: Option<&'a Arc<ClientIdentity>>,
        request: Request<Self::RequestBody>,
    ) -> impl Future<Output = Result<Response<Self::AnswerBody>, ForwardError>>;
}

/// A body that may be sent a second time.
pub trait Replay: Sized {
    /// What remembers the body while it is sent.
    type Memory: Clone;

    /// Whether there is nothing to send.
    fn is_empty(&self) -> bool;

    /// Starts to remember what will be sent.
    fn remember(&mut self) -> Self::Memory;

    /// The same body again, if all of it was sent and remembered.
    fn again(memory: Self::Memory) -> Option<Self>;

    /// Waits for all of it, for formulas that are in it or read it, and takes room for each piece.
    fn hold(self, limit: usize, room: &mut Room) -> impl Future<Output = Result<(Bytes, Self::Memory), HoldFault>>;

    /// A body of these bytes in the place of the one that was held. Starts anew each time.
    fn replaced(held: &Self::Memory, bytes: Bytes) -> Self;

    /// Breaks off where `{!` comes, instead of sending it as text.
    fn withhold_formulas(&mut self);

    /// The same body, rewritten piece by piece while it is sent. What is remembered for a second time is what came, not what was made of it.
    #[must_use]
    fn recoded(self, recoder: Box<Recoder>) -> Self;
}

/// Why a body cannot be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldFault {
    /// It is larger than the limit.
    TooLarge,
    /// There is no room for it now.
    NoRoom,
    /// It ended early.
    CallerAborted,
    /// `{!` came, where formulas are not allowed.
    FormulaWithheld,
}

/// Why there is no answer from the upstream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForwardError {
    /// The egress policy forbids the address.
    #[error("the egress policy does not allow the address")]
    Denied,
    /// No address, or no connection.
    #[error("no connection to the upstream: {0}")]
    Unreachable(String),
    /// The upstream's certificate is not trusted, or TLS failed otherwise. Nothing was sent.
    #[error("no trusted TLS connection to the upstream: {0}")]
    Tls(String),
    /// The upstream wants a client certificate, and the name presents none.
    #[error("the upstream asks for a client certificate, and the named credential presents none")]
    ClientCertificateRequired,
    /// The upstream does not take the client certificate that the name presents. With TLS 1.3 it says so after the request may have been sent.
    #[error("the upstream refused the client certificate: {0}")]
    ClientCertificateRefused(&'static str),
    /// No connection, or no head of an answer, within the time limit.
    #[error("the upstream did not answer in time")]
    Timeout,
    /// The connection broke, or what came is not HTTP.
    #[error("the upstream broke the protocol: {0}")]
    Protocol(String),
    /// The caller's body ended early, so the request was cut off.
    #[error("the caller's body ended early")]
    CallerAborted,
    /// The caller's body holds `{!`, so the request was cut off before that.
    #[error("the body holds `{{!`, and formulas of callers are not allowed there")]
    FormulaWithheld,
    /// The caller's body is not what its headers say, so the request was cut off.
    #[error("{0}")]
    Body(BodyFault),
}

/// Writes what happened. One implementation per core.
pub trait AuditLog {
    /// Records the intent. When this returns, the record survives the death of this process: only then may a credential leave.
    fn open(&self, intent: Intent<'_>) -> impl Future<Output = Result<Opened, AuditUnavailable>>;

    /// Records how it ended.
    fn close(&self, opened: Opened, outcome: Outcome);

    /// Records a callout that was refused before it had an intent.
    fn refuse(&self, refusal: Refusal<'_>);
}

/// The audit cannot be written, so nothing may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit cannot be written")]
pub struct AuditUnavailable;
