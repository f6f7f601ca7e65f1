//! Names to addresses.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use sortie_protocol::Pending;

/// How names become addresses.
#[derive(Clone)]
pub struct Resolver(Kind);

#[derive(Clone)]
enum Kind {
    System,
    Given(Arc<Lookup>),
}

type Lookup = dyn Fn(&str, u16) -> Pending<'static, io::Result<Vec<SocketAddr>>> + Send + Sync;

impl Resolver {
    /// The system's own resolver. Its look-ups block a thread of the runtime's blocking pool, never the caller's.
    pub const fn system() -> Self {
        Self(Kind::System)
    }

    /// Any other source of addresses: a fixed table, or a server that changes its mind.
    pub fn new(lookup: impl Fn(&str, u16) -> Pending<'static, io::Result<Vec<SocketAddr>>> + Send + Sync + 'static) -> Self {
        Self(Kind::Given(Arc::new(lookup)))
    }

    /// All addresses of a name.
    pub(crate) async fn lookup(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match &self.0 {
            Kind::System => Ok(tokio::net::lookup_host((name, port)).await?.collect()),
            Kind::Given(lookup) => lookup(name, port).await,
        }
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self.0 {
            Kind::System => "Resolver(system)",
            Kind::Given(_) => "Resolver(given)",
        })
    }
}
