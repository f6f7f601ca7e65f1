//! `GET query?q=…`: permission sets, profiles, and which of them enable which principals.

use std::cmp::Ordering;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Query as HttpQuery, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value, json};
use sortie_model::Grantee;
use sortie_store::Definitions;

use super::access::{access_id, grantee_id};
use super::object_permissions;
use super::soql::Query;
use crate::api::connect::{principal_id, salesforce_id_of_credential};
use crate::api::document::{Needed, Operation, Query as Parameter, Schema, Tag};
use crate::api::mount::Mount;
use crate::api::{Api, Problem, json as answer};

pub(super) const QUERY: Operation =
    Operation::new("query", Tag::Salesforce, "Ask for permission sets, profiles, external credentials, and access")
        .describe("SOQL, as far as `SELECT … FROM … WHERE … = … AND … IN (…) ORDER BY … DESC LIMIT n`.")
        .query(&[QUESTION])
        .gives_value(200, |_| answered());

pub(super) async fn query(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    HttpQuery(query): HttpQuery<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let text = query.iter().find(|(name, _)| name == "q").map(|(_, text)| text.as_str()).unwrap_or_default();
    let question = Query::parse(text).map_err(|message| wrong("query_malformed", message, "MALFORMED_QUERY"))?;
    let definitions = api.definitions().await?;
    let (object, rows) = rows(&definitions, &question.object).ok_or_else(|| {
        let message = format!("sObject type '{:.80}' is not supported", question.object);
        wrong("object_unknown", message, "INVALID_TYPE")
    })?;
    let known = columns(object);
    let column = |name: &str| known.iter().copied().find(|known| known.eq_ignore_ascii_case(name));
    let column = |name: &String| {
        let message = || wrong("field_unknown", format!("No such column '{name:.80}' on entity '{object}'"), "INVALID_FIELD");
        column(name).ok_or_else(message)
    };
    let fields = question.fields.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let conditions = question.conditions.iter().map(|condition| column(&condition.field)).collect::<Result<Vec<_>, _>>()?;
    let order = question.order.iter().map(|order| Ok((column(&order.field)?, order.is_descending)));
    let order = order.collect::<Result<Vec<_>, Problem>>()?;
    let holds = |row: &Map<String, Value>| {
        question.conditions.iter().zip(&conditions).all(|(condition, column)| condition.values.iter().any(|value| is(row, column, value)))
    };
    let mut rows: Vec<_> = rows.into_iter().filter(holds).collect();
    rows.sort_by(|one, other| in_order(&order, one, other));
    rows.truncate(question.limit.unwrap_or(usize::MAX));
    let records: Vec<Value> = rows.iter().map(|row| record(object, mount, &fields, row)).collect();
    Ok(answer(StatusCode::OK, &json!({ "totalSize": records.len(), "done": true, "records": records })))
}

const QUESTION: Parameter = Parameter {
    name: "q",
    needed: Needed::Always,
    schema: Schema::words,
    description: "`SELECT Id, Name FROM PermissionSet WHERE Name = 'Callers'`.",
};

fn answered() -> Value {
    let record = json!({ "type": "object", "properties": { "attributes": { "type": "object" } }, "required": ["attributes"] });
    json!({
        "type": "object",
        "properties": {
            "totalSize": { "type": "integer" },
            "done": { "type": "boolean", "const": true },
            "records": { "type": "array", "items": record, "description": "With the fields that were selected." },
        },
        "required": ["totalSize", "done", "records"],
    })
}

fn wrong(code: &'static str, message: String, error_code: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code, message, "correct the query").called(error_code)
}

/// Texts are compared without regard to case, as there; ids in both their forms.
fn is(row: &Map<String, Value>, column: &str, wanted: &str) -> bool {
    match &row[column] {
        Value::Bool(truth) => truth.to_string() == wanted,
        Value::String(text) if column.ends_with("Id") => text == wanted || (wanted.len() == 15 && text.starts_with(wanted)),
        Value::String(text) => text.eq_ignore_ascii_case(wanted),
        _ => false,
    }
}

/// Texts without regard to case, as there; false before true.
fn in_order(order: &[(&str, bool)], one: &Map<String, Value>, other: &Map<String, Value>) -> Ordering {
    let key = |value: &Value| match value {
        Value::Bool(truth) => truth.to_string(),
        Value::String(text) => text.to_lowercase(),
        _ => String::new(),
    };
    order.iter().fold(Ordering::Equal, |so_far, (column, is_descending)| {
        let next = key(&one[*column]).cmp(&key(&other[*column]));
        so_far.then(if *is_descending { next.reverse() } else { next })
    })
}

fn record(object: &str, mount: Mount, fields: &[&str], row: &Map<String, Value>) -> Value {
    let id = row["Id"].as_str().unwrap_or_default();
    let mut record = Map::new();
    record.insert("attributes".to_owned(), json!({ "type": object, "url": format!("{}/sobjects/{object}/{id}", mount.base()) }));
    for field in fields {
        record.insert((*field).to_owned(), row[*field].clone());
    }
    Value::Object(record)
}

fn columns(object: &str) -> &'static [&'static str] {
    match object {
        "PermissionSet" => &["Id", "Name", "Label", "Description", "IsOwnedByProfile"],
        "Profile" => &["Id", "Name", "Description"],
        "SetupEntityAccess" => &["Id", "ParentId", "SetupEntityId", "SetupEntityType"],
        "ObjectPermissions" => &[
            "Id",
            "ParentId",
            "SobjectType",
            "PermissionsCreate",
            "PermissionsRead",
            "PermissionsEdit",
            "PermissionsDelete",
            "PermissionsViewAllRecords",
            "PermissionsModifyAllRecords",
            "PermissionsViewAllFields",
        ],
        "ExternalCredential" => &["Id", "DeveloperName", "MasterLabel"],
        _ => &[],
    }
}

/// The rows of an object, and its name as it is written.
fn rows(definitions: &Definitions, object: &str) -> Option<(&'static str, Vec<Map<String, Value>>)> {
    let row = |value: Value| if let Value::Object(row) = value { row } else { Map::new() };
    let is = |name: &str| object.eq_ignore_ascii_case(name);
    if is("PermissionSet") {
        let rows = definitions.permission_sets.iter().map(|set| {
            let id = grantee_id(Grantee::PermissionSet(set.id));
            row(json!({ "Id": id, "Name": set.name, "Label": set.label, "Description": set.description, "IsOwnedByProfile": false }))
        });
        return Some(("PermissionSet", rows.collect()));
    }
    if is("Profile") {
        let rows = definitions.profiles.iter().map(|profile| {
            row(json!({ "Id": grantee_id(Grantee::Profile(profile.id)), "Name": profile.name, "Description": profile.description }))
        });
        return Some(("Profile", rows.collect()));
    }
    if is("SetupEntityAccess") {
        let rows = definitions.principal_access.iter().filter_map(|access| {
            let principal = definitions.principals.iter().find(|principal| principal.id == access.principal)?;
            Some(row(json!({ "Id": access_id(access), "ParentId": grantee_id(access.grantee), "SetupEntityId": principal_id(principal),
                "SetupEntityType": "ExternalCredentialParameter" })))
        });
        return Some(("SetupEntityAccess", rows.collect()));
    }
    if is("ObjectPermissions") {
        return Some(("ObjectPermissions", object_permissions::rows(definitions).collect()));
    }
    if is("ExternalCredential") {
        let rows = definitions.external_credentials.iter().map(|credential| {
            row(json!({ "Id": salesforce_id_of_credential(credential), "DeveloperName": credential.name, "MasterLabel": credential.label }))
        });
        return Some(("ExternalCredential", rows.collect()));
    }
    None
}
