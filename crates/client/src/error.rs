//! What can go wrong: in how a client is set up, on the way, or because Sortie refuses.

use std::time::Duration;

use crate::refusal::Refusal;

/// Why there is no answer. Each has a stable [`code`](ClientError::code) and a [`next_step`](ClientError::next_step); none holds a key or a stored value.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Sortie refuses: the gateway a callout, or the management API a request. What an upstream answers is never one.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The client is not set up for this.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A callout's target, header or query cannot be sent.
    #[error("{what}")]
    Request {
        /// What is wrong with it.
        what: String,
    },
    /// Nobody answers there.
    #[error("cannot reach {origin}: {reason}")]
    Unreachable {
        /// Where.
        origin: String,
        /// Why.
        reason: String,
    },
    /// It takes too long.
    #[error("{origin} has not answered within {} s", limit.as_secs_f32())]
    TimedOut {
        /// Where.
        origin: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The connection was lost before the answer was there, and asking again did not help or was not safe.
    #[error("the connection to {origin} was lost: {reason}")]
    Lost {
        /// Where.
        origin: String,
        /// How.
        reason: String,
    },
    /// The answer is not one of Sortie's API: another server, a proxy between, or another version.
    #[error("{origin} answered with status {status}, and not as Sortie does: {reason}")]
    Unexpected {
        /// Where.
        origin: String,
        /// The status.
        status: u16,
        /// What is strange about it. Never what was answered.
        reason: String,
    },
}

impl ClientError {
    /// The stable code: of a refusal what Sortie said, such as `not_permitted`.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused(refusal) => &refusal.code,
            Self::Setting(error) => error.code(),
            Self::Request { .. } => "argument_invalid",
            Self::Unreachable { .. } => "server_unreachable",
            Self::TimedOut { .. } => "server_timeout",
            Self::Lost { .. } => "connection_lost",
            Self::Unexpected { .. } => "answer_unexpected",
        }
    }

    /// What to do about it.
    pub fn next_step(&self) -> &str {
        match self {
            Self::Refused(refusal) => &refusal.next_step,
            Self::Setting(error) => error.next_step(),
            Self::Request { .. } => "correct it; nothing was sent",
            Self::Unreachable { .. } => "start it with `sortie serve`, or correct its address",
            Self::TimedOut { .. } => "try again; look at what was done before doing it twice",
            Self::Lost { .. } => "try again; look at what was done before doing it twice",
            Self::Unexpected { .. } => "check the address, and what stands between; then whether client and server are of one version",
        }
    }

    /// Whether the same may succeed later without anybody changing anything. Whether it is safe to do it twice is another question.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.is_retryable(),
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Lost { .. } => true,
            Self::Setting(_) | Self::Request { .. } | Self::Unexpected { .. } => false,
        }
    }

    /// The refusal, if it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

/// What is wrong with how a client is set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// An address cannot be used.
    #[error("the address of the server cannot be used: {why}")]
    Url {
        /// Why.
        why: &'static str,
    },
    /// A management call without an address for it.
    #[error("the client does not know where the management API is")]
    NoUrl,
    /// A callout without an address for it.
    #[error("the client does not know where the gateway is")]
    NoGateway,
    /// No key.
    #[error("the client has no API key")]
    NoKey,
    /// The key holds what no key holds.
    #[error("the API key cannot be sent: it holds characters that no key has")]
    KeyMalformed,
    /// The key would go over the network for everybody to read.
    #[error("the API key would go to {origin} without TLS")]
    PlainHttp {
        /// Where.
        origin: String,
    },
    /// No server could be trusted.
    #[error("no certificate authority can be used: {reason}")]
    Roots {
        /// Why.
        reason: String,
    },
}

impl SettingError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Url { .. } => "url_invalid",
            Self::NoUrl => "url_missing",
            Self::NoGateway => "gateway_missing",
            Self::NoKey => "unauthenticated",
            Self::KeyMalformed => "key_malformed",
            Self::PlainHttp { .. } => "plain_http",
            Self::Roots { .. } => "roots_unusable",
        }
    }

    /// What to do.
    pub const fn next_step(&self) -> &'static str {
        match self {
            Self::Url { .. } => "write it as https://host or http://127.0.0.1:8586",
            Self::NoUrl => "set SORTIE_URL, or give the client its `url`",
            Self::NoGateway => "set SORTIE_GATEWAY, or give the client its `gateway`",
            Self::NoKey => "set SORTIE_KEY, or give the client a `key`; make one: sortie key create --user NAME",
            Self::KeyMalformed => "check that it is the whole key, and nothing else",
            Self::PlainHttp { .. } => "use https://; only where nobody else can listen, allow plain HTTP explicitly",
            Self::Roots { .. } => "check the file with the certificate authorities, or the machine's own",
        }
    }
}
