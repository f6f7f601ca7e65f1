//! Connections of one core that wait for their next request.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;
use sortie_model::{Endpoint, NamedCredentialId};

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

/// What a connection may be used for: this name, as long as it stands for this very endpoint. An edited URL gets new connections,
/// even if only the case of a letter has changed back and forth in between.
#[derive(Clone)]
pub(crate) struct Place {
    name: NamedCredentialId,
    endpoint: Rc<Endpoint>,
}

impl Lease {
    pub(crate) const fn new(sender: SendRequest<RequestBody>, line: Rc<Line>, place: Place) -> Self {
        Self { sender, line, place }
    }
}

/// The waiting connections.
pub(crate) struct Pool {
    limits: PoolLimits,
    shelves: RefCell<HashMap<NamedCredentialId, Shelf>>,
}

/// Those of one name, the last used at the back.
struct Shelf {
    endpoint: Rc<Endpoint>,
    waiting: VecDeque<Lease>,
}

impl Pool {
    pub(crate) fn new(limits: PoolLimits) -> Self {
        Self { limits, shelves: RefCell::default() }
    }

    /// The connection that was used last and is still good.
    pub(crate) fn take(&self, name: NamedCredentialId, endpoint: &Endpoint) -> Option<Lease> {
        let mut shelves = self.shelves.borrow_mut();
        let shelf = shelves.get_mut(&name).filter(|shelf| *shelf.endpoint == *endpoint)?;
        while let Some(lease) = shelf.waiting.pop_back() {
            if lease.sender.is_ready() && !lease.line.is_stale() {
                return Some(lease);
            }
        }
        None
    }

    /// Where a new connection will belong. Connections to another endpoint under the same name are closed.
    pub(crate) fn place(&self, name: NamedCredentialId, endpoint: &Endpoint) -> Place {
        let mut shelves = self.shelves.borrow_mut();
        let kept = shelves.get(&name).filter(|shelf| *shelf.endpoint == *endpoint).map(|shelf| Rc::clone(&shelf.endpoint));
        let endpoint = kept.unwrap_or_else(|| {
            let endpoint = Rc::new(endpoint.clone());
            shelves.insert(name, Shelf { endpoint: Rc::clone(&endpoint), waiting: VecDeque::new() });
            endpoint
        });
        Place { name, endpoint }
    }

    /// Takes a connection back whose exchange has come to a clean end. One that is not ready for the next request at once is closed:
    /// it is still sending, or the upstream has closed it or sent something that nobody asked for.
    pub(crate) fn give_back(&self, lease: Lease) {
        if !lease.sender.is_ready() {
            return;
        }
        let mut shelves = self.shelves.borrow_mut();
        let Some(shelf) = shelves.get_mut(&lease.place.name).filter(|shelf| Rc::ptr_eq(&shelf.endpoint, &lease.place.endpoint)) else {
            return;
        };
        lease.line.rest(self.limits.idle_age);
        shelf.waiting.push_back(lease);
        if shelf.waiting.len() > self.limits.idle_per_name {
            shelf.waiting.pop_front();
        }
    }

    /// Forgets connections that have ended, and names that have none left.
    pub(crate) fn sweep(&self) {
        self.shelves.borrow_mut().retain(|_, shelf| {
            shelf.waiting.retain(|lease| !lease.line.has_ended());
            // A connection in use refers to the shelf by its endpoint.
            !shelf.waiting.is_empty() || Rc::strong_count(&shelf.endpoint) > 1
        });
    }
}
