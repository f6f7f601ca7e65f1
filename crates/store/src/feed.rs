//! The change feed: tells whoever wants to know that definitions have a newer generation.
//!
//! Notifications of PostgreSQL are hints: they are lost together with a connection, and a pooler may swallow them. The
//! generation itself is polled behind them, and nothing else counts.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::db::{Db, Fault, Listener, Server, Sessions};
use crate::deployment::{self, Generation};

/// With PostgreSQL, notifications arrive long before.
const POSTGRES_PERIOD: Duration = Duration::from_secs(1);

/// Only another process on the same file goes unnoticed until then; a read of the local file costs microseconds.
const SQLITE_PERIOD: Duration = Duration::from_millis(250);

/// The newest generation that this process knows of, and the task that keeps it new.
pub(crate) struct Feed {
    newest: Arc<watch::Sender<i64>>,
    task: JoinHandle<()>,
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Feed {
    /// Starts the task on the runtime that this is called on.
    pub(crate) fn start(db: Db, server: Option<Server>, current: Generation) -> Self {
        let newest = Arc::new(watch::Sender::new(current.as_i64()));
        let task = match server {
            None => tokio::spawn(poll(db, SQLITE_PERIOD, Arc::clone(&newest))),
            // A pooler would take the LISTEN and give its session to somebody else.
            Some(Server { sessions: Sessions::Shared, .. }) => tokio::spawn(poll(db, POSTGRES_PERIOD, Arc::clone(&newest))),
            Some(Server { sessions: Sessions::Own, options }) => tokio::spawn(listen(db, options, Arc::clone(&newest))),
        };
        Self { newest, task }
    }

    /// Learns of a commit of this process at once.
    pub(crate) fn raise(&self, generation: Generation) {
        raise(&self.newest, generation);
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }
}

/// Never backwards: the poll and a commit may report in either order.
fn raise(newest: &watch::Sender<i64>, generation: Generation) {
    newest.send_if_modified(|known| {
        let is_newer = generation.as_i64() > *known;
        if is_newer {
            *known = generation.as_i64();
        }
        is_newer
    });
}

async fn poll(db: Db, period: Duration, newest: Arc<watch::Sender<i64>>) {
    let mut outage = Outage::default();
    loop {
        tokio::time::sleep(period).await;
        outage.note(look(&db, &newest).await);
    }
}

async fn listen(db: Db, options: PgConnectOptions, newest: Arc<watch::Sender<i64>>) {
    let (mut polling, mut listening) = (Outage::default(), Outage::default());
    let mut listener = None;
    loop {
        if listener.is_none() {
            listener = listening.note(Listener::connect(options.clone()).await);
        }
        match &mut listener {
            Some(ears) => match tokio::time::timeout(POSTGRES_PERIOD, ears.heard()).await {
                Ok(Ok(())) | Err(_) => {}
                Ok(Err(fault)) => {
                    listening.note::<()>(Err(fault));
                    listener = None;
                }
            },
            None => tokio::time::sleep(POSTGRES_PERIOD).await,
        }
        polling.note(look(&db, &newest).await);
    }
}

async fn look(db: &Db, newest: &watch::Sender<i64>) -> Result<(), Fault> {
    raise(newest, deployment::current(db).await?.generation);
    Ok(())
}

/// Logs when an outage begins and when it ends, not every second of it.
#[derive(Default)]
struct Outage {
    has_begun: bool,
}

impl Outage {
    fn note<T>(&mut self, outcome: Result<T, Fault>) -> Option<T> {
        match outcome {
            Ok(value) => {
                if std::mem::take(&mut self.has_begun) {
                    tracing::info!("the change feed hears the database again");
                }
                Some(value)
            }
            Err(fault) => {
                if !std::mem::replace(&mut self.has_begun, true) {
                    tracing::warn!(%fault, "the change feed cannot hear the database: {fault}");
                }
                None
            }
        }
    }
}
