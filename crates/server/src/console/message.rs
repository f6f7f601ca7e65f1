//! The page that says one thing: what happened, whose turn it is, what to do next.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sortie_model::ServiceUrl;

use super::page::{Frame, Page};
use super::session;

/// A page with one message, usually of a failure. Every text is escaped where it is shown; none may hold a secret.
#[derive(Clone, Debug)]
pub(crate) struct Message(Box<Text>);

#[derive(Clone, Debug, Template)]
#[template(path = "message.html")]
struct Text {
    frame: Frame,
    status: StatusCode,
    /// Stable, for those who look things up.
    code: &'static str,
    title: String,
    /// In one or a few sentences.
    happened: String,
    /// Who can do something about it, and what.
    next: Option<String>,
    /// Where to go on: words and a path of ours.
    link: Option<(String, String)>,
}

impl Message {
    /// A message with its status, code, title, and what happened.
    pub(crate) fn new(status: StatusCode, code: &'static str, title: impl Into<String>, happened: impl Into<String>) -> Self {
        Self(Box::new(Text {
            frame: Frame::default(),
            status,
            code,
            title: title.into(),
            happened: happened.into(),
            next: None,
            link: Some(("External Credentials".to_owned(), "/".to_owned())),
        }))
    }

    /// Whose turn it is, and what to do.
    #[must_use]
    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.0.next = Some(next.into());
        self
    }

    /// Where to go on, instead of the first page.
    #[must_use]
    pub(crate) fn link(mut self, words: impl Into<String>, path: impl Into<String>) -> Self {
        self.0.link = Some((words.into(), path.into()));
        self
    }

    /// With the name of who is signed in.
    #[must_use]
    pub(crate) fn signed_in(mut self, user: impl ToString) -> Self {
        self.0.frame.user = Some(user.to_string());
        self
    }

    /// Sends the browser to a page of somebody's own that shows it, named as Salesforce names them for the error URL of an auth provider.
    pub(super) fn reported_to(&self, page: &ServiceUrl) -> Response {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let query = format!("ErrorCode={}&ErrorDescription={}", encoded(self.0.code), encoded(&self.0.happened));
        session::lead(&page.with_query(&query).to_string(), &[])
    }

    /// There is no such page, or none for this person: nobody is told which.
    pub(crate) fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is nothing here",
            "This address leads to no page, or to none that you may see.",
        )
        .next("Check the address, or begin at the first page.")
    }

    pub(super) fn wrong_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "That cannot be done here", "This address takes no such request.")
    }

    pub(super) fn forged() -> Self {
        let happened = "Your browser says that this request does not come from a page of Sortie, so nothing was done.";
        Self::new(StatusCode::FORBIDDEN, "request_forged", "Nothing was done", happened).next(
            "If you meant to do it, begin at the first page. If you did not, another site has tried it in your name: close that site.",
        )
    }

    pub(super) fn too_slow() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too_slow", "That took too long", "The request was not done within a minute.")
            .next("Look at the first page whether it was done after all, then try again.")
    }

    pub(super) fn not_signed_in() -> Self {
        let happened =
            "You are not signed in, or not any more: sessions end after 30 minutes without use, and after 12 hours. Nothing was done.";
        Self::new(StatusCode::UNAUTHORIZED, "not_signed_in", "You are signed out", happened).link("Sign in", "/sign-in")
    }

    /// A failure of ours.
    pub(crate) fn ours(code: &'static str) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            code,
            "Something went wrong",
            "Sortie could not do what you asked for. It is not your fault.",
        )
        .next("Try again in a minute. If it fails again, tell an administrator this code.")
    }
}

impl IntoResponse for Message {
    fn into_response(self) -> Response {
        Page(self.0.status, *self.0).into_response()
    }
}

/// What axum itself says of a request that it does not understand is plain text: the same in our words.
pub(super) fn in_our_words(response: Response) -> Response {
    let is_text = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == HeaderValue::from_static("text/plain; charset=utf-8"));
    if !is_text || response.status().is_redirection() {
        return response;
    }
    let status = response.status();
    let (code, happened) = match status {
        StatusCode::PAYLOAD_TOO_LARGE => ("form_too_large", "What was sent is larger than any form of Sortie."),
        _ => ("request_malformed", "What was sent is no form of Sortie."),
    };
    Message::new(status, code, "That was not understood", happened).into_response()
}
