//! The other side of the demo: an upstream that checks what it is shown and says what it received, and a token server. Both are real HTTP servers on loopback that
//! know nothing of Sortie.

use std::collections::HashSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

/// What the demo's services expect to be shown. Made anew for each run.
#[derive(Clone)]
pub(super) struct Expected {
    pub(super) username: String,
    pub(super) password: String,
    pub(super) api_key: String,
    pub(super) client_id: String,
    pub(super) client_secret: String,
}

/// One request as the upstream received it.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) line: String,
    pub(super) headers: Vec<(String, String)>,
}

/// The running services.
#[derive(Clone)]
pub(super) struct Services {
    pub(super) upstream: SocketAddr,
    pub(super) token_server: SocketAddr,
    state: Arc<State>,
}

struct State {
    expected: Expected,
    good_tokens: Mutex<HashSet<String>>,
    token_requests: Mutex<u32>,
    received: Mutex<Vec<Received>>,
    new_token: fn() -> String,
}

impl Services {
    /// Starts both on ports of the system's choice.
    pub(super) async fn start(expected: Expected, new_token: fn() -> String) -> std::io::Result<Self> {
        let state = Arc::new(State {
            expected,
            good_tokens: Mutex::default(),
            token_requests: Mutex::default(),
            received: Mutex::default(),
            new_token,
        });
        let upstream = listen(Arc::clone(&state), State::upstream).await?;
        let token_server = listen(Arc::clone(&state), State::token_server).await?;
        Ok(Self { upstream, token_server, state })
    }

    /// What the upstream received since the last time.
    pub(super) fn take_received(&self) -> Vec<Received> {
        std::mem::take(&mut *lock(&self.state.received))
    }

    /// How many tokens were asked for so far.
    pub(super) fn token_requests(&self) -> u32 {
        *lock(&self.state.token_requests)
    }

    /// What a provider does when somebody revokes a client's tokens.
    pub(super) fn revoke_all_tokens(&self) {
        lock(&self.state.good_tokens).clear();
    }
}

type Answer = fn(&State, &Request<()>, &[u8]) -> Response<Full<Bytes>>;

async fn listen(state: Arc<State>, answer: Answer) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let state = Arc::clone(&state);
            let service = service_fn(move |request: Request<Incoming>| {
                let state = Arc::clone(&state);
                async move {
                    let (parts, body) = request.into_parts();
                    let body = Limited::new(body, 1 << 20).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                    Ok::<_, Infallible>(answer(&state, &Request::from_parts(parts, ()), &body))
                }
            });
            tokio::spawn(http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service));
        }
    });
    Ok(address)
}

impl State {
    /// `/weather` is open, `/orders` wants Basic, `/maps` a key in a header, `/invoices` a token of the token server.
    fn upstream(&self, request: &Request<()>, body: &[u8]) -> Response<Full<Bytes>> {
        let headers = request.headers();
        let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let shown = headers.iter().map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        lock(&self.received).push(Received { line: format!("{} {path}", request.method()), headers: shown.collect() });
        let is_welcome = match request.uri().path().split('/').nth(1) {
            Some("weather") => true,
            Some("orders") => is(headers, "authorization", &self.basic(&self.expected.username, &self.expected.password)),
            Some("maps") => is(headers, "x-api-key", &self.expected.api_key),
            Some("invoices") => bearer(headers).is_some_and(|token| lock(&self.good_tokens).contains(token)),
            _ => return json(StatusCode::NOT_FOUND, &serde_json::json!({ "error": "no such thing here" })),
        };
        if is_welcome {
            json(StatusCode::OK, &serde_json::json!({ "you_asked_for": path, "body_bytes": body.len() }))
        } else {
            json(StatusCode::UNAUTHORIZED, &serde_json::json!({ "error": "who are you?" }))
        }
    }

    /// A token endpoint for client credentials with the secret in the Basic header (RFC 6749, section 4.4).
    fn token_server(&self, request: &Request<()>, body: &[u8]) -> Response<Full<Bytes>> {
        let is_client = is(request.headers(), "authorization", &self.basic(&self.expected.client_id, &self.expected.client_secret));
        if request.uri().path() != "/token" || body != b"grant_type=client_credentials&scope=invoices.read" {
            return json(StatusCode::BAD_REQUEST, &serde_json::json!({ "error": "invalid_request" }));
        }
        *lock(&self.token_requests) += 1;
        if !is_client {
            return json(
                StatusCode::UNAUTHORIZED,
                &serde_json::json!({ "error": "invalid_client", "error_description": "unknown client or wrong secret" }),
            );
        }
        let token = (self.new_token)();
        lock(&self.good_tokens).insert(token.clone());
        json(StatusCode::OK, &serde_json::json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600 }))
    }

    fn basic(&self, user: &str, password: &str) -> String {
        format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
    }
}

fn is(headers: &HeaderMap, name: &str, value: &str) -> bool {
    headers.get(name).is_some_and(|shown| shown.as_bytes() == value.as_bytes())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn json(status: StatusCode, value: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
