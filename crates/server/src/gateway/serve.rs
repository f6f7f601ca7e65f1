//! One request of a caller: is it whole and clear, who sends it, what for; then it is a callout, and what came of it goes back.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, Version, header};
use hyper::body::{Body as _, Incoming};
use sortie_callout::{
    AuditLog as _, Call, Caller, Callouts, CustodyError, Delivered, Denial, Ending, InForce, NotDelivered, Outcome, Reference, Refusal,
    Refused, Snapshot, Unobtainable, parse_after_scheme,
};
use sortie_outbound::{RequestBody, SentBytes, Upstream};
use sortie_protocol::World;

use super::answer::{Audited, Content, GatewayBody, Record};
use super::identify::{Directory, LastCaller};
use super::pulse::Pulse;
use super::respond::{self, BadRequest, Problem};
use crate::audit::Lane;
use crate::audit::record::number;
use crate::node::Node;

/// Where callouts are.
const PREFIX: &str = "/callout/";

/// Where public keys are (RFC 8615).
const WELL_KNOWN: &str = "/.well-known/";

/// The header that names the audit record of a callout.
const SORTIE_CALLOUT: HeaderName = HeaderName::from_static("sortie-callout");

/// The server of one core.
pub(super) struct Server {
    node: Node,
    /// The node's. Kept, since to ask for it is to count it, at a place that all cores share.
    world: Arc<dyn World>,
    callouts: Callouts<Upstream, Lane>,
    directory: Directory,
    /// `core-0-`: what the numbers of this core's audit records begin with.
    id_prefix: Vec<u8>,
}

impl Server {
    pub(super) fn new(node: Node, callouts: Callouts<Upstream, Lane>, directory: Directory) -> Self {
        let id_prefix = format!("{}-", callouts.audit().name()).into_bytes();
        let world = node.world();
        Self { node, world, callouts, directory, id_prefix }
    }

    /// Answers one request. There is always an answer; only a broken-off body ends a connection early.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        pulse: &Rc<Pulse>,
        last: &LastCaller,
    ) -> Result<Response<GatewayBody>, Infallible> {
        pulse.busy();
        // Before anybody is identified: public keys are everybody's.
        if let Some(public) = self.public_keys(&request) {
            return Ok(public.map(|bytes| GatewayBody::new(Content::Whole(Some(bytes)), Rc::clone(pulse))));
        }
        let called = self.callout(request, pulse, last).await;
        let response = called.unwrap_or_else(|problem| problem.map(|bytes| Content::Whole(Some(bytes))));
        Ok(response.map(|content| GatewayBody::new(content, Rc::clone(pulse))))
    }

    /// A JWK Set, if that is what is asked for. Everything else goes the way of a callout, and is refused there if it is none.
    fn public_keys(&self, request: &Request<Incoming>) -> Option<Response<Bytes>> {
        let path = request.uri().path().strip_prefix(WELL_KNOWN)?;
        if !matches!(*request.method(), Method::GET | Method::HEAD) || !request.body().is_end_stream() {
            return None;
        }
        check_framing(request.method(), request.uri(), request.version(), request.headers()).ok()?;
        let set = self.node.key_sets().find(path, self.world.now())?;
        let mut response = Response::new(set);
        let headers = response.headers_mut();
        // RFC 7517, section 8.5.
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Some(response)
    }

    async fn callout(&self, request: Request<Incoming>, pulse: &Pulse, last: &LastCaller) -> Result<Response<Content>, Problem> {
        let now = self.world.now();
        let (mut parts, body) = request.into_parts();
        check_framing(&parts.method, &parts.uri, parts.version, &parts.headers).map_err(|bad| self.turn_away(bad, None))?;
        let snapshot = self.node.snapshot();
        let caller = self.directory.identify(&mut parts.headers, last, snapshot.generation(), now).await;
        let caller = caller.map_err(|bad| self.turn_away(bad, None))?;
        let target = parts.uri.path_and_query().map(|target| target.as_str()).unwrap_or_default();
        let target = target.strip_prefix(PREFIX).ok_or_else(|| self.turn_away(BadRequest::NotACallout, Some(caller.name.as_str())))?;
        let reference = match parse_after_scheme(target) {
            Ok(reference) => reference,
            Err(fault) => return Err(self.refuse(&Refused::from(fault), caller.name.as_str(), None)),
        };
        let body = RequestBody::incoming(body);
        let sent_bytes = body.sent();
        if !sent_bytes.is_whole() {
            pulse.receives(&sent_bytes);
        }
        let call = Call { at: now, caller: &caller, reference, method: parts.method, headers: parts.headers, body };
        let in_force = Now { server: self, last };
        match self.callouts.call(&snapshot, &in_force, call).await {
            Ok(delivered) => Ok(self.deliver(delivered, sent_bytes)),
            Err(NotDelivered { refused, intent: None }) => Err(self.refuse(&refused, caller.name.as_str(), Some(&reference))),
            Err(NotDelivered { refused, intent: Some(intent) }) => {
                let outcome = Outcome {
                    status: None,
                    code: Some(refused.code()),
                    sent_bytes: sent_bytes.count(),
                    received_bytes: 0,
                    duration: self.world.now().since(intent.at),
                    completeness: Ending::NoAnswer,
                    renewed: false,
                };
                self.callouts.audit().close(intent, outcome);
                let id = self.callout_id(intent.sequence);
                let text = String::from_utf8_lossy(&id).into_owned();
                tracing::info!(callout = text, code = refused.code(), "callout `{text}` was not delivered: {refused}");
                Err(with_id(respond::refused(&refused, Some(&text)), id))
            }
        }
    }

    fn deliver(
        &self,
        delivered: Delivered<sortie_callout::Peeked<sortie_outbound::AnswerBody>>,
        sent_bytes: SentBytes,
    ) -> Response<Content> {
        let Delivered { mut answer, intent, renewed } = delivered;
        if answer.body().get_ref().is_close_delimited() {
            // RFC 9112, section 8: it may be incomplete. To a version 1.0 answer hyper adds no chunks, whose end would say that it is whole: it closes too.
            *answer.version_mut() = Version::HTTP_10;
        }
        let audit = self.callouts.audit().clone();
        let record = Record { audit, intent, status: answer.status().as_u16(), renewed, sent_bytes, received_bytes: 0 };
        let id = self.callout_id(intent.sequence);
        with_id(answer.map(|body| Content::Answer(Box::new(Audited::new(body, record)))), id)
    }

    /// `core-0-17`: where the callout stands in the audit.
    fn callout_id(&self, sequence: u64) -> Bytes {
        // Exactly as long as it gets: a longer one would be counted by reference in one more allocation.
        let digits = sequence.checked_ilog10().map_or(1, |log| log as usize + 1);
        let mut id = Vec::with_capacity(self.id_prefix.len() + digits);
        id.extend_from_slice(&self.id_prefix);
        number(&mut id, sequence);
        id.into()
    }

    /// Refuses what never became a callout.
    fn turn_away(&self, bad: BadRequest, user: Option<&str>) -> Problem {
        self.callouts.audit().refuse(Refusal { at: self.world.now(), user, reference: None, code: bad.code(), reason: bad.reason() });
        bad.into_problem()
    }

    /// Refuses a callout before it had an intent.
    fn refuse(&self, refused: &Refused, user: &str, reference: Option<&Reference<'_>>) -> Problem {
        self.callouts.audit().refuse(Refusal {
            at: self.world.now(),
            user: Some(user),
            reference,
            code: refused.code(),
            reason: refused.reason(),
        });
        respond::refused(refused, None)
    }
}

/// What is in force for whoever sends the request that a connection is at.
struct Now<'a> {
    server: &'a Server,
    last: &'a LastCaller,
}

impl InForce for Now<'_> {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.server.node.snapshot()
    }

    async fn caller(&self, generation: i64) -> Result<Arc<Caller>, Refused> {
        let caller = self.server.directory.identify_again(self.last, generation, self.server.world.now()).await;
        caller.map_err(|bad| match bad {
            BadRequest::StoreUnavailable => Unobtainable::from(CustodyError::Unavailable).into(),
            _ => Refused::NotPermitted { reason: Denial::KeyWithdrawn },
        })
    }
}

fn with_id<B>(mut response: Response<B>, id: Bytes) -> Response<B> {
    if let Ok(id) = HeaderValue::from_maybe_shared(id) {
        response.headers_mut().insert(SORTIE_CALLOUT, id);
    }
    response
}

const ONE_HOST: &str = "there must be exactly one well-formed Host";

/// Names, addresses and ports (RFC 3986, section 3.2), and the underscore, which some names have all the same.
const fn may_be_in_host(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'.' | b'-' | b'_' | b':' | b'[' | b']')
}

/// Refuses what two readers could read differently; hyper has refused the rest.
fn check_framing(method: &Method, uri: &Uri, version: Version, headers: &HeaderMap) -> Result<(), BadRequest> {
    // RFC 9112, section 3.2: only the origin form; authority and absolute form are for proxies (URL-13 to URL-15).
    if uri.authority().is_some() || !uri.path().starts_with('/') {
        return Err(BadRequest::Target);
    }
    // RFC 9110, sections 9.3.6 and 9.3.8: a tunnel, and an echo of the headers (UPG-08, UPG-09). Methods are case-sensitive; `get` is not GET (AZ-17).
    let is_token = method.as_str().bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    if matches!(*method, Method::CONNECT | Method::TRACE) || !is_token {
        return Err(BadRequest::Method);
    }
    let (mut hosts, mut codings, mut is_met) = (0, 0, true);
    for (name, value) in headers {
        let value = value.as_bytes();
        match *name {
            // RFC 9112, section 3.2: no Host, or two of them, must be refused.
            header::HOST => {
                hosts += 1;
                if hosts > 1 || !value.iter().all(may_be_in_host) {
                    return Err(BadRequest::Framing(ONE_HOST));
                }
            }
            // RFC 9112, section 6.1: hyper has decoded `chunked`; any other coding would go on undecoded (DSY-06 to DSY-09).
            header::TRANSFER_ENCODING => {
                codings += 1;
                if codings > 1 || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(BadRequest::Framing("the only transfer coding understood is `chunked`, once"));
                }
            }
            // RFC 9110, section 10.1.1 (UPG-12).
            header::EXPECT => is_met &= value.eq_ignore_ascii_case(b"100-continue"),
            _ => {}
        }
    }
    if hosts == 0 && version != Version::HTTP_10 {
        return Err(BadRequest::Framing(ONE_HOST));
    }
    if is_met { Ok(()) } else { Err(BadRequest::Expectation) }
}
