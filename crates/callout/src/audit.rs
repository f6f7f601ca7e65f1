//! Steps 4 and 8, audit: an intent before a credential leaves, a result after. Here is what is recorded; how it is written is the business of [`crate::AuditLog`].

use std::time::Duration;

use http::Method;
use sortie_model::Timestamp;

use crate::choose::Chosen;
use crate::parse::Reference;

/// What is about to happen. The query is left out on purpose: it often holds personal data.
pub struct Intent<'a> {
    /// When.
    pub at: Timestamp,
    /// Who, where to and as whom.
    pub chosen: &'a Chosen<'a>,
    /// How.
    pub method: &'a Method,
    /// Which path behind the name.
    pub path: &'a str,
}

/// A written intent, waiting for its result. It is the ticket for sending: [`crate::Callouts`] sends nothing without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Number of the record within its log.
    pub sequence: u64,
    /// When the callout began.
    pub at: Timestamp,
}

/// How a callout ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The upstream's status, if it answered.
    pub status: Option<u16>,
    /// Sortie's own code, if the callout failed.
    pub code: Option<&'static str>,
    /// Bytes of the caller's body that were sent.
    pub sent_bytes: u64,
    /// Bytes of the upstream's body that were handed on.
    pub received_bytes: u64,
    /// From the caller's request to the end of the answer.
    pub duration: Duration,
    /// Whether the answer was complete.
    pub completeness: Ending,
    /// Whether the grant was renewed and the request sent twice.
    pub renewed: bool,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All of it was handed on.
    Complete,
    /// It ended with the upstream's connection, which is how such an answer ends and how any answer breaks off: nobody can tell whether that was all of it.
    CloseDelimited,
    /// The upstream broke off.
    UpstreamTruncated,
    /// The caller went away.
    CallerAborted,
    /// There was no answer.
    NoAnswer,
}

impl Ending {
    /// The record's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::CloseDelimited => "close_delimited",
            Self::UpstreamTruncated => "upstream_truncated",
            Self::CallerAborted => "caller_aborted",
            Self::NoAnswer => "no_answer",
        }
    }
}

/// A callout that ended before it had an intent.
pub struct Refusal<'a> {
    /// When.
    pub at: Timestamp,
    /// The user's name, if known.
    pub user: Option<&'a str>,
    /// The target, if it could be read.
    pub reference: Option<&'a Reference<'a>>,
    /// Stable code.
    pub code: &'static str,
    /// The private reason, beside the public code.
    pub reason: &'static str,
}
