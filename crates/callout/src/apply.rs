//! Step 6, apply: the caller's request becomes ours. What belongs to the caller's hop goes, what could be mistaken for ours goes, and what we inject comes
//! last, so that it wins.

use std::sync::Arc;

use arc_swap::Guard;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use sortie_model::CallerFormulas;
use sortie_protocol::shared::sigv4::{BodyFault, SIGNATURE_HEADERS};

use crate::choose::Chosen;
use crate::formulas::{self, FormulaFault};
use crate::obtain::Live;
use crate::scope::CalloutScope;
use crate::snapshot::Named;

/// The headers to add for one named credential and one grant, ready to be copied.
pub(crate) struct Prepared {
    serial: u64,
    headers: Box<[Injection]>,
}

/// One header to add.
struct Injection {
    name: HeaderName,
    value: HeaderValue,
    placing: Placing,
}

/// How a header is added.
#[derive(Clone, Copy)]
enum Placing {
    /// In the place of whatever the caller sent under this name.
    Replace,
    /// Behind another of ours with the same name.
    Append,
}

/// Why a request cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The caller sent a header that cannot be forwarded.
    #[error("the header `{name}` {problem}")]
    CallerHeader {
        /// Its name.
        name: HeaderName,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The formula of a custom header has no result, or none that a header may hold.
    #[error("the custom header `{name}`: {fault}")]
    CustomHeader {
        /// Its name.
        name: HeaderName,
        /// Why not.
        fault: FormulaFault,
    },
    /// A formula of the caller's is wrong, or has no result.
    #[error("the formula in {place}: {fault}")]
    CallerFormula {
        /// The header, or the body.
        place: String,
        /// Why not.
        fault: FormulaFault,
    },
    /// The caller sent `{!`, and the named credential neither evaluates it nor takes it as text.
    #[error("{place} holds `{{!`, and formulas of callers are not allowed there")]
    FormulasNotAllowed {
        /// The header, or the body.
        place: String,
    },
    /// The body cannot be signed.
    #[error(transparent)]
    Signing {
        /// Why not.
        #[from]
        fault: BodyFault,
    },
    /// The body is needed as a whole, and so many others are held that there is no room for it.
    #[error("the body is needed as a whole, and there is no room for it now: too many others are held")]
    NoRoom,
    /// The body is needed as a whole, for a formula, and is larger than what is held.
    #[error("formulas need the body as a whole, and it is larger than {limit} bytes")]
    BodyTooLarge {
        /// What is held at most.
        limit: usize,
    },
}

/// Refuses headers of the caller's that must not be guessed about: before anything is decrypted or asked for (promise P4).
///
/// # Errors
/// [`ApplyError::CallerHeader`].
pub(crate) fn check(headers: &HeaderMap, formulas: CallerFormulas) -> Result<(), ApplyError> {
    let mut content_types = 0;
    for (name, value) in headers {
        refuse(name, value, formulas)?;
        content_types += usize::from(*name == header::CONTENT_TYPE);
    }
    match content_types {
        0 | 1 => Ok(()),
        _ => Err(ApplyError::CallerHeader { name: header::CONTENT_TYPE, problem: "is there twice" }), // HDR-17
    }
}

/// Turns the caller's headers, which have passed [`check`], into those of the request to the upstream.
///
/// # Errors
/// One of ours cannot be made, or a formula of the caller's has no result.
pub(crate) fn apply(chosen: &Chosen<'_>, live: &Live, scope: &CalloutScope<'_>, headers: &mut HeaderMap) -> Result<(), ApplyError> {
    let named = chosen.named();
    let injected = injected(chosen, live, scope)?;
    clean(headers, named, injected.headers());
    if named.formulas_in_header == CallerFormulas::Evaluated {
        formulas::evaluate_headers(headers, scope)?;
    }
    let mut hosts = headers.iter_mut().filter(|(name, _)| **name == header::HOST).map(|(_, host)| host);
    match (hosts.next(), hosts.next()) {
        // Nearly always. Where it stands is found by fewer steps than it could be looked up.
        (Some(host), None) => *host = named.host.clone(),
        _ => drop(headers.insert(header::HOST, named.host.clone())),
    }
    if named.credential.reads_answers {
        // RFC 9110, section 12.5.3: what a renewal rule looks into must be readable, whatever the caller could unpack.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    place(headers, injected.headers());
    Ok(())
}

/// Our headers, made once for each named credential and grant, if they are the same for all callouts. A Per User grant's are made anew for each callout:
/// keeping them would take memory for every user.
fn injected(chosen: &Chosen<'_>, live: &Live, scope: &CalloutScope<'_>) -> Result<Injected, ApplyError> {
    let (named, principal) = (chosen.named(), chosen.identity().principal());
    let Some(place) = named.prepared.get(principal.index).filter(|_| chosen.identity().is_shared() && !named.headers_vary) else {
        return make(named, live, scope).map(|prepared| Injected::Own(Arc::new(prepared)));
    };
    let kept = place.load();
    if kept.as_ref().is_some_and(|prepared| prepared.serial == live.serial) {
        return Ok(Injected::Kept(kept));
    }
    let prepared = Arc::new(make(named, live, scope)?);
    place.store(Some(Arc::clone(&prepared)));
    Ok(Injected::Own(prepared))
}

enum Injected {
    Kept(Guard<Option<Arc<Prepared>>>),
    Own(Arc<Prepared>),
}

impl Injected {
    fn headers(&self) -> &[Injection] {
        match self {
            Self::Kept(prepared) => prepared.as_ref().map_or(&[], |prepared| &prepared.headers),
            Self::Own(prepared) => &prepared.headers,
        }
    }
}

/// The headers that would be added, in order. Nothing is kept: asking must not disturb callouts.
pub(crate) fn planned(named: &Named, live: &Live, scope: &CalloutScope<'_>) -> Result<HeaderMap, ApplyError> {
    let mut headers = HeaderMap::new();
    place(&mut headers, &make(named, live, scope)?.headers);
    Ok(headers)
}

fn place(headers: &mut HeaderMap, injected: &[Injection]) {
    for Injection { name, value, placing } in injected {
        match placing {
            Placing::Replace => headers.insert(name.clone(), value.clone()).is_some(),
            Placing::Append => headers.append(name.clone(), value.clone()),
        };
    }
}

/// The protocol's own headers first, so that a custom header of the same name overrides them; then the custom headers, in order.
fn make(named: &Named, live: &Live, scope: &CalloutScope<'_>) -> Result<Prepared, ApplyError> {
    let is_overridden = |name: &HeaderName| named.headers.iter().any(|header| header.name == *name);
    let proof = live.proof.placed().iter().filter(|(name, _)| named.generate_authorization_header && !is_overridden(name));
    let replace =
        |(name, value): &(HeaderName, HeaderValue)| Injection { name: name.clone(), value: value.clone(), placing: Placing::Replace };
    let mut headers: Vec<Injection> = proof.map(replace).collect();
    for custom in &named.headers {
        let value = custom.value.evaluate(scope).map_err(FormulaFault::from).and_then(|text| formulas::header_value(&text));
        let mut value = value.map_err(|fault| ApplyError::CustomHeader { name: custom.name.clone(), fault })?;
        // A literal may be a secret too; nothing that we inject is ever printed or indexed.
        value.set_sensitive(true);
        let placing = if headers.iter().any(|other| other.name == custom.name) { Placing::Append } else { Placing::Replace };
        headers.push(Injection { name: custom.name.clone(), value, placing });
    }
    Ok(Prepared { serial: live.serial, headers: headers.into() })
}

/// What happens to a header of the caller's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Forward,
    Withhold,
}

/// Removes what must not go on.
fn clean(headers: &mut HeaderMap, named: &Named, injected: &[Injection]) {
    let nominated = nominated(headers);
    remove(headers, |name| fate(name, named, injected) == Fate::Withhold || nominated.contains(name));
}

/// Removes headers by their names.
fn remove(headers: &mut HeaderMap, is_withheld: impl Fn(&HeaderName) -> bool) {
    // Most messages hold none of these, or one or two.
    let mut withheld = [const { None::<HeaderName> }; 2];
    let mut more = Vec::new();
    let mut free = withheld.iter_mut();
    for name in headers.keys().filter(|name| is_withheld(name)) {
        match free.next() {
            Some(place) => *place = Some(name.clone()),
            None => more.push(name.clone()),
        }
    }
    for name in withheld.iter().flatten().chain(&more) {
        headers.remove(name);
    }
}

/// Header names listed in `Connection` (RFC 9110, section 7.6.1). They are the caller's: our own headers are placed after this.
fn nominated(headers: &HeaderMap) -> Vec<HeaderName> {
    let is_option = |name: &[u8]| name.eq_ignore_ascii_case(b"keep-alive") || name.eq_ignore_ascii_case(b"close");
    let lists = |(name, value): (&HeaderName, &HeaderValue)| *name == header::CONNECTION && !is_option(value.as_bytes());
    if !headers.iter().any(lists) {
        // Nearly always.
        return Vec::new();
    }
    let values = headers.get_all(header::CONNECTION).into_iter();
    values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| !is_option(name))
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        // HDR-09: framing is not the caller's to take away.
        .filter(|name| name != header::CONTENT_LENGTH && name != header::CONTENT_TYPE)
        .collect()
}

fn refuse(name: &HeaderName, value: &HeaderValue, formulas: CallerFormulas) -> Result<(), ApplyError> {
    // Without an early end, so that several bytes are looked at together.
    let (is_visible, has_brace) = value.as_bytes().iter().fold((true, false), |(is_visible, has_brace), byte| {
        (is_visible & matches!(byte, b'\t' | 0x20..=0x7E), has_brace | (*byte == b'{'))
    });
    if !is_visible {
        // HDR-14, HDR-15
        return Err(ApplyError::CallerHeader { name: name.clone(), problem: "holds a byte that is not visible ASCII" });
    }
    if has_brace && formulas == CallerFormulas::Refused && formulas::has_formula(value.as_bytes()) {
        return Err(ApplyError::FormulasNotAllowed { place: formulas::header_place(name) });
    }
    Ok(())
}

/// Prefixes of headers that steer infrastructure, or that an inner proxy or a metadata service would trust (HDR-12, HDR-13, HDR-19).
const WITHHELD_PREFIXES: &[&str] =
    &["x-forwarded-", "x-envoy-", "x-amz-", "x-amzn-", "x-goog-", "x-ms-", "sortie-", "proxy-", "metadata", "x-aws-ec2-"];

/// Prefixes that not even a named credential's own list lets through.
const NEVER_FORWARDED_PREFIXES: &[&str] = &["sortie-", "proxy-", "metadata", "x-aws-ec2-"];

fn fate(name: &HeaderName, named: &Named, injected: &[Injection]) -> Fate {
    let text = name.as_str();
    let is_withheld = is_withheld(text, named)
        // Some servers read `X_Forwarded_For` as `X-Forwarded-For` (HDR-06): what becomes a withheld name that way is one.
        || (text.as_bytes().contains(&b'_') && is_withheld_when_folded(&text.replace('_', "-"), named))
        || injected.iter().any(|ours| is_alias(text, ours.name.as_str()));
    if is_withheld { Fate::Withhold } else { Fate::Forward }
}

fn is_withheld(text: &str, named: &Named) -> bool {
    let is_allowed = || named.forwarded_headers.iter().any(|allowed| allowed == text);
    match text {
        // Ours takes its place, so that the caller's is not even looked for.
        "host" => false,
        // Hop by hop (RFC 9110, section 7.6.1), and what hyper writes itself.
        "connection" | "keep-alive" | "te" | "trailer" | "transfer-encoding" | "upgrade" | "http2-settings" | "expect" => true,
        // What an inner proxy would believe; cookies, which belong to a browser; and a proof of possession, which is of a key of the caller's own.
        "dpop" | "cookie" | "forwarded" | "via" | "x-real-ip" | "x-original-url" | "x-rewrite-url" | "x-remote-user" => !is_allowed(),
        _ if !may_start_withheld(text) => false,
        _ if NEVER_FORWARDED_PREFIXES.iter().any(|prefix| text.starts_with(prefix)) => true,
        _ => WITHHELD_PREFIXES.iter().any(|prefix| text.starts_with(prefix)) && !is_allowed() && !belongs_to_service(text, named),
    }
}

/// Whether the services behind this protocol are spoken to with such headers. Those of a signature are ours to make (SIG-13).
fn belongs_to_service(text: &str, named: &Named) -> bool {
    let is_spoken = named.credential.protocol.forwarded_prefixes().iter().any(|prefix| text.starts_with(prefix));
    is_spoken && !SIGNATURE_HEADERS.contains(&text)
}

/// Under its own spelling the length of the body is forwarded; a second opinion of it is not.
fn is_withheld_when_folded(folded: &str, named: &Named) -> bool {
    folded == "content-length" || is_withheld(folded, named)
}

/// The first letters of [`WITHHELD_PREFIXES`]: most headers are decided by this one comparison.
fn may_start_withheld(text: &str) -> bool {
    text.starts_with("x-") || matches!(text.as_bytes().first(), Some(b's' | b'p' | b'm'))
}

/// Whether a server that makes no difference between `-` and `_` would take the name for ours, in either spelling of ours (HDR-06).
fn is_alias(text: &str, ours: &str) -> bool {
    let fold = |byte: u8| if byte == b'_' { b'-' } else { byte };
    text.len() == ours.len() && text != ours && text.bytes().map(fold).eq(ours.bytes().map(fold))
}

/// Removes from an answer what belongs to the upstream's hop, and what only we may say.
pub fn clean_answer(headers: &mut HeaderMap) {
    let nominated = nominated(headers);
    // Looking once at each name is less than looking each of these up.
    remove(headers, |name| match name.as_str() {
        "connection" | "keep-alive" | "transfer-encoding" | "te" | "trailer" | "upgrade" => true,
        "proxy-authenticate" | "proxy-authorization" | "proxy-connection" => true,
        // RSP-15: by prefix, as in requests, so that a new name of ours is covered on the day it is invented.
        text => nominated.contains(name) || text.starts_with("sortie-"),
    });
}
