//! The resources of Salesforce's Connect REST API for named credentials, in its shapes. One file or folder a resource; what the documents leave open is decided
//! in `docs/decisions/0009-management-api.md`.

mod auth_url;
mod credential;
mod etag;
mod external_credential;
mod identity_provider;
mod named_credential;
mod place;
mod salesforce_id;
mod store;
mod words;

pub(super) use etag::{Etag, changed};
pub(super) use external_credential::{credential_id as salesforce_id_of_credential, principal_id};
pub(super) use place::has_access;
pub(super) use salesforce_id::{Prefix, SalesforceId};
pub(super) use store::{Pointers, Wanted, refused, store};

use axum::routing::{delete, get, patch, post, put};

use self::external_credential::ExternalCredentials;
use self::identity_provider::IdentityProviders;
use self::named_credential::NamedCredentials;
use super::caller::{MANAGERS, VIEWERS};
use super::{Access, Mounts, Route, resource};

/// The routes, with the version of the REST API that each came with.
pub(super) const ROUTES: &[Route] = &[
    // Whose credentials they are decides who may: `place` looks.
    Route {
        method: "GET",
        path: CREDENTIAL,
        mounts: Mounts::Both(56),
        access: Access::Users,
        handler: || get(credential::show),
        operation: credential::SHOW,
    },
    Route {
        method: "POST",
        path: CREDENTIAL,
        mounts: Mounts::Both(56),
        access: Access::Users,
        handler: || post(credential::create),
        operation: credential::CREATE,
    },
    Route {
        method: "PUT",
        path: CREDENTIAL,
        mounts: Mounts::Both(56),
        access: Access::Users,
        handler: || put(credential::replace),
        operation: credential::REPLACE,
    },
    Route {
        method: "PATCH",
        path: CREDENTIAL,
        mounts: Mounts::Both(59),
        access: Access::AnyOf(MANAGERS),
        handler: || patch(credential::amend),
        operation: credential::AMEND,
    },
    Route {
        method: "DELETE",
        path: CREDENTIAL,
        mounts: Mounts::Both(56),
        access: Access::Users,
        handler: || delete(credential::remove),
        operation: credential::REMOVE,
    },
    Route {
        method: "POST",
        path: AUTH_URL,
        mounts: Mounts::Both(56),
        access: Access::Users,
        handler: || post(auth_url::begin),
        operation: auth_url::BEGIN,
    },
    // Without View Setup one sees what one may use, and less of it.
    Route {
        method: "GET",
        path: EXTERNAL_CREDENTIALS,
        mounts: Mounts::Both(56),
        access: Access::Users,
        handler: || get(external_credential::list),
        operation: external_credential::LIST,
    },
    Route {
        method: "GET",
        path: EXTERNAL_CREDENTIAL,
        mounts: Mounts::Both(56),
        access: Access::Users,
        handler: || get(resource::show::<ExternalCredentials>),
        operation: external_credential::SHOW,
    },
    Route {
        method: "POST",
        path: EXTERNAL_CREDENTIALS,
        mounts: Mounts::Both(58),
        access: Access::AnyOf(MANAGERS),
        handler: || post(resource::create::<ExternalCredentials>),
        operation: external_credential::CREATE,
    },
    Route {
        method: "PUT",
        path: EXTERNAL_CREDENTIAL,
        mounts: Mounts::Both(58),
        access: Access::AnyOf(MANAGERS),
        handler: || put(resource::replace::<ExternalCredentials>),
        operation: external_credential::REPLACE,
    },
    Route {
        method: "DELETE",
        path: EXTERNAL_CREDENTIAL,
        mounts: Mounts::Both(58),
        access: Access::AnyOf(MANAGERS),
        handler: || delete(resource::remove::<ExternalCredentials>),
        operation: external_credential::REMOVE,
    },
    Route {
        method: "GET",
        path: NAMED_CREDENTIALS,
        mounts: Mounts::Both(58),
        access: Access::AnyOf(VIEWERS),
        handler: || get(named_credential::list),
        operation: named_credential::LIST,
    },
    Route {
        method: "POST",
        path: NAMED_CREDENTIALS,
        mounts: Mounts::Both(58),
        access: Access::AnyOf(MANAGERS),
        handler: || post(resource::create::<NamedCredentials>),
        operation: named_credential::CREATE,
    },
    Route {
        method: "GET",
        path: NAMED_CREDENTIAL,
        mounts: Mounts::Both(58),
        access: Access::AnyOf(VIEWERS),
        handler: || get(resource::show::<NamedCredentials>),
        operation: named_credential::SHOW,
    },
    Route {
        method: "PUT",
        path: NAMED_CREDENTIAL,
        mounts: Mounts::Both(58),
        access: Access::AnyOf(MANAGERS),
        handler: || put(resource::replace::<NamedCredentials>),
        operation: named_credential::REPLACE,
    },
    Route {
        method: "DELETE",
        path: NAMED_CREDENTIAL,
        mounts: Mounts::Both(58),
        access: Access::AnyOf(MANAGERS),
        handler: || delete(resource::remove::<NamedCredentials>),
        operation: named_credential::REMOVE,
    },
    Route {
        method: "GET",
        path: PROVIDERS,
        mounts: Mounts::Both(62),
        access: Access::AnyOf(VIEWERS),
        handler: || get(identity_provider::list),
        operation: identity_provider::LIST,
    },
    Route {
        method: "POST",
        path: PROVIDERS,
        mounts: Mounts::Both(62),
        access: Access::AnyOf(MANAGERS),
        handler: || post(resource::create::<IdentityProviders>),
        operation: identity_provider::CREATE,
    },
    Route {
        method: "GET",
        path: PROVIDER,
        mounts: Mounts::Both(62),
        access: Access::AnyOf(VIEWERS),
        handler: || get(resource::show::<IdentityProviders>),
        operation: identity_provider::SHOW,
    },
    Route {
        method: "PUT",
        path: PROVIDER,
        mounts: Mounts::Both(62),
        access: Access::AnyOf(MANAGERS),
        handler: || put(resource::replace::<IdentityProviders>),
        operation: identity_provider::REPLACE,
    },
    Route {
        method: "DELETE",
        path: PROVIDER,
        mounts: Mounts::Both(62),
        access: Access::AnyOf(MANAGERS),
        handler: || delete(resource::remove::<IdentityProviders>),
        operation: identity_provider::REMOVE,
    },
    Route {
        method: "GET",
        path: PROVIDER_CREDENTIALS,
        mounts: Mounts::Both(62),
        access: Access::AnyOf(VIEWERS),
        handler: || get(identity_provider::show_credentials),
        operation: identity_provider::SHOW_CREDENTIALS,
    },
    Route {
        method: "POST",
        path: PROVIDER_CREDENTIALS,
        mounts: Mounts::Both(62),
        access: Access::AnyOf(MANAGERS),
        handler: || post(identity_provider::create_credentials),
        operation: identity_provider::CREATE_CREDENTIALS,
    },
    Route {
        method: "PUT",
        path: PROVIDER_CREDENTIALS,
        mounts: Mounts::Both(62),
        access: Access::AnyOf(MANAGERS),
        handler: || put(identity_provider::replace_credentials),
        operation: identity_provider::REPLACE_CREDENTIALS,
    },
];

const NAMED_CREDENTIALS: &str = "/named-credentials/named-credential-setup";
const NAMED_CREDENTIAL: &str = "/named-credentials/named-credential-setup/{name}";
const PROVIDERS: &str = "/named-credentials/external-auth-identity-providers";
const PROVIDER: &str = "/named-credentials/external-auth-identity-providers/{name}";
/// A sibling, not a child: so it is in Salesforce.
const PROVIDER_CREDENTIALS: &str = "/named-credentials/external-auth-identity-provider-credentials/{name}";
const EXTERNAL_CREDENTIALS: &str = "/named-credentials/external-credentials";
const EXTERNAL_CREDENTIAL: &str = "/named-credentials/external-credentials/{name}";
const CREDENTIAL: &str = "/named-credentials/credential";
const AUTH_URL: &str = "/named-credentials/credential/auth-url/o-auth";
