//! Every route, with what it needs. The table makes the router: there is no way to a handler that does not pass [`admit`].

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;
use http::header::{AUTHORIZATION, IF_MATCH};
use http::{HeaderMap, Method, StatusCode};
use sortie_model::SystemPermission;

use super::caller::ApiCaller;
use super::document::Operation;
use super::mount::{Mount, MountKind};
use super::refusals::Refused;
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
///
/// What may change something is done to its end, whether or not somebody still waits for it: else its record could stand in the audit without it, or it without its record.
async fn admit(State((api, route)): State<(Arc<Api>, &'static Route)>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return admitted(api, route, request, next).await;
    }
    let done = tokio::spawn(admitted(api, route, request, next)).await;
    done.unwrap_or_else(|_| Problem::internal().into_response())
}

async fn admitted(api: Arc<Api>, route: &'static Route, mut request: Request, next: Next) -> Response {
    let mount = request.extensions().get::<Mount>().copied().unwrap_or(Mount::OWN);
    if route.access == Access::Anybody {
        return if route.is_at(mount) { next.run(request).await } else { Problem::not_found().into_response() };
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let has_key = request.headers().contains_key(AUTHORIZATION);
    let (who, response) = match ApiCaller::identify(&api.node, request.headers()).await {
        Err(problem) => (None, problem.into_response()),
        Ok(asking) => {
            let (user, actor) = (asking.asking(), asking.actor());
            match for_whom(&api, asking, mount, request.headers()).await {
                Err(problem) => (Some((user, actor)), problem.into_response()),
                Ok(caller) => (Some((user, caller.actor())), serve(&api, route, (mount, &caller), &mut request, next).await),
            }
        }
    };
    // Somebody who shows no key is nobody in particular.
    if has_key && let Some(code) = refusal(&response) {
        let (user, actor) = who.unzip();
        let actor = actor.as_deref().unwrap_or("unknown");
        api.refusals.note(&api.node, &Refused { user, actor, method: method.as_str(), path: &path, code }).await;
    }
    response
}

/// The code of what was refused to somebody. Of a principal that is not theirs it is said only that there is none (API-13).
fn refusal(response: &Response) -> Option<&'static str> {
    let code = response.extensions().get::<Problem>().map_or("not_permitted", Problem::code);
    let is_one = matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) || code == "principal_unknown";
    is_one.then_some(code)
}

async fn serve(api: &Arc<Api>, route: &Route, (mount, caller): (Mount, &ApiCaller), request: &mut Request, next: Next) -> Response {
    if !route.is_at(mount) {
        return Problem::not_found().into_response();
    }
    // RFC 9110, section 13.1.1: what is conditional must not be done as if it were not.
    if request.headers().contains_key(IF_MATCH) && is_change(request.method()) && !route.operation.looks_at_if_match() {
        let detail = "`If-Match` is not looked at here: this resource has no `ETag`";
        return Problem::new(StatusCode::BAD_REQUEST, "if_match_unknown", detail, "leave it out").into_response();
    }
    if let Access::AnyOf(permissions) = route.access
        && !caller.may(permissions)
    {
        return not_permitted(permissions).into_response();
    }
    request.extensions_mut().insert(caller.clone());
    idempotency::once(api, caller, mount, std::mem::take(request), next).await
}

/// What is there already is changed or removed.
fn is_change(method: &Method) -> bool {
    [Method::PUT, Method::PATCH, Method::DELETE].contains(method)
}

/// Whoever asks, or for whom.
async fn for_whom(api: &Api, asking: ApiCaller, mount: Mount, headers: &HeaderMap) -> Result<ApiCaller, Problem> {
    api.limits.count(asking.asking())?;
    asking.for_whom(&api.node, mount, headers).await
}

/// A permission is missing.
pub(super) fn not_permitted(any_of: &[SystemPermission]) -> Problem {
    let words: Vec<&str> = any_of.iter().map(|permission| permission.as_str()).collect();
    let detail = format!("this needs the permission {}", words.join(" or "));
    Problem::new(StatusCode::FORBIDDEN, "permission_missing", detail, "ask an admin for a permission set that has it")
}
