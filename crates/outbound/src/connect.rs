//! From an endpoint to an open connection: resolve, check every address, dial one that was checked, then TLS.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::ServerName;
use sortie_callout::{ClientIdentity, ForwardError};
use sortie_model::{Endpoint, Host, NamedCredentialId, Scheme};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::channels::{Channels, Presenter};
use crate::client_auth::{Asked, Having, Listening, Objection, alert, noting};
use crate::egress::{Denied, EgressPolicy};
use crate::resolve::Resolver;
use crate::stream::Stream;
use crate::tls::{self, Trust, TrustError};

/// Opens connections that the egress policy allows, and shows the certificates that names present there. Shared by all cores; it holds no connection itself.
///
/// No proxy of the environment is ever used: it would dial in our place, past the policy.
pub struct Connector {
    policy: EgressPolicy,
    resolver: Resolver,
    channels: Channels,
}

/// Why there is no connection. Nothing has been sent in any of these cases. The words hold no address: callers may read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The egress policy forbids it.
    #[error("the egress policy does not allow the address")]
    Denied(#[source] Denied),
    /// There is no address, or nobody answers there.
    #[error("{0}")]
    Unreachable(&'static str),
    /// Somebody answers, but is not to be trusted.
    #[error("{0}")]
    Tls(&'static str),
    /// It wants another client certificate than it got.
    #[error(transparent)]
    ClientCertificate(#[from] Objection),
    /// It takes too long.
    #[error("the connection did not stand in time")]
    TooSlow,
}

impl From<ConnectError> for ForwardError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Denied(_) => Self::Denied,
            ConnectError::Unreachable(reason) => Self::Unreachable(reason.to_owned()),
            ConnectError::Tls(reason) => Self::Tls(reason.to_owned()),
            ConnectError::ClientCertificate(objection) => objection.into(),
            ConnectError::TooSlow => Self::Timeout,
        }
    }
}

/// Addresses of one name that the policy has passed. Only [`Connector::resolve`] makes one, and only addresses in it are dialled.
struct Checked(Arc<[SocketAddr]>);

impl Connector {
    /// Joins the policy and the trusted authorities.
    ///
    /// # Errors
    /// A [`TrustError`] if nobody would be trusted.
    pub fn new(policy: EgressPolicy, trust: Trust) -> Result<Self, TrustError> {
        Ok(Self { policy, resolver: Resolver::system(), channels: Channels::new(trust.client_config()?) })
    }

    /// The same with another source of addresses. What it answers is checked like any other.
    #[must_use]
    pub fn with_resolver(mut self, resolver: Resolver) -> Self {
        self.resolver = resolver;
        self
    }

    /// The policy in force.
    pub const fn policy(&self) -> &EgressPolicy {
        &self.policy
    }

    /// Makes ready what these names present, and forgets what others did. Once for each change of the definitions, before callouts begin under them.
    pub fn present<'a>(&self, identities: impl Iterator<Item = (NamedCredentialId, &'a Arc<ClientIdentity>)>) {
        self.channels.prepare(identities.map(|(name, identity)| Presenter { name, identity }));
    }

    /// Opens a connection within the time limit, TLS included.
    ///
    /// # Errors
    /// A [`ConnectError`]; no request has been sent then.
    pub(crate) async fn connect(
        &self,
        endpoint: &Endpoint,
        presenter: Option<Presenter<'_>>,
        limit: Duration,
    ) -> Result<Stream, ConnectError> {
        timeout(limit, self.establish(endpoint, presenter, Instant::now() + limit)).await.unwrap_or(Err(ConnectError::TooSlow))
    }

    async fn establish(&self, endpoint: &Endpoint, presenter: Option<Presenter<'_>>, deadline: Instant) -> Result<Stream, ConnectError> {
        if presenter.is_some() && endpoint.scheme() == Scheme::Http {
            // No definition says so; if one did, the request would arrive as that of nobody.
            return Err(ConnectError::Tls("a client certificate is presented over https only"));
        }
        let checked = self.resolve(endpoint).await?;
        let stream = dial(checked, deadline).await?;
        // Requests are written whole; waiting to fill a packet only adds delay.
        stream.set_nodelay(true).map_err(|_| ConnectError::Unreachable("the connection closed at once"))?;
        match endpoint.scheme() {
            Scheme::Http => Ok(Stream::plain(stream)),
            Scheme::Https => {
                let name = server_name(endpoint.host())?;
                let having = if presenter.is_some() { Having::Certificate } else { Having::Nothing };
                let (made, asked) = noting(self.channels.of(presenter).connect(name, stream)).await;
                let objection = |error: &io::Error| alert(error).and_then(|alert| Objection::of(alert, having, asked));
                let stream = made
                    .map_err(|error| objection(&error).map_or(ConnectError::Tls(tls::reason(&error)), ConnectError::ClientCertificate))?;
                if having == Having::Certificate && asked == Asked::KeyDoesNotFit {
                    // The handshake went on without it, and a server that does not insist would take the request for one of nobody.
                    return Err(ConnectError::ClientCertificate(Objection::Refused(
                        "its key cannot sign in any way that the service takes",
                    )));
                }
                Ok(Stream::tls(stream, Listening::after(having, asked)))
            }
        }
    }

    /// Every address of the host, all of them allowed.
    async fn resolve(&self, endpoint: &Endpoint) -> Result<Checked, ConnectError> {
        let port = endpoint.port();
        let addresses: Arc<[SocketAddr]> = match endpoint.host() {
            Host::V4(address) => Arc::new([SocketAddr::new(IpAddr::V4(*address), port)]),
            Host::V6(address) => Arc::new([SocketAddr::new(IpAddr::V6(*address), port)]),
            Host::Name(name) => self.resolver.lookup(name, port).await.ok_or(ConnectError::Unreachable("the name cannot be resolved"))?,
        };
        if addresses.is_empty() {
            return Err(ConnectError::Unreachable("the name has no address"));
        }
        self.policy.check_all(endpoint.scheme(), &addresses).map_err(|denied| {
            tracing::warn!(host = %endpoint.host(), reason = %denied, "refused to connect to `{}`: {denied}", endpoint.host());
            ConnectError::Denied(denied)
        })?;
        Ok(Checked(addresses))
    }
}

/// Tries the addresses in turn. Each gets an equal share of what time is left, so that a silent one does not use up all of it.
async fn dial(Checked(addresses): Checked, deadline: Instant) -> Result<TcpStream, ConnectError> {
    let mut reason = ConnectError::TooSlow;
    for (tried, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => reason = ConnectError::Unreachable(refusal(&error)),
            Err(_) => {}
        }
    }
    Err(reason)
}

fn refusal(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "there is no route to it",
        io::ErrorKind::TimedOut => "nobody answers there",
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => "the connection was reset",
        _ => "the connection failed",
    }
}

fn server_name(host: &Host) -> Result<ServerName<'static>, ConnectError> {
    match host {
        Host::V4(address) => Ok(ServerName::from(IpAddr::V4(*address))),
        Host::V6(address) => Ok(ServerName::from(IpAddr::V6(*address))),
        Host::Name(name) => ServerName::try_from(name.to_string()).map_err(|_| ConnectError::Tls("its name cannot stand in a certificate")),
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connector").field("policy", &self.policy).field("resolver", &self.resolver).finish_non_exhaustive()
    }
}
