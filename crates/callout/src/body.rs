//! The caller's body: passed on as it comes, or held, because a formula is in it or reads it.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use sortie_model::CallerFormulas;

use crate::Refused;
use crate::apply::ApplyError;
use crate::formulas;
use crate::holding::{HoldingSpace, Room};
use crate::in_force::{Again, InForce};
use crate::ports::{ForwardError, HoldFault, Replay};
use crate::scope::CalloutScope;
use crate::snapshot::Named;

/// 1 MiB: more than what is filled in by formulas (FRM-11). All that are held at once share one [`HoldingSpace`].
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
    room: Rc<Room>,
}

/// What is needed to send a body a second time.
pub(crate) enum Memory<M> {
    Stream(M),
    Held(Held<M>),
}

impl<B: Replay> Body<B> {
    /// Waits for the whole body if a formula needs it.
    pub(crate) async fn of(
        mut body: B,
        headers: &HeaderMap,
        space: &HoldingSpace,
        authorized: Again<'_, '_, impl InForce>,
    ) -> Result<Self, Refused> {
        let named = authorized.chosen.named();
        if body.is_empty() && !named.headers_read_body {
            return Ok(Self::Stream(body));
        }
        let is_read = named.headers_read_body || (named.formulas_in_header == CallerFormulas::Evaluated && formulas::any(headers));
        let is_text = || formulas::is_text(named, headers);
        let has_formulas = match named.formulas_in_body {
            CallerFormulas::Evaluated => is_text(),
            CallerFormulas::Refused => {
                if is_text() {
                    body.withhold_formulas();
                }
                false
            }
            CallerFormulas::Literal => false,
        };
        if has_formulas || is_read {
            let too_large = ApplyError::BodyTooLarge { limit: MAX_HELD_BYTES };
            let held = Box::pin(receive(body, MAX_HELD_BYTES, &too_large, space, authorized)).await?;
            return Ok(Self::Held(Held { has_formulas, ..held }));
        }
        Ok(Self::Stream(body))
    }

    /// Waits for the whole body, if it is still on its way.
    pub(crate) async fn whole(
        self,
        limit: usize,
        too_large: &ApplyError,
        space: &HoldingSpace,
        authorized: Again<'_, '_, impl InForce>,
    ) -> Result<Self, Refused> {
        match self {
            Self::Stream(body) if !body.is_empty() => receive(body, limit, too_large, space, authorized).await.map(Self::Held),
            other => Ok(other),
        }
    }

    /// What it takes of the space for held bodies.
    pub(crate) fn room(&self) -> Option<Rc<Room>> {
        match self {
            Self::Stream(_) => None,
            Self::Held(held) => Some(Rc::clone(&held.room)),
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
        let Held { bytes, memory, has_formulas, room: _ } = match self {
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

/// All of the body. It took its time, so that who sends it is asked again whether they may.
async fn receive<B: Replay>(
    body: B,
    limit: usize,
    too_large: &ApplyError,
    space: &HoldingSpace,
    authorized: Again<'_, '_, impl InForce>,
) -> Result<Held<B::Memory>, Refused> {
    let wait = Duration::from_millis(u64::from(authorized.chosen.named().timeouts.answer_ms));
    let mut room = space.room();
    let (bytes, memory) = match tokio::time::timeout(wait, body.hold(limit, &mut room)).await {
        Ok(Ok(held)) => held,
        Ok(Err(HoldFault::TooLarge)) => return Err(too_large.clone().into()),
        Ok(Err(HoldFault::NoRoom)) => return Err(ApplyError::NoRoom.into()),
        Ok(Err(HoldFault::FormulaWithheld)) => return Err(ForwardError::FormulaWithheld.into()),
        Ok(Err(HoldFault::CallerAborted)) | Err(_) => return Err(ForwardError::CallerAborted.into()),
    };
    authorized.authorize().await?;
    Ok(Held { bytes, memory, has_formulas: false, room: Rc::new(room) })
}
