//! The console: what a person sees of Sortie in a browser. Pages are made here, whole; nothing in them needs a script.

mod assets;
mod cookie;
mod departure;
mod external_credentials;
mod forgery;
mod hand_over;
mod headers;
mod logins;
mod message;
mod openid;
mod page;
mod reference;
mod return_path;
mod session;
mod sign_in;
mod values;

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use futures_util::FutureExt as _;
use http::StatusCode;

use crate::audit::{ChangeRecord, record_changes};
use crate::node::Node;
use crate::public_url::PublicUrl;
use crate::sign_in::{Door, OpenId};

pub(crate) use departure::path as authenticate_path;
pub(crate) use message::Message;
pub(crate) use openid::CALLBACK as OPENID_CALLBACK;

/// 64 KiB: more than any form of ours is long.
const MAX_FORM_BYTES: usize = 64 * 1024;
/// 60 s for a request, its body included.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the pages are made from.
pub(crate) struct Console {
    pub(crate) node: Node,
    pub(crate) public_url: PublicUrl,
    pub(crate) door: Door,
    pub(crate) openid: Option<OpenId>,
}

/// Where a request comes from: the address of the other end of the connection, whatever its headers say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source(pub(crate) IpAddr);

impl Console {
    /// Records what somebody did, before it is done.
    pub(crate) async fn record(&self, actor: &str, action: &str, object: &str, fields: &str) -> Result<(), Message> {
        let house = self.node.house();
        let change = ChangeRecord { at: self.node.world().now(), actor, action, object, fields };
        record_changes(house.audit_directory(), &house.chain_key(), &[change]).await.map_err(|error| {
            tracing::error!("the audit cannot be written: {error}");
            Message::ours("audit_unavailable")
        })
    }
}

/// Everything under the root.
pub(crate) fn router(console: Arc<Console>) -> Router {
    Router::new()
        .route("/", get(external_credentials::show))
        .route("/sign-in", get(sign_in::show).post(sign_in::enter))
        .route("/sign-in/openid", post(openid::depart))
        .route(openid::CALLBACK, get(openid::arrive))
        .route("/sign-out", post(sign_in::leave))
        .route("/external-credentials/{credential}/{principal}", get(values::show))
        .route("/external-credentials/{credential}/{principal}/values", post(values::store))
        .route("/external-credentials/{credential}/{principal}/values/remove", post(values::remove))
        .route("/external-credentials/{credential}/{principal}/authenticate", get(departure::show).post(logins::authenticate))
        .route("/external-credentials/{credential}/{principal}/revoke", post(logins::revoke))
        .route("/services/authcallback/{provider}", get(logins::callback))
        .route("/services/externalauthcallback/{provider}", get(logins::callback))
        .route("/logins/{id}", get(logins::show))
        .route("/logins/{id}/continue", post(logins::resume))
        .route("/logins/{id}/confirm", post(logins::confirm))
        .route("/logins/{id}/cancel", post(logins::cancel))
        .route("/reference", get(reference::list))
        .route("/reference/{operation}", get(reference::show))
        .route(assets::STYLE_PATH, get(assets::style))
        .fallback(async || Message::not_found())
        .method_not_allowed_fallback(async || Message::wrong_method())
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .layer(middleware::from_fn_with_state(Arc::clone(&console), guard))
        .with_state(console)
}

/// Around every request: forged ones are refused, none lasts for ever or takes the connection down, and what was asked is logged without its query, which may
/// hold what nobody else should read (OAU-22).
async fn guard(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = if forgery::is_ours(&method, request.headers(), &console.public_url) {
        match tokio::time::timeout(PATIENCE, AssertUnwindSafe(next.run(request)).catch_unwind()).await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => Message::ours("internal_error").into_response(),
            Err(_) => Message::too_slow().into_response(),
        }
    } else {
        Message::forged().into_response()
    };
    if response.status() == StatusCode::UNPROCESSABLE_ENTITY || !response.status().is_success() {
        // A refused extractor of axum answers in plain text; everything of ours is HTML.
        response = message::in_our_words(response);
    }
    headers::protect(response.headers_mut(), &console.public_url);
    tracing::info!(%method, path, status = response.status().as_u16(), "console");
    response
}
