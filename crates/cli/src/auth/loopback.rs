//! The browser comes back to this process (RFC 8252, section 7.3): a server on loopback that answers one request.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::failure::Failure;

/// As long as the login itself is under way.
const PATIENCE: Duration = Duration::from_secs(600);

const PAGE: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sortie</title></head><body><main><h1>Back at Sortie</h1><p>You may close this \
                    window: the command line says what came of it.</p></main></body></html>\n";

/// Where the browser comes back to.
pub(super) struct Loopback {
    listener: TcpListener,
    address: SocketAddr,
}

type Came = Arc<Mutex<Option<oneshot::Sender<String>>>>;

impl Loopback {
    /// By its address, not as `localhost`: section 8.3.
    pub(super) async fn open(port: u16) -> Result<Self, Failure> {
        let failure = |error: std::io::Error| {
            Failure::new("cannot_listen", format!("cannot wait on 127.0.0.1:{port}: {error}"), "choose another --port, or leave it out")
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failure)?;
        let address = listener.local_addr().map_err(failure)?;
        Ok(Self { listener, address })
    }

    pub(super) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits for the browser to come to `path`. Gives back what it brought.
    pub(super) async fn callback(self, path: &str) -> Result<String, Failure> {
        let (sender, mut receiver) = oneshot::channel();
        let came: Came = Arc::new(Mutex::new(Some(sender)));
        let serve = async {
            loop {
                let Ok((stream, _)) = self.listener.accept().await else { continue };
                let (came, path) = (Arc::clone(&came), path.to_owned());
                tokio::spawn(async move {
                    let service = service_fn(move |request| std::future::ready(Ok::<_, Infallible>(answer(&request, &path, &came))));
                    let mut server = http1::Builder::new();
                    server.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10)).keep_alive(false);
                    // A browser that goes away has got what it wanted, or comes again.
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        };
        let late = || Failure::new("login_not_under_way", "nobody has come back from the provider within ten minutes", "begin again");
        let came = tokio::select! {
            came = &mut receiver => came.ok(),
            () = serve => None,
            () = tokio::time::sleep(PATIENCE) => None,
        };
        // The page goes out before this process ends.
        tokio::time::sleep(Duration::from_millis(200)).await;
        came.ok_or_else(late)
    }
}

fn answer(request: &Request<Incoming>, path: &str, came: &Came) -> Response<Full<Bytes>> {
    let (status, text) = match request.method() {
        &Method::GET if request.uri().path() == path => {
            let sender = came.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
            if let Some(sender) = sender {
                let _ = sender.send(request.uri().query().unwrap_or_default().to_owned());
            }
            (StatusCode::OK, PAGE)
        }
        _ => (StatusCode::NOT_FOUND, "not found\n"),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let kind = if status == StatusCode::OK { "text/html; charset=utf-8" } else { "text/plain; charset=utf-8" };
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
