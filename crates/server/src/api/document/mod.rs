//! The OpenAPI document of this API: made of the table of routes, of what each route says of itself, and of the types that are answered. It is the same on every node and in the
//! repository (`docs/reference/openapi.json`).

mod components;
mod operation;
mod paths;
mod schema;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

pub(super) use components::Components;
pub(super) use operation::{Form, Needed, Operation, Query, Tag};
pub(super) use schema::Schema;

use super::{Access, Mounts, Route, routes};

/// Whoever can reach the listener reads it: it says nothing about this server, and what makes clients of it sends no key.
pub(super) const ROUTES: &[Route] = &[Route {
    method: "GET",
    path: "/openapi.json",
    mounts: Mounts::Own,
    access: Access::Anybody,
    handler: || get(show),
    operation: Operation::new("showDocument", Tag::State, "Show this document")
        .describe("An OpenAPI 3.1 document of every operation. It is the same on every server of this version.")
        .gives_value(200, |_| json!({ "type": "object" })),
}];

const DESCRIPTION: &str = "Everything that Sortie's command line does, over HTTP. Below `/api/v1` a refusal is a problem of RFC 9457; below `/services/data`, where \
clients of Salesforce's REST API expect the same resources, it is Salesforce's list of errors. Bodies are JSON in UTF-8, of at most 1 MiB; unknown members are refused; a \
member that may be left out may be `null`.";

/// The document.
pub fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(made)
}

/// The document as it is written.
pub fn document_text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| format!("{:#}\n", document()))
}

fn made() -> Value {
    let (mut paths, mut components) = (Map::new(), Components::default());
    for route in routes() {
        paths::add(&mut paths, &mut components, route);
    }
    let tags: Vec<Value> = Tag::ALL.iter().map(|(_, name, description)| json!({ "name": name, "description": description })).collect();
    json!({
        "openapi": "3.1.0",
        // The API's, not the program's: which version of the program answers is nobody's business.
        "info": { "title": "Sortie management API", "version": "1", "description": DESCRIPTION },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": components.into_value(),
    })
}

async fn show() -> Response {
    ([(CONTENT_TYPE, "application/json")], document_text()).into_response()
}
