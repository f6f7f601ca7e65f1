//! `SetupEntityAccess`: that a permission set or a profile enables a principal.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Serialize;
use sortie_model::{Grantee, Principal, PrincipalAccess};
use sortie_store::Definitions;
use utoipa::ToSchema;

use crate::api::caller::ApiCaller;
use crate::api::connect::{Prefix, SalesforceId, principal_id};
use crate::api::document::{Form, Operation, Schema, Tag};
use crate::api::json::{At, Body, Reader};
use crate::api::mount::NEWEST;
use crate::api::{Api, Problem, json};
use crate::manage::PrincipalReference;
use crate::manage::grant::{self, GranteeName};

#[derive(Serialize, ToSchema)]
#[schema(as = SaveResult)]
struct Made {
    id: SalesforceId,
    success: bool,
    #[schema(value_type = Vec<String>, max_items = 0)]
    errors: [(); 0],
}

/// The id of one.
pub(super) fn access_id(access: &PrincipalAccess) -> SalesforceId {
    let (kind, grantee) = match access.grantee {
        Grantee::PermissionSet(id) => ("permission_set", id.as_uuid()),
        Grantee::Profile(id) => ("profile", id.as_uuid()),
    };
    SalesforceId::of_part(Prefix::SetupEntityAccess, access.principal.as_uuid(), &format!("{kind} {grantee}"))
}

/// The id of whoever is given access.
pub(super) fn grantee_id(grantee: Grantee) -> SalesforceId {
    match grantee {
        Grantee::PermissionSet(id) => SalesforceId::of(Prefix::PermissionSet, id.as_uuid()),
        Grantee::Profile(id) => SalesforceId::of(Prefix::Profile, id.as_uuid()),
    }
}

pub(super) const CREATE: Operation =
    Operation::new("createSetupEntityAccess", Tag::Salesforce, "Enable a principal for a permission set or a profile")
        .body(&NEW)
        .gives::<Made>(201);

pub(super) async fn create(State(api): State<Arc<Api>>, caller: ApiCaller, body: Body) -> Result<Response, Problem> {
    let (parent, entity) = body.read(NEWEST, read)?;
    let definitions = api.definitions().await?;
    let sets = definitions.permission_sets.iter().map(|set| Grantee::PermissionSet(set.id));
    let mut grantees = sets.chain(definitions.profiles.iter().map(|profile| Grantee::Profile(profile.id)));
    let grantee =
        grantees.find(|grantee| grantee_id(*grantee).is(&parent)).ok_or_else(|| unknown("ParentId", "permission set or profile"))?;
    let principal = definitions.principals.iter().find(|principal| principal_id(principal).is(&entity));
    let principal = principal.ok_or_else(|| unknown("SetupEntityId", "principal of an external credential"))?;
    let access = PrincipalAccess { principal: principal.id, grantee };
    if definitions.principal_access.contains(&access) {
        let detail = format!("duplicate value found: {} is enabled for it already", principal.name);
        return Err(Problem::new(StatusCode::BAD_REQUEST, "already_exists", detail, "nothing is to be done").called("DUPLICATE_VALUE"));
    }
    let (reference, name) = names(&definitions, principal, grantee).ok_or_else(Problem::internal)?;
    let actor = caller.actor();
    grant::add(&api.manage(&actor), &reference, &name).await?;
    api.settle().await;
    Ok(json(StatusCode::CREATED, &Made { id: access_id(&access), success: true, errors: [] }))
}

const NEW: Form = Form {
    name: "SetupEntityAccessToCreate",
    schema: || {
        Schema::object()
            .required("ParentId", Schema::text().saying("Id of the permission set or the profile."))
            .required("SetupEntityId", Schema::text().saying("Id of the principal."))
            .passed_over(SHOWN)
    },
    example: r#"{"ParentId": "0PS000000000000AAA", "SetupEntityId": "0pu000000000000AAA"}"#,
    read: |reader, at| read(reader, at).is_some(),
};

/// What clients add to every record.
const SHOWN: &[&str] = &["attributes"];

fn read(reader: &mut Reader, at: &At<'_>) -> Option<(String, String)> {
    let mut fields = reader.fields(at)?;
    let mut text = |reader: &mut Reader, name| fields.require(reader, name).and_then(|at| reader.text(&at).map(str::to_owned));
    let (parent, entity) = (text(reader, "ParentId"), text(reader, "SetupEntityId"));
    fields.ignore(SHOWN);
    fields.finish(reader);
    Some((parent?, entity?))
}

fn unknown(field: &str, what: &str) -> Problem {
    let detail = format!("{field}: there is no {what} with this id");
    Problem::new(StatusCode::BAD_REQUEST, "id_unknown", detail, "ask for the id with a query, or take it from the external credential")
        .called("INVALID_CROSS_REFERENCE_KEY")
}

fn names(definitions: &Definitions, principal: &Principal, grantee: Grantee) -> Option<(PrincipalReference, GranteeName)> {
    let credential = definitions.external_credentials.iter().find(|known| known.id == principal.external_credential)?;
    let reference = PrincipalReference { external_credential: credential.name.clone(), principal: principal.name.clone() };
    let name = match grantee {
        Grantee::PermissionSet(id) => GranteeName::PermissionSet(definitions.permission_sets.iter().find(|set| set.id == id)?.name.clone()),
        Grantee::Profile(id) => GranteeName::Profile(definitions.profiles.iter().find(|profile| profile.id == id)?.name.clone()),
    };
    Some((reference, name))
}

pub(super) const REMOVE: Operation =
    Operation::new("deleteSetupEntityAccess", Tag::Salesforce, "Disable a principal for a permission set or a profile").gives_nothing();

pub(super) async fn remove(State(api): State<Arc<Api>>, caller: ApiCaller, Path(id): Path<String>) -> Result<Response, Problem> {
    let definitions = api.definitions().await?;
    let access = definitions.principal_access.iter().find(|access| access_id(access).is(&id));
    let access = access.ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "id_unknown", "the requested resource does not exist", "ask for the id with a query")
    })?;
    let principal = definitions.principals.iter().find(|principal| principal.id == access.principal).ok_or_else(Problem::internal)?;
    let (reference, name) = names(&definitions, principal, access.grantee).ok_or_else(Problem::internal)?;
    let actor = caller.actor();
    grant::remove(&api.manage(&actor), &reference, &name).await?;
    api.settle().await;
    Ok(StatusCode::NO_CONTENT.into_response())
}
