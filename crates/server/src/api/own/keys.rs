//! API keys of users. The key itself is in the answer that makes it, and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Serialize;
use sortie_model::{ApiKeyId, Label, UserName};

use super::guard::may_change;
use super::users::parse;
use crate::api::caller::ApiCaller;
use crate::api::json::{At, Body, Reader};
use crate::api::mount::NEWEST;
use crate::api::{Api, Problem, json};
use crate::manage::UnknownName;
use crate::manage::key::{self, KeyView, NewKeyRequest};

#[derive(Serialize)]
struct Listed {
    keys: Vec<KeyView>,
}

#[derive(Serialize)]
struct Made<'a> {
    id: String,
    /// Shown once: nothing can bring it back.
    key: &'a str,
}

pub(super) async fn list(State(api): State<Arc<Api>>, caller: ApiCaller, Path(name): Path<String>) -> Result<Response, Problem> {
    let actor = caller.actor();
    Ok(json(StatusCode::OK, &Listed { keys: key::list(&api.manage(&actor), &parse(&name)?).await? }))
}

pub(super) async fn create(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path(name): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    let user = parse(&name)?;
    may_change(&api, &caller, &user).await?;
    let (label, lifetime) = body.read(NEWEST, read)?;
    let actor = caller.actor();
    let manage = api.manage(&actor);
    let expires_at = lifetime.map(|days| manage.now.after(Duration::from_secs(u64::from(days) * 86_400)));
    let made = key::create(&manage, NewKeyRequest { user, label, expires_at }).await?;
    Ok(json(StatusCode::CREATED, &Made { id: made.id.to_string(), key: made.text.expose() }))
}

/// Ten years.
const MOST_DAYS: u32 = 3_650;

fn read(reader: &mut Reader, at: &At<'_>) -> Option<(Option<Label>, Option<u32>)> {
    let mut fields = reader.fields(at)?;
    let label = fields.take("label").map(|at| reader.parsed(&at, Label::parse));
    let days = fields.take("expires_in_days").map(|at| reader.number(&at, MOST_DAYS));
    fields.finish(reader);
    Some((label.flatten(), days.flatten()))
}

pub(super) async fn revoke(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path((name, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let user = parse(&name)?;
    may_change(&api, &caller, &user).await?;
    let id = of_user(&api, &caller, &user, &id).await?;
    let actor = caller.actor();
    key::revoke(&api.manage(&actor), id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A key of somebody else's is none of this user's.
async fn of_user(api: &Api, caller: &ApiCaller, user: &UserName, id: &str) -> Result<ApiKeyId, Problem> {
    let actor = caller.actor();
    let keys = key::list(&api.manage(&actor), user).await?;
    let unknown = || Problem::from(UnknownName::new("API key", id.chars().take(80).collect::<String>()));
    keys.iter().find(|key| key.id == id).and_then(|_| ApiKeyId::parse(id)).ok_or_else(unknown)
}
