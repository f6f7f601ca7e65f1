//! Files that pages refer to, built into the program: no path of a request ever becomes one of the machine's (UI-15).

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

/// The one style sheet.
pub(super) const STYLE_PATH: &str = "/assets/console.css";

pub(super) async fn style() -> Response {
    // 5 minutes: after an upgrade no page looks odd for long.
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "public, max-age=300")];
    (headers, include_str!("../../assets/console.css")).into_response()
}
