//! A gateway in small: a hyper server whose requests go to an upstream, so that bodies come from a real caller's connection.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{Either, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sortie_callout::{ForwardError, Replay};
use sortie_outbound::{AnswerBody, Memory, RequestBody, SentBytes};
use tokio::net::TcpListener;

use crate::common::Core;

/// What became of one request, seen from inside.
pub struct Exchange {
    pub error: Option<ForwardError>,
    pub sent: SentBytes,
    pub memory: Option<Memory>,
}

pub struct Front {
    pub address: SocketAddr,
    exchanges: Rc<RefCell<Vec<Exchange>>>,
}

impl Front {
    /// Serves on this core until the runtime ends. An upstream that fails becomes a 502.
    pub async fn before(core: Core) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (core, exchanges) = (Rc::new(core), Rc::new(RefCell::new(Vec::new())));
        let seen = Rc::clone(&exchanges);
        tokio::task::spawn_local(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (core, seen) = (Rc::clone(&core), Rc::clone(&seen));
                tokio::task::spawn_local(async move {
                    let serve = service_fn(|request| exchange(&core, &seen, request));
                    // A caller who breaks off is one of the things that a test does.
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), serve).await;
                });
            }
        });
        Self { address, exchanges }
    }

    pub fn count(&self) -> usize {
        self.exchanges.borrow().len()
    }

    pub fn take(&self) -> Exchange {
        self.exchanges.borrow_mut().remove(0)
    }
}

type Body = Either<AnswerBody, Empty<Bytes>>;

async fn exchange(core: &Core, exchanges: &RefCell<Vec<Exchange>>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let mut request = request.map(RequestBody::incoming);
    let sent = request.body().sent();
    let memory = Some(request.body_mut().remember());
    let answer = core.upstream.send(core.destination(), request).await;
    exchanges.borrow_mut().push(Exchange { error: answer.as_ref().err().cloned(), sent, memory });
    Ok(answer.map_or_else(
        |_| {
            let mut refusal = Response::new(Either::Right(Empty::new()));
            *refusal.status_mut() = StatusCode::BAD_GATEWAY;
            refusal
        },
        |answer| answer.map(Either::Left),
    ))
}
