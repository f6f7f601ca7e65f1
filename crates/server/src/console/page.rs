//! An HTML page.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;

/// What stands around the content of every page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    /// Who is signed in.
    pub(crate) user: Option<String>,
}

/// A page, and how it is answered.
pub(crate) struct Page<T>(pub(crate) StatusCode, pub(crate) T);

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let Self(status, template) = self;
        match template.render() {
            Ok(html) => (status, Html(html)).into_response(),
            Err(error) => {
                tracing::error!("a page cannot be made: {error}");
                (StatusCode::INTERNAL_SERVER_ERROR, "internal_error\n").into_response()
            }
        }
    }
}
