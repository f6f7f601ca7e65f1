//! The example of a plug-in for a custom auth provider, with the service that it stands for: both as they are shipped in `examples/`.

use std::path::Path;
use std::process::{Command, Stdio};

use super::child::Child;
use super::fail;

/// Both programs on loopback, killed when dropped.
#[derive(Debug)]
pub struct PluginExample {
    plugin_url: String,
    portal_url: String,
    _processes: [Child; 2],
}

impl PluginExample {
    /// What requests to the plug-in are signed with.
    pub const SECRET: &'static str = "whsec_U0VDUkVULXBsdWdpbi1rZXktb2Ytb3VyLXRlc3Rz";

    /// Starts both.
    ///
    /// # Panics
    /// If Python is missing; the message says so.
    pub fn start() -> Self {
        let (portal, portal_url) = start("portal.py", "PORTAL_LISTEN");
        let (plugin, plugin_url) = start("plugin.py", "PLUGIN_LISTEN");
        Self { plugin_url, portal_url: portal_url.trim_end_matches('/').to_owned(), _processes: [portal, plugin] }
    }

    /// Where the plug-in is asked.
    pub fn plugin_url(&self) -> &str {
        &self.plugin_url
    }

    /// Where the service is that it stands for: what its configuration says as `portal`.
    pub fn portal_url(&self) -> &str {
        &self.portal_url
    }
}

fn start(program: &str, listen: &str) -> (Child, String) {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/auth-provider-plugin");
    let mut process = Child::spawn(
        Command::new("python3")
            // Nothing of the machine's own packages, and no files beside ours.
            .args(["-s", "-B"])
            .arg(home.join(program))
            .env("PLUGIN_SECRET", PluginExample::SECRET)
            .env("PORTAL_KEY", "SECRET-portal-key")
            .env(listen, "127.0.0.1:0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null()),
    );
    let line = process.first_line().unwrap_or_default();
    match serde_json::from_str::<serde_json::Value>(&line) {
        Ok(ready) => (process, ready["url"].as_str().unwrap_or_default().to_owned()),
        Err(error) => fail(&format!("the example `{program}` did not start"), &error),
    }
}
