//! What Salesforce's Connect API has no resource for, in our own words: names in lower case with underscores, a list under the name of what it lists, and `next` where it goes on.

mod access;
mod audit;
mod certificates;
mod definitions;
mod guard;
mod keys;
mod pages;
mod principal_access;
mod providers;
mod state;
mod users;

use axum::routing::{delete, get, patch, post, put};
use sortie_model::SystemPermission::{
    self, CustomizeApplication, ManageCertificates, ManageNamedCredentials, ManageUsers, ViewAudit, ViewSetup,
};

use super::caller::{MANAGERS, VIEWERS};
use super::{Access, Mounts, Route};

const USERS: &[SystemPermission] = &[ManageUsers];
const USER_VIEWERS: &[SystemPermission] = &[ViewSetup, ManageUsers];
const CERTIFICATES: &[SystemPermission] = &[ManageCertificates];
const CERTIFICATE_VIEWERS: &[SystemPermission] = &[ViewSetup, ManageCertificates, ManageNamedCredentials, CustomizeApplication];
const AUDIT: &[SystemPermission] = &[ViewAudit];
/// Whoever manages users gives access with permission sets anyway; whoever manages credentials says who may use them.
const GIVERS: &[SystemPermission] = &[ManageUsers, ManageNamedCredentials, CustomizeApplication];
const GRANT_VIEWERS: &[SystemPermission] = &[ViewSetup, ManageUsers, ManageNamedCredentials, CustomizeApplication];

macro_rules! routes {
    ($($method:literal $path:literal $access:expr => $make:ident($handler:path);)+) => {
        &[$(Route { method: $method, path: $path, mounts: Mounts::Own, access: $access, handler: || $make($handler) }),+]
    };
}

pub(super) const ROUTES: &[Route] = routes! {
    "GET" "/users" Access::AnyOf(USER_VIEWERS) => get(users::list);
    "POST" "/users" Access::AnyOf(USERS) => post(users::create);
    "GET" "/users/{user}" Access::AnyOf(USER_VIEWERS) => get(users::show);
    "PATCH" "/users/{user}" Access::AnyOf(USERS) => patch(users::amend);
    "DELETE" "/users/{user}" Access::AnyOf(USERS) => delete(users::remove);
    "PUT" "/users/{user}/permission-sets/{name}" Access::AnyOf(USERS) => put(users::assign);
    "DELETE" "/users/{user}/permission-sets/{name}" Access::AnyOf(USERS) => delete(users::unassign);
    "GET" "/users/{user}/keys" Access::AnyOf(USER_VIEWERS) => get(keys::list);
    "POST" "/users/{user}/keys" Access::AnyOf(USERS) => post(keys::create);
    "DELETE" "/users/{user}/keys/{id}" Access::AnyOf(USERS) => delete(keys::revoke);
    "GET" "/permission-sets" Access::AnyOf(GRANT_VIEWERS) => get(access::permission_sets::list);
    "POST" "/permission-sets" Access::AnyOf(USERS) => post(access::permission_sets::create);
    "GET" "/permission-sets/{name}" Access::AnyOf(GRANT_VIEWERS) => get(access::permission_sets::show);
    "PUT" "/permission-sets/{name}" Access::AnyOf(USERS) => put(access::permission_sets::replace);
    "DELETE" "/permission-sets/{name}" Access::AnyOf(USERS) => delete(access::permission_sets::remove);
    "GET" "/profiles" Access::AnyOf(GRANT_VIEWERS) => get(access::profiles::list);
    "POST" "/profiles" Access::AnyOf(USERS) => post(access::profiles::create);
    "GET" "/profiles/{name}" Access::AnyOf(GRANT_VIEWERS) => get(access::profiles::show);
    "PUT" "/profiles/{name}" Access::AnyOf(USERS) => put(access::profiles::replace);
    "DELETE" "/profiles/{name}" Access::AnyOf(USERS) => delete(access::profiles::remove);
    "GET" "/principal-access" Access::AnyOf(GRANT_VIEWERS) => get(principal_access::list);
    "POST" "/principal-access" Access::AnyOf(GIVERS) => post(principal_access::give);
    "DELETE" "/principal-access" Access::AnyOf(GIVERS) => delete(principal_access::take);
    "GET" "/certificates" Access::AnyOf(CERTIFICATE_VIEWERS) => get(certificates::list);
    "POST" "/certificates" Access::AnyOf(CERTIFICATES) => post(certificates::create);
    "GET" "/certificates/{name}" Access::AnyOf(CERTIFICATE_VIEWERS) => get(certificates::show);
    "DELETE" "/certificates/{name}" Access::AnyOf(CERTIFICATES) => delete(certificates::remove);
    "GET" "/providers" Access::AnyOf(VIEWERS) => get(providers::list);
    "GET" "/providers/{name}" Access::AnyOf(VIEWERS) => get(providers::show);
    "DELETE" "/providers/{name}" Access::AnyOf(MANAGERS) => delete(providers::remove);
    "PUT" "/providers/{name}/values" Access::AnyOf(MANAGERS) => put(providers::put_values);
    "POST" "/definitions/apply" Access::AnyOf(MANAGERS) => post(definitions::apply);
    "GET" "/audit" Access::AnyOf(AUDIT) => get(audit::list);
    "GET" "/status" Access::AnyOf(VIEWERS) => get(state::list);
    "GET" "/status/{name}" Access::AnyOf(VIEWERS) => get(state::show);
    "GET" "/snapshot" Access::AnyOf(VIEWERS) => get(state::snapshot);
    "POST" "/explain" Access::AnyOf(VIEWERS) => post(state::explain);
    "POST" "/formulas/check" Access::Users => post(state::check_formula);
};
