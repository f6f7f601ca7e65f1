//! API keys of users. The key itself is in the answer that makes it, and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Serialize;
use sortie_model::{ApiKeyId, Label, UserName};
use utoipa::ToSchema;

use super::guard::may_change;
use super::users::parse;
use crate::api::caller::ApiCaller;
use crate::api::document::{Form, Operation, Schema, Tag};
use crate::api::json::{At, Body, Reader};
use crate::api::mount::NEWEST;
use crate::api::{Api, Problem, json};
use crate::manage::UnknownName;
use crate::manage::key::{self, KeyView, NewKeyRequest, OwnedKey};

#[derive(Serialize, ToSchema)]
#[schema(as = KeyList)]
struct Listed {
    keys: Vec<KeyView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = NewKey)]
struct Made<'a> {
    /// Its public part, by which it is revoked.
    id: String,
    /// Shown once: nothing can bring it back.
    key: &'a str,
    /// From when on it is refused, RFC 3339.
    #[schema(required = true)]
    expires_at: Option<String>,
}

pub(super) const LIST: Operation = Operation::new("listKeys", Tag::Users, "List the API keys of a user").gives::<Listed>(200);

pub(super) async fn list(State(api): State<Arc<Api>>, caller: ApiCaller, Path(name): Path<String>) -> Result<Response, Problem> {
    let actor = caller.actor();
    Ok(json(StatusCode::OK, &Listed { keys: key::list(&api.manage(&actor), &parse(&name)?).await? }))
}

pub(super) const CREATE: Operation = Operation::new("createKey", Tag::Users, "Make an API key for a user")
    .describe("The key is in this answer and nowhere else.")
    .body(&NEW)
    .gives::<Made>(201);

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
    let expires_at = expires_at.map(|moment| moment.to_string());
    Ok(json(StatusCode::CREATED, &Made { id: made.id.to_string(), key: made.text.expose(), expires_at }))
}

/// Ten years.
const MOST_DAYS: u32 = 3_650;

const NEW: Form = Form {
    name: "KeyToCreate",
    schema: || Schema::object().optional("label", Schema::label()).optional("expires_in_days", Schema::count(MOST_DAYS.into())),
    example: r#"{"label": "CI", "expires_in_days": 90}"#,
    read: |reader, at| read(reader, at).is_some(),
};

fn read(reader: &mut Reader, at: &At<'_>) -> Option<(Option<Label>, Option<u32>)> {
    let mut fields = reader.fields(at)?;
    let label = fields.take("label").map(|at| reader.parsed(&at, Label::parse));
    let days = fields.take("expires_in_days").map(|at| reader.count(&at, MOST_DAYS));
    fields.finish(reader);
    Some((label.flatten(), days.flatten()))
}

pub(super) const SHOW: Operation =
    Operation::new("showKey", Tag::Users, "Show an API key, and whose it is").describe("By its public part.").gives::<OwnedKey>(200);

pub(super) async fn show(State(api): State<Arc<Api>>, caller: ApiCaller, Path(text): Path<String>) -> Result<Response, Problem> {
    let id = ApiKeyId::parse(&text).ok_or_else(|| unknown(&text))?;
    let actor = caller.actor();
    Ok(json(StatusCode::OK, &key::find(&api.manage(&actor), id).await?))
}

fn unknown(id: &str) -> Problem {
    UnknownName::new("API key", id.chars().take(80).collect::<String>()).into()
}

pub(super) const REVOKE: Operation = Operation::new("revokeKey", Tag::Users, "Revoke an API key").gives_nothing();

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
    keys.iter().find(|key| key.id == id).and_then(|_| ApiKeyId::parse(id)).ok_or_else(|| unknown(id))
}
