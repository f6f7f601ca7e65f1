//! The page from which somebody leaves for a provider: where the API's `auth-url` leads. The login begins with its button, so that it is this browser's.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use super::message::Message;
use super::page::{Frame, Page};
use super::session::SignedIn;
use super::{Console, values};

#[derive(Template)]
#[template(path = "departure.html")]
struct DeparturePage {
    frame: Frame,
    credential: String,
    principal: String,
    path: String,
}

/// The page of a principal.
pub(crate) fn path(credential: &str, principal: &str) -> String {
    format!("{}/authenticate", values::path(credential, principal))
}

/// Says nothing of whether there is such a principal: the button finds out.
pub(super) async fn show(
    State(_): State<Arc<Console>>,
    signed_in: SignedIn,
    Path((credential, principal)): Path<(String, String)>,
) -> Result<Response, Message> {
    let path = path(&credential, &principal);
    Ok(Page(StatusCode::OK, DeparturePage { frame: signed_in.frame(), credential, principal, path }).into_response())
}
