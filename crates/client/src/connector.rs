//! New connections: TCP, and TLS where the address says so.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::origin::host;

/// Over which ways a key may go without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    /// Within this machine.
    Loopback,
    /// Anywhere: somebody has said that nobody listens.
    Anywhere,
}

/// Makes connections for the pool.
#[derive(Clone)]
pub(crate) struct Connector {
    /// `None` if no address needs it.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) patience: Duration,
    pub(crate) plain: PlainHttp,
}

impl Connector {
    async fn connect(self, uri: Uri) -> io::Result<Wire> {
        let patience = self.patience;
        let late = || io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {} s", patience.as_secs_f32()));
        tokio::time::timeout(patience, self.connect_at_leisure(&uri)).await.map_err(|_| late())?
    }

    async fn connect_at_leisure(&self, uri: &Uri) -> io::Result<Wire> {
        let name = host(uri.host().unwrap_or_default());
        let is_plain = uri.scheme_str() == Some("http");
        let port = uri.port_u16().unwrap_or(if is_plain { 80 } else { 443 });
        let mut addresses: Vec<SocketAddr> = tokio::net::lookup_host((name, port)).await?.collect();
        if is_plain && self.plain == PlainHttp::Loopback {
            // Whatever the name says: without TLS the address decides.
            addresses.retain(|address| address.ip().is_loopback());
        }
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, format!("`{name}` has no address that may be used")));
        }
        let stream = TcpStream::connect(addresses.as_slice()).await?;
        stream.set_nodelay(true)?;
        if is_plain {
            return Ok(Wire(TokioIo::new(Box::new(stream))));
        }
        let tls = self.tls.clone().ok_or_else(|| io::Error::other("TLS is not set up"))?;
        let name = ServerName::try_from(name.to_owned()).map_err(|_| io::Error::other("this is no name that a certificate can have"))?;
        let stream = TlsConnector::from(tls).connect(name, stream).await?;
        Ok(Wire(TokioIo::new(Box::new(stream))))
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = Wire;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Wire>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// A connection of either kind.
pub(crate) struct Wire(TokioIo<Box<dyn Duplex>>);

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Wire {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffers: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, buffers)
    }
}
