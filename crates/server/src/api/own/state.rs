//! How things are: status and health of external credentials, the definitions in force, what a callout would do.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use sortie_model::{ApiName, UserName};
use utoipa::ToSchema;

use crate::api::caller::{ApiCaller, unavailable};
use crate::api::document::{Form, Operation, Schema, Tag};
use crate::api::json::{At, Body, Reader};
use crate::api::mount::NEWEST;
use crate::api::{Api, Problem, json};
use crate::connect::{self, Explanation};
use crate::manage::UnknownName;
use crate::manage::status::{CredentialReport, SpoolView, status};

#[derive(Serialize, ToSchema)]
#[schema(as = StatusList)]
struct Listed {
    external_credentials: Vec<CredentialReport>,
    /// Of the node that answers.
    spool: SpoolView,
}

pub(super) const LIST: Operation =
    Operation::new("listStatus", Tag::State, "Show status and health of all external credentials").gives::<Listed>(200);

pub(super) async fn list(State(api): State<Arc<Api>>, caller: ApiCaller) -> Result<Response, Problem> {
    let actor = caller.actor();
    let external_credentials = status(&api.manage(&actor), None).await?;
    Ok(json(StatusCode::OK, &Listed { external_credentials, spool: spool(&api).await? }))
}

/// What waits on this node's disk for the database. To look costs a write, so that a look is good for five seconds, whoever asks.
async fn spool(api: &Api) -> Result<SpoolView, Problem> {
    let now = api.node.world().now();
    let mut last = api.spool.lock().await;
    if let Some((at, seen)) = &*last
        && now.since(*at) < LOOK_EVERY
    {
        return Ok(seen.clone());
    }
    let house = api.node.house().clone();
    let seen = tokio::task::spawn_blocking(move || SpoolView::from(house.spool_state())).await.map_err(|_| Problem::internal())?;
    *last = Some((now, seen.clone()));
    Ok(seen)
}

const LOOK_EVERY: Duration = Duration::from_secs(5);

pub(super) const SHOW: Operation =
    Operation::new("showStatus", Tag::State, "Show status and health of an external credential").gives::<CredentialReport>(200);

pub(super) async fn show(State(api): State<Arc<Api>>, caller: ApiCaller, Path(name): Path<String>) -> Result<Response, Problem> {
    let unknown = || Problem::from(UnknownName::new("external credential", name.chars().take(80).collect::<String>()));
    let parsed = ApiName::parse(&name).map_err(|_| unknown())?;
    let actor = caller.actor();
    let report = status(&api.manage(&actor), Some(&parsed)).await?.pop().ok_or_else(unknown)?;
    Ok(json(StatusCode::OK, &report))
}

/// The generation: it grows with every change of definitions, users, keys and stored values.
#[derive(Serialize, ToSchema)]
#[schema(as = SnapshotGenerations)]
struct Versions {
    /// What callouts on this node are decided by.
    in_force: i64,
    /// What is stored.
    stored: i64,
}

pub(super) const SNAPSHOT: Operation =
    Operation::new("showSnapshot", Tag::Definitions, "Show which definitions are in force").gives::<Versions>(200);

pub(super) async fn snapshot(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    let stored = api.node.house().store().generation().await.map_err(|error| unavailable(&error))?.as_i64();
    Ok(json(StatusCode::OK, &Versions { in_force: api.node.snapshot().generation(), stored }))
}

pub(super) const EXPLAIN: Operation = Operation::new("explainCallout", Tag::Callouts, "Say what a callout would do")
    .describe("Nothing is sent.")
    .body(&QUESTION)
    .gives::<Explanation>(200)
    .refuses(&[404]);

pub(super) async fn explain(State(api): State<Arc<Api>>, caller: ApiCaller, body: Body) -> Result<Response, Problem> {
    let (target, user) = body.read(NEWEST, read_question)?;
    let actor = caller.actor();
    let who = match user {
        None => caller.user,
        Some(name) => {
            let found = api.node.house().store().caller_by_user(&name).await.map_err(|error| unavailable(&error))?;
            found.ok_or_else(|| UnknownName::new("user", &name))?
        }
    };
    Ok(json(StatusCode::OK, &connect::explain(&api.node, &actor, who, &target).await))
}

const QUESTION: Form = Form {
    name: "CalloutToExplain",
    schema: || {
        Schema::object()
            .required("target", Schema::text().saying("`callout:Name/path?query`."))
            .optional("user", Schema::user_name().saying("As whom; as the caller, if left out."))
    },
    example: r#"{"target": "callout:Billing/invoices", "user": "ada@example.com"}"#,
    read: |reader, at| read_question(reader, at).is_some(),
};

fn read_question(reader: &mut Reader, at: &At<'_>) -> Option<(String, Option<UserName>)> {
    let mut fields = reader.fields(at)?;
    let target = fields.require(reader, "target").and_then(|at| reader.text(&at).map(str::to_owned));
    let user = fields.take("user").map(|at| reader.parsed(&at, UserName::parse));
    fields.finish(reader);
    Some((target?, user.flatten()))
}
