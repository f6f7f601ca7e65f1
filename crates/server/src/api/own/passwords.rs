//! Passwords of people, for the console. They go in and never come out.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use sortie_model::Secret;

use super::guard::may_change;
use super::users::parse;
use crate::api::caller::ApiCaller;
use crate::api::document::{Form, Operation, Schema, Tag};
use crate::api::json::{At, Body, Reader};
use crate::api::mount::NEWEST;
use crate::api::{Api, Problem};
use crate::manage::user;

pub(super) const SET: Operation =
    Operation::new("setPassword", Tag::Users, "Store a user's password for the console, and end their sessions").body(&NEW).gives_nothing();

pub(super) async fn set(State(api): State<Arc<Api>>, caller: ApiCaller, Path(name): Path<String>, body: Body) -> Result<Response, Problem> {
    let name = parse(&name)?;
    may_change(&api, &caller, &name).await?;
    let password = body.read(NEWEST, read)?;
    let actor = caller.actor();
    user::set_password(&api.manage(&actor), &name, &password).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

const NEW: Form = Form {
    name: "Password",
    schema: || Schema::object().required("password", Schema::words()),
    example: r#"{"password": "four words from a dice"}"#,
    read: |reader, at| read(reader, at).is_some(),
};

fn read(reader: &mut Reader, at: &At<'_>) -> Option<Secret> {
    let mut fields = reader.fields(at)?;
    let password = fields.require(reader, "password").and_then(|at| reader.text(&at).map(Secret::new));
    fields.finish(reader);
    password
}

pub(super) const REMOVE: Operation =
    Operation::new("deletePassword", Tag::Users, "Take a user's password away, and end their sessions").gives_nothing();

pub(super) async fn remove(State(api): State<Arc<Api>>, caller: ApiCaller, Path(name): Path<String>) -> Result<Response, Problem> {
    let name = parse(&name)?;
    may_change(&api, &caller, &name).await?;
    let actor = caller.actor();
    user::remove_password(&api.manage(&actor), &name).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
