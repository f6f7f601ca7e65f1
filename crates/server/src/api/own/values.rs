//! Stored values of a principal, one by one, under the names that definitions give them. They go in and never come out.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use sortie_model::Secret;
use utoipa::ToSchema;

use super::place::Place;
use crate::api::caller::{ApiCaller, MANAGERS, VIEWERS};
use crate::api::document::{Form, Operation, Schema, Tag};
use crate::api::json::{At, Body, Reader};
use crate::api::mount::NEWEST;
use crate::api::{Api, Problem, json};
use crate::manage::Change;
use crate::manage::secret::{self, ValueView};

#[derive(Serialize, ToSchema)]
#[schema(as = ValueList)]
pub(super) struct Listed {
    pub(super) values: Vec<ValueView>,
}

pub(super) const LIST: Operation =
    Operation::new("listPrincipalValues", Tag::Credentials, "List which values of a principal are stored, and which are missing")
        .describe("Never a value. Of a Per User principal the caller's own.")
        .gives::<Listed>(200)
        .refuses(&[403]);

pub(super) async fn list(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path((credential, principal)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let Place { reference, owner } = Place::find(&api, &caller, (&credential, &principal), VIEWERS).await?;
    let actor = caller.actor();
    Ok(json(StatusCode::OK, &Listed { values: secret::list(&api.manage(&actor), &reference, owner.as_ref()).await? }))
}

pub(super) const SET: Operation = Operation::new("storePrincipalValue", Tag::Credentials, "Store one value of a principal")
    .describe(
        "In place of the one before; what is stored besides stays. Of a Per User principal it is the caller's own. 201: there was none.",
    )
    .body(&VALUE)
    .gives::<Change>(201)
    .gives::<Change>(200)
    .refuses(&[403]);

pub(super) async fn set(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path((credential, principal, name)): Path<(String, String, String)>,
    body: Body,
) -> Result<Response, Problem> {
    let Place { reference, owner } = Place::find(&api, &caller, (&credential, &principal), MANAGERS).await?;
    let value = body.read(NEWEST, read)?;
    let actor = caller.actor();
    let manage = api.manage(&actor).by(caller.asking());
    let done = secret::set(&manage, &reference, &name, owner.as_ref(), &value).await?;
    api.settle().await;
    Ok(stored(&done))
}

/// 201 where there was none.
pub(super) fn stored(done: &Change) -> Response {
    let status = if done.action == crate::manage::Action::Created { StatusCode::CREATED } else { StatusCode::OK };
    json(status, done)
}

pub(super) const VALUE: Form = Form {
    name: "ValueToStore",
    schema: || Schema::object().required("value", Schema::words()),
    example: r#"{"value": "…"}"#,
    read: |reader, at| read(reader, at).is_some(),
};

pub(super) fn read(reader: &mut Reader, at: &At<'_>) -> Option<Secret> {
    let mut fields = reader.fields(at)?;
    let value = fields.require(reader, "value").and_then(|at| reader.text(&at).map(Secret::new));
    fields.finish(reader);
    value
}

pub(super) const REMOVE: Operation = Operation::new("deletePrincipalValue", Tag::Credentials, "Delete one stored value of a principal")
    .describe("Of a Per User principal the caller's own.")
    .gives::<Change>(200)
    .refuses(&[403]);

pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path((credential, principal, name)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let Place { reference, owner } = Place::find(&api, &caller, (&credential, &principal), MANAGERS).await?;
    let actor = caller.actor();
    let done = secret::remove(&api.manage(&actor), &reference, &name, owner.as_ref()).await?;
    api.settle().await;
    Ok(json(StatusCode::OK, &done))
}
