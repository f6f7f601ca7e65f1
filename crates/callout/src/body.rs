//! The caller's body: passed on as it comes, or held, because a formula is in it or reads it.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use sortie_model::CallerFormulas;

use crate::Refused;
use crate::apply::ApplyError;
use crate::formulas;
use crate::ports::{ForwardError, HoldFault, Replay};
use crate::scope::CalloutScope;
use crate::snapshot::Named;

/// 1 MiB: more than what is signed or filled in by formulas, little enough to hold for every callout at once (FRM-11).
const MAX_HELD_BYTES: usize = 1024 * 1024;

/// A body on its way.
pub(crate) enum Body<B: Replay> {
    /// As it comes.
    Stream(B),
    /// All of it, as the caller sent it.
    Held(Held<B::Memory>),
}

/// A body that is held.
#[derive(Clone)]
pub(crate) struct Held<M> {
    pub(crate) bytes: Bytes,
    /// What counts it while it is sent.
    memory: M,
    has_formulas: bool,
}

/// What is needed to send a body a second time.
pub(crate) enum Memory<M> {
    Stream(M),
    Held(Held<M>),
}

impl<B: Replay> Body<B> {
    /// Waits for the whole body if a formula needs it.
    pub(crate) async fn of(mut body: B, named: &Named, headers: &HeaderMap) -> Result<Self, Refused> {
        if body.is_empty() && !named.headers_read_body {
            return Ok(Self::Stream(body));
        }
        let is_text = named.formulas_in_body != CallerFormulas::Literal && formulas::is_text(named, headers);
        let has_formulas = is_text && named.formulas_in_body == CallerFormulas::Evaluated;
        let is_read = named.headers_read_body || (named.formulas_in_header == CallerFormulas::Evaluated && formulas::any(headers));
        if withholds_formulas(named, headers) {
            body.withhold_formulas();
        }
        if has_formulas || is_read {
            return Box::pin(Self::hold(body, named, has_formulas)).await;
        }
        Ok(Self::Stream(body))
    }

    async fn hold(body: B, named: &Named, has_formulas: bool) -> Result<Self, Refused> {
        let wait = Duration::from_millis(u64::from(named.timeouts.answer_ms));
        let too_large = ApplyError::BodyTooLarge { limit: MAX_HELD_BYTES };
        let (bytes, memory) = receive(body, MAX_HELD_BYTES, wait, &too_large).await?;
        Ok(Self::Held(Held { bytes, memory, has_formulas }))
    }

    /// Waits for the whole body, if it is still on its way.
    pub(crate) async fn whole(self, limit: usize, wait: Duration, too_large: &ApplyError) -> Result<Self, Refused> {
        match self {
            Self::Stream(body) if !body.is_empty() => {
                let (bytes, memory) = receive(body, limit, wait, too_large).await?;
                Ok(Self::Held(Held { bytes, memory, has_formulas: false }))
            }
            other => Ok(other),
        }
    }

    /// Starts to remember what will be sent.
    pub(crate) fn remember(&mut self) -> Memory<B::Memory> {
        match self {
            Self::Stream(body) => Memory::Stream(body.remember()),
            Self::Held(held) => Memory::Held(held.clone()),
        }
    }

    /// The same body again, if all of it was sent and remembered. Formulas in a held one are evaluated again: the token has changed.
    pub(crate) fn again(memory: Memory<B::Memory>) -> Option<Self> {
        match memory {
            Memory::Stream(memory) => B::again(memory).map(Self::Stream),
            Memory::Held(held) => Some(Self::Held(held)),
        }
    }

    /// The body as it is sent, and its bytes if it was held. The headers say how long it is.
    pub(crate) fn evaluated(self, scope: &CalloutScope<'_>, headers: &mut HeaderMap) -> Result<(B, Option<Bytes>), ApplyError> {
        let Held { bytes, memory, has_formulas } = match self {
            Self::Stream(body) => return Ok((body, None)),
            Self::Held(held) => held,
        };
        let evaluated = if has_formulas { formulas::evaluate_body(&bytes, scope)? } else { None };
        let bytes = evaluated.map_or(bytes, |text| Bytes::copy_from_slice(text.expose().as_bytes()));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        Ok((B::replaced(&memory, bytes.clone()), Some(bytes)))
    }
}

/// Whether `{!` in the body is neither evaluated nor sent as text.
pub(crate) fn withholds_formulas(named: &Named, headers: &HeaderMap) -> bool {
    named.formulas_in_body == CallerFormulas::Refused && formulas::is_text(named, headers)
}

async fn receive<B: Replay>(body: B, limit: usize, wait: Duration, too_large: &ApplyError) -> Result<(Bytes, B::Memory), Refused> {
    match tokio::time::timeout(wait, body.hold(limit)).await {
        Ok(Ok(held)) => Ok(held),
        Ok(Err(HoldFault::TooLarge)) => Err(too_large.clone().into()),
        Ok(Err(HoldFault::FormulaWithheld)) => Err(ForwardError::FormulaWithheld.into()),
        Ok(Err(HoldFault::CallerAborted)) | Err(_) => Err(ForwardError::CallerAborted.into()),
    }
}
