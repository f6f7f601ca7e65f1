//! A server: a node that listens. Cores serve callouts, everything else runs on the runtime that started it.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use sortie_callout::HoldingSpace;
use tokio::sync::watch;

use crate::admin::{self, Duties};
use crate::config::{ConfigError, OpenIdProvider};
use crate::connect::{self, CallbackChange};
use crate::gateway::{Core, CoreError, Plane, sealed as sealed_plane};
use crate::house::{House, HouseConfig, OpenError};
use crate::node::{Node, NodeError};
use crate::public_url::PublicUrl;

/// 5 s: how old the stored health of a credential may be.
const HEALTH_EVERY: Duration = Duration::from_secs(5);

/// 25 s at a stop for what providers have been asked for: longer than the 20 s that one has to answer, with time left to store it. What is cut off then was not
/// answered, or is in the spool.
const LAST_ANSWERS: Duration = Duration::from_secs(25);

/// A running server. Dropping it leaves its cores to themselves: call [`Server::stop`].
pub struct Server {
    node: Option<Node>,
    cores: Vec<Core>,
    gateway: SocketAddr,
    admin: SocketAddr,
    public_url: Option<PublicUrl>,
    stop: watch::Sender<bool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    _lock: File,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration would be unsafe.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The house does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The node does not come up.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A core cannot serve.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// Another server uses the data directory.
    #[error("another server already uses the data directory {path}")]
    Locked {
        /// Which.
        path: PathBuf,
    },
    /// The operators' listener cannot be opened.
    #[error("cannot listen for operators on {address}")]
    Admin {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

impl StartError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Config(error) => error.code(),
            Self::Open(error) => error.code(),
            Self::Node(error) => error.code(),
            Self::Core(CoreError::Listen { .. }) | Self::Admin { .. } => "cannot_listen",
            Self::Core(CoreError::Audit(_)) => "audit_unavailable",
            Self::Core(CoreError::Thread(_)) => "cannot_start_core",
            Self::Locked { .. } => "data_directory_in_use",
        }
    }

    /// What to do.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Config(error) => error.next_step(),
            Self::Open(error) => error.next_step(),
            Self::Node(_) => "correct `trust` in the configuration, or bring the database back",
            Self::Core(CoreError::Listen { .. }) | Self::Admin { .. } => "choose another address, or end what listens there",
            Self::Core(CoreError::Audit(_)) => "make the audit directory writable; if a file is damaged, run `sortie audit verify`",
            Self::Core(CoreError::Thread(_)) => "raise the limit of threads",
            Self::Locked { .. } => "stop the other one, or choose another --data-dir",
        }
    }
}

impl Server {
    /// Starts to serve. With a missing or wrong root key the server still starts, sealed: it tells so at `/readyz`, and changes and serves nothing.
    ///
    /// # Errors
    /// A [`StartError`].
    pub async fn start(setup: &HouseConfig) -> Result<Self, StartError> {
        setup.config.check_for_serving()?;
        let opened = House::open(setup).await;
        let lock = lock(setup)?;
        let (stop, stopping) = watch::channel(false);
        let (node, sealed) = match opened {
            Ok(house) => (Some(Node::start(house, &setup.config).await?), None),
            Err(error) if error.is_sealed() => {
                tracing::error!(code = error.code(), "the node is sealed: {error}");
                (None, Some(error.code()))
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(node) = &node {
            node.begin_rescue().await;
        }
        let gateway = &setup.config.gateway;
        let space = HoldingSpace::new(gateway.max_held_bytes);
        let mut cores = Vec::new();
        let mut address = gateway.listen;
        if let Some(node) = &node {
            for index in 0..core_count(gateway.cores) {
                let plane = Plane {
                    node: node.clone(),
                    runtime: tokio::runtime::Handle::current(),
                    chain: node.house().chain_key(),
                    durability: setup.config.audit.durability,
                    max_connections: gateway.max_connections_per_core,
                    space: space.clone(),
                    drain: Duration::from_secs(gateway.drain_seconds),
                    stop: stopping.clone(),
                };
                let core = Core::start(index, address, node.house().audit_directory(), plane)?;
                address = core.address();
                cores.push(core);
            }
        }
        let mut tasks = Vec::new();
        if node.is_none() {
            let (bound, refusing) = sealed_plane::start(address).map_err(|source| CoreError::Listen { address, source })?;
            address = bound;
            tasks.push(refusing);
        }
        let listen = setup.config.admin.listen;
        let public_url = setup.config.public_url()?;
        let openid = setup.config.sign_in.openid.as_ref().map(OpenIdProvider::read).transpose()?;
        let duties = Duties {
            sealed,
            node: node.clone(),
            public_url,
            requests_per_minute: setup.config.admin.requests_per_minute,
            openid,
            stopping,
        };
        let listening = admin::start(listen, duties).await.map_err(|source| StartError::Admin { address: listen, source })?;
        let (admin, public_url) = (listening.address, listening.public_url);
        tasks.push(listening.task);
        if let (Some(node), Some(public_url)) = (&node, &public_url) {
            warn_of_callbacks(node, public_url).await;
        }
        if let Some(node) = &node {
            tasks.push(tokio::spawn(node.clone().follow_changes()));
            tasks.push(tokio::spawn(node.clone().follow_announcements()));
            tasks.push(tokio::spawn(node.clone().follow_spool()));
            tasks.push(tokio::spawn(connect::owed::follow(node.clone())));
            tasks.push(tokio::spawn(keep_health(node.clone())));
        }
        Ok(Self { node, cores, gateway: address, admin, public_url, stop, tasks, _lock: lock })
    }

    /// Where callers connect.
    pub const fn gateway(&self) -> SocketAddr {
        self.gateway
    }

    /// Where operators ask.
    pub const fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// How browsers reach the console; `None` if there is none: the node is sealed, or nobody has said how a listener for others is reached.
    pub const fn public_url(&self) -> Option<&PublicUrl> {
        self.public_url.as_ref()
    }

    /// How many cores serve.
    pub fn core_count(&self) -> usize {
        self.cores.len()
    }

    /// The node; `None` if it is sealed.
    pub const fn node(&self) -> Option<&Node> {
        self.node.as_ref()
    }

    /// Stops: readiness goes first, then no connection is accepted, callouts under way end, the audit is written, renewals and logins under way end (P12), the database
    /// is closed.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for core in self.cores {
            // Joining waits for callouts under way; not on a thread that others need.
            let _ = tokio::task::spawn_blocking(move || core.join()).await;
        }
        for task in &self.tasks {
            task.abort();
        }
        if let Some(node) = &self.node {
            // Nobody may wait for them any more, and a provider gives some of what it gives only once.
            match node.grants().under_way().close(LAST_ANSWERS).await {
                0 => {}
                count => tracing::warn!(count, "{count} questions to providers were cut off: they took longer than the shutdown waits"),
            }
            node.store_health().await;
            node.house().store().close().await;
        }
    }
}

async fn keep_health(node: Node) {
    loop {
        tokio::time::sleep(HEALTH_EVERY).await;
        node.store_health().await;
    }
}

fn core_count(configured: usize) -> usize {
    match configured {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        count => count,
    }
}

/// Whoever changes `public_url` has to register another callback URL at each provider: nobody could log in there otherwise.
async fn warn_of_callbacks(node: &Node, public_url: &PublicUrl) {
    match connect::changed_callbacks(node.house().store(), &public_url.origin()).await {
        Ok(changed) => changed.iter().for_each(|CallbackChange { provider, before, now }| {
            tracing::warn!(
                code = "callback_url_changed",
                "register {now} at the provider `{provider}`: the last login there came back to {before}"
            );
        }),
        Err(error) => tracing::warn!(code = error.code(), "the callback URLs of providers cannot be compared: {error}"),
    }
}

/// One server for one data directory: its audit files are its own (OPS-07).
fn lock(setup: &HouseConfig) -> Result<File, StartError> {
    let path = setup.data_directory.join("serve.lock");
    let unusable = |source| StartError::Open(OpenError::DataDirectory { path: path.clone(), source });
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StartError::Locked { path: setup.data_directory.clone() }),
        Err(std::fs::TryLockError::Error(source)) => Err(unusable(source)),
    }
}
