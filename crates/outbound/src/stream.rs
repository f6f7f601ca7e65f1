//! One connection's bytes, encrypted or not.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::client_auth::Listening;
use crate::gather::poll_write_gathered;

/// An open connection to an upstream or a service. Made by [`crate::Connector::connect`] only.
#[derive(Debug)]
pub(crate) struct Stream(Kind);

#[derive(Debug)]
enum Kind {
    Plain(TcpStream),
    /// Boxed: a TLS session is a kilobyte, and plain connections need not carry it.
    Tls(Box<Encrypted>),
}

#[derive(Debug)]
struct Encrypted {
    stream: TlsStream<TcpStream>,
    listening: Listening,
}

impl Encrypted {
    /// Notes what an error says of the client certificate.
    fn noted<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &polled {
            self.listening.note(error);
        }
        polled
    }

    /// The same where something could not be written: a server that has refused us closes, and why it did is still to be read. What else there is to read is lost with the
    /// connection, which nobody uses after such an error.
    fn noted_before_end<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &polled
            && !self.listening.note(error)
            && let Poll::Ready(Err(said)) = Pin::new(&mut self.stream).poll_read(context, &mut ReadBuf::new(&mut [0; 1]))
        {
            self.listening.note(&said);
        }
        polled
    }
}

impl Stream {
    pub(crate) const fn plain(stream: TcpStream) -> Self {
        Self(Kind::Plain(stream))
    }

    pub(crate) fn tls(stream: TlsStream<TcpStream>, listening: Listening) -> Self {
        Self(Kind::Tls(Box::new(Encrypted { stream, listening })))
    }

    /// What the server may still say of the client certificate.
    pub(crate) fn listening(&self) -> Option<Listening> {
        match &self.0 {
            Kind::Plain(_) => None,
            Kind::Tls(encrypted) => Some(encrypted.listening.clone()),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Kind::Tls(encrypted) => {
                let polled = Pin::new(&mut encrypted.stream).poll_read(context, buffer);
                encrypted.noted(polled)
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Kind::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Kind::Tls(encrypted) => {
                let polled = Pin::new(&mut encrypted.stream).poll_write(context, bytes);
                encrypted.noted_before_end(context, polled)
            }
        }
    }

    fn poll_write_vectored(self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Kind::Plain(stream) => poll_write_gathered(Pin::new(stream), context, slices),
            Kind::Tls(encrypted) => {
                let polled = Pin::new(&mut encrypted.stream).poll_write_vectored(context, slices);
                encrypted.noted_before_end(context, polled)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            Kind::Plain(stream) => stream.is_write_vectored(),
            Kind::Tls(encrypted) => encrypted.stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Plain(stream) => Pin::new(stream).poll_flush(context),
            Kind::Tls(encrypted) => {
                let polled = Pin::new(&mut encrypted.stream).poll_flush(context);
                encrypted.noted_before_end(context, polled)
            }
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Kind::Tls(encrypted) => Pin::new(&mut encrypted.stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use sortie_model::Endpoint;
    use sortie_testkit::authority::Authority;
    use sortie_testkit::peers::{MutualTlsOpenssl, TlsVersion};
    use tokio::io::AsyncWriteExt as _;

    use crate::client_auth::Objection;
    use crate::{Connector, EgressPolicy, Roots, Trust};

    #[tokio::test]
    async fn who_only_writes_still_hears_why_the_server_has_closed() {
        let server = MutualTlsOpenssl::start(TlsVersion::Tls13, &Authority::default().pem, None);
        let policy = EgressPolicy { allow: vec!["127.0.0.0/8".parse().unwrap()], ports: Vec::new() };
        let trust = Trust::new(Roots::OnlyAdded).with_ca_pem(server.authority().as_bytes()).unwrap();
        let endpoint = Endpoint::parse(&server.url()).unwrap();
        let connector = Connector::new(policy, trust).unwrap();
        let mut stream = connector.connect(&endpoint, None, Duration::from_secs(20)).await.unwrap();
        let listening = stream.listening().unwrap();
        assert_eq!(listening.heard(), None, "TLS 1.3: the handshake is over before the server has looked");
        // `s_server` throws away what comes before it closes, for as long as something comes without a pause.
        let writing = async {
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), writing).await.unwrap();
        assert_eq!(listening.heard(), Some(Objection::Required));
    }
}
