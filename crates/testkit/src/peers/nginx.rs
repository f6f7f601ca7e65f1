//! Debian's nginx as an upstream.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::child::{Child, free_address};
use super::fail;

/// How often the start is tried again when another process took the port between our look and nginx's.
const ATTEMPTS: u32 = 5;

/// `openssl passwd -apr1 -salt sortie00` of [`NginxUpstream::PASSWORD`]; hashed because a plain one may hold no colon in nginx's file.
const PASSWORD_HASH: &str = "$apr1$sortie00$/y7if7IAQB6ey9CDY8pzw0";

/// A real HTTP/1.1 server on loopback, killed when dropped.
///
/// | path | answers |
/// |---|---|
/// | `/basic` | `{"user":…}` for [`NginxUpstream::USER`] and [`NginxUpstream::PASSWORD`], else 401 with a challenge |
/// | `/hdr` | some request headers and the request line's target as JSON; `""` for absent. A quote in a value breaks the JSON |
/// | `/redirect-same` | 302 to `/hdr` here |
/// | `/redirect-other` | 307 to the other origin, which answers like `/hdr` |
/// | `/slow` | 1 KiB at 512 bytes a second |
/// | `/big` | 8 MiB |
/// | `/status/<code>` | that status without a challenge, for each of [`NginxUpstream::STATUSES`] |
#[derive(Debug)]
pub struct NginxUpstream {
    address: SocketAddr,
    other: SocketAddr,
    _process: Child,
    _directory: TempDir,
}

impl NginxUpstream {
    /// Whom `/basic` lets in.
    pub const USER: &str = "sortie";
    /// Holds a colon, a space and a letter outside ASCII, as RFC 7617, section 2 allows in a password.
    pub const PASSWORD: &str = "SECRET-p:ä ss";
    /// What `/status/<code>` knows.
    pub const STATUSES: [u16; 10] = [200, 201, 204, 400, 401, 403, 404, 429, 500, 503];
    /// The length of what `/big` answers.
    pub const BIG_BYTES: usize = 8 << 20;

    /// Starts the server.
    ///
    /// # Panics
    /// If nginx is missing or refuses to start; the message says how to install it.
    pub fn start() -> Self {
        let directory = match prepare() {
            Ok(directory) => directory,
            Err(error) => fail("cannot write nginx's files", &error),
        };
        for _ in 0..ATTEMPTS {
            let (address, other) = (free_address(), free_address());
            let path = directory.path();
            if let Err(error) = fs::write(path.join("nginx.conf"), configuration(path, address, other)) {
                fail("cannot write nginx.conf", &error);
            }
            let mut process =
                Child::spawn(nginx().arg("-e").arg(path.join("error.log")).arg("-p").arg(path).arg("-c").arg(path.join("nginx.conf")));
            // nginx writes this file once its sockets are bound. A look at the port could find whoever took it before nginx did.
            if process.becomes_ready(|| path.join("pid").is_file()) {
                return Self { address, other, _process: process, _directory: directory };
            }
        }
        let log = fs::read_to_string(directory.path().join("error.log")).unwrap_or_default();
        fail("nginx did not start", &log)
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same for the other origin, where `/redirect-other` points.
    pub fn other_url(&self) -> String {
        format!("http://{}", self.other)
    }
}

/// Debian puts nginx into `/usr/sbin`, which is not in everybody's `PATH`.
pub(super) fn nginx() -> Command {
    let debian = Path::new("/usr/sbin/nginx");
    Command::new(if debian.is_file() { debian } else { Path::new("nginx") })
}

fn prepare() -> std::io::Result<TempDir> {
    let directory = tempfile::Builder::new().prefix("sortie-nginx-").tempdir()?;
    let path = directory.path();
    fs::create_dir(path.join("www"))?;
    fs::write(path.join("www/basic"), "")?;
    fs::write(path.join("www/big"), vec![b'x'; NginxUpstream::BIG_BYTES])?;
    fs::write(path.join("www/slow"), vec![b'x'; 1024])?;
    fs::write(path.join("users"), format!("{}:{PASSWORD_HASH}\n", NginxUpstream::USER))?;
    Ok(directory)
}

fn configuration(path: &Path, address: SocketAddr, other: SocketAddr) -> String {
    let path = path.display();
    let statuses: String = NginxUpstream::STATUSES.map(|status| format!("location = /status/{status} {{ return {status}; }}\n")).concat();
    let echo = r#"default_type application/json;
        return 200 '{"target":"$request_uri","method":"$request_method","host":"$http_host","authorization":"$http_authorization","proxy_authorization":"$http_proxy_authorization","x_api_key":"$http_x_api_key","cookie":"$http_cookie","connection":"$http_connection","te":"$http_te","user_agent":"$http_user_agent"}';"#;
    format!(
        r#"daemon off; master_process off; worker_processes 1; pid {path}/pid; error_log {path}/error.log notice;
events {{ worker_connections 512; }}
http {{
    access_log off; keepalive_requests 1000000; large_client_header_buffers 4 32k; client_max_body_size 0;
    client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi; uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;
    server {{
        listen {address}; root {path}/www; default_type text/plain;
        location = /basic {{ auth_basic "sortie"; auth_basic_user_file {path}/users; try_files /none @user; }}
        location @user {{ default_type application/json; return 200 '{{"user":"$remote_user"}}'; }}
        location = /hdr {{ {echo} }}
        location = /redirect-same {{ return 302 http://{address}/hdr; }}
        location = /redirect-other {{ return 307 http://{other}/hdr; }}
        location = /slow {{ limit_rate 512; }}
        {statuses}
    }}
    server {{ listen {other}; location / {{ {echo} }} }}
}}
"#
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::{Duration, Instant};

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::plain_http;

    #[test]
    fn basic_lets_in_only_the_right_password() {
        let upstream = NginxUpstream::start();
        let url = format!("{}/basic", upstream.url());
        let with = |user: &str, password: &str| {
            let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            plain_http::send("GET", &url, &[("Authorization", &value)], b"").unwrap()
        };

        let right = with(NginxUpstream::USER, NginxUpstream::PASSWORD);
        assert_eq!((right.status, &right.json()["user"]), (200, &NginxUpstream::USER.into()));
        assert_eq!(with(NginxUpstream::USER, "SECRET-wrong").status, 401);
        let nobody = plain_http::get(&url).unwrap();
        assert_eq!((nobody.status, nobody.header("www-authenticate")), (401, Some("Basic realm=\"sortie\"")));
    }

    #[test]
    fn redirects_point_here_and_elsewhere() {
        let upstream = NginxUpstream::start();
        let location = |path: &str| {
            let answer = plain_http::get(&format!("{}{path}", upstream.url())).unwrap();
            (answer.status, answer.header("location").unwrap().to_owned())
        };
        assert_eq!(location("/redirect-same"), (302, format!("{}/hdr", upstream.url())));
        assert_eq!(location("/redirect-other"), (307, format!("{}/hdr", upstream.other_url())));
        assert_ne!(upstream.url(), upstream.other_url());
    }

    #[test]
    fn headers_are_echoed_by_both_origins() {
        let upstream = NginxUpstream::start();
        for origin in [upstream.url(), upstream.other_url()] {
            let answer = plain_http::send("GET", &format!("{origin}/hdr?a=%2F"), &[("X-Api-Key", "SECRET-key")], b"").unwrap().json();
            assert_eq!(
                (&answer["x_api_key"], &answer["target"], &answer["authorization"]),
                (&"SECRET-key".into(), &"/hdr?a=%2F".into(), &"".into())
            );
        }
    }

    #[test]
    fn statuses_and_sizes_are_as_promised() {
        let upstream = NginxUpstream::start();
        for status in NginxUpstream::STATUSES {
            assert_eq!(plain_http::get(&format!("{}/status/{status}", upstream.url())).unwrap().status, status);
        }
        assert_eq!(plain_http::get(&format!("{}/big", upstream.url())).unwrap().body.len(), NginxUpstream::BIG_BYTES);
        let before = Instant::now();
        assert_eq!(plain_http::get(&format!("{}/slow", upstream.url())).unwrap().body.len(), 1024);
        assert!(before.elapsed() >= Duration::from_millis(900));
    }

    #[test]
    fn it_is_gone_when_dropped() {
        let upstream = NginxUpstream::start();
        let url = upstream.url();
        drop(upstream);
        assert_eq!(plain_http::get(&url).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    }
}
