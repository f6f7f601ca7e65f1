//! PyPI's moto: S3, DynamoDB, STS and more of AWS's services in memory.

use std::path::Path;
use std::process::{Command, Stdio};

use super::child::{Child, free_address};
use super::fail;
use crate::plain_http;

/// A moto server on loopback that checks signatures, killed when dropped.
#[derive(Debug)]
pub struct Moto {
    url: String,
    /// A user that may do everything in S3, DynamoDB and STS.
    pub key_id: String,
    /// What belongs to that user's key.
    pub secret: String,
    /// A role that this user may assume, with the same rights.
    pub role: String,
    _process: Child,
}

impl Moto {
    /// The bucket that is there from the start.
    pub const BUCKET: &str = "files";

    /// Starts it.
    ///
    /// # Panics
    /// If Python or its packages are missing; the message says how to install them.
    pub fn start() -> Self {
        let packages = packages();
        let address = free_address();
        let url = format!("http://{address}");
        let mut command = python(&packages);
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &address.port().to_string()]);
        let mut process = Child::spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
        if !process.becomes_ready(|| plain_http::get(&format!("{url}/moto-api/")).is_ok()) {
            fail("moto did not start", &address);
        }
        // A user, a role, a bucket; then every request must be signed by a key that is known.
        let setup = run(&packages, "moto_setup.py", &[&url, Self::BUCKET]);
        let made: serde_json::Value = match serde_json::from_str(setup.trim()) {
            Ok(made) => made,
            Err(error) => fail("moto could not be set up", &format!("{error}: {setup}")),
        };
        let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
        Self { url, key_id: text("key_id"), secret: text("secret"), role: text("role"), _process: process }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs a program with boto3, Amazon's own SDK, and gives what it printed.
    ///
    /// # Panics
    /// If it fails.
    pub fn boto3(program: &str, arguments: &[&str]) -> String {
        run(&packages(), program, arguments)
    }
}

fn packages() -> std::path::PathBuf {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/peers/python");
    if !packages.join("moto").is_dir() {
        fail("the Python package `moto` is not installed", &format!("{} is missing", packages.display()));
    }
    packages
}

fn python(packages: &Path) -> Command {
    let mut command = Command::new("python3");
    // No packages, profiles or proxies of the machine's own.
    command.args(["-s", "-B"]).env("PYTHONPATH", packages).env("AWS_EC2_METADATA_DISABLED", "true").env("NO_PROXY", "127.0.0.1");
    command.env("AWS_CONFIG_FILE", "/nonexistent").env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
    command
}

fn run(packages: &Path, program: &str, arguments: &[&str]) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(program);
    let output = match python(packages).arg(&program).args(arguments).output() {
        Ok(output) => output,
        Err(error) => fail("cannot start `python3`", &error),
    };
    if !output.status.success() {
        fail(&format!("{} failed", program.display()), &String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8_lossy(&output.stdout).into_owned()
}
