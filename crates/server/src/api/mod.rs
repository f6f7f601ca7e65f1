//! The management API: what programs ask for with a key, on the listener for people and operators. JSON in, JSON out. A request passes `mount.rs`, which knows in
//! whose words an answer is written, and [`routes`], which knows who may ask; then a handler reads it, calls `manage`, and shows what came of it.

mod caller;
mod connect;
mod document;
mod idempotency;
mod json;
mod limits;
mod mount;
mod own;
mod presign;
mod problem;
mod refusal;
mod refusals;
mod resource;
mod routes;
mod sobjects;
mod versions;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::StatusCode;
use sortie_model::{ApiName, Timestamp};
use sortie_store::Definitions;

pub use document::{document, document_text};
pub(crate) use problem::Problem;
pub use routes::{Access, Mounts, Route};

use self::caller::ApiCaller;
use self::limits::Limits;
use self::refusals::Refusals;
use crate::manage::definition::{Defined, remove_seen};
use crate::manage::status::SpoolView;
use crate::manage::{Manage, NotStored, UnknownName};
use crate::node::Node;
use crate::public_url::PublicUrl;

/// 1 MiB: sixteen values of the largest size.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// What handlers work with.
pub(crate) struct Api {
    node: Node,
    /// How browsers reach the console.
    public_url: PublicUrl,
    limits: Limits,
    refusals: Refusals,
    /// What waited for the database when somebody looked last.
    spool: tokio::sync::Mutex<Option<(Timestamp, SpoolView)>>,
    /// Held while the audit is verified.
    verification: Arc<tokio::sync::Mutex<()>>,
}

impl Api {
    fn manage<'a>(&'a self, actor: &'a str) -> Manage<'a> {
        Manage::of(self.node.house(), actor, self.node.world().now())
    }

    /// All definitions as they are stored.
    async fn definitions(&self) -> Result<Definitions, Problem> {
        Ok(self.node.house().store().definitions().await.map_err(NotStored::from)?)
    }

    /// Removes a definition for this caller, if it is still what was `seen`.
    async fn remove(
        &self,
        caller: &ApiCaller,
        defined: Defined,
        seen: &(dyn Fn(&Definitions) -> bool + Send + Sync),
    ) -> Result<Response, Problem> {
        let actor = caller.actor();
        remove_seen(&self.manage(&actor), &defined, seen).await?;
        self.settle().await;
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    /// Puts a change in force here before it is answered: whoever made it sees it with the next request. Other nodes follow.
    async fn settle(&self) {
        if let Err(error) = self.node.refresh().await {
            tracing::warn!(code = error.code(), "a change is stored, and is not in force yet: {error}");
        }
    }
}

const PRESIGN: &[Route] = &[Route {
    method: "POST",
    path: "/presign",
    mounts: Mounts::Own,
    access: Access::Users,
    handler: || post(presign::presign),
    operation: presign::PRESIGN,
}];

const TABLES: &[&[Route]] = &[PRESIGN, document::ROUTES, own::ROUTES, versions::ROUTES, connect::ROUTES, sobjects::ROUTES];

/// Every route.
pub fn routes() -> impl Iterator<Item = &'static Route> {
    TABLES.iter().copied().flatten()
}

/// Everything below `/api/v1`, and everything below `/services/data`, where each user may ask so often.
pub(crate) fn routers(node: Node, public_url: PublicUrl, requests_per_minute: u32) -> [Router; 2] {
    let (limits, refusals) = (Limits::new(requests_per_minute), Refusals::new());
    let api = Arc::new(Api { node, public_url, limits, refusals, spool: tokio::sync::Mutex::default(), verification: Arc::default() });
    let routes = routes::router(&api, TABLES).layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
    [mount::own(routes.clone()), mount::salesforce(routes)]
}

/// The name of a `what` in a path. One that cannot be a name names nothing, and is cut where it is shown.
fn name_in_path(what: &'static str, text: &str) -> Result<ApiName, Problem> {
    ApiName::parse(text).map_err(|_| UnknownName::new(what, text.chars().take(80).collect::<String>()).into())
}

/// A JSON answer.
fn json(status: StatusCode, value: &impl serde::Serialize) -> Response {
    (status, axum::Json(value)).into_response()
}
