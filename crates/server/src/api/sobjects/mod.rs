//! As much of the wider REST API of Salesforce as a script needs that gives access to a principal: it asks for a permission set's id, and inserts a `SetupEntityAccess`.

mod access;
mod query;
mod soql;

use axum::routing::{delete, get, post};
use sortie_model::SystemPermission::{self, CustomizeApplication, ManageNamedCredentials, ManageUsers, ViewSetup};

use super::{Access, Mounts, Route};

const GIVERS: &[SystemPermission] = &[ManageUsers, ManageNamedCredentials, CustomizeApplication];
const SEEING: &[SystemPermission] = &[ViewSetup, ManageUsers, ManageNamedCredentials, CustomizeApplication];

/// The routes.
pub(super) const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/query",
        mounts: Mounts::Salesforce,
        access: Access::AnyOf(SEEING),
        handler: || get(query::query),
        operation: query::QUERY,
    },
    Route {
        method: "POST",
        path: "/sobjects/SetupEntityAccess",
        mounts: Mounts::Salesforce,
        access: Access::AnyOf(GIVERS),
        handler: || post(access::create),
        operation: access::CREATE,
    },
    Route {
        method: "DELETE",
        path: "/sobjects/SetupEntityAccess/{id}",
        mounts: Mounts::Salesforce,
        access: Access::AnyOf(GIVERS),
        handler: || delete(access::remove),
        operation: access::REMOVE,
    },
];
