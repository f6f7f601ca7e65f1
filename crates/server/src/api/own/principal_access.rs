//! Which permission sets and profiles may use which principals.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Serialize;
use sortie_model::{ApiName, Label};

use super::pages::{parameter, wrong};
use crate::api::caller::ApiCaller;
use crate::api::json::{At, Body, Reader};
use crate::api::mount::NEWEST;
use crate::api::{Api, Problem, json};
use crate::manage::PrincipalReference;
use crate::manage::grant::{self, GrantView, GranteeName};

#[derive(Serialize)]
struct Listed {
    principal_access: Vec<GrantView>,
}

pub(super) async fn list(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let credential = parameter(&query, "external_credential").map(ApiName::parse).transpose();
    let credential = credential.map_err(|violation| wrong("external_credential", &violation.message))?;
    let actor = caller.actor();
    let principal_access = grant::list(&api.manage(&actor), credential.as_ref()).await?;
    Ok(json(StatusCode::OK, &Listed { principal_access }))
}

pub(super) async fn give(State(api): State<Arc<Api>>, caller: ApiCaller, body: Body) -> Result<Response, Problem> {
    let (reference, grantee) = body.read(NEWEST, read)?;
    let actor = caller.actor();
    let done = grant::add(&api.manage(&actor), &reference, &grantee).await?;
    let status = if done.action.is_made() { StatusCode::CREATED } else { StatusCode::OK };
    api.settle().await;
    Ok(json(status, &done))
}

fn read(reader: &mut Reader, at: &At<'_>) -> Option<(PrincipalReference, GranteeName)> {
    let mut fields = reader.fields(at)?;
    let external_credential = fields.require(reader, "external_credential").and_then(|at| reader.parsed(&at, ApiName::parse));
    let principal = fields.require(reader, "principal").and_then(|at| reader.parsed(&at, Label::parse));
    let set = fields.take("permission_set").map(|at| reader.parsed(&at, ApiName::parse));
    let profile = fields.take("profile").map(|at| reader.parsed(&at, ApiName::parse));
    fields.finish(reader);
    let grantee = match (set, profile) {
        (Some(set), None) => set.map(GranteeName::PermissionSet),
        (None, Some(profile)) => profile.map(GranteeName::Profile),
        (Some(_), Some(_)) | (None, None) => {
            reader.refuse("", "one_of", "must have either `permission_set` or `profile`");
            None
        }
    };
    Some((PrincipalReference { external_credential: external_credential?, principal: principal? }, grantee?))
}

pub(super) async fn take(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let required = |name| parameter(&query, name).ok_or_else(|| wrong(name, "is required"));
    let name = |name: &str, text: &str| ApiName::parse(text).map_err(|violation| wrong(name, &violation.message));
    let external_credential = name("external_credential", required("external_credential")?)?;
    let principal = Label::parse(required("principal")?).map_err(|violation| wrong("principal", &violation.message))?;
    let grantee = match (parameter(&query, "permission_set"), parameter(&query, "profile")) {
        (Some(set), None) => GranteeName::PermissionSet(name("permission_set", set)?),
        (None, Some(profile)) => GranteeName::Profile(name("profile", profile)?),
        _ => return Err(wrong("permission_set", "or `profile` is required, and not both")),
    };
    let actor = caller.actor();
    grant::remove(&api.manage(&actor), &PrincipalReference { external_credential, principal }, &grantee).await?;
    api.settle().await;
    Ok(StatusCode::NO_CONTENT.into_response())
}
