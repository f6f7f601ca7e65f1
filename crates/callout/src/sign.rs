//! Last of step 6: a request whose every header is final is signed, if its proof is a signature. Nothing touches the request afterwards.
//!
//! What the signature says about the body must be known before the body goes out: it is held for its hash, signed piece by piece as it goes, or left out.

use std::sync::Arc;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use sortie_model::{Scheme, Timestamp};
use sortie_protocol::Proof;
use sortie_protocol::shared::sigv4::{self, BodyFault, BodyPlan, CallerBody, Decoder, Hex, Payload, Recoder, RequestSigner, Signed};

use crate::apply::ApplyError;
use crate::body::{Body, withholds_formulas};
use crate::explain::PlannedSignature;
use crate::holding::HoldingSpace;
use crate::in_force::{Again, InForce};
use crate::obtain::Live;
use crate::parse::TargetFault;
use crate::ports::{ForwardError, Replay};
use crate::snapshot::Named;
use crate::{Refused, formulas};

/// How the body of one request is signed, whether it is sent once or twice.
#[derive(Clone, Debug)]
pub(crate) struct Signing {
    caller: CallerBody,
    plan: BodyPlan,
    /// Trailers of a body that was held: they have become headers.
    trailers: Vec<(HeaderName, HeaderValue)>,
}

/// The signer of this callout.
pub(crate) fn signer<'a>(named: &Named, live: &'a Live) -> Option<&'a Arc<RequestSigner>> {
    match &live.proof {
        Proof::Place(_) | Proof::Possess(_) => None,
        Proof::Sign(signer) => named.signs_requests().then_some(signer),
    }
}

/// Decides how the body is signed, and waits for all of it if its hash is needed.
pub(crate) async fn prepare<B: Replay>(
    signer: &RequestSigner,
    method: &Method,
    headers: &HeaderMap,
    body: Body<B>,
    space: &HoldingSpace,
    authorized: Again<'_, '_, impl InForce>,
) -> Result<(Body<B>, Signing), Refused> {
    let named = authorized.chosen.named();
    let caller = CallerBody::read(headers).map_err(ApplyError::from)?;
    let held = BodyPlan::Hashed { limit: signer.options().max_hashed_bytes };
    let plan = match &body {
        Body::Stream(stream) if !stream.is_empty() => {
            signer.plan(method, &caller, named.endpoint.scheme() == Scheme::Https).map_err(ApplyError::from)?
        }
        Body::Stream(_) | Body::Held(_) => held,
    };
    let BodyPlan::Hashed { limit } = plan else { return Ok((body, Signing { caller, plan, trailers: Vec::new() })) };
    let too_large = ApplyError::Signing { fault: BodyFault::TooLarge { limit } };
    let mut body = body.whole(if caller.is_chunked { with_frames(limit) } else { limit }, &too_large, space, authorized).await?;
    let mut trailers = Vec::new();
    if let Body::Held(held) = &mut body
        && caller.is_chunked
    {
        let (plain, found) = unframe(&held.bytes, &caller).map_err(ApplyError::from)?;
        if plain.len() > limit {
            return Err(too_large.into());
        }
        // Looked at once more: a frame may have ended between `{` and `!`.
        if withholds_formulas(named, headers) && formulas::has_formula(&plain) {
            return Err(ForwardError::FormulaWithheld.into());
        }
        (held.bytes, trailers) = (plain, found);
    }
    Ok((body, Signing { caller, plan, trailers }))
}

/// The most that a body of this length has with the framing of chunks as small as they come from the usual program.
const fn with_frames(limit: usize) -> usize {
    limit + limit / 16 + 4096
}

fn unframe(framed: &[u8], caller: &CallerBody) -> Result<(Bytes, Vec<(HeaderName, HeaderValue)>), BodyFault> {
    let (mut decoder, mut plain) = (Decoder::default(), Vec::with_capacity(framed.len()));
    decoder.decode(framed, &mut plain)?;
    let trailers = decoder.finish()?;
    if caller.length.is_some_and(|length| length != plain.len() as u64) {
        return Err(BodyFault::Length);
    }
    sigv4::check_trailers(&caller.trailers, &trailers)?;
    Ok((plain.into(), trailers))
}

/// A request as far as a signature covers it.
pub(crate) struct Unsigned<'a> {
    pub(crate) method: &'a Method,
    pub(crate) target: &'a PathAndQuery,
    pub(crate) headers: &'a mut HeaderMap,
    /// The body, if it is held.
    pub(crate) held: Option<&'a Bytes>,
}

/// Signs, and gives the target as it must be sent, with what makes the body what was signed.
pub(crate) fn sign(
    signer: &RequestSigner,
    signing: &Signing,
    request: Unsigned<'_>,
    at: Timestamp,
) -> Result<(PathAndQuery, Option<Box<Recoder>>), TargetFault> {
    let Signing { caller, plan, trailers } = signing;
    let Unsigned { method, target, headers, held } = request;
    let target = spelled(signer, target)?;
    sigv4::describe(headers, caller, *plan);
    for (name, value) in trailers {
        headers.insert(name.clone(), value.clone());
    }
    let has_trailers = !caller.trailers.is_empty();
    let payload = match plan {
        BodyPlan::Hashed { .. } => Payload::Hash(Hex::sha256(held.map_or(&[], |body| body))),
        BodyPlan::Unsigned if has_trailers => Payload::UnsignedWithTrailer,
        BodyPlan::Unsigned => Payload::Unsigned,
        BodyPlan::Chunked { .. } if has_trailers => Payload::ChunkedWithTrailer,
        BodyPlan::Chunked { .. } => Payload::Chunked,
    };
    let Signed { chunks, .. } = signer.sign(method, target.as_str(), headers, payload, at);
    let recoder = match plan {
        BodyPlan::Chunked { length } => chunks.map(|chunks| Recoder::signed(caller, *length, chunks)),
        BodyPlan::Unsigned if caller.is_chunked => Some(Recoder::unsigned(caller)),
        BodyPlan::Unsigned | BodyPlan::Hashed { .. } => None,
    };
    Ok((target, recoder.map(Box::new)))
}

/// What would be signed of a GET without a body. The headers get those that the signature adds.
pub(crate) fn show(
    named: &Named,
    signer: &RequestSigner,
    target: &str,
    headers: &mut HeaderMap,
    at: Timestamp,
) -> Result<PlannedSignature, TargetFault> {
    let target = PathAndQuery::try_from(target).map_err(|_| TargetFault::Path(sortie_model::path::PathFault::RawByte))?;
    let (target, payload) = (spelled(signer, &target)?, Payload::Hash(Hex::sha256(b"")));
    headers.insert(header::HOST, named.host.clone());
    let Signed { string_to_sign, .. } = signer.sign(&Method::GET, target.as_str(), headers, payload, at);
    let mut string_to_sign = String::from_utf8_lossy(&string_to_sign).into_owned();
    // A short secret could be guessed from the hash of what it stands in.
    if signer.covers_secret(headers) {
        let hash = string_to_sign.rfind('\n').map_or(0, |line| line + 1);
        string_to_sign.replace_range(hash.., "***");
    }
    let canonical_request = signer.shown(&Method::GET, target.as_str(), headers, payload);
    headers.remove(header::HOST);
    Ok(PlannedSignature { canonical_request, string_to_sign })
}

/// The target in one spelling, without the signature of a presigned one.
pub(crate) fn spelled(signer: &RequestSigner, target: &PathAndQuery) -> Result<PathAndQuery, TargetFault> {
    // In this order: an escaped name would be no parameter of a signature before it is spelled, and one behind it.
    let spelled = sigv4::one_spelling(target.as_str(), signer.options().paths.encoding);
    let spelled = sigv4::without_signature(&spelled);
    if spelled == target.as_str() {
        return Ok(target.clone());
    }
    // Escapes may have made it longer.
    if spelled.len() > sortie_model::path::MAX_TARGET_BYTES {
        return Err(TargetFault::Path(sortie_model::path::PathFault::TooLong));
    }
    PathAndQuery::try_from(spelled.as_ref()).map_err(|_| TargetFault::Path(sortie_model::path::PathFault::RawByte))
}
