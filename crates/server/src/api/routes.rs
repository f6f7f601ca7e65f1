//! Every route, with what it needs. The table makes the router: there is no way to a handler that does not pass [`admit`].

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;
use http::{HeaderMap, StatusCode};
use sortie_model::SystemPermission;

use super::caller::ApiCaller;
use super::document::Operation;
use super::mount::{Mount, MountKind};
use super::{Api, Problem, idempotency};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Whoever can reach it.
    Anybody,
    /// Whoever has a key. What they see and do is their own, or the handler looks closer.
    Users,
    /// Whoever has one of these permissions.
    AnyOf(&'static [SystemPermission]),
}

/// Where a route is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mounts {
    /// Below `/api/v1` and, from this version on, below `/services/data/vNN.0`.
    Both(u16),
    /// Below `/api/v1` only.
    Own,
    /// Below `/services/data` only.
    Salesforce,
}

/// A route.
#[derive(Clone, Copy)]
pub struct Route {
    /// `GET`.
    pub method: &'static str,
    /// Below the mount; `{name}` stands for a segment.
    pub path: &'static str,
    /// Where it is.
    pub mounts: Mounts,
    /// Who may use it.
    pub access: Access,
    pub(super) handler: fn() -> MethodRouter<Arc<Api>>,
    /// What it is for whoever uses it.
    pub(super) operation: Operation,
}

impl Route {
    fn is_at(&self, mount: Mount) -> bool {
        match self.mounts {
            Mounts::Both(since) => mount.version >= since,
            Mounts::Own => mount.kind == MountKind::Own,
            Mounts::Salesforce => mount.kind == MountKind::Salesforce,
        }
    }
}

/// The router of a table.
pub(super) fn router(api: &Arc<Api>, tables: &[&'static [Route]]) -> Router {
    let mut router = Router::new();
    for route in tables.iter().copied().flatten() {
        let admission = middleware::from_fn_with_state((Arc::clone(api), route), admit);
        router = router.route(route.path, (route.handler)().route_layer(admission));
    }
    router
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this path takes no such method",
                "use one that `Allow` lists",
            )
        })
        .with_state(Arc::clone(api))
}

/// Lets through who may use a route, and nobody else. Who is not known learns nothing of what is there.
async fn admit(State((api, route)): State<(Arc<Api>, &'static Route)>, mut request: Request, next: Next) -> Response {
    let mount = request.extensions().get::<Mount>().copied().unwrap_or(Mount::OWN);
    if route.access != Access::Anybody {
        let caller = match admitted(&api, mount, request.headers()).await {
            Ok(caller) => caller,
            Err(problem) => return problem.into_response(),
        };
        if !route.is_at(mount) {
            return Problem::not_found().into_response();
        }
        if let Access::AnyOf(permissions) = route.access
            && !caller.may(permissions)
        {
            return not_permitted(permissions).into_response();
        }
        request.extensions_mut().insert(caller.clone());
        return idempotency::once(&api, &caller, mount, request, next).await;
    }
    if !route.is_at(mount) {
        return Problem::not_found().into_response();
    }
    next.run(request).await
}

/// Who asks, or for whom.
async fn admitted(api: &Api, mount: Mount, headers: &HeaderMap) -> Result<ApiCaller, Problem> {
    let caller = ApiCaller::identify(&api.node, headers).await?;
    api.limits.count(caller.asking())?;
    caller.for_whom(&api.node, mount, headers).await
}

/// A permission is missing.
pub(super) fn not_permitted(any_of: &[SystemPermission]) -> Problem {
    let words: Vec<&str> = any_of.iter().map(|permission| permission.as_str()).collect();
    let detail = format!("this needs the permission {}", words.join(" or "));
    Problem::new(StatusCode::FORBIDDEN, "permission_missing", detail, "ask an admin for a permission set that has it")
}
