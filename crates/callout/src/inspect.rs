//! Step 7, inspect: does the answer say that the token is stale, and would a new one help?

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use http_body::Body;
use sortie_model::RenewalSign;
use sortie_protocol::{Finding, Renewal};

use crate::choose::Chosen;
use crate::peek::Peeked;

/// The code under which the health of a credential notes that an upstream refused it.
pub(crate) const REFUSED_BY_UPSTREAM: &str = "upstream_refused_credential";

/// 64 KiB: an answer that says "your token is stale" is short. A longer one is not looked into.
const MAX_LOOKED_INTO_BYTES: usize = 64 * 1024;

/// Whether the upstream took the credential, as far as its answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception {
    /// It did.
    Taken,
    /// It did not.
    Refused,
    /// It looked at nothing yet: it wants a nonce of its own in the proof of a bound token.
    NonceWanted,
}

/// What to do with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Hand it to the caller.
    Deliver,
    /// The token is stale: renew it, and send once more.
    Renew,
}

/// Judges an answer. What is presented by a static protocol is never sent again: it would be refused again.
pub fn inspect(chosen: &Chosen<'_>, reception: Reception) -> Verdict {
    match (chosen.named().credential.protocol.renewal(), reception) {
        (Renewal::Renewable, Reception::Refused) => Verdict::Renew,
        (Renewal::Renewable, Reception::Taken | Reception::NonceWanted) | (Renewal::Static, _) => Verdict::Deliver,
    }
}

/// Whether the credential was taken. 401 always says that it was not (RFC 9110, section 15.5.2), the credential's additional codes too, whatever its rules say,
/// and what the services behind its protocol say instead.
pub(crate) async fn receive<B>(chosen: &Chosen<'_>, answer: Response<B>) -> (Response<Peeked<B>>, Reception)
where
    B: Body<Data = Bytes> + Unpin,
{
    let (mut answer, credential) = (answer.map(Peeked::new), &chosen.named().credential);
    let status = answer.status();
    let is_refused = status == StatusCode::UNAUTHORIZED
        || credential.additional_status_codes.contains(status.as_u16())
        || (!credential.renewal_rules.is_empty() && breaks_a_rule(chosen, &mut answer).await)
        || says_stale(chosen, &mut answer).await;
    (answer, if is_refused { Reception::Refused } else { Reception::Taken })
}

async fn breaks_a_rule<B>(chosen: &Chosen<'_>, answer: &mut Response<Peeked<B>>) -> bool
where
    B: Body<Data = Bytes> + Unpin,
{
    let status = answer.status().as_u16();
    let rules = || chosen.named().credential.renewal_rules.iter().filter(|rule| rule.status == status).map(|rule| &rule.sign);
    if rules().any(|sign| matches!(sign, RenewalSign::Header { name, equals } if has_header(answer.headers(), name, equals))) {
        return true;
    }
    let mut in_body = rules().filter_map(|sign| match sign {
        RenewalSign::Pointer { path, equals } => Some((path, equals)),
        RenewalSign::Header { .. } => None,
    });
    if in_body.clone().next().is_none() || !is_json(answer.headers()) {
        return false;
    }
    let Some(body) = peek(chosen, answer).await else { return false };
    let Ok(document) = serde_json::from_slice::<serde_json::Value>(&body) else { return false };
    in_body.any(|(path, equals)| document.pointer(path).is_some_and(|found| is_written(found, equals)))
}

/// Whether the answer is one with which the services behind the protocol say that a grant has died.
async fn says_stale<B>(chosen: &Chosen<'_>, answer: &mut Response<Peeked<B>>) -> bool
where
    B: Body<Data = Bytes> + Unpin,
{
    let Some(staleness) = chosen.named().credential.protocol.staleness() else { return false };
    if !staleness.statuses.contains(&answer.status()) {
        return false;
    }
    match (staleness.head)(answer.headers()) {
        Finding::Stale => true,
        Finding::Other => false,
        Finding::InBody => peek(chosen, answer).await.is_some_and(|body| (staleness.body)(&body)),
    }
}

/// The whole body, if it is short and comes in time: whoever takes longer does not say that a token is stale.
async fn peek<B>(chosen: &Chosen<'_>, answer: &mut Response<Peeked<B>>) -> Option<Bytes>
where
    B: Body<Data = Bytes> + Unpin,
{
    if is_longer(answer.body()) {
        return None;
    }
    let limit = Duration::from_millis(u64::from(chosen.named().timeouts.answer_ms));
    tokio::time::timeout(limit, answer.body_mut().peek(MAX_LOOKED_INTO_BYTES)).await.ok().flatten()
}

fn has_header(headers: &HeaderMap, name: &str, equals: &str) -> bool {
    headers.get_all(name).iter().any(|value| value.as_bytes() == equals.as_bytes())
}

/// Plain JSON. [`crate::apply`] has asked for it uncompressed; an upstream that compresses all the same is not looked into.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    (kind == "application/json" || kind.ends_with("+json")) && !headers.contains_key(header::CONTENT_ENCODING)
}

fn is_longer<B: Body>(body: &B) -> bool {
    body.size_hint().lower() > MAX_LOOKED_INTO_BYTES as u64
}

fn is_written(found: &serde_json::Value, equals: &str) -> bool {
    match found {
        serde_json::Value::String(text) => text == equals,
        serde_json::Value::Number(_) | serde_json::Value::Bool(_) => {
            serde_json::from_str(equals).is_ok_and(|written: serde_json::Value| written == *found)
        }
        _ => false,
    }
}
