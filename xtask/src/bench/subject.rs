//! What is measured: Sortie, or nginx once more to see the noise.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::case::Case;
use super::nginx::{self, Peer, Upstream};
use super::server::Server;
use super::sortie;
use crate::process::Failure;

/// The server in the subject's place.
pub(super) struct Subject {
    pub(super) title: &'static str,
    pub(super) server: Server,
    pub(super) address: SocketAddr,
    /// A header line for every request, or nothing.
    pub(super) authorization: String,
    path: fn(&Case) -> String,
}

impl Subject {
    /// nginx beside nginx: every ratio should be 1, and how far it is not is the noise of this machine.
    pub(super) fn noise(directory: &Path, upstream: &Upstream) -> Result<Self, Failure> {
        let Peer { address, server } = Peer::start(&directory.join("noise"), upstream, Command::new(nginx::program()))?;
        Ok(Self { title: "nginx again", server, address, authorization: String::new(), path: |case| case.peer_path.to_owned() })
    }

    pub(super) fn sortie(running: sortie::Running) -> Self {
        let sortie::Running { server, address, key } = running;
        let authorization = format!("Proxy-Authorization: Bearer {key}\r\n");
        Self { title: "Sortie", server, address, authorization, path: |case| format!("/callout/{}{}", case.named_credential, case.path) }
    }

    pub(super) fn path(&self, case: &Case) -> String {
        (self.path)(case)
    }
}
