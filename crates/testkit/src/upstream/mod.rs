//! An upstream that keeps every byte it was sent and answers from a script: one thread for each connection, plain TCP.

mod reply;
mod serve;

use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

pub use self::reply::Reply;
use crate::wire::{Head, values};

/// 10 s: how long [`RecordingUpstream::wait_for`] waits before it fails the test.
const PATIENCE: Duration = Duration::from_secs(10);

/// What arrived. For a request whose body is still under way, or never came to its end, `body` is what there is of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// `GET /x?y HTTP/1.1`.
    pub request_line: String,
    /// The header lines verbatim, in order.
    pub header_lines: Vec<String>,
    /// The body's beginning, at most 1 MiB, with chunk framing taken off.
    pub body: Vec<u8>,
    /// The length of the whole body so far.
    pub body_bytes: u64,
    /// Whether the body has come to its end.
    pub is_complete: bool,
    /// Which connection it came over: 0 for the first one accepted.
    pub connection: usize,
}

impl Received {
    /// The value of the first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).into_iter().next()
    }

    /// The values of all headers of this name, in order.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        values(&self.header_lines, name)
    }

    /// The target of the request line: `/x?y`.
    pub fn target(&self) -> &str {
        self.request_line.split(' ').nth(1).unwrap_or_default()
    }
}

/// A recording upstream on loopback. Dropping it closes its port and cuts its connections.
#[derive(Debug)]
pub struct RecordingUpstream {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    record: Mutex<Record>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Record {
    requests: Vec<Received>,
    connections: Vec<TcpStream>,
    /// How many of them have been served to their end.
    closed: usize,
    is_stopped: bool,
}

impl Shared {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the record and wakes whoever waits for a change.
    fn update<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        let result = change(&mut self.record());
        self.changed.notify_all();
        result
    }

    /// Starts the record of a request; the index is where it stands.
    fn begin(&self, connection: usize, head: &Head) -> usize {
        let request_line = head.start_line.clone();
        let received = Received { request_line, header_lines: head.header_lines.clone(), connection, ..Received::default() };
        self.update(|record| {
            record.requests.push(received);
            record.requests.len() - 1
        })
    }
}

impl RecordingUpstream {
    /// Starts the upstream. The script is asked for each request as soon as its header lines are there, before its body is
    /// read, so that it may also answer early; it sees the body as empty.
    ///
    /// # Panics
    /// If there is no free port.
    pub fn start(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared::default());
        let (accepting, script) = (Arc::clone(&shared), Arc::new(script));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                let Ok(kept) = stream.try_clone() else { continue };
                let accepted = accepting.update(|record| {
                    record.connections.push(kept);
                    (!record.is_stopped).then_some(record.connections.len() - 1)
                });
                let Some(connection) = accepted else { return };
                let (shared, script) = (Arc::clone(&accepting), Arc::clone(&script));
                thread::spawn(move || serve::connection(stream, connection, &shared, script.as_ref()));
            }
        });
        Self { address, shared }
    }

    /// Starts an upstream that answers every request with 200 and this body.
    pub fn answering(body: &'static str) -> Self {
        Self::start(move |_| Reply::new(200).body(body))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything received so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.record().requests.clone()
    }

    /// How many connections were accepted so far. None means that nobody even knocked.
    pub fn connections(&self) -> usize {
        self.shared.record().connections.len()
    }

    /// Waits until that many connections have come to their end on this side. What the peer knows of it by then is in its socket.
    ///
    /// # Panics
    /// If that takes longer than 10 s.
    pub fn wait_for_closed(&self, count: usize) {
        let waited = self.shared.changed.wait_timeout_while(self.shared.record(), PATIENCE, |record| record.closed < count);
        let (record, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "waited 10 s for {count} closed connections; there are {}", record.closed);
    }

    /// Waits until that many requests have arrived whole, and gives back everything received so far.
    ///
    /// # Panics
    /// If that takes longer than 10 s.
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        let unfinished = |record: &mut Record| record.requests.iter().filter(|request| request.is_complete).count() < count;
        let waited = self.shared.changed.wait_timeout_while(self.shared.record(), PATIENCE, unfinished);
        let (record, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "waited 10 s for {count} whole requests; arrived: {:#?}", record.requests);
        record.requests.clone()
    }
}

impl Drop for RecordingUpstream {
    fn drop(&mut self) {
        let connections = self.shared.update(|record| {
            record.is_stopped = true;
            std::mem::take(&mut record.connections)
        });
        for connection in connections {
            // Fails only if the peer has closed it already.
            let _ = connection.shutdown(Shutdown::Both);
        }
        // Wakes the thread that accepts, which sees that it is over and closes the port.
        let _ = TcpStream::connect(self.address);
    }
}

#[cfg(test)]
mod tests;
