//! Step 7, inspect: does the answer say that the token is stale, and would a new one help?

use http::StatusCode;
use sortie_protocol::Renewal;

use crate::choose::Chosen;

/// The code under which the health of a credential notes that an upstream refused it.
pub(crate) const REFUSED_BY_UPSTREAM: &str = "upstream_refused_credential";

/// What to do with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Hand it to the caller.
    Deliver,
    /// The token is stale: renew it, and send once more.
    Renew,
}

/// Judges an answer's status. What is presented by a static protocol is never sent again: it would be refused again.
pub fn inspect(chosen: &Chosen<'_>, status: StatusCode) -> Verdict {
    match chosen.named().credential.protocol.renewal() {
        Renewal::Renewable if is_refusal(chosen, status) => Verdict::Renew,
        Renewal::Renewable | Renewal::Static => Verdict::Deliver,
    }
}

/// Whether the status says that the credential was not taken. 401 always does (RFC 9110, section 15.5.2), the credential's additional codes too.
pub(crate) fn is_refusal(chosen: &Chosen<'_>, status: StatusCode) -> bool {
    status == StatusCode::UNAUTHORIZED || chosen.named().credential.additional_status_codes.contains(status.as_u16())
}
