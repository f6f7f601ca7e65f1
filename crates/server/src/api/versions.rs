//! Which versions of the REST API there are, and where the resources of one begin.

use axum::Extension;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::document::{Components, Operation, Tag};
use super::mount::{Mount, NEWEST, OLDEST};
use super::{Access, Mounts, Route, json};

pub(super) const ROUTES: &[Route] = &[
    // Salesforce answers this one to anybody, and clients ask it before they have a session. It says nothing about us.
    Route {
        method: "GET",
        path: "/services/data",
        mounts: Mounts::Salesforce,
        access: Access::Anybody,
        handler: || get(list),
        operation: LIST,
    },
    Route { method: "GET", path: "/", mounts: Mounts::Salesforce, access: Access::Users, handler: || get(resources), operation: RESOURCES },
];

#[derive(Serialize, ToSchema)]
#[schema(as = RestVersion)]
struct Version {
    label: String,
    url: String,
    version: String,
}

const LIST: Operation = Operation::new("listVersions", Tag::Salesforce, "List the versions of the REST API")
    .gives_value(200, |components| serde_json::json!({ "type": "array", "items": Components::of::<Version>(components) }));

async fn list() -> Response {
    let versions: Vec<Version> = (OLDEST..=NEWEST)
        .map(|version| Version { label: label(version), url: format!("/services/data/v{version}.0"), version: format!("{version}.0") })
        .collect();
    json(StatusCode::OK, &versions)
}

/// Three a year since Winter '23, which was 56.
fn label(version: u16) -> String {
    let since = version - OLDEST;
    format!("{} '{}", ["Winter", "Spring", "Summer"][usize::from(since % 3)], 23 + since / 3)
}

const RESOURCES: Operation = Operation::new("listResources", Tag::Salesforce, "List the resources of a version")
    .gives_value(200, |_| serde_json::json!({ "type": "object", "additionalProperties": { "type": "string" } }));

async fn resources(Extension(mount): Extension<Mount>) -> Response {
    let base = mount.base();
    let named = ["named-credentials", "query", "sobjects"].map(|name| (name, format!("{base}/{name}")));
    json(StatusCode::OK, &std::collections::BTreeMap::from(named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_have_their_names() {
        assert_eq!([56, 58, 59, 67].map(label), ["Winter '23", "Summer '23", "Winter '24", "Summer '26"]);
    }
}
