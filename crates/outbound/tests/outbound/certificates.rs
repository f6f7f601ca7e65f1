//! Certificate authorities and TLS servers, made for one test.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// An authority that signs what a test asks for.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

/// A certificate and its key.
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "Sortie test authority");
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for these names, changed as the test likes.
    pub fn sign(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = leaf(names, change);
        Identity::new(params.signed_by(&key, &self.issuer).unwrap().der().clone(), &key)
    }
}

/// A certificate that nobody but itself vouches for.
pub fn self_signed(names: &[&str]) -> Identity {
    let key = KeyPair::generate().unwrap();
    Identity::new(leaf(names, |_| {}).self_signed(&key).unwrap().der().clone(), &key)
}

fn leaf(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    change(&mut params);
    params
}

impl Identity {
    fn new(certificate: CertificateDer<'static>, key: &KeyPair) -> Self {
        Self { certificate, key: PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap() }
    }
}

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
    pub fn start(identity: Identity, answer: &'static str) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![identity.certificate], identity.key)
            .unwrap();
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
