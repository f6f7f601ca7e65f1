//! A sealed node's data plane: every callout is refused, with the reason, and nothing else happens.

use std::convert::Infallible;
use std::net::SocketAddr;

use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::listen;
use super::respond::BadRequest;

/// Starts to refuse.
pub(crate) fn start(address: SocketAddr) -> std::io::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::from_std(listen::bind(address)?)?;
    let address = listener.local_addr()?;
    let refusing = tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            };
            tokio::spawn(async move {
                let service = service_fn(|_| std::future::ready(Ok::<_, Infallible>(BadRequest::Sealed.into_problem().map(Full::new))));
                let connection =
                    http1::Builder::new().timer(TokioTimer::new()).keep_alive(false).serve_connection(TokioIo::new(stream), service);
                if let Err(error) = connection.await {
                    tracing::debug!("a caller's connection ended: {error}");
                }
            });
        }
    });
    Ok((address, refusing))
}
