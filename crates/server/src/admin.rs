//! The operators' listener: is the process alive, and should it get callouts?

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Starts to answer. `sealed` is the code of what keeps the node sealed.
pub(crate) async fn start(
    address: SocketAddr,
    sealed: Option<&'static str>,
    stopping: watch::Receiver<bool>,
) -> std::io::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let serving = tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            };
            let stopping = stopping.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| std::future::ready(Ok::<_, Infallible>(answer(&request, sealed, *stopping.borrow()))));
                let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
                if let Err(error) = connection.await {
                    tracing::debug!("an operator's connection ended: {error}");
                }
            });
        }
    });
    Ok((address, serving))
}

/// `/healthz`: the process answers. `/readyz`: it serves callouts. Neither says anything else about the node (LEAK-11).
fn answer(request: &Request<Incoming>, sealed: Option<&'static str>, is_stopping: bool) -> Response<Full<Bytes>> {
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/healthz") => (StatusCode::OK, "ok"),
        (&Method::GET | &Method::HEAD, "/readyz") if sealed.is_some() => (StatusCode::SERVICE_UNAVAILABLE, "sealed"),
        (&Method::GET | &Method::HEAD, "/readyz") if is_stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        (&Method::GET | &Method::HEAD, "/readyz") => (StatusCode::OK, "ready"),
        _ => (StatusCode::NOT_FOUND, "not found"),
    };
    let mut response = Response::new(Full::from(format!("{text}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}
