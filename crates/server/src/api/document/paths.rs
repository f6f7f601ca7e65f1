//! A route as OpenAPI has it: what follows from its method, its path, its mount and who may use it is said here, once.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::components::{Components, Refusal, reference};
use super::operation::{Answer, Etagged, Needed, Operation, Query};
use super::schema::Schema;
use crate::api::mount::{MountKind, NEWEST, OLDEST};
use crate::api::{Access, Mounts, Route};

/// A place at which a route is.
struct Place {
    kind: MountKind,
    path: String,
    /// From which version on, where the path names one.
    since: Option<u16>,
}

/// Adds every place of a route to the paths.
pub(super) fn add(paths: &mut Map<String, Value>, components: &mut Components, route: &Route) {
    for place in places(route) {
        let item = paths.entry(place.path.clone()).or_insert_with(|| json!({}));
        item[route.method.to_ascii_lowercase()] = operation(components, route, &place);
    }
}

fn places(route: &Route) -> Vec<Place> {
    let own = || Place { kind: MountKind::Own, path: format!("/api/v1{}", route.path), since: None };
    let versioned = |since| {
        let path = format!("/services/data/v{{version}}{}", route.path.trim_end_matches('/'));
        Place { kind: MountKind::Salesforce, path, since: Some(since) }
    };
    match route.mounts {
        Mounts::Own => vec![own()],
        Mounts::Both(since) => vec![own(), versioned(since)],
        // It lists the versions: there is none in front of it.
        Mounts::Salesforce if route.path.starts_with("/services") => {
            vec![Place { kind: MountKind::Salesforce, path: route.path.to_owned(), since: None }]
        }
        Mounts::Salesforce => vec![versioned(OLDEST)],
    }
}

fn operation(components: &mut Components, route: &Route, place: &Place) -> Value {
    let Operation { id, tag, summary, description, body, answers, .. } = route.operation;
    // One that is at both places must be told apart.
    let is_second = matches!((route.mounts, place.kind), (Mounts::Both(_), MountKind::Salesforce));
    let mut described = description.to_owned();
    if let Access::AnyOf(permissions) = route.access {
        let words: Vec<String> = permissions.iter().map(|permission| format!("`{}`", permission.as_str())).collect();
        described = format!("{described} Needs the permission {}.", words.join(" or "));
    }
    let mut operation = json!({
        "operationId": if is_second { format!("{id}OfVersion") } else { id.to_owned() },
        "tags": [tag.name()],
        "summary": summary,
        "security": if route.access == Access::Anybody { json!([]) } else { json!([{ "key": [] }]) },
        "parameters": parameters(route, place),
    });
    if !described.is_empty() {
        operation["description"] = described.trim_start().into();
    }
    if let Some(form) = body {
        let example: Value = serde_json::from_str(form.example).unwrap_or_default();
        let schema = components.of_form(form);
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": schema, "example": example } } });
    }
    let mut responses = Map::new();
    for answer in answers.into_iter().flatten() {
        responses.insert(answer.status.to_string(), success(components, route, answer));
    }
    for refusal in refusals(route, place).iter().filter_map(|status| Refusal::of(*status)) {
        responses.insert(refusal.status.to_string(), reference("responses", &refusal.name(place.kind)));
    }
    operation["responses"] = responses.into();
    operation
}

/// Whether the route changes what is there.
fn is_change(route: &Route) -> bool {
    route.method != "GET"
}

fn parameters(route: &Route, place: &Place) -> Value {
    let mut all = Vec::new();
    if let Some(since) = place.since {
        let versions: Vec<String> = (since..=NEWEST).rev().map(|version| format!("{version}.0")).collect();
        let schema = Schema::word(versions.iter().map(String::as_str)).into_value();
        let description = "The version of the REST API. An older one refuses newer members.";
        all.push(json!({ "name": "version", "in": "path", "required": true, "schema": schema, "description": description }));
    }
    for name in route.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')) {
        let (schema, description) = in_path(name);
        let schema = schema.into_value();
        all.push(json!({ "name": name, "in": "path", "required": true, "schema": schema, "description": description }));
    }
    for Query { name, needed, schema, description } in route.operation.query {
        let (required, schema) = (*needed == Needed::Always, schema().into_value());
        all.push(json!({ "name": name, "in": "query", "required": required, "schema": schema, "description": description }));
    }
    if route.operation.etag == Etagged::Yes && matches!(route.method, "PUT" | "DELETE") {
        all.push(reference("parameters", "IfMatch"));
    }
    if has_idempotency(route) {
        all.push(reference("parameters", "IdempotencyKey"));
    }
    if takes_deputies(route, place) {
        all.push(reference("parameters", "OnBehalfOf"));
    }
    all.into()
}

fn in_path(name: &str) -> (Schema, &'static str) {
    match name {
        "user" => (Schema::user_name(), "Name of the user."),
        "name" => (Schema::name(), "Its name, in any case."),
        "principal" => (Schema::label(), "Name of the principal, in any case."),
        "value" => (Schema::name(), "Name of the value, as definitions have it."),
        _ => (Schema::words().matching("^[0-9A-Za-z]+$"), "Its id."),
    }
}

fn has_idempotency(route: &Route) -> bool {
    route.method == "POST" && route.access != Access::Anybody
}

/// Whether somebody may ask for somebody else: `Sortie-On-Behalf-Of`, as the admission takes it.
fn takes_deputies(route: &Route, place: &Place) -> bool {
    place.kind == MountKind::Own && route.access != Access::Anybody
}

fn success(components: &mut Components, route: &Route, Answer { status, schema }: Answer) -> Value {
    let mut headers = json!({ "Sortie-Request-Id": reference("headers", "RequestId") });
    if route.operation.etag == Etagged::Yes && schema.is_some() {
        headers["ETag"] = reference("headers", "ETag");
    }
    if has_idempotency(route) {
        headers["Idempotency-Replayed"] = reference("headers", "Replayed");
    }
    let description = match status {
        201 => "Made.",
        204 => "Done; there is nothing to say.",
        _ => "Done.",
    };
    let mut response = json!({ "description": description, "headers": headers });
    if let Some(schema) = schema {
        response["content"] = json!({ "application/json": { "schema": schema(components) } });
    }
    response
}

/// What may be refused: by the mount, by the admission, by what reads the body, by `Idempotency-Key` and `If-Match`, and by the operation itself.
fn refusals(route: &Route, place: &Place) -> BTreeSet<u16> {
    let Operation { query, body, etag, refusals, .. } = route.operation;
    let mut all = BTreeSet::from([406, 500, 503]);
    all.extend(refusals);
    if route.access != Access::Anybody {
        all.extend([400, 401, 429]);
    }
    if matches!(route.access, Access::AnyOf(_)) {
        all.insert(403);
    }
    // They may not, or there is no such user.
    if takes_deputies(route, place) {
        all.extend([403, 404]);
    }
    if place.since.is_some() || route.path.contains('{') {
        all.insert(404);
    }
    if !query.is_empty() {
        all.insert(400);
    }
    if body.is_some() {
        all.extend([400, 413, 415]);
    }
    if is_change(route) {
        all.insert(409);
    }
    if has_idempotency(route) {
        all.extend([413, 422]);
    }
    if etag == Etagged::Yes && is_change(route) {
        all.insert(412);
    }
    all
}
