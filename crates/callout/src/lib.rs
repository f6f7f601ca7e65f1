#![doc = include_str!("../README.md")]

mod apply;
mod audit;
mod authorize;
mod body;
mod caller;
mod choose;
mod client_certificate;
mod error;
mod explain;
mod formulas;
mod gate;
mod holding;
mod identity;
mod in_force;
mod inspect;
mod last_failure;
mod login;
mod obtain;
mod parse;
mod peek;
mod personal;
mod ports;
mod possess;
mod presign;
mod refresh;
mod renewal;
mod scope;
mod sign;
mod slot;
mod snapshot;
mod trial;
mod under_way;
mod unobtainable;

use std::sync::Arc;

use body::Body;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response};
use sortie_model::Timestamp;
use sortie_model::path::PathFault;

pub use apply::{ApplyError, clean_answer};
pub use audit::{Ending, Intent, Opened, Outcome, Refusal};
pub use authorize::{Allowed, Denial, Standing, authorize, consider};
pub use caller::Caller;
pub use choose::{Chosen, choose};
pub use client_certificate::{ClientCertificate, ClientCertificateFault, ClientIdentity};
pub use error::{Refused, Turn};
pub use explain::{Plan, PlannedCertificate, PlannedPrincipal, PlannedSignature, TokenState, explain};
pub use formulas::FormulaFault;
pub use holding::{HoldingSpace, Room};
pub use identity::Identity;
use in_force::Again;
pub use in_force::InForce;
pub use inspect::{Reception, Verdict, inspect};
pub use login::{Authority, LoginPlace, LoginRefused, LoginState, Redeemed, Revocation, place};
pub use obtain::{Freshness, GrantKey, Grants, Live};
pub use parse::{Reference, TargetFault, parse, parse_after_scheme};
pub use peek::Peeked;
pub use personal::SettingFault;
pub use ports::{
    AuditLog, AuditUnavailable, Committed, Custody, CustodyError, Forward, ForwardError, HoldFault, Kept, KeptFailure, Lease, Leased,
    Noted, Owed, Replay,
};
pub use presign::{Presigned, Presigning, presign};
pub use refresh::{RefreshError, refresh};
use scope::CalloutScope;
pub use slot::{HealthReport, Slot};
pub use snapshot::{ChosenPrincipal, Credential, Definitions, Named, Snapshot};
pub use trial::{Trial, TrialFault, try_formula};
pub use under_way::{Step, UnderWay};
pub use unobtainable::{Unobtainable, Whose};

/// Headers that only Sortie says. Any header that begins as they do is removed from what callers and upstreams send.
pub const SORTIE_HEADERS: &[&str] = &["sortie-error", "sortie-callout"];

/// One request of a caller.
pub struct Call<'a, B> {
    /// When it came.
    pub at: Timestamp,
    /// Who asks.
    pub caller: &'a Caller,
    /// For what.
    pub reference: Reference<'a>,
    /// How.
    pub method: Method,
    /// With which headers, the caller's own key already taken out.
    pub headers: HeaderMap,
    /// With which body.
    pub body: B,
}

/// An upstream's answer, with the record that has to be closed when its body has ended.
pub struct Delivered<A> {
    /// The answer, hop-by-hop headers removed.
    pub answer: Response<A>,
    /// The intent to close with [`AuditLog::close`].
    pub intent: Opened,
    /// Whether the grant was renewed and the request sent twice.
    pub renewed: bool,
}

/// A refusal, with the record that has to be closed if there is one already.
#[derive(Debug)]
pub struct NotDelivered {
    /// Why.
    pub refused: Refused,
    /// The intent to close, if it was opened.
    pub intent: Option<Opened>,
}

/// The callouts of one core.
pub struct Callouts<F, A> {
    grants: Arc<Grants>,
    upstream: F,
    audit: A,
    space: HoldingSpace,
}

impl<F: Forward, A: AuditLog> Callouts<F, A> {
    /// Joins the parts that a core needs.
    pub const fn new(grants: Arc<Grants>, upstream: F, audit: A, space: HoldingSpace) -> Self {
        Self { grants, upstream, audit, space }
    }

    /// The audit of this core.
    pub const fn audit(&self) -> &A {
        &self.audit
    }

    /// One callout, from the caller's request to the head of the answer, under the definitions of `snapshot`. A callout whose body was waited for is authorized again by
    /// what is `in_force` then.
    ///
    /// # Errors
    /// Any [`Refused`]; what an upstream answers is no error, whatever its status.
    pub async fn call(
        &self,
        snapshot: &Snapshot,
        in_force: &impl InForce,
        call: Call<'_, F::RequestBody>,
    ) -> Result<Delivered<Peeked<F::AnswerBody>>, NotDelivered> {
        let Call { at, caller, reference, method, mut headers, body } = call;
        let allowed = authorize(snapshot, caller, &reference)?;
        let chosen = choose(allowed)?;
        apply::check(&headers, chosen.named().formulas_in_header).map_err(Refused::from)?;
        let intent =
            self.audit.open(Intent { at, chosen: &chosen, method: &method, path: reference.path() }).await.map_err(Refused::from)?;
        let mut unclosed = Unclosed { audit: &self.audit, grants: &self.grants, intent: Some(intent) };
        let incoming = Incoming { method: &method, headers: &mut headers, body };
        let delivered = self.deliver(&chosen, &intent, (&reference, snapshot, in_force), incoming).await;
        // From here on the record is the gateway's to close, with what it sees of the bodies.
        unclosed.intent = None;
        match delivered {
            Ok((answer, renewed)) => Ok(Delivered { answer, intent, renewed }),
            Err(refused) => Err(self.note_failure(&chosen, intent, refused)),
        }
    }

    /// Obtain, apply, forward, inspect; and once more if the token was stale and the body can be sent again. Only with a recorded intent.
    async fn deliver(
        &self,
        chosen: &Chosen<'_>,
        _recorded: &Opened,
        (reference, snapshot, in_force): (&Reference<'_>, &Snapshot, &impl InForce),
        incoming: Incoming<'_, F::RequestBody>,
    ) -> Result<(Response<Peeked<F::AnswerBody>>, bool), Refused> {
        let target = chosen.named().endpoint.join(reference.path(), reference.query());
        let target =
            PathAndQuery::from_maybe_shared(Bytes::from(target)).map_err(|_| Refused::Target(TargetFault::Path(PathFault::RawByte)))?;
        let Incoming { method, headers, body } = incoming;
        // Before anything is waited for; and again below, since a body may take its time.
        chosen.named().client_identity(&self.grants)?;
        let authorized = Again { chosen, reference, snapshot, in_force };
        let mut body = Body::of(body, headers, &self.space, authorized).await?;
        // What is held is counted until the answer begins.
        let mut _room = body.room();
        let mut live = self.grants.obtain(chosen, Freshness::Kept).await?;
        let mut signing = None;
        if let Some(signer) = sign::signer(chosen.named(), &live) {
            // Boxed: it may wait for the body, and would make the future of every other callout larger.
            let prepared = Box::pin(sign::prepare(signer, method, headers, body, &self.space, authorized)).await?;
            (body, signing) = (prepared.0, Some(prepared.1));
            _room = body.room();
            // The body took its time, and what was good when it began may have been renewed since.
            live = self.grants.obtain(chosen, Freshness::Kept).await?;
        }
        // One for all that this callout sends, whatever the clock says meanwhile.
        let identity = chosen.named().client_identity(&self.grants)?;
        let mut again = may_be_renewed(chosen).then(|| (target.clone(), headers.clone(), body.remember(), signing.clone()));
        let (mut answer, mut reception) = self.send(chosen, &live, Outgoing { method, target, headers, body, signing, identity }).await?;
        if reception == Reception::NonceWanted
            && let Some((target, mut headers, memory, signing)) = again.take()
        {
            // The nonce is noted even if this request cannot be repeated: the next one will have it.
            let Some(mut body) = Body::again(memory) else { return Ok((answer, false)) };
            again = Some((target.clone(), headers.clone(), body.remember(), signing.clone()));
            let outgoing = Outgoing { method, target, headers: &mut headers, body, signing, identity };
            (answer, reception) = Box::pin(self.send(chosen, &live, outgoing)).await?;
        }
        match (inspect(chosen, reception), again) {
            (Verdict::Renew, Some((target, mut headers, memory, signing))) if self.grants.may_renew(chosen, &live) => {
                // Renewed even if this request cannot be repeated: the next one will find a good token.
                let renewed = Box::pin(self.grants.obtain(chosen, Freshness::RenewedSince(&live))).await;
                let Some(body) = Body::again(memory) else { return Ok((answer, false)) };
                let live = renewed?;
                drop(answer);
                // Boxed: it is rare, and would make the future of every callout larger.
                let outgoing = Outgoing { method, target, headers: &mut headers, body, signing, identity };
                Box::pin(self.send(chosen, &live, outgoing)).await.map(|(answer, _)| (answer, true))
            }
            (Verdict::Renew | Verdict::Deliver, _) => Ok((answer, false)),
        }
    }

    async fn send(
        &self,
        chosen: &Chosen<'_>,
        live: &Live,
        outgoing: Outgoing<'_, F::RequestBody>,
    ) -> Result<(Response<Peeked<F::AnswerBody>>, Reception), Refused> {
        let Outgoing { method, mut target, headers, body, signing, identity } = outgoing;
        let signers = self.grants.signers(&chosen.named().certificates).await;
        let scope = CalloutScope::new(chosen, live, target.as_str(), &self.grants, &signers);
        let (mut body, held) = body.evaluated(&scope, headers)?;
        apply::apply(chosen, live, &scope.with_body(held.as_ref()), headers)?;
        if let (Some(signing), Some(signer)) = (&signing, sign::signer(chosen.named(), live)) {
            // Last, and anew each time: a request that is sent twice has two dates.
            let unsigned = sign::Unsigned { method, target: &target, headers, held: held.as_ref() };
            let (spelled, recoder) = sign::sign(signer, signing, unsigned, self.grants.now())?;
            target = spelled;
            if let Some(recoder) = recoder {
                body = body.recoded(recoder);
            }
        }
        let bound = possess::bound(chosen.named(), live);
        if let Some(bound) = bound {
            possess::prove(bound, chosen.named(), (method, &target), headers, &self.grants)?;
        }
        let mut request = Request::new(body);
        *request.method_mut() = method.clone();
        *request.uri_mut() = target.into();
        *request.headers_mut() = std::mem::take(headers);
        let answer = self.upstream.forward(chosen.named(), identity, request).await?;
        let (mut answer, mut reception) = inspect::receive(chosen, answer).await;
        if bound.is_some() {
            reception = possess::heard(chosen.named(), &answer, reception);
        }
        clean_answer(answer.headers_mut());
        match reception {
            Reception::Refused => self.grants.failed(chosen, inspect::REFUSED_BY_UPSTREAM),
            Reception::Taken => self.grants.accepted(chosen, self.grants.now()),
            Reception::NonceWanted => {}
        }
        Ok((answer, reception))
    }

    fn note_failure(&self, chosen: &Chosen<'_>, intent: Opened, refused: Refused) -> NotDelivered {
        if !matches!(refused.turn(), Turn::Caller) {
            self.grants.failed(chosen, refused.code());
        }
        NotDelivered { refused, intent: Some(intent) }
    }
}

/// What the caller sent, behind the reference. The headers are borrowed here and below, since each step that takes them by value would copy them twice.
struct Incoming<'a, B> {
    method: &'a Method,
    headers: &'a mut HeaderMap,
    body: B,
}

/// A request on its way through `apply` and `forward`; the headers are taken out when it leaves.
struct Outgoing<'a, B: Replay> {
    method: &'a Method,
    target: PathAndQuery,
    headers: &'a mut HeaderMap,
    body: Body<B>,
    signing: Option<sign::Signing>,
    identity: Option<&'a Arc<ClientIdentity>>,
}

/// Closes a record whose callout is given up before there is an answer: the caller hung up.
struct Unclosed<'a, A: AuditLog> {
    audit: &'a A,
    grants: &'a Grants,
    intent: Option<Opened>,
}

impl<A: AuditLog> Drop for Unclosed<'_, A> {
    fn drop(&mut self) {
        if let Some(intent) = self.intent {
            let duration = self.grants.now().since(intent.at);
            let ending = Ending::CallerAborted;
            let outcome = Outcome {
                status: None,
                code: Some("caller_aborted"),
                sent_bytes: 0,
                received_bytes: 0,
                duration,
                completeness: ending,
                renewed: false,
            };
            self.audit.close(intent, outcome);
        }
    }
}

fn may_be_renewed(chosen: &Chosen<'_>) -> bool {
    chosen.named().credential.protocol.renewal() == sortie_protocol::Renewal::Renewable
}

impl From<Refused> for NotDelivered {
    fn from(refused: Refused) -> Self {
        Self { refused, intent: None }
    }
}
