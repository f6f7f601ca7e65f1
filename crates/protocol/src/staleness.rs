//! Answers that mean "what you presented has died", of services that do not say it with 401.

use http::{HeaderMap, StatusCode};

/// How the services behind a protocol say it. A part of the protocol's definition, beside the rules that an admin may write.
#[derive(Clone, Copy, Debug)]
pub struct Staleness {
    /// The statuses of such answers; no other answer is looked at.
    pub statuses: &'static [StatusCode],
    /// What the head of an answer tells.
    pub head: fn(&HeaderMap) -> Finding,
    /// Whether the whole body says it. Only asked after [`Finding::InBody`], and not for long bodies.
    pub body: fn(&[u8]) -> bool,
}

/// What the head of an answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It says so.
    Stale,
    /// It says something else, or nothing.
    Other,
    /// The body has to be looked into.
    InBody,
}
