//! crates.io's `s3s-fs`: an S3 server over a folder, which verifies signatures, payload hashes, chunks and the clock.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::child::{Child, free_address};
use super::fail;
use crate::plain_http;

/// An S3 server on loopback with one key and one bucket, killed when dropped.
#[derive(Debug)]
pub struct S3Server {
    url: String,
    folder: TempDir,
    _process: Child,
}

impl S3Server {
    /// The key that it knows.
    pub const KEY_ID: &str = "AKIDS3SERVER0000001";
    /// What belongs to that key.
    pub const SECRET: &str = "SECRET-s3-server/not+a/real/one";
    /// The bucket that is there from the start.
    pub const BUCKET: &str = "files";

    /// Starts it.
    ///
    /// # Panics
    /// If it is not installed; the message says how to install it.
    pub fn start() -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/peers/rust/bin/s3s-fs");
        if !program.is_file() {
            fail("the program `s3s-fs` is not installed", &format!("{} is missing", program.display()));
        }
        let folder = match TempDir::new() {
            Ok(folder) => folder,
            Err(error) => fail("no folder for objects", &error),
        };
        if let Err(error) = std::fs::create_dir(folder.path().join(Self::BUCKET)) {
            fail("no folder for the bucket", &error);
        }
        let address = free_address();
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let mut command = Command::new(program);
        command.args(["--host", &host, "--port", &port, "--access-key", Self::KEY_ID, "--secret-key", Self::SECRET]);
        let mut process = Child::spawn(command.arg(folder.path()).stdout(Stdio::null()).stderr(Stdio::null()));
        let url = format!("http://{address}");
        if !process.becomes_ready(|| plain_http::get(&url).is_ok()) {
            fail("s3s-fs did not start", &address);
        }
        Self { url, folder, _process: process }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The file that holds an object of [`Self::BUCKET`]. It is there only once the object is whole.
    pub fn object(&self, key: &str) -> PathBuf {
        self.folder.path().join(Self::BUCKET).join(key)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// curl signs by itself (`--aws-sigv4`): neither the server's code nor ours.
    fn put(server: &S3Server, secret: &str, key: &str) -> String {
        let user = format!("{}:{secret}", S3Server::KEY_ID);
        let url = format!("{}/{}/{key}", server.url(), S3Server::BUCKET);
        // SHA-256 of `hello`: older versions of curl do not send it themselves.
        let hash = "x-amz-content-sha256: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", &user]);
        let output = curl.args(["-X", "PUT", "-H", "content-type: text/plain", "-H", hash, "-d", "hello", &url]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    #[test]
    fn it_takes_what_curl_signs_and_nothing_else() {
        let server = S3Server::start();
        assert_eq!(put(&server, S3Server::SECRET, "good"), "200");
        assert_eq!(std::fs::read(server.object("good")).unwrap(), b"hello");
        assert_eq!(put(&server, "SECRET-wrong", "bad"), "403");
        assert_eq!(plain_http::send("PUT", &format!("{}/files/bad", server.url()), &[], b"hello").unwrap().status, 403);
        assert!(!server.object("bad").exists());
    }
}
