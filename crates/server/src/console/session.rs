//! Who is signed in.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{HeaderMap, HeaderValue, SET_COOKIE};
use http::request::Parts;
use http::{Method, StatusCode};
use sortie_model::{UserId, UserName};
use sortie_store::{SessionHash, SignInMethod, StoredUser};
use sortie_vault::operating_system_random;
use zeroize::Zeroizing;

use super::Console;
use super::cookie::Cookie;
use super::message::Message;
use super::page::Frame;
use super::return_path::ReturnPath;

/// 30 minutes without a page, and it is over.
pub(crate) const IDLE: Duration = Duration::from_secs(30 * 60);
/// 12 hours, and it is over.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);
/// 256 bits: nobody guesses one.
const ID_BYTES: usize = 32;

/// Somebody who is signed in. As the argument of a handler it lets nobody else through.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub(crate) user: StoredUser,
}

impl SignedIn {
    /// For what stands around a page.
    pub(crate) fn frame(&self) -> Frame {
        Frame { user: Some(self.name().to_string()) }
    }

    pub(crate) fn name(&self) -> &UserName {
        &self.user.user.name
    }

    /// For the audit.
    pub(crate) fn actor(&self) -> String {
        format!("user:{}", self.name())
    }
}

impl FromRequestParts<Arc<Console>> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Response> {
        match find(console, &parts.headers).await.map_err(|message| message.into_response())? {
            Some(signed_in) => Ok(signed_in),
            // What was to be done is not done after a sign-in: nobody would know any more what it was.
            None if parts.method == Method::GET => Err(Redirect::to(&ReturnPath::of(Some(parts.uri.path())).sign_in()).into_response()),
            None => Err(Message::not_signed_in().into_response()),
        }
    }
}

/// Who is signed in, by the database, each time.
pub(crate) async fn find(console: &Console, headers: &HeaderMap) -> Result<Option<SignedIn>, Message> {
    let Some(id) = Cookie::Session.read(headers, &console.public_url).and_then(hash) else { return Ok(None) };
    let found = console.node.house().store().sessions().find(id, console.node.world().now(), IDLE).await;
    let found = found.map_err(|error| unavailable(&error, error.code()))?;
    Ok(found.map(|session| SignedIn { user: session.user }))
}

/// Begins a session, always with a new id, ends the one that the browser had before (UI-08), and leads to `return_path`.
pub(crate) async fn begin(
    console: &Console,
    headers: &HeaderMap,
    (user, name): (UserId, &UserName),
    method: SignInMethod,
    return_path: &ReturnPath,
) -> Result<Response, Message> {
    let mut bytes = Zeroizing::new([0; ID_BYTES]);
    operating_system_random(&mut *bytes).map_err(|error| unavailable(&error, error.code()))?;
    let id = Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes));
    console.record(&format!("user:{name}"), "signed_in", "session", method.as_str()).await?;
    end(console, headers).await?;
    let now = console.node.world().now();
    let sessions = console.node.house().store().sessions();
    let begun = sessions.begin(hash(&id).expect("it has the right length"), user, method, now, now.after(LONGEST)).await;
    begun.map_err(|error| unavailable(&error, error.code()))?;
    Ok(lead(return_path.as_str(), &[Cookie::Session.set(&id, &console.public_url)]))
}

/// Ends the browser's session, if it has one.
pub(crate) async fn end(console: &Console, headers: &HeaderMap) -> Result<(), Message> {
    let Some(id) = Cookie::Session.read(headers, &console.public_url).and_then(hash) else { return Ok(()) };
    console.node.house().store().sessions().end(id).await.map_err(|error| unavailable(&error, error.code()))
}

/// 303 (RFC 9110, section 15.4.4): what comes next is a GET, whatever came before.
pub(crate) fn lead(path: &str, cookies: &[HeaderValue]) -> Response {
    let mut response = Redirect::to(path).into_response();
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie.clone());
    }
    response
}

pub(crate) fn unavailable(error: &dyn std::fmt::Display, code: &'static str) -> Message {
    tracing::error!(code, "the console cannot do what it was asked for: {error}");
    let happened = "Sortie cannot reach what it stores. It is not your fault, and nothing was done.";
    Message::new(StatusCode::SERVICE_UNAVAILABLE, code, "Not available now", happened)
        .next("Try again in a minute. If it fails again, tell an administrator this code.")
}

/// What is stored of an id; `None` if it is none of ours.
fn hash(id: &str) -> Option<SessionHash> {
    // 43 characters of base64 hold 32 bytes.
    if id.len() != 43 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
        return None;
    }
    digest(&SHA256, id.as_bytes()).as_ref().try_into().ok().map(SessionHash)
}
