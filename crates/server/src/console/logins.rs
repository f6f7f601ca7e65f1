//! The pages of a login with a browser: off to the provider, back, and the person's word. What happens is in [`crate::connect`].

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{HeaderMap, SET_COOKIE};
use sortie_model::{Secret, SystemPermissions};
use uuid::Uuid;

use super::Console;
use super::cookie::Cookie;
use super::hand_over::HandOver;
use super::message::Message;
use super::page::{Frame, Page};
use super::return_path::ReturnPath;
use super::session::{self, SignedIn};
use crate::connect::{self, CallbackQuery, Confirmation, ConnectError, Disconnected, Landing, Person};
use crate::node::Node;

#[derive(Template)]
#[template(path = "confirm_login.html")]
struct ConfirmPage {
    frame: Frame,
    path: String,
    confirmation: Confirmation,
    account: String,
    before: Option<String>,
}

#[derive(Template)]
#[template(path = "resume_login.html")]
struct ResumePage {
    frame: Frame,
    path: String,
}

/// Somebody who has signed in, with what they may administer.
struct Visitor {
    signed_in: SignedIn,
    permissions: SystemPermissions,
}

impl Visitor {
    async fn of(console: &Console, signed_in: SignedIn) -> Result<Self, Message> {
        let users = console.node.house().store().users();
        let permissions = users.system_permissions(signed_in.user.user.id).await;
        Ok(Self { permissions: permissions.map_err(|error| session::unavailable(&error, error.code()))?, signed_in })
    }

    fn person(&self) -> Person<'_> {
        Person::User { user: &self.signed_in.user, permissions: &self.permissions, by: None }
    }

    fn failed(&self, error: &ConnectError) -> Message {
        failed(error).signed_in(self.signed_in.name())
    }
}

pub(super) async fn authenticate(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    Path((credential, principal)): Path<(String, String)>,
) -> Result<Response, Message> {
    let visitor = Visitor::of(&console, signed_in).await?;
    // One secret for all logins of a browser: each of them has a state of its own.
    let known = Cookie::Login.read(&headers, &console.public_url).filter(|value| connect::is_browser_secret(value));
    let at = connect::Departure {
        names: (&credential, &principal),
        base: &console.public_url.origin(),
        return_to: "/",
        browser: known.map(Secret::new),
    };
    let begun = connect::begin(&console.node, &visitor.person(), at).await.map_err(|error| visitor.failed(&error))?;
    let mut response = HandOver::to(begun.provider, begun.authorize_url.to_string()).warning_of(begun.callback_change).answer();
    response.headers_mut().append(SET_COOKIE, Cookie::Login.set(begun.browser.expose(), &console.public_url));
    Ok(response)
}

pub(super) async fn callback(State(console): State<Arc<Console>>, headers: HeaderMap, uri: http::Uri) -> Result<Response, Message> {
    let query = CallbackQuery::parse(uri.query().unwrap_or_default()).map_err(|error| failed(&error))?;
    let browser = Cookie::Login.read(&headers, &console.public_url).map(str::to_owned);
    let error_url = connect::error_url(&console.node, &query, browser.as_deref()).await;
    // As it was sent, not decoded: OAU-15.
    land(&console, &headers, (uri.path().to_owned(), query, browser)).await.or_else(|message| match error_url {
        Some(page) => Ok(message.reported_to(&page)),
        None => Err(message),
    })
}

async fn land(
    console: &Console,
    headers: &HeaderMap,
    (came_to, query, browser): (String, CallbackQuery, Option<String>),
) -> Result<Response, Message> {
    let visitor = match session::find(console, headers).await? {
        Some(signed_in) => Some(Visitor::of(console, signed_in).await?),
        None => None,
    };
    let node = console.node.clone();
    let landing = to_the_end(&console.node, async move {
        let person = visitor.as_ref().map(Visitor::person);
        connect::returned(&node, person.as_ref(), &came_to, query, browser.as_deref()).await.map_err(|error| failed(&error))
    });
    // 303 to an address without the code (OAU-20).
    match landing.await? {
        Landing::Confirm(id) => Ok(session::lead(&path(id), &[])),
        Landing::SignIn(id) => Ok(session::lead(&ReturnPath::of(Some(&path(id))).sign_in(), &[])),
    }
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    Path(id): Path<Uuid>,
) -> Result<Response, Message> {
    let visitor = Visitor::of(&console, signed_in).await?;
    let browser = Cookie::Login.read(&headers, &console.public_url);
    let waits = connect::waits_for_sign_in(&console.node, &visitor.person(), id, browser).await.map_err(|error| visitor.failed(&error))?;
    if waits {
        return Ok(Page(StatusCode::OK, ResumePage { frame: visitor.signed_in.frame(), path: path(id) }).into_response());
    }
    let confirmation =
        connect::confirmation(&console.node, &visitor.person(), id, browser).await.map_err(|error| visitor.failed(&error))?;
    let named = |account: &sortie_protocol::Account| account.name.clone().unwrap_or_else(|| account.subject.clone());
    let account = confirmation.account.as_ref().map_or_else(|| "an account that the provider does not name".to_owned(), named);
    let before = confirmation.replaces.as_ref().map(named);
    Ok(Page(StatusCode::OK, ConfirmPage { frame: visitor.signed_in.frame(), path: path(id), confirmation, account, before })
        .into_response())
}

/// What a person says of a login whose browser is back.
#[derive(Clone, Copy)]
enum Word {
    Resume,
    Confirm,
    Cancel,
}

pub(super) async fn resume(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    Path(id): Path<Uuid>,
) -> Result<Response, Message> {
    go_on(&console, &headers, signed_in, (id, Word::Resume)).await?;
    Ok(session::lead(&path(id), &[]))
}

pub(super) async fn confirm(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    Path(id): Path<Uuid>,
) -> Result<Response, Message> {
    let return_to = go_on(&console, &headers, signed_in, (id, Word::Confirm)).await?;
    Ok(session::lead(return_to.as_deref().filter(|path| *path != "/").unwrap_or("/?notice=authenticated"), &[]))
}

pub(super) async fn cancel(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    Path(id): Path<Uuid>,
) -> Result<Response, Message> {
    go_on(&console, &headers, signed_in, (id, Word::Cancel)).await?;
    Ok(session::lead("/?notice=not_authenticated", &[]))
}

async fn go_on(console: &Console, headers: &HeaderMap, signed_in: SignedIn, (id, word): (Uuid, Word)) -> Result<Option<String>, Message> {
    let visitor = Visitor::of(console, signed_in).await?;
    let (node, browser) = (console.node.clone(), Cookie::Login.read(headers, &console.public_url).map(str::to_owned));
    to_the_end(&console.node, async move {
        let (person, browser) = (visitor.person(), browser.as_deref());
        let done = match word {
            Word::Resume => connect::resume(&node, &person, id, browser).await.map(|()| None),
            Word::Confirm => connect::confirm(&node, &person, id, browser).await.map(|connected| Some(connected.return_to)),
            Word::Cancel => connect::cancel(&node, &person, id, browser).await.map(|_| None),
        };
        done.map_err(|error| visitor.failed(&error))
    })
    .await
}

pub(super) async fn revoke(
    State(console): State<Arc<Console>>,
    signed_in: SignedIn,
    Path((credential, principal)): Path<(String, String)>,
) -> Result<Response, Message> {
    let visitor = Visitor::of(&console, signed_in).await?;
    let node = console.node.clone();
    let done = to_the_end(&console.node, async move {
        let done = connect::revoke(&node, &visitor.person(), (&credential, &principal)).await;
        done.map_err(|error| visitor.failed(&error))
    });
    Ok(match done.await? {
        Disconnected::Absent => session::lead("/?notice=nothing_revoked", &[]),
        Disconnected::AtTheProvider => session::lead("/?notice=revoked", &[]),
        Disconnected::NotOffered => session::lead("/?notice=revoked_here", &[]),
        Disconnected::NotTold(_) => session::lead("/?notice=revoked_later", &[]),
    })
}

/// Goes on although the browser goes away, and although the node is to stop: a code is good once, and what it has become must not be lost halfway (P12).
async fn to_the_end<T: Send + 'static>(node: &Node, step: impl Future<Output = Result<T, Message>> + Send + 'static) -> Result<T, Message> {
    let stopping = || {
        Message::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "This server stops", "Nothing has been done.")
            .next("Try again in a moment.")
    };
    let counted = node.grants().under_way().begin().ok_or_else(stopping)?;
    let counted = tokio::spawn(async move {
        let done = step.await;
        drop(counted);
        done
    });
    counted.await.unwrap_or_else(|_| Err(Message::ours("internal_error")))
}

fn path(id: Uuid) -> String {
    format!("/logins/{id}")
}

fn failed(error: &ConnectError) -> Message {
    let code = error.code();
    tracing::warn!(code, "a login at a provider ended: {error}");
    let status = match error {
        ConnectError::Place(_)
        | ConnectError::OtherUser
        | ConnectError::OtherBrowser
        | ConnectError::Refused(_)
        | ConnectError::CallbackMismatch { .. } => StatusCode::FORBIDDEN,
        ConnectError::Malformed { .. } | ConnectError::NotUnderWay | ConnectError::OtherProvider => StatusCode::BAD_REQUEST,
        ConnectError::Changed => StatusCode::CONFLICT,
        ConnectError::Provider(_) => StatusCode::BAD_GATEWAY,
        ConnectError::Tampered | ConnectError::Random(_) => StatusCode::INTERNAL_SERVER_ERROR,
        ConnectError::Sealed { .. } | ConnectError::Read(_) | ConnectError::Write(_) | ConnectError::Audit => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    Message::new(status, code, "You are not authenticated at the provider", sentence(&error.to_string())).next(sentence(&error.next_step()))
}

/// Messages begin small and end without a full stop: on a page they are sentences.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}
