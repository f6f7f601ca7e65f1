//! Logins at providers: whether there is one, and its end. One begins in a browser: `named-credentials/credential/auth-url/o-auth` says where.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use super::place::Place;
use crate::api::caller::{ApiCaller, MANAGERS};
use crate::api::document::{Operation, Tag};
use crate::api::{Api, Problem, json};
use crate::connect::{self, LoginView, RevocationView};

pub(super) const SHOW: Operation = Operation::new("showLogin", Tag::Credentials, "Say whether somebody has logged in at a principal")
    .describe("As whom at the provider, and until when. Of a Per User principal the caller's own.")
    .gives::<LoginView>(200)
    .refuses(&[403, 502]);

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path((credential, principal)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let place = Place::find(&api, &caller, (&credential, &principal), MANAGERS).await?;
    Ok(json(StatusCode::OK, &connect::login_view(&api.node, &caller.person(), place.names(), place.owner.as_ref()).await?))
}

pub(super) const REVOKE: Operation = Operation::new("revokeLogin", Tag::Credentials, "Take a login away, here and at the provider")
    .describe("Of a Per User principal the caller's own. A provider that cannot be told now is told again.")
    .gives::<RevocationView>(200)
    .refuses(&[403, 502]);

pub(super) async fn revoke(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path((credential, principal)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let place = Place::find(&api, &caller, (&credential, &principal), MANAGERS).await?;
    let done = connect::revoke(&api.node, &caller.person(), place.names()).await?;
    Ok(json(StatusCode::OK, &RevocationView::from(&done)))
}
