//! Who a user is at OpenID providers.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use super::guard::may_change;
use super::users::parse;
use crate::api::caller::ApiCaller;
use crate::api::document::{Operation, Tag};
use crate::api::{Api, Problem, json};
use crate::manage::{Change, user};

pub(super) const UNLINK: Operation =
    Operation::new("unlinkUser", Tag::Users, "Release a user's identities at OpenID providers, and end their sessions")
        .describe("The next single sign-on links anew.")
        .gives::<Change>(200);

pub(super) async fn unlink(State(api): State<Arc<Api>>, caller: ApiCaller, Path(name): Path<String>) -> Result<Response, Problem> {
    let name = parse(&name)?;
    may_change(&api, &caller, &name).await?;
    let actor = caller.actor();
    Ok(json(StatusCode::OK, &user::unlink(&api.manage(&actor), &name).await?))
}
