//! The page between us and another site.
//!
//! A redirect as the answer to a form would be held to the form's page's `form-action`, at every further redirect on its way; this page leads on by itself, and has a link.

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use super::page::{Frame, Page};
use crate::connect::CallbackChange;

/// Leads on to another site.
#[derive(Template)]
#[template(path = "hand_over.html")]
pub(crate) struct HandOver {
    frame: Frame,
    name: String,
    url: String,
    change: Option<CallbackChange>,
}

impl HandOver {
    /// To `url`, which belongs to whoever is called `name`.
    pub(crate) fn to(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self { frame: Frame::default(), name: name.into(), url: url.into(), change: None }
    }

    /// Waits for the person where the provider may not take them back: they would be left alone with a page of the provider's.
    pub(crate) fn warning_of(self, change: Option<CallbackChange>) -> Self {
        Self { change, ..self }
    }

    pub(crate) fn answer(self) -> Response {
        Page(StatusCode::OK, self).into_response()
    }
}
