//! Who asks: the user of an API key. Read from the database each time; nothing here is on the way of a callout.

use aws_lc_rs::constant_time;
use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderName, StatusCode};
use sortie_model::{SystemPermission, SystemPermissions, UserId, UserName};
use sortie_store::{ReadError, StoredCaller, StoredUser};

use super::Problem;
use super::mount::{Mount, MountKind};
use super::routes::not_permitted;
use crate::connect::Person;
use crate::manage::UnknownName;
use crate::manage::apply::Asker;
use crate::manage::key::KeyText;
use crate::node::Node;

/// Either lets a user manage credentials.
pub(super) const MANAGERS: &[SystemPermission] = &[SystemPermission::ManageNamedCredentials, SystemPermission::CustomizeApplication];

/// Who sees definitions: whoever changes them, too.
pub(super) const VIEWERS: &[SystemPermission] =
    &[SystemPermission::ViewSetup, SystemPermission::ManageNamedCredentials, SystemPermission::CustomizeApplication];

/// A user who has proven who they are, and what they may administer. A handler gets one from the route's admission.
#[derive(Clone)]
pub(super) struct ApiCaller {
    /// As whom.
    pub(super) user: StoredUser,
    pub(super) permissions: SystemPermissions,
    /// Who asks, where that is somebody else.
    behalf: Option<(UserId, UserName)>,
}

/// Names the user for whom somebody asks who may (`act_on_behalf`). Only at our own mount, and nowhere at the gateway (AZ-08).
const ON_BEHALF_OF: HeaderName = HeaderName::from_static("sortie-on-behalf-of");

impl ApiCaller {
    /// For the audit.
    pub(super) fn actor(&self) -> String {
        match &self.behalf {
            Some((_, asking)) => format!("user:{asking} for {}", self.user.user.name),
            None => format!("user:{}", self.user.user.name),
        }
    }

    /// Who asks, whoever it is for: what they store is known to them.
    pub(super) fn asking(&self) -> UserId {
        self.behalf.as_ref().map_or(self.user.user.id, |(asking, _)| *asking)
    }

    /// Whether one of these permissions is held.
    pub(super) fn may(&self, any_of: &[SystemPermission]) -> bool {
        any_of.iter().any(|permission| self.permissions.contains(permission))
    }

    /// As whoever changes where secrets go.
    pub(super) fn asker(&self) -> Asker {
        Asker { user: self.asking(), manages_certificates: self.may(&[SystemPermission::ManageCertificates]) }
    }

    /// As whoever logs in somewhere.
    pub(super) fn person(&self) -> Person<'_> {
        Person::User { user: &self.user, permissions: &self.permissions, by: self.behalf.as_ref().map(|(_, asking)| asking) }
    }

    /// Finds out who asks.
    pub(super) async fn identify(node: &Node, headers: &HeaderMap) -> Result<Self, Problem> {
        let key = presented(headers)?.and_then(KeyText::parse).ok_or_else(Problem::unauthenticated)?;
        let stored = node.house().store().caller_by_key(key.id()).await.map_err(|error| unavailable(&error))?;
        // A key that does not exist costs the same as one whose secret is wrong (AUTH-02).
        let secret_hash = stored.as_ref().map_or([0; 32], |stored| stored.key.secret_hash);
        let is_same = constant_time::verify_slices_are_equal(&key.secret_hash(), &secret_hash).is_ok();
        let now = node.world().now();
        let is_good = |stored: &StoredCaller| {
            let StoredCaller { key, user, .. } = stored;
            key.revoked_at.is_none() && key.expires_at.is_none_or(|expires_at| now < expires_at) && user.is_active
        };
        let stored = stored.filter(|stored| is_same && is_good(stored)).ok_or_else(Problem::unauthenticated)?;
        let StoredCaller { user, profile_name, permission_sets, key: _ } = stored;
        let permissions = node.house().store().users().system_permissions(user.id).await.map_err(|error| unavailable(&error))?;
        Ok(Self { user: StoredUser { user, profile_name, permission_sets }, permissions, behalf: None })
    }

    /// The user of the header that names one, with what they may and nothing of what the caller may besides. They hold no system permission that the caller
    /// does not; the principals that are theirs come with them, which is what acting for somebody is for.
    pub(super) async fn for_whom(self, node: &Node, mount: Mount, headers: &HeaderMap) -> Result<Self, Problem> {
        let mut named = headers.get_all(ON_BEHALF_OF).iter();
        let (Some(first), second) = (named.next(), named.next()) else { return Ok(self) };
        let name = first.to_str().ok().and_then(|text| UserName::parse(text).ok());
        let wrong =
            |next_step| Problem::new(StatusCode::BAD_REQUEST, "header_invalid", "`Sortie-On-Behalf-Of` cannot be used so", next_step);
        let name = name.filter(|_| second.is_none()).ok_or_else(|| wrong("send it once, with the name of a user"))?;
        if mount.kind != MountKind::Own {
            return Err(wrong("use the same resource below /api/v1"));
        }
        // For themselves anybody asks.
        if name == self.user.user.name {
            return Ok(self);
        }
        if !self.may(&[SystemPermission::ActOnBehalf]) {
            return Err(not_permitted(&[SystemPermission::ActOnBehalf]));
        }
        let store = node.house().store();
        let user = store.caller_by_user(&name).await.map_err(|error| unavailable(&error))?.filter(|user| user.user.is_active);
        let user = user.ok_or_else(|| UnknownName::new("user", &name))?;
        let permissions = store.users().system_permissions(user.user.id).await.map_err(|error| unavailable(&error))?;
        if !permissions.is_subset(&self.permissions) {
            let detail = format!("{name} may do what you may not");
            return Err(Problem::new(StatusCode::FORBIDDEN, "permission_beyond_own", detail, "ask somebody who has the same permissions"));
        }
        Ok(Self { user, permissions, behalf: Some((self.user.user.id, self.user.user.name)) })
    }
}

pub(super) fn unavailable(error: &ReadError) -> Problem {
    tracing::error!(code = error.code(), "the database cannot be read for the API: {error}");
    let next_step = "try again; the operator must bring the database back";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", "the database cannot be reached", next_step)
}

impl<S: Send + Sync> FromRequestParts<S> for ApiCaller {
    type Rejection = Problem;

    /// Nobody but the admission puts one there: a route without it refuses everybody.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::unauthenticated)
    }
}

/// The key in the one header where it may be: never in a cookie, a query or a form (AUTH-05), and not twice (AUTH-06).
fn presented(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "header_invalid", "the API key is given twice", "send it once"));
    }
    let scheme_and_key = first.and_then(|value| value.to_str().ok()).and_then(|text| text.split_once(' '));
    Ok(scheme_and_key.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer")).map(|(_, key)| key.trim_start()))
}
