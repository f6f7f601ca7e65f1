//! Servers that want client certificates: Debian's nginx, which answers whoever it does not take with 400, and OpenSSL's own, which refuses the connection.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::child::{Child, free_address};
use super::fail;
use super::nginx::nginx;
use crate::authority::Authority;

/// How often the start is tried again when another process took the port between our look and the server's.
const ATTEMPTS: u32 = 5;

/// Which version of TLS a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// 1.2: the handshake ends with a refusal.
    Tls12,
    /// 1.3: the refusal comes after it.
    Tls13,
}

impl TlsVersion {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Tls12, Self::Tls13];

    /// As nginx says it, also in its answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        }
    }

    const fn openssl(self) -> &'static str {
        match self {
            Self::Tls12 => "-tls1_2",
            Self::Tls13 => "-tls1_3",
        }
    }
}

/// Whom an [`MutualTlsNginx`] lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Who shows a certificate that an authority has signed: `ssl_verify_client on`.
    Certified,
    /// Those, and who shows none: `optional`.
    OrNobody,
    /// Everybody; certificates are looked at and not verified: `optional_no_ca`.
    Unverified,
}

/// nginx with `ssl_verify_client` on loopback, killed when dropped. Its certificate is for `127.0.0.1`.
///
/// Every path answers what nginx knows of the connection, as JSON: `verify`, `subject`, `serial`, `protocol`, `reused` (`r` or `.`), `connection` (a number).
/// After `/close` the connection is closed.
#[derive(Debug)]
pub struct MutualTlsNginx {
    address: SocketAddr,
    authority: String,
    directory: TempDir,
    _process: Child,
}

impl MutualTlsNginx {
    /// Starts it. `clients` are the certificates of those who sign clients' certificates, as PEM.
    ///
    /// # Panics
    /// If nginx is missing or refuses to start; the message says how to install it.
    pub fn start(version: TlsVersion, admission: Admission, clients: &str) -> Self {
        let (directory, authority) = prepare(clients);
        let path = directory.path();
        for _ in 0..ATTEMPTS {
            let address = free_address();
            write(&path.join("nginx.conf"), &configuration(path, address, version, admission));
            let mut process =
                Child::spawn(nginx().arg("-e").arg(path.join("error.log")).arg("-p").arg(path).arg("-c").arg(path.join("nginx.conf")));
            if process.becomes_ready(|| path.join("pid").is_file()) {
                return Self { address, authority, directory, _process: process };
            }
        }
        fail("nginx did not start", &fs::read_to_string(path.join("error.log")).unwrap_or_default())
    }

    /// `https://127.0.0.1:<port>`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// What a client has to trust, as PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What stands in its logs.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("error.log")).unwrap_or_default()
    }
}

fn configuration(path: &Path, address: SocketAddr, version: TlsVersion, admission: Admission) -> String {
    let path = path.display();
    let (protocol, admission) = (
        version.as_str(),
        match admission {
            Admission::Certified => "on",
            Admission::OrNobody => "optional",
            Admission::Unverified => "optional_no_ca",
        },
    );
    let answer = r#"return 200 '{"verify":"$ssl_client_verify","subject":"$ssl_client_s_dn","serial":"$ssl_client_serial","protocol":"$ssl_protocol","reused":"$ssl_session_reused","connection":"$connection"}';"#;
    format!(
        r#"daemon off; master_process off; worker_processes 1; pid {path}/pid; error_log {path}/error.log info;
events {{ worker_connections 512; }}
http {{
    access_log off; default_type application/json;
    client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi; uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;
    ssl_certificate {path}/server.pem; ssl_certificate_key {path}/server.key; ssl_protocols {protocol}; ssl_session_cache shared:s:1m;
    ssl_client_certificate {path}/clients.pem; ssl_verify_client {admission};
    server {{
        listen {address} ssl;
        location / {{ {answer} }}
        location = /close {{ keepalive_timeout 0; {answer} }}
    }}
}}
"#
    )
}

/// `openssl s_server` that insists on a client certificate (`-Verify`), on loopback, killed when dropped. Its certificate is for `127.0.0.1`.
#[derive(Debug)]
pub struct MutualTlsOpenssl {
    address: SocketAddr,
    authority: String,
    _process: Child,
    _directory: TempDir,
}

impl MutualTlsOpenssl {
    /// Starts it; it verifies as if it were `at`, in seconds since 1970, if that is given.
    ///
    /// # Panics
    /// If OpenSSL is missing or refuses to start; the message says how to install it.
    pub fn start(version: TlsVersion, clients: &str, at: Option<u64>) -> Self {
        let (directory, authority) = prepare(clients);
        for _ in 0..ATTEMPTS {
            let address = free_address();
            let mut command = Command::new("openssl");
            command.args([
                "s_server",
                "-accept",
                &address.to_string(),
                "-cert",
                "server.pem",
                "-key",
                "server.key",
                "-CAfile",
                "clients.pem",
            ]);
            command.args(["-Verify", "3", "-verify_return_error", "-www", "-quiet", version.openssl()]);
            if let Some(at) = at {
                command.args(["-attime", &at.to_string()]);
            }
            let mut process = Child::spawn(command.current_dir(directory.path()).stdout(Stdio::null()).stderr(Stdio::null()));
            if process.becomes_ready(|| TcpStream::connect(address).is_ok()) {
                return Self { address, authority, _process: process, _directory: directory };
            }
        }
        fail("`openssl s_server` did not start", &"no port was free, or an option is not known")
    }

    /// `https://127.0.0.1:<port>`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// What a client has to trust, as PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

/// A folder with `server.pem`, `server.key` and `clients.pem`, and the authority behind the server's certificate.
fn prepare(clients: &str) -> (TempDir, String) {
    let directory = match tempfile::Builder::new().prefix("sortie-mutual-tls-").tempdir() {
        Ok(directory) => directory,
        Err(error) => fail("cannot make a directory", &error),
    };
    let authority = Authority::new("Server authority");
    let server = authority.sign(&["127.0.0.1"], |_| {});
    let path = directory.path();
    write(&path.join("server.pem"), &server.certificate_pem());
    write(&path.join("server.key"), &server.key_pem());
    write(&path.join("clients.pem"), clients);
    (directory, authority.pem)
}

fn write(path: &Path, text: &str) {
    if let Err(error) = fs::write(path, text) {
        fail("cannot write a server's files", &error);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use sortie_model::KeyAlgorithm;

    use super::*;

    /// What curl gets, with a certificate or without: the status, or its own exit status, and the body.
    fn curl(url: &str, certificate: Option<&crate::authority::Issued>) -> (String, String) {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new("curl");
        command.args(["-sk", "-m", "20", "-w", "\n%{http_code}", url]);
        if let Some(issued) = certificate {
            fs::write(directory.path().join("c.pem"), issued.certificate_pem()).unwrap();
            fs::write(directory.path().join("c.key"), issued.key_pem()).unwrap();
            command.arg("--cert").arg(directory.path().join("c.pem")).arg("--key").arg(directory.path().join("c.key"));
        }
        let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let (body, status) = output.rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    }

    #[test]
    fn they_let_in_only_whom_the_authority_has_signed() {
        let (good, bad) = (Authority::new("Good"), Authority::new("Bad"));
        let (alice, mallory) = (good.sign_client("alice", KeyAlgorithm::P256), bad.sign_client("alice", KeyAlgorithm::Rsa2048));
        for version in TlsVersion::ALL {
            let nginx = MutualTlsNginx::start(version, Admission::Certified, &good.pem);
            let (status, body) = curl(&nginx.url(), Some(&alice));
            assert_eq!(status, "200");
            assert!(body.contains(r#""verify":"SUCCESS","subject":"CN=alice""#) && body.contains(version.as_str()), "{body}");
            assert_eq!([curl(&nginx.url(), None).0, curl(&nginx.url(), Some(&mallory)).0], ["400", "400"]);

            let openssl = MutualTlsOpenssl::start(version, &good.pem, None);
            assert_eq!(curl(&openssl.url(), Some(&alice)).0, "200");
            assert_eq!([curl(&openssl.url(), None).0, curl(&openssl.url(), Some(&mallory)).0], ["000", "000"]);
        }
        let open = MutualTlsNginx::start(TlsVersion::Tls13, Admission::OrNobody, &good.pem);
        assert!(curl(&open.url(), None).1.contains(r#""verify":"NONE","subject":"""#));
        let unverified = MutualTlsNginx::start(TlsVersion::Tls13, Admission::Unverified, &good.pem);
        assert_eq!(curl(&unverified.url(), Some(&mallory)).0, "200");
    }
}
