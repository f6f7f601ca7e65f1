//! `sortie serve`: starts a server, says where it listens, and stops without loss when it is told to.

use std::io::Write as _;

use sortie_server::{HouseConfig, PublicUrl, Server, StartError};
use tokio::signal::unix::{SignalKind, signal};

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// The server does not start.
pub(crate) async fn run(setup: &HouseConfig, is_json: bool) -> Result<(), StartError> {
    keep_memory_private();
    // Before anybody can know that it serves, and tell it to stop.
    let end = the_end();
    let server = Server::start(setup).await?;
    announce(&server, setup, is_json);
    end.await;
    tracing::info!("stopping: callouts under way are finished first");
    server.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// No core file, and no debugger of the same user: secrets are in this process's memory (LEAK-15). Where the system refuses, serving goes on, and the log says so.
fn keep_memory_private() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let limited = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let hidden = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if limited.is_err() || hidden.is_err() {
        tracing::warn!("core dumps of this process cannot be switched off");
    }
}

/// One line that a program can wait for: the addresses are the real ones, also if a port was left to the system.
fn announce(server: &Server, setup: &HouseConfig, is_json: bool) {
    let (gateway, admin) = (server.gateway(), server.admin());
    let console = server.public_url().map(PublicUrl::origin);
    let state = if server.node().is_some() { "ready" } else { "sealed" };
    let line = if is_json {
        serde_json::json!({ "event": state, "gateway": format!("http://{gateway}"), "admin": format!("http://{admin}"), "console": console, "cores": server.core_count() }).to_string()
    } else {
        let directory = setup.data_directory.display();
        format!(
            "sortie is {state}: callouts at http://{gateway}/callout/<Name>/<path>, console at {}, health at http://{admin}/readyz, data in {directory}",
            console.as_deref().unwrap_or("no address (set `public_url`)")
        )
    };
    // Nobody may be reading: that is no reason not to serve.
    let _ = writeln!(std::io::stdout(), "{line}").and_then(|()| std::io::stdout().flush());
}

/// Listens for SIGINT and SIGTERM from now on; the future is ready when one has come.
fn the_end() -> impl Future<Output = ()> {
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
            // Without signals there is no orderly end; serving on is better than ending at once.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}
