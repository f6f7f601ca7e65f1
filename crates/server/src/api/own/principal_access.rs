//! Which permission sets and profiles may use which principals.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Serialize;
use sortie_model::{ApiName, Label};
use utoipa::ToSchema;

use super::pages::{parameter, wrong};
use crate::api::caller::ApiCaller;
use crate::api::document::{Form, Needed, Operation, Query as Parameter, Schema, Tag};
use crate::api::json::{At, Body, Reader};
use crate::api::mount::NEWEST;
use crate::api::{Api, Problem, json};
use crate::manage::grant::{self, GrantView, GranteeName};
use crate::manage::{Change, PrincipalReference};

#[derive(Serialize, ToSchema)]
#[schema(as = PrincipalAccessList)]
struct Listed {
    principal_access: Vec<GrantView>,
}

const OF_CREDENTIAL: Parameter = Parameter {
    name: "external_credential",
    needed: Needed::IfWanted,
    schema: Schema::name,
    description: "Of this external credential only.",
};

const TAKEN: &[Parameter] = &[
    Parameter { needed: Needed::Always, description: "Name of the external credential.", ..OF_CREDENTIAL },
    Parameter { name: "principal", needed: Needed::Always, schema: Schema::label, description: "Name of the principal." },
    Parameter { name: "permission_set", needed: Needed::IfWanted, schema: Schema::name, description: "Name of the permission set." },
    Parameter { name: "profile", needed: Needed::IfWanted, schema: Schema::name, description: "Name of the profile." },
];

pub(super) const LIST: Operation =
    Operation::new("listPrincipalAccess", Tag::Access, "List who may use which principals").query(&[OF_CREDENTIAL]).gives::<Listed>(200);

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

pub(super) const GIVE: Operation =
    Operation::new("givePrincipalAccess", Tag::Access, "Enable a principal for a permission set or a profile")
        .describe("200: it was enabled already.")
        .body(&GIVEN)
        .gives::<Change>(201)
        .gives::<Change>(200)
        .refuses(&[404]);

pub(super) async fn give(State(api): State<Arc<Api>>, caller: ApiCaller, body: Body) -> Result<Response, Problem> {
    let (reference, grantee) = body.read(NEWEST, read)?;
    let actor = caller.actor();
    let done = grant::add(&api.manage(&actor), &reference, &grantee).await?;
    let status = if done.action.is_made() { StatusCode::CREATED } else { StatusCode::OK };
    api.settle().await;
    Ok(json(status, &done))
}

const GIVEN: Form = Form {
    name: "PrincipalAccessToGive",
    schema: || {
        Schema::object()
            .required("external_credential", Schema::name())
            .required("principal", Schema::label())
            .optional("permission_set", Schema::name())
            .optional("profile", Schema::name())
            .one_of_members(&["permission_set", "profile"])
    },
    example: r#"{"external_credential": "Billing", "principal": "Service", "permission_set": "Callers"}"#,
    read: |reader, at| read(reader, at).is_some(),
};

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

pub(super) const TAKE: Operation =
    Operation::new("takePrincipalAccess", Tag::Access, "Disable a principal for a permission set or a profile")
        .describe("Exactly one of `permission_set` and `profile` is needed.")
        .query(TAKEN)
        .gives_nothing()
        .refuses(&[404]);

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
