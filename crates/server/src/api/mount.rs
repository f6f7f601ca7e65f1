//! Where the API is reached: below `/api/v1`, and below `/services/data/vNN.N` as Salesforce's clients expect it. The same handlers answer at both.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use tower::ServiceExt as _;

use super::Problem;

/// The oldest version of the REST API with named credentials.
pub(super) const OLDEST: u16 = 56;
/// The newest that we know.
pub(super) const NEWEST: u16 = 67;
/// 60 s for a request, its body included.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) kind: MountKind,
    /// Members and resources that are newer do not exist.
    pub(super) version: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MountKind {
    /// `/api/v1`, always with everything.
    Own,
    /// `/services/data/vNN.N`.
    Salesforce,
}

impl Mount {
    pub(super) const OWN: Self = Self { kind: MountKind::Own, version: NEWEST };

    /// What paths in answers begin with.
    pub(super) fn base(self) -> String {
        match self.kind {
            MountKind::Own => "/api/v1".to_owned(),
            MountKind::Salesforce => format!("/services/data/v{}.0", self.version),
        }
    }

    /// The version that a path names, and the rest of it. There is only one of each number.
    fn of_path(path: &str) -> Option<(Self, &str)> {
        let rest = path.strip_prefix("/v")?;
        let (version, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let number = version.strip_suffix(".0").filter(|number| number.len() == 2)?;
        let version = number.parse().ok().filter(|number| (OLDEST..=NEWEST).contains(number))?;
        Some((Self { kind: MountKind::Salesforce, version }, rest))
    }
}

/// `/api/v1`.
pub(super) fn own(routes: Router) -> Router {
    let serve = async |State(routes): State<Arc<Router>>, request: Request| {
        let path = request.uri().path().to_owned();
        answer(&routes, Mount::OWN, &path, request).await
    };
    Router::new().fallback(serve).with_state(Arc::new(routes))
}

/// `/services/data`.
pub(super) fn salesforce(routes: Router) -> Router {
    let serve = async |State(routes): State<Arc<Router>>, request: Request| {
        let path = request.uri().path().to_owned();
        let newest = Mount { kind: MountKind::Salesforce, version: NEWEST };
        if path == "/" {
            return answer(&routes, newest, "/services/data", request).await;
        }
        match Mount::of_path(&path) {
            Some((mount, rest)) => answer(&routes, mount, rest, request).await,
            None => finish(Problem::not_found().into_response(), newest, &new_request_id()),
        }
    };
    Router::new().fallback(serve).with_state(Arc::new(routes))
}

/// Around every request: none lasts for ever or takes the connection down, each has an id, and a refusal is written in the words of its mount.
async fn answer(routes: &Router, mount: Mount, path: &str, mut request: Request) -> Response {
    let request_id = new_request_id();
    let method = request.method().clone();
    let path = match path.strip_suffix('/') {
        Some(without) if !without.is_empty() => without,
        _ => {
            if path.is_empty() {
                "/"
            } else {
                path
            }
        }
    };
    let response = match at_path(request.uri(), path) {
        Some(uri) if accepts_json(request.headers()) => {
            *request.uri_mut() = uri;
            request.extensions_mut().insert(mount);
            let work = AssertUnwindSafe(routes.clone().oneshot(request)).catch_unwind();
            match tokio::time::timeout(PATIENCE, work).await {
                Ok(Ok(Ok(response))) => response,
                Ok(Ok(Err(never))) => match never {},
                Ok(Err(_)) => Problem::internal().into_response(),
                Err(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "request_timeout", "the request took too long", "try again")
                    .into_response(),
            }
        }
        Some(_) => {
            let next_step = "leave `Accept` out, or accept application/json";
            Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", "answers are JSON only", next_step).into_response()
        }
        None => Problem::not_found().into_response(),
    };
    let response = finish(response, mount, &request_id);
    tracing::info!(%method, path, request_id, status = response.status().as_u16(), "api");
    response
}

fn finish(mut response: Response, mount: Mount, request_id: &str) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let headers = std::mem::take(response.headers_mut());
        response = problem.render(mount, request_id);
        if let Some(allow) = headers.get(header::ALLOW) {
            response.headers_mut().insert(header::ALLOW, allow.clone());
        }
    } else if response.status().is_client_error() || response.status().is_server_error() {
        // A refused extractor of axum answers in plain text.
        let problem =
            if response.status().is_server_error() { Problem::internal() } else { Problem::malformed("the request cannot be read") };
        response = problem.render(mount, request_id);
    }
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("sortie-request-id", id);
    }
    response
}

fn new_request_id() -> String {
    crate::house::new_id().to_string()
}

fn at_path(uri: &Uri, path: &str) -> Option<Uri> {
    let text = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    Some(Uri::from(PathAndQuery::try_from(text).ok()?))
}

/// RFC 9110, section 12.5.1; weights are left aside, since there is nothing to choose from.
fn accepts_json(headers: &HeaderMap) -> bool {
    let mut listed = headers.get_all(header::ACCEPT).iter().peekable();
    let is_json = |part: &str| {
        let media_type = part.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        matches!(media_type.as_str(), "*/*" | "application/*" | "application/json" | "application/problem+json")
    };
    listed.peek().is_none() || listed.any(|value| value.to_str().is_ok_and(|text| text.split(',').any(is_json)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_written_in_one_way() {
        assert_eq!(Mount::of_path("/v58.0/query").map(|(mount, rest)| (mount.version, rest)), Some((58, "/query")));
        assert_eq!(Mount::of_path("/v67.0").map(|(mount, rest)| (mount.base(), rest)), Some(("/services/data/v67.0".to_owned(), "")));
        for bad in ["/v55.0/x", "/v68.0/x", "/v58/x", "/v58.1/x", "/v058.0/x", "/58.0/x", "/v+8.0/x", "/"] {
            assert_eq!(Mount::of_path(bad), None, "{bad}");
        }
    }
}
