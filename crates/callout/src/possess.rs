//! Last of step 6, where a token is bound to a key: each request carries a proof of its own that we hold the key (RFC 9449, section 7).

use std::sync::Arc;

use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Response};
use sortie_protocol::shared::possession::{BoundToken, DPOP, nonce_of, resource_wants_nonce};
use sortie_protocol::{ObtainError, Proof};

use crate::inspect::Reception;
use crate::obtain::{Grants, Live};
use crate::snapshot::Named;
use crate::unobtainable::Unobtainable;

/// The token of this callout with its key, if it is bound to one. Where the header of the token is somebody else's to make, the proof is too.
pub(crate) fn bound<'a>(named: &Named, live: &'a Live) -> Option<&'a Arc<BoundToken>> {
    match &live.proof {
        Proof::Possess(bound) if named.places_authorization() => Some(bound),
        Proof::Possess(_) | Proof::Place(_) | Proof::Sign(_) => None,
    }
}

/// Puts a fresh proof in the place of whatever the caller sent under its name.
pub(crate) fn prove(
    bound: &BoundToken,
    named: &Named,
    (method, target): (&Method, &PathAndQuery),
    headers: &mut HeaderMap,
    grants: &Grants,
) -> Result<(), Unobtainable> {
    // Section 4.2: "the HTTP target URI [...] without query and fragment parts".
    let target = format!("{}://{}{}", named.endpoint.scheme().as_str(), named.endpoint.authority(), target.path());
    let nonce = named.proof_nonce.load();
    let proof = bound.prove(method, &target, nonce.as_deref(), (grants.now(), grants.world().nonce()));
    let proof = proof.map_err(|error| Unobtainable::from(ObtainError::from(error)))?;
    headers.insert(DPOP, proof);
    Ok(())
}

/// Notes the nonce that an upstream gives for the next proof, and whether this answer refuses for want of it alone (sections 8.2 and 9).
pub(crate) fn heard<B>(named: &Named, answer: &Response<B>, reception: Reception) -> Reception {
    let Some(nonce) = nonce_of(answer.headers()) else { return reception };
    if named.proof_nonce.load().as_deref() != Some(nonce) {
        named.proof_nonce.store(Some(Arc::new(nonce.clone())));
    }
    if resource_wants_nonce(answer.status(), answer.headers()) { Reception::NonceWanted } else { reception }
}
