//! `ObjectPermissions` on `UserExternalCredential`: what scripts give at Salesforce beside access to a principal. Here it comes with that access: whoever may use a principal
//! reads and changes what is stored for them. So every permission set and every profile has it, and giving it once more changes nothing.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value, json};
use sortie_model::Grantee;
use sortie_store::Definitions;

use super::access::{Made, grantee_id, grantees, unknown};
use crate::api::connect::{Prefix, SalesforceId};
use crate::api::document::{Form, Operation, Schema, Tag};
use crate::api::json::{At, Body, Reader};
use crate::api::mount::NEWEST;
use crate::api::{Api, Problem, json};

/// The one object that permission can be given on.
pub(super) const OBJECT: &str = "UserExternalCredential";

/// What may be allowed. All of it is, of one's own.
pub(super) const ALLOWED: [&str; 4] = ["PermissionsCreate", "PermissionsRead", "PermissionsEdit", "PermissionsDelete"];

/// What comes with no principal: who sees or changes what others have stored manages credentials.
pub(super) const WITHHELD: [&str; 3] = ["PermissionsViewAllRecords", "PermissionsModifyAllRecords", "PermissionsViewAllFields"];

pub(super) fn rows(definitions: &Definitions) -> impl Iterator<Item = Map<String, Value>> + '_ {
    grantees(definitions).map(|grantee| {
        let mut row = Map::new();
        row.insert("Id".to_owned(), json!(id(grantee)));
        row.insert("ParentId".to_owned(), json!(grantee_id(grantee)));
        row.insert("SobjectType".to_owned(), OBJECT.into());
        row.extend(ALLOWED.map(|name| (name.to_owned(), true.into())));
        row.extend(WITHHELD.map(|name| (name.to_owned(), false.into())));
        row
    })
}

fn id(grantee: Grantee) -> SalesforceId {
    let uuid = match grantee {
        Grantee::PermissionSet(id) => id.as_uuid(),
        Grantee::Profile(id) => id.as_uuid(),
    };
    SalesforceId::of_part(Prefix::ObjectPermissions, uuid, OBJECT)
}

pub(super) const CREATE: Operation =
    Operation::new("createObjectPermissions", Tag::Salesforce, "Give permission on the stored credentials of users")
        .describe("It comes with access to a principal, so that nothing changes. Answered so that scripts which give both go on.")
        .body(&NEW)
        .gives::<Made>(201);

pub(super) async fn create(State(api): State<Arc<Api>>, body: Body) -> Result<Response, Problem> {
    let parent = body.read(NEWEST, read)?;
    let definitions = api.definitions().await?;
    let grantee = grantees(&definitions).find(|grantee| grantee_id(*grantee).is(&parent));
    let grantee = grantee.ok_or_else(|| unknown("ParentId", "permission set or profile"))?;
    Ok(json(StatusCode::CREATED, &Made::of(id(grantee))))
}

const NEW: Form = Form {
    name: "ObjectPermissionsToCreate",
    schema: || {
        let object = Schema::object()
            .required("ParentId", Schema::text().saying("Id of the permission set or the profile."))
            .required("SobjectType", Schema::word([OBJECT]));
        ALLOWED.iter().chain(&WITHHELD).fold(object, |object, name| object.optional(name, Schema::truth())).passed_over(&["attributes"])
    },
    example: r#"{"ParentId": "0PS000000000000AAA", "SobjectType": "UserExternalCredential", "PermissionsCreate": true, "PermissionsRead": true,
        "PermissionsEdit": true, "PermissionsDelete": true, "PermissionsViewAllRecords": false, "PermissionsModifyAllRecords": false, "PermissionsViewAllFields": false}"#,
    read: |reader, at| read(reader, at).is_some(),
};

fn read(reader: &mut Reader, at: &At<'_>) -> Option<String> {
    let mut fields = reader.fields(at)?;
    let parent = fields.require(reader, "ParentId").and_then(|at| reader.text(&at).map(str::to_owned));
    let object = fields.require(reader, "SobjectType").and_then(|at| reader.word(&at, &[OBJECT]));
    for name in ALLOWED.iter().chain(&WITHHELD) {
        if let Some(at) = fields.take(name) {
            reader.truth(&at);
        }
    }
    fields.ignore(&["attributes"]);
    fields.finish(reader);
    object.and(parent)
}
