//! The listener for people and operators: is the process alive, should it get callouts, and the console.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::get;
use http::{StatusCode, header};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use crate::api;
use crate::console::{self, Console, Source};
use crate::node::Node;
use crate::public_url::PublicUrl;
use crate::sign_in::{Door, OpenId, OpenIdSettings};

/// 10 s for the head of a request, the first one and each after it: a connection on which nothing happens is closed (DOS-01).
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// 256 connections at once; more wait to be accepted.
const MAX_CONNECTIONS: usize = 256;
/// 32 KiB of headers, give or take what is read at once, and 64 lines.
const MAX_HEAD_BYTES: usize = 32 * 1024;
const MAX_HEADERS: usize = 64;
/// 10 min for a whole connection: what reads our answers too slowly does not hold one for ever. Browsers open another.
const LONGEST_CONNECTION: Duration = Duration::from_secs(600);

/// What is answered.
pub(crate) struct Duties {
    /// Code of what keeps the node sealed.
    pub(crate) sealed: Option<&'static str>,
    /// The node, if it is not sealed.
    pub(crate) node: Option<Node>,
    /// How browsers reach the console, if the configuration says so.
    pub(crate) public_url: Option<PublicUrl>,
    /// How often each user may ask the management API within a minute; 0 means as often as they like.
    pub(crate) requests_per_minute: u32,
    /// Where people sign in beside here.
    pub(crate) openid: Option<OpenIdSettings>,
    /// Whether the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// A listener that answers.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    /// How browsers reach it; `None`: there is no console and no management API.
    pub(crate) public_url: Option<PublicUrl>,
    pub(crate) task: JoinHandle<()>,
}

/// Starts to answer.
pub(crate) async fn start(address: SocketAddr, duties: Duties) -> std::io::Result<Listening> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let public_url = duties.public_url.clone().or_else(|| PublicUrl::of_listener(address));
    let mut router = health(duties.sealed, duties.stopping);
    // Keys and sessions would cross the network in clear where others reach this listener and nobody has said through what: then neither is there.
    let public_url = duties.node.zip(public_url).map(|(node, public_url)| {
        let [own, salesforce] = api::routers(node.clone(), public_url.clone(), duties.requests_per_minute);
        router = std::mem::take(&mut router).nest_service("/api/v1", own).nest_service("/services/data", salesforce);
        let openid = duties.openid.map(|settings| OpenId::new(settings, public_url.join(console::OPENID_CALLBACK)));
        let console = Console { node, public_url: public_url.clone(), door: Door::new(), openid };
        router = std::mem::take(&mut router).fallback_service(console::router(Arc::new(console)));
        public_url
    });
    let task = tokio::spawn(accept(listener, router));
    Ok(Listening { address, public_url, task })
}

async fn accept(listener: TcpListener, router: Router) {
    let free = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let seat = Arc::clone(&free).acquire_owned().await.expect("nobody closes it");
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let router = router.clone();
        tokio::spawn(async move {
            let _ = tokio::time::timeout(LONGEST_CONNECTION, serve(stream, Source(peer.ip()), router)).await;
            drop(seat);
        });
    }
}

async fn serve(stream: TcpStream, source: Source, router: Router) {
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(source);
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!("a connection to the operators' listener ended: {error}");
    }
}

/// `/healthz`: the process answers. `/readyz`: it serves callouts. Neither says anything else about the node (LEAK-11).
fn health(sealed: Option<&'static str>, stopping: watch::Receiver<bool>) -> Router {
    let ready = move || match (sealed, *stopping.borrow()) {
        (Some(_), _) => (StatusCode::SERVICE_UNAVAILABLE, "sealed\n"),
        (None, true) => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
        (None, false) => (StatusCode::OK, "ready\n"),
    };
    let not_found = async || plain((StatusCode::NOT_FOUND, "not found\n"));
    Router::new()
        .route("/healthz", get(async || plain((StatusCode::OK, "ok\n"))).fallback(not_found))
        .route("/readyz", get(async move || plain(ready())).fallback(not_found))
        .fallback(not_found)
}

fn plain((status, text): (StatusCode, &'static str)) -> impl axum::response::IntoResponse {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], text)
}
