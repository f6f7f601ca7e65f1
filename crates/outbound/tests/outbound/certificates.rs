//! TLS servers, made for one test.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::server::WebPkiClientVerifier;
use rustls::{HandshakeKind, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

pub use sortie_testkit::authority::{Authority, Issued, self_signed};

/// What a TLS server saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Everything that came out of TLS, of all connections.
    pub decrypted: Vec<u8>,
    /// How each handshake went that came to its end, and the protocol agreed on.
    pub handshakes: Vec<(HandshakeKind, Option<Vec<u8>>)>,
    /// Connections accepted.
    pub connections: usize,
}

/// A TLS server on loopback. It answers each request with the same bytes, and closes the TCP connection without a word of TLS after
/// an answer that says `Connection: close`.
pub struct TlsServer {
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl TlsServer {
    pub fn start(issued: Issued, answer: &'static str) -> Self {
        Self::asking(issued, None, answer)
    }

    /// One that insists on client certificates of this authority, if one is given.
    pub fn asking(issued: Issued, clients: Option<&Authority>, answer: &'static str) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::try_from(issued.key).unwrap();
        let mut config = builder.with_single_cert(vec![CertificateDer::from(issued.certificate)], key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let (config, seen) = (Arc::new(config), Arc::new(Mutex::new(Seen::default())));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (config, seen) = (Arc::clone(&config), Arc::clone(&shared));
                seen.lock().unwrap().connections += 1;
                thread::spawn(move || {
                    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream.unwrap());
                    // The client refusing us is one of the things that a test wants.
                    let _ = serve(&mut stream, &seen, answer);
                });
            }
        });
        Self { address, seen }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap())
    }
}

fn serve(stream: &mut StreamOwned<ServerConnection, std::net::TcpStream>, seen: &Mutex<Seen>, answer: &str) -> std::io::Result<()> {
    stream.conn.complete_io(&mut stream.sock)?;
    let agreed = stream.conn.alpn_protocol().map(<[u8]>::to_vec);
    seen.lock().unwrap().handshakes.push((stream.conn.handshake_kind().unwrap(), agreed));
    let mut request = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        seen.lock().unwrap().decrypted.extend_from_slice(&buffer[..count]);
        request.extend_from_slice(&buffer[..count]);
        if request.ends_with(b"\r\n\r\n") {
            request.clear();
            stream.write_all(answer.as_bytes())?;
            stream.flush()?;
            if answer.contains("Connection: close") {
                return stream.sock.shutdown(std::net::Shutdown::Both);
            }
        }
    }
}
