//! Stored values of a provider, one by one. They go in and never come out.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use super::providers::parse;
use super::values::{Listed, VALUE, read, stored};
use crate::api::caller::ApiCaller;
use crate::api::document::{Operation, Tag};
use crate::api::json::Body;
use crate::api::mount::NEWEST;
use crate::api::{Api, Problem, json};
use crate::manage::Change;
use crate::manage::provider;

pub(super) const LIST: Operation =
    Operation::new("listProviderValues", Tag::Providers, "List which values of a provider are stored, and which are missing")
        .describe("Never a value.")
        .gives::<Listed>(200);

pub(super) async fn list(State(api): State<Arc<Api>>, caller: ApiCaller, Path(name): Path<String>) -> Result<Response, Problem> {
    let actor = caller.actor();
    Ok(json(StatusCode::OK, &Listed { values: provider::list_values(&api.manage(&actor), &parse(&name)?).await? }))
}

pub(super) const SET: Operation = Operation::new("storeProviderValue", Tag::Providers, "Store one value of a provider")
    .describe("In place of the one before; what is stored besides stays. 201: there was none.")
    .body(&VALUE)
    .gives::<Change>(201)
    .gives::<Change>(200);

pub(super) async fn set(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path((provider, name)): Path<(String, String)>,
    body: Body,
) -> Result<Response, Problem> {
    let provider = parse(&provider)?;
    let value = body.read(NEWEST, read)?;
    let actor = caller.actor();
    let done = provider::set_value(&api.manage(&actor).by(caller.asking()), &provider, &name, &value).await?;
    api.settle().await;
    Ok(stored(&done))
}

pub(super) const REMOVE: Operation =
    Operation::new("deleteProviderValue", Tag::Providers, "Delete one stored value of a provider").gives::<Change>(200);

pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path((provider, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let actor = caller.actor();
    let done = provider::remove_value(&api.manage(&actor), &parse(&provider)?, &name).await?;
    api.settle().await;
    Ok(json(StatusCode::OK, &done))
}
