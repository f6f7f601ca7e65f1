//! What Salesforce's Connect API has no resource for, in our own words: names in lower case with underscores, a list under the name of what it lists, and `next` where it goes on.

mod access;
mod audit;
mod certificates;
mod definitions;
mod discoveries;
mod formulas;
mod guard;
mod identities;
mod keys;
mod logins;
mod pages;
mod passwords;
mod place;
mod principal_access;
mod provider_values;
mod providers;
mod state;
mod users;
mod values;
mod verification;

use axum::routing::{delete, get, patch, post, put};
use sortie_model::SystemPermission::{
    self, CustomizeApplication, ManageCertificates, ManageNamedCredentials, ManageUsers, ViewAudit, ViewSetup,
};

use self::certificates::{imports, requests, versions};
use super::caller::{MANAGERS, VIEWERS};
use super::{Access, Mounts, Route, resource};

const USERS: &[SystemPermission] = &[ManageUsers];
const USER_VIEWERS: &[SystemPermission] = &[ViewSetup, ManageUsers];
const CERTIFICATES: &[SystemPermission] = &[ManageCertificates];
const CERTIFICATE_VIEWERS: &[SystemPermission] = &[ViewSetup, ManageCertificates, ManageNamedCredentials, CustomizeApplication];
const AUDIT: &[SystemPermission] = &[ViewAudit];
/// Whoever manages users gives access with permission sets anyway; whoever manages credentials says who may use them.
const GIVERS: &[SystemPermission] = &[ManageUsers, ManageNamedCredentials, CustomizeApplication];
const GRANT_VIEWERS: &[SystemPermission] = &[ViewSetup, ManageUsers, ManageNamedCredentials, CustomizeApplication];

macro_rules! routes {
    ($($method:literal $path:literal $access:expr => $make:ident($handler:path), $operation:path;)+) => {
        &[$(Route { method: $method, path: $path, mounts: Mounts::Own, access: $access, handler: || $make($handler), operation: $operation }),+]
    };
}

pub(super) const ROUTES: &[Route] = routes! {
    "GET" "/users" Access::AnyOf(USER_VIEWERS) => get(users::list), users::LIST;
    "POST" "/users" Access::AnyOf(USERS) => post(users::create), users::CREATE;
    "GET" "/users/{user}" Access::AnyOf(USER_VIEWERS) => get(users::show), users::SHOW;
    "PATCH" "/users/{user}" Access::AnyOf(USERS) => patch(users::amend), users::AMEND;
    "DELETE" "/users/{user}" Access::AnyOf(USERS) => delete(users::remove), users::REMOVE;
    "PUT" "/users/{user}/permission-sets/{name}" Access::AnyOf(USERS) => put(users::assign), users::ASSIGN;
    "DELETE" "/users/{user}/permission-sets/{name}" Access::AnyOf(USERS) => delete(users::unassign), users::UNASSIGN;
    "PUT" "/users/{user}/password" Access::AnyOf(USERS) => put(passwords::set), passwords::SET;
    "DELETE" "/users/{user}/password" Access::AnyOf(USERS) => delete(passwords::remove), passwords::REMOVE;
    "DELETE" "/users/{user}/identities" Access::AnyOf(USERS) => delete(identities::unlink), identities::UNLINK;
    "GET" "/users/{user}/keys" Access::AnyOf(USER_VIEWERS) => get(keys::list), keys::LIST;
    "POST" "/users/{user}/keys" Access::AnyOf(USERS) => post(keys::create), keys::CREATE;
    "DELETE" "/users/{user}/keys/{id}" Access::AnyOf(USERS) => delete(keys::revoke), keys::REVOKE;
    "GET" "/keys/{id}" Access::AnyOf(USER_VIEWERS) => get(keys::show), keys::SHOW;
    "GET" "/permission-sets" Access::AnyOf(GRANT_VIEWERS) => get(access::permission_sets::list), access::permission_sets::LIST;
    "POST" "/permission-sets" Access::AnyOf(USERS) => post(resource::create::<access::permission_sets::Definition>), access::permission_sets::CREATE;
    "GET" "/permission-sets/{name}" Access::AnyOf(GRANT_VIEWERS) => get(resource::show::<access::permission_sets::Definition>), access::permission_sets::SHOW;
    "PUT" "/permission-sets/{name}" Access::AnyOf(USERS) => put(resource::replace::<access::permission_sets::Definition>), access::permission_sets::REPLACE;
    "DELETE" "/permission-sets/{name}" Access::AnyOf(USERS) => delete(resource::remove::<access::permission_sets::Definition>), access::permission_sets::REMOVE;
    "GET" "/profiles" Access::AnyOf(GRANT_VIEWERS) => get(access::profiles::list), access::profiles::LIST;
    "POST" "/profiles" Access::AnyOf(USERS) => post(resource::create::<access::profiles::Definition>), access::profiles::CREATE;
    "GET" "/profiles/{name}" Access::AnyOf(GRANT_VIEWERS) => get(resource::show::<access::profiles::Definition>), access::profiles::SHOW;
    "PUT" "/profiles/{name}" Access::AnyOf(USERS) => put(resource::replace::<access::profiles::Definition>), access::profiles::REPLACE;
    "DELETE" "/profiles/{name}" Access::AnyOf(USERS) => delete(resource::remove::<access::profiles::Definition>), access::profiles::REMOVE;
    "GET" "/principal-access" Access::AnyOf(GRANT_VIEWERS) => get(principal_access::list), principal_access::LIST;
    "POST" "/principal-access" Access::AnyOf(GIVERS) => post(principal_access::give), principal_access::GIVE;
    "DELETE" "/principal-access" Access::AnyOf(GIVERS) => delete(principal_access::take), principal_access::TAKE;
    // Whose values they are decides who may: `place` looks.
    "GET" "/external-credentials/{name}/principals/{principal}/values" Access::Users => get(values::list), values::LIST;
    "PUT" "/external-credentials/{name}/principals/{principal}/values/{value}" Access::Users => put(values::set), values::SET;
    "DELETE" "/external-credentials/{name}/principals/{principal}/values/{value}" Access::Users => delete(values::remove), values::REMOVE;
    "GET" "/external-credentials/{name}/principals/{principal}/login" Access::Users => get(logins::show), logins::SHOW;
    "DELETE" "/external-credentials/{name}/principals/{principal}/login" Access::Users => delete(logins::revoke), logins::REVOKE;
    "GET" "/certificates" Access::AnyOf(CERTIFICATE_VIEWERS) => get(certificates::list), certificates::LIST;
    "POST" "/certificates" Access::AnyOf(CERTIFICATES) => post(certificates::create), certificates::CREATE;
    "GET" "/certificates/{name}" Access::AnyOf(CERTIFICATE_VIEWERS) => get(certificates::show), certificates::SHOW;
    "DELETE" "/certificates/{name}" Access::AnyOf(CERTIFICATES) => delete(certificates::remove), certificates::REMOVE;
    "PUT" "/certificates/{name}/chain" Access::AnyOf(CERTIFICATES) => put(requests::install), requests::INSTALL;
    "GET" "/certificates/{name}/chain" Access::AnyOf(CERTIFICATE_VIEWERS) => get(versions::chain), versions::CHAIN;
    "GET" "/certificates/{name}/request" Access::AnyOf(CERTIFICATE_VIEWERS) => get(requests::show), requests::SHOW;
    "POST" "/certificates/{name}/renewals" Access::AnyOf(CERTIFICATES) => post(versions::renew), versions::RENEW;
    "POST" "/certificates/{name}/imports" Access::AnyOf(CERTIFICATES) => post(imports::renew), imports::RENEW;
    "DELETE" "/certificates/{name}/versions/{version}" Access::AnyOf(CERTIFICATES) => delete(versions::retire), versions::RETIRE;
    "POST" "/certificate-requests" Access::AnyOf(CERTIFICATES) => post(requests::create), requests::CREATE;
    "POST" "/certificate-imports" Access::AnyOf(CERTIFICATES) => post(imports::create), imports::CREATE;
    "GET" "/providers" Access::AnyOf(VIEWERS) => get(providers::list), providers::LIST;
    "GET" "/providers/{name}" Access::AnyOf(VIEWERS) => get(providers::show), providers::SHOW;
    "DELETE" "/providers/{name}" Access::AnyOf(MANAGERS) => delete(providers::remove), providers::REMOVE;
    "GET" "/providers/{name}/values" Access::AnyOf(VIEWERS) => get(provider_values::list), provider_values::LIST;
    "PUT" "/providers/{name}/values/{value}" Access::AnyOf(MANAGERS) => put(provider_values::set), provider_values::SET;
    "DELETE" "/providers/{name}/values/{value}" Access::AnyOf(MANAGERS) => delete(provider_values::remove), provider_values::REMOVE;
    "PUT" "/providers/{name}/values" Access::AnyOf(MANAGERS) => put(providers::put_values), providers::PUT_VALUES;
    "POST" "/provider-discoveries" Access::AnyOf(MANAGERS) => post(discoveries::discover), discoveries::DISCOVER;
    "POST" "/definitions/apply" Access::AnyOf(MANAGERS) => post(definitions::apply), definitions::APPLY;
    "GET" "/audit" Access::AnyOf(AUDIT) => get(audit::list), audit::LIST;
    "GET" "/audit/verification" Access::AnyOf(AUDIT) => get(verification::show), verification::VERIFY;
    "GET" "/status" Access::AnyOf(VIEWERS) => get(state::list), state::LIST;
    "GET" "/status/{name}" Access::AnyOf(VIEWERS) => get(state::show), state::SHOW;
    "GET" "/snapshot" Access::AnyOf(VIEWERS) => get(state::snapshot), state::SNAPSHOT;
    "POST" "/explain" Access::AnyOf(VIEWERS) => post(state::explain), state::EXPLAIN;
    "POST" "/formulas/check" Access::Users => post(formulas::check_formula), formulas::CHECK;
    "POST" "/formulas/evaluate" Access::AnyOf(VIEWERS) => post(formulas::evaluate), formulas::EVALUATE;
};
