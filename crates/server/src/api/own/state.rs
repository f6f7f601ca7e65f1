//! How things are: status and health of external credentials, the definitions in force, what a callout would do, what a formula reads.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use sortie_model::{ApiName, UserName};

use crate::api::caller::{ApiCaller, unavailable};
use crate::api::json::{At, Body, Fault, FaultKind, Reader};
use crate::api::mount::NEWEST;
use crate::api::{Api, Problem, json};
use crate::manage::UnknownName;
use crate::manage::formula::check;
use crate::manage::status::{CredentialReport, status};

#[derive(Serialize)]
struct Listed {
    external_credentials: Vec<CredentialReport>,
}

pub(super) async fn list(State(api): State<Arc<Api>>, caller: ApiCaller) -> Result<Response, Problem> {
    let actor = caller.actor();
    Ok(json(StatusCode::OK, &Listed { external_credentials: status(&api.manage(&actor), None).await? }))
}

pub(super) async fn show(State(api): State<Arc<Api>>, caller: ApiCaller, Path(name): Path<String>) -> Result<Response, Problem> {
    let unknown = || Problem::from(UnknownName::new("external credential", name.chars().take(80).collect::<String>()));
    let parsed = ApiName::parse(&name).map_err(|_| unknown())?;
    let actor = caller.actor();
    let report = status(&api.manage(&actor), Some(&parsed)).await?.pop().ok_or_else(unknown)?;
    Ok(json(StatusCode::OK, &report))
}

/// The generation of the definitions: it grows with every change.
#[derive(Serialize)]
struct Versions {
    /// What callouts on this node are decided by.
    in_force: i64,
    /// What is stored.
    stored: i64,
}

pub(super) async fn snapshot(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    let stored = api.node.house().store().generation().await.map_err(|error| unavailable(&error))?.as_i64();
    Ok(json(StatusCode::OK, &Versions { in_force: api.node.snapshot().generation(), stored }))
}

pub(super) async fn explain(State(api): State<Arc<Api>>, caller: ApiCaller, body: Body) -> Result<Response, Problem> {
    let (target, user) = body.read(NEWEST, read_question)?;
    let who = match user {
        None => caller.user,
        Some(name) => {
            let found = api.node.house().store().caller_by_user(&name).await.map_err(|error| unavailable(&error))?;
            found.ok_or_else(|| UnknownName::new("user", &name))?
        }
    };
    Ok(json(StatusCode::OK, &api.node.explain(who, &target).await))
}

fn read_question(reader: &mut Reader, at: &At<'_>) -> Option<(String, Option<UserName>)> {
    let mut fields = reader.fields(at)?;
    let target = fields.require(reader, "target").and_then(|at| reader.text(&at).map(str::to_owned));
    let user = fields.take("user").map(|at| reader.parsed(&at, UserName::parse));
    fields.finish(reader);
    Some((target?, user.flatten()))
}

pub(super) async fn check_formula(body: Body) -> Result<Response, Problem> {
    let source = body.read(NEWEST, |reader: &mut Reader, at: &At<'_>| {
        let mut fields = reader.fields(at)?;
        let formula = fields.require(reader, "formula").and_then(|at| reader.text(&at).map(str::to_owned));
        fields.finish(reader);
        formula
    })?;
    match check(&source) {
        Ok((_, found)) => Ok(json(StatusCode::OK, &found)),
        Err(error) => {
            let message = format!("is no formula: {error}");
            Err(Problem::of_faults(vec![Fault { pointer: "/formula".to_owned(), kind: FaultKind::Value, rule: error.code(), message }]))
        }
    }
}
