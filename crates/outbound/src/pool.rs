//! Connections of one core that wait for their next request.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::{Rc, Weak};
use std::time::Duration;

use foldhash::fast::RandomState;
use hyper::client::conn::http1::SendRequest;
use sortie_model::{CertificateVersionId, Endpoint, NamedCredentialId};

use crate::forward::Destination;
use crate::line::Line;
use crate::request_body::RequestBody;

/// How many connections wait, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Connections that may wait for one named credential, on one core.
    pub idle_per_name: usize,
    /// How long one may wait.
    pub idle_age: Duration,
}

impl Default for PoolLimits {
    /// 64 connections. 50 s: less than the 60 s after which Amazon's load balancers close (nginx: 75 s), so that it is mostly us who close, and a request rarely meets a connection that is just being closed.
    fn default() -> Self {
        Self { idle_per_name: 64, idle_age: Duration::from_secs(50) }
    }
}

/// An open connection that nobody else uses.
pub(crate) struct Lease {
    pub(crate) sender: SendRequest<RequestBody>,
    pub(crate) line: Rc<Line>,
    place: Place,
}

/// Where a connection waits, as long as that shelf stands: an edited URL, or another client certificate, gets another one, even if only the case of a letter has
/// changed back and forth in between.
pub(crate) struct Place(Weak<Shelf>);

impl Lease {
    pub(crate) const fn new(sender: SendRequest<RequestBody>, line: Rc<Line>, place: Place) -> Self {
        Self { sender, line, place }
    }
}

/// The waiting connections.
pub(crate) struct Pool {
    limits: PoolLimits,
    shelves: RefCell<HashMap<NamedCredentialId, Rc<Shelf>, RandomState>>,
}

/// Those of one name, as long as it stands for this very endpoint and presents this very version of a certificate, or none; the last used at the back.
struct Shelf {
    endpoint: Endpoint,
    presented: Option<CertificateVersionId>,
    waiting: RefCell<VecDeque<Lease>>,
}

impl Shelf {
    fn is_for(&self, to: &Destination<'_>) -> bool {
        self.presented == to.identity.map(|identity| identity.version) && self.endpoint == *to.endpoint
    }
}

impl Pool {
    pub(crate) fn new(limits: PoolLimits) -> Self {
        Self { limits, shelves: RefCell::default() }
    }

    /// The connection that was used last and is still good.
    pub(crate) fn take(&self, to: &Destination<'_>) -> Option<Lease> {
        let shelves = self.shelves.borrow();
        let shelf = shelves.get(&to.name).filter(|shelf| shelf.is_for(to))?;
        let mut waiting = shelf.waiting.borrow_mut();
        while let Some(lease) = waiting.pop_back() {
            if lease.sender.is_ready() && !lease.line.is_stale() {
                return Some(lease);
            }
        }
        None
    }

    /// Where a new connection will belong. Connections to another endpoint, or with another certificate, under the same name are closed.
    pub(crate) fn place(&self, to: &Destination<'_>) -> Place {
        let mut shelves = self.shelves.borrow_mut();
        if let Some(shelf) = shelves.get(&to.name).filter(|shelf| shelf.is_for(to)) {
            return Place(Rc::downgrade(shelf));
        }
        let presented = to.identity.map(|identity| identity.version);
        let shelf = Rc::new(Shelf { endpoint: to.endpoint.clone(), presented, waiting: RefCell::default() });
        let place = Place(Rc::downgrade(&shelf));
        shelves.insert(to.name, shelf);
        place
    }

    /// Takes a connection back whose exchange has come to a clean end. One that is not ready for the next request at once is closed:
    /// it is still sending, or the upstream has closed it or sent something that nobody asked for.
    pub(crate) fn give_back(&self, lease: Lease) {
        if !lease.sender.is_ready() {
            return;
        }
        let Some(shelf) = lease.place.0.upgrade() else { return };
        lease.line.rest(self.limits.idle_age);
        let mut waiting = shelf.waiting.borrow_mut();
        waiting.push_back(lease);
        if waiting.len() > self.limits.idle_per_name {
            waiting.pop_front();
        }
    }

    /// Forgets connections that have ended, and names that have none left.
    pub(crate) fn sweep(&self) {
        self.shelves.borrow_mut().retain(|_, shelf| {
            shelf.waiting.borrow_mut().retain(|lease| !lease.line.has_ended());
            // Every connection refers to its shelf, also while it is in use.
            Rc::weak_count(shelf) > 0
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use http::{HeaderValue, Request};
    use http_body_util::BodyExt;
    use sortie_model::Timeouts;
    use sortie_testkit::upstream::RecordingUpstream;

    use super::*;
    use crate::{Connector, EgressPolicy, Roots, Trust, Upstream};

    #[test]
    fn a_core_that_has_been_idle_holds_nothing() {
        let server = RecordingUpstream::answering("ok");
        let policy = EgressPolicy { allow: vec!["127.0.0.0/8".parse().unwrap()], ports: Vec::new() };
        let connector = Arc::new(Connector::new(policy, Trust::new(Roots::Mozilla)).unwrap());
        let upstream = Upstream::new(connector, PoolLimits { idle_per_name: 64, idle_age: Duration::from_millis(100) });
        let endpoint = Endpoint::parse(&server.url()).unwrap();
        let name = "0193a5c0-0000-7000-8000-000000000001".parse().unwrap();
        tokio::runtime::LocalRuntime::new().unwrap().block_on(async {
            // Twice: the watch ends with the first connection and must begin again with the second.
            for _ in 0..2 {
                let mut request = Request::new(RequestBody::from(Bytes::from_static(b"body")));
                request.headers_mut().insert("host", HeaderValue::from_static("up.test"));
                let to = Destination { name, endpoint: &endpoint, timeouts: Timeouts::default(), identity: None };
                upstream.send(to, request).await.unwrap().into_body().collect().await.unwrap();
                assert_eq!(upstream.held(), (1, 1, true));
                tokio::time::timeout(Duration::from_secs(5), async {
                    while upstream.held() != (0, 0, false) {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                })
                .await
                .unwrap();
            }
        });
        assert_eq!(server.connections(), 2);
    }

    impl Pool {
        /// Names with connections.
        pub(crate) fn names(&self) -> usize {
            self.shelves.borrow().len()
        }
    }
}
