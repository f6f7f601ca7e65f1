//! Signing in with a password, and signing out.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Form};
use http::StatusCode;
use http::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use serde::Deserialize;
use sortie_model::Secret;
use sortie_store::SignInMethod;

use super::cookie::Cookie;
use super::message::Message;
use super::page::{Frame, Page};
use super::return_path::ReturnPath;
use super::{Console, Source, session};
use crate::sign_in::Refusal;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    return_to: String,
    /// The OpenID provider, if there is one.
    provider: Option<String>,
    /// What was typed as the name, to be corrected.
    name: String,
    problem: Option<&'static str>,
    notice: Option<&'static str>,
}

#[derive(Deserialize)]
pub(super) struct Wish {
    return_to: Option<String>,
    notice: Option<String>,
}

/// What was typed. Nothing of it is ever shown but the name, and that only to whom typed it.
#[derive(Deserialize)]
pub(super) struct Typed {
    #[serde(default)]
    name: String,
    #[serde(default, deserialize_with = "secret")]
    password: Secret,
    return_to: Option<String>,
}

/// Where somebody wants to go.
#[derive(Deserialize)]
pub(super) struct Wanted {
    pub(super) return_to: Option<String>,
}

pub(super) async fn show(State(console): State<Arc<Console>>, headers: HeaderMap, Query(wish): Query<Wish>) -> Result<Response, Message> {
    let return_path = ReturnPath::of(wish.return_to.as_deref());
    if session::find(&console, &headers).await?.is_some() {
        return Ok(session::lead(return_path.as_str(), &[]));
    }
    let notice = wish.notice.filter(|notice| notice == "signed_out").map(|_| "You are signed out.");
    Ok(page(&console, StatusCode::OK, &return_path, String::new(), None, notice))
}

pub(super) async fn enter(
    State(console): State<Arc<Console>>,
    Extension(source): Extension<Source>,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Result<Response, Message> {
    let return_path = ReturnPath::of(typed.return_to.as_deref());
    let (store, now) = (console.node.house().store(), console.node.world().now());
    let refusal = match console.door.enter(store, &typed.name, typed.password, source.0, now).await {
        Ok((user, name)) => return session::begin(&console, &headers, (user, &name), SignInMethod::Password, &return_path).await,
        Err(refusal) => refusal,
    };
    let (status, problem) = match refusal {
        Refusal::Wrong => (StatusCode::UNAUTHORIZED, "The user name or the password is wrong."),
        Refusal::Closed => (StatusCode::TOO_MANY_REQUESTS, "Too many wrong passwords. Wait 15 minutes, then try again."),
        Refusal::Busy => (StatusCode::TOO_MANY_REQUESTS, "Too many people sign in at this moment. Try again in a few seconds."),
        Refusal::Read(error) => return Err(session::unavailable(&error, error.code())),
        Refusal::Write(error) => return Err(session::unavailable(&error, error.code())),
    };
    let wait = if refusal == Refusal::Closed { "900" } else { "5" };
    let mut response = page(&console, status, &return_path, typed.name, Some(problem), None);
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(wait));
    }
    Ok(response)
}

pub(super) async fn leave(State(console): State<Arc<Console>>, headers: HeaderMap) -> Result<Response, Message> {
    if let Some(signed_in) = session::find(&console, &headers).await? {
        console.record(&signed_in.actor(), "signed_out", "session", "").await?;
    }
    session::end(&console, &headers).await?;
    Ok(session::lead("/sign-in?notice=signed_out", &[Cookie::Session.clear(&console.public_url)]))
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

fn page(
    console: &Console,
    status: StatusCode,
    return_path: &ReturnPath,
    name: String,
    problem: Option<&'static str>,
    notice: Option<&'static str>,
) -> Response {
    let provider = console.openid.as_ref().map(|openid| openid.issuer().to_string());
    let return_to = return_path.as_str().to_owned();
    Page(status, SignInPage { frame: Frame::default(), return_to, provider, name, problem, notice }).into_response()
}
