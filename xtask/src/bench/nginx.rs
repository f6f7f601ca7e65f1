//! Debian's nginx twice: as the upstream of everybody, and as the peer that adds a static header.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::machine::{LOAD_CORE, MEASURED_CORE};
use super::server::{Server, free_address};
use crate::process::{Failure, during, output};

/// What the upstream wants to see; it answers anything else with 401.
pub(super) const KEY_HEADER: &str = "X-Api-Key";
pub(super) const KEY: &str = "SECRET-bench-key";
pub(super) const USER: &str = "bench";
pub(super) const PASSWORD: &str = "SECRET-bench-password";
/// `base64("bench:SECRET-bench-password")`.
const BASIC: &str = "Basic YmVuY2g6U0VDUkVULWJlbmNoLXBhc3N3b3Jk";
/// As long as common access tokens that are no JWT.
const TOKEN: &str = "SECRET-bench-token-0123456789-0123456789-0123456789";

/// The upstream: answers of 1 and 64 KiB in the clear and over TLS, each path under the proof that it asks for, and a token endpoint.
pub(super) struct Upstream {
    pub(super) plain: SocketAddr,
    pub(super) secure: SocketAddr,
    /// The authority that has signed the upstream's certificate.
    pub(super) authority: PathBuf,
    _server: Server,
}

impl Upstream {
    pub(super) fn start(directory: &Path) -> Result<Self, Failure> {
        let directory = directory.join("upstream");
        fs::create_dir_all(directory.join("custom")).map_err(during("cannot make a directory"))?;
        fs::write(directory.join("custom/64k"), "x".repeat(64 * 1024)).map_err(during("cannot write a file"))?;
        make_certificates(&directory)?;
        let (plain, secure) = (free_address()?, free_address()?);
        let server =
            start("the upstream nginx", LOAD_CORE, &mut Command::new(program()), &directory, &upstream(&directory, plain, secure))?;
        Ok(Self { plain, secure, authority: directory.join("authority.pem"), _server: server })
    }
}

/// The peer: hands everything on to the upstream and adds a static header.
///
/// | path | goes |
/// |---|---|
/// | `/plain/…` | to the upstream |
/// | `/unbuffered/…` | the same with `proxy_buffering off` |
/// | `/secure/…` | over TLS, with the upstream's certificate checked |
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) server: Server,
}

impl Peer {
    /// Starts nginx by this command, which is [`program`] or something that runs it.
    pub(super) fn start(directory: &Path, upstream: &Upstream, mut command: Command) -> Result<Self, Failure> {
        let directory = directory.join("peer");
        fs::create_dir_all(&directory).map_err(during("cannot make a directory"))?;
        let address = free_address()?;
        let server = start("nginx", MEASURED_CORE, &mut command, &directory, &peer(&directory, address, upstream))?;
        Ok(Self { address, server })
    }
}

/// `nginx/1.22.1`
pub(super) fn version() -> Result<String, Failure> {
    let shown =
        Command::new(program()).arg("-v").output().map_err(during("cannot start `nginx`: is the package `nginx-light` installed?"))?;
    // nginx answers on standard error.
    let shown = String::from_utf8_lossy(&shown.stderr);
    Ok(shown.trim().trim_start_matches("nginx version: ").to_owned())
}

/// Debian puts nginx into `/usr/sbin`, which is not in everybody's `PATH`.
pub(super) fn program() -> &'static Path {
    let debian = Path::new("/usr/sbin/nginx");
    if debian.is_file() { debian } else { Path::new("nginx") }
}

fn start(name: &'static str, core: usize, command: &mut Command, directory: &Path, configuration: &str) -> Result<Server, Failure> {
    let (file, pid) = (directory.join("nginx.conf"), directory.join("pid"));
    fs::write(&file, configuration).map_err(during("cannot write nginx.conf"))?;
    // Left behind by an earlier one in the same directory, it would say that this one is ready.
    let _ = fs::remove_file(&pid);
    let mut server =
        Server::start(name, core, command.arg("-e").arg(directory.join("error.log")).arg("-p").arg(directory).arg("-c").arg(file))?;
    match server.wait_for_file(&pid) {
        Ok(()) => Ok(server),
        Err(Failure { message, status }) => {
            let log = fs::read_to_string(directory.join("error.log")).unwrap_or_default();
            Err(Failure { message: format!("{message}\n{log}"), status })
        }
    }
}

/// One process that does nothing but serve: no log, no limit of requests on a connection.
fn around(directory: &Path, inside: &str) -> String {
    let path = directory.display();
    format!(
        "daemon off; master_process off; worker_processes 1; pid {path}/pid; error_log {path}/error.log warn;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; default_type application/octet-stream; types {{ }}
    client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi; uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;
    {inside}
}}
"
    )
}

fn upstream(directory: &Path, plain: SocketAddr, secure: SocketAddr) -> String {
    let path = directory.display();
    let answer = "x".repeat(1024);
    // The caller's key must never arrive here, and each path wants its own proof and no other.
    let refuse = |variable: &str, expected: &str| format!("if (${variable} != \"{expected}\") {{ return 401; }}");
    let guarded = |key: &str, authorization: &str| {
        [refuse("http_proxy_authorization", ""), refuse("http_x_api_key", key), refuse("http_authorization", authorization)].join(" ")
    };
    let (none, custom, basic, bearer) = (guarded("", ""), guarded(KEY, ""), guarded("", BASIC), guarded("", &format!("Bearer {TOKEN}")));
    around(
        directory,
        &format!(
            r#"ssl_session_cache shared:tls:4m; open_file_cache max=16; sendfile on;
    server {{
        listen {plain}; listen {secure} ssl; ssl_certificate {path}/server.pem; ssl_certificate_key {path}/server.key; ssl_protocols TLSv1.3;
        root {path};
        location = /none/1k {{ {none} return 200 "{answer}"; }}
        location = /custom/1k {{ {custom} return 200 "{answer}"; }}
        location = /basic/1k {{ {basic} return 200 "{answer}"; }}
        location = /bearer/1k {{ {bearer} return 200 "{answer}"; }}
        location = /signed/1k {{ if ($http_authorization !~ "^AWS4-HMAC-SHA256 ") {{ return 401; }} return 200 "{answer}"; }}
        location = /custom/64k {{ {custom} }}
        location = /token {{ default_type application/json; return 200 '{{"access_token":"{TOKEN}","token_type":"Bearer","expires_in":3600}}'; }}
    }}"#
        ),
    )
}

fn peer(directory: &Path, address: SocketAddr, upstream: &Upstream) -> String {
    let Upstream { plain, secure, authority, .. } = upstream;
    let authority = authority.display();
    around(
        directory,
        &format!(
            r#"upstream plain {{ server {plain}; keepalive 64; keepalive_requests 1000000000; keepalive_timeout 600s; }}
    upstream secure {{ server {secure}; keepalive 64; keepalive_requests 1000000000; keepalive_timeout 600s; }}
    server {{
        listen {address};
        proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header {KEY_HEADER} "{KEY}";
        location /plain/ {{ proxy_pass http://plain/; }}
        location /unbuffered/ {{ proxy_buffering off; proxy_pass http://plain/; }}
        location /secure/ {{
            proxy_pass https://secure/; proxy_ssl_protocols TLSv1.3; proxy_ssl_server_name on; proxy_ssl_name localhost;
            proxy_ssl_verify on; proxy_ssl_trusted_certificate {authority};
        }}
    }}"#
        ),
    )
}

/// An authority and a certificate of its own for loopback, both forgotten with the directory.
fn make_certificates(directory: &Path) -> Result<(), Failure> {
    let openssl = |words: &str| {
        let new_key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
        output(Command::new("openssl").current_dir(directory).args(new_key.split(' ')).args(words.split(' '))).map(drop)
    };
    openssl("-subj /CN=bench-authority -keyout authority.key -out authority.pem -addext keyUsage=critical,keyCertSign")?;
    openssl(
        "-subj /CN=localhost -keyout server.key -out server.pem -CA authority.pem -CAkey authority.key \
         -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:localhost,IP:127.0.0.1",
    )
}
