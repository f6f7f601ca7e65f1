//! The data plane: one thread, one event loop, one listening socket and one pool of upstream connections for each core. Nothing on the way of a callout is shared
//! between cores but the snapshot, which is only read, and grants, which are swapped whole.

mod answer;
mod caller_stream;
pub(crate) mod identify;
mod listen;
mod pulse;
pub(crate) mod respond;
pub(crate) mod sealed;
mod serve;

use std::future::{Future as _, poll_fn};
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sortie_callout::{Callouts, HoldingSpace};
use sortie_outbound::{PoolLimits, Upstream};
use tokio::net::TcpStream;
use tokio::runtime::LocalOptions;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use self::caller_stream::CallerStream;
use self::identify::{Directory, LastCaller};
use self::pulse::{Pulse, Pulses};
use crate::audit::{ChainKey, Durability, Lane};
use crate::node::Node;

/// 64 KiB: four times the longest target, and room for the headers.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// 30 s: how much of the audit's tail could be cut off unseen.
const ANCHOR_EVERY: Duration = Duration::from_secs(30);

/// What every core needs.
#[derive(Clone)]
pub(crate) struct Plane {
    pub(crate) node: Node,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) chain: ChainKey,
    pub(crate) durability: Durability,
    pub(crate) max_connections: usize,
    /// For bodies that are held, of all cores.
    pub(crate) space: HoldingSpace,
    pub(crate) drain: Duration,
    /// Becomes true when the node is to stop.
    pub(crate) stop: watch::Receiver<bool>,
}

/// A core that serves.
pub(crate) struct Core {
    thread: std::thread::JoinHandle<()>,
    address: SocketAddr,
}

/// Why a core cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The audit cannot be written.
    #[error(transparent)]
    Audit(#[from] crate::audit::LaneError),
    /// No thread, or no event loop.
    #[error("cannot start a thread for a core")]
    Thread(#[source] std::io::Error),
}

impl Core {
    /// Opens the socket and the audit, and begins to serve in a thread of its own. Returns when both stand, so that what is wrong shows at the start.
    pub(crate) fn start(index: usize, address: SocketAddr, audit_directory: &Path, plane: Plane) -> Result<Self, CoreError> {
        let listener = listen::bind(address).map_err(|source| CoreError::Listen { address, source })?;
        let address = listener.local_addr().map_err(|source| CoreError::Listen { address, source })?;
        let directory = audit_directory.to_owned();
        let (opened, is_open) = std::sync::mpsc::sync_channel(1);
        let run = move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
                Ok(runtime) => runtime,
                Err(error) => return drop(opened.send(Err(CoreError::Thread(error)))),
            };
            match Lane::open(&directory, &format!("core-{index}"), plane.chain.clone(), plane.durability, plane.node.world()) {
                Ok(lane) => {
                    let _ = opened.send(Ok(()));
                    runtime.block_on(serve_core(plane, listener, lane));
                }
                Err(error) => drop(opened.send(Err(error.into()))),
            }
        };
        let thread = std::thread::Builder::new().name(format!("core-{index}")).spawn(run).map_err(CoreError::Thread)?;
        is_open.recv().map_err(|_| CoreError::Thread(std::io::Error::other("the thread ended")))??;
        Ok(Self { thread, address })
    }

    /// Where it listens; the port is the real one, also if any was asked for.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the core to end, after `stop` has become true.
    pub(crate) fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("a core of the data plane has panicked");
        }
    }
}

async fn serve_core(plane: Plane, listener: std::net::TcpListener, lane: Lane) {
    let Plane { node, runtime, max_connections, space, drain, mut stop, .. } = plane;
    let pulses = Rc::new(Pulses::default());
    let tasks = [
        tokio::task::spawn_local(lane.clone().run()),
        tokio::task::spawn_local(Rc::clone(&pulses).run()),
        tokio::task::spawn_local(keep_anchored(lane.clone(), node.clone())),
    ];
    let callouts = Callouts::new(node.grants(), Upstream::new(node.connector(), PoolLimits::default()), lane.clone(), space);
    let directory = Directory::new(node.house().store().clone(), runtime);
    let server = Rc::new(serve::Server::new(node.clone(), callouts, directory));
    let places = Arc::new(Semaphore::new(max_connections));
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return tracing::error!("a listening socket cannot be used");
    };
    let (closing, closes) = watch::channel(false);
    loop {
        let accepted = async { (Arc::clone(&places).acquire_owned().await, listener.accept().await) };
        let accepted = tokio::select! {
            accepted = accepted => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            (Err(_), _) => break,
            (Ok(place), Ok((stream, _))) => {
                let pulse = pulses.pulse();
                let connection = serve_connection(Rc::clone(&server), Rc::clone(&pulse), stream, closes.clone(), place);
                pulses.watch(pulse, tokio::task::spawn_local(connection).abort_handle());
            }
            // Out of file descriptors, or the peer was quicker: pause rather than spin (DOS-17).
            (Ok(_), Err(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    drop(listener);
    // Only now: whoever loses a connection must not be able to open another one here.
    closing.send_replace(true);
    let all = places.acquire_many(u32::try_from(max_connections).unwrap_or(u32::MAX));
    if tokio::time::timeout(drain, all).await.is_err() {
        tracing::warn!("some callouts were cut off: they took longer than the shutdown waits");
        // Now, so that their records are closed before the audit is written for the last time.
        pulses.end_all().await;
    }
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    lane.finish().await;
    store_anchor(&lane, &node).await;
}

/// How far a connection is on its way to the node's stop.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It does not know yet that it will be woken for the stop.
    Begins,
    Serves,
    /// It ends as soon as it is between two requests.
    Ends,
}

async fn serve_connection(
    server: Rc<serve::Server>,
    pulse: Rc<Pulse>,
    stream: TcpStream,
    mut stop: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
) {
    let _ = stream.set_nodelay(true);
    let stream = CallerStream::new(stream);
    let last = LastCaller::default();
    let service = service_fn(|request| server.answer(request, &pulse, &last));
    // Time limits are the pulse's; hyper's own would take a timer for every request. 100 headers are hyper's own limit (HDR-16); to set it, even to the same,
    // would have hyper clear the table of headers for every request.
    // A caller who hangs up in the middle is noticed below, see `CallerStream`.
    let mut builder = http1::Builder::new();
    builder.header_read_timeout(None).max_buf_size(MAX_HEAD_BYTES).half_close(true);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream.clone()), service));
    // Looking costs an atomic load; waiting again with each turn of the connection would cost a lock.
    let looks = stop.clone();
    let mut stopped = pin!(stop.wait_for(|stop| *stop));
    let mut phase = Phase::Begins;
    let ended = poll_fn(|context| {
        if phase == Phase::Begins || phase == Phase::Serves && !matches!(looks.has_changed(), Ok(false)) {
            phase = Phase::Serves;
            if stopped.as_mut().poll(context).is_ready() {
                connection.as_mut().graceful_shutdown();
                phase = Phase::Ends;
            }
        }
        let polled = connection.as_mut().poll(context);
        // Nobody waits for the answer any more: returning drops the connection, and with it the callout.
        if polled.is_pending() && pulse.is_serving() && stream.poll_hang_up(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        polled
    })
    .await;
    if let Err(error) = ended {
        tracing::debug!("a caller's connection ended: {error}");
    }
}

/// Keeps the head of the chain in the database too, so that a cut-off tail shows.
async fn keep_anchored(lane: Lane, node: Node) {
    loop {
        tokio::time::sleep(ANCHOR_EVERY).await;
        store_anchor(&lane, &node).await;
    }
}

async fn store_anchor(lane: &Lane, node: &Node) {
    if let Some((sequence, mac)) = lane.head()
        && let Err(error) = node.house().store_anchor(&lane.name(), sequence, mac).await
    {
        tracing::warn!("the head of the audit cannot be anchored: {error}");
    }
}
