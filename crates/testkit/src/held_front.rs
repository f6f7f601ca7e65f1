//! A front of a plain server whose traffic a test can hold back on either way, to strike at a chosen moment: when a request is not there yet, or when its answer
//! is on its way.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// 30 s until something must have come that a test waits for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the server.
    Requests,
    /// From the server.
    Answers,
}

/// A listener on loopback; what it gets goes on, byte for byte, while the way is open. Ended when dropped.
#[derive(Debug)]
pub struct HeldFront {
    address: SocketAddr,
    ways: Arc<[State; 2]>,
    runtime: Option<tokio::runtime::Runtime>,
}

#[derive(Debug)]
struct State {
    gate: watch::Sender<Gate>,
    /// How many pieces have arrived at the gate while it was closed.
    held: watch::Sender<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Open,
    Closed,
    /// What is held is lost, with its connection; then the gate is open.
    Lost,
}

impl HeldFront {
    /// Starts in front of the server at `http://…`, with both ways open.
    ///
    /// # Panics
    /// If there is no port.
    #[allow(clippy::unwrap_used, reason = "a test that cannot start has failed")]
    pub fn of(url: &str) -> Self {
        let behind: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
        let state = || State { gate: watch::Sender::new(Gate::Open), held: watch::Sender::new(0) };
        let ways = Arc::new([state(), state()]);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let states = Arc::clone(&ways);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass(stream, behind, Arc::clone(&states)));
            }
        });
        Self { address, ways, runtime: Some(runtime) }
    }

    /// Where it is, as `http://…`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on nothing goes this way.
    pub fn hold(&self, way: Way) {
        self.ways[way as usize].held.send_replace(0);
        self.ways[way as usize].gate.send_replace(Gate::Closed);
    }

    /// Waits until something is held on this way.
    ///
    /// # Panics
    /// If nothing comes within 30 s.
    #[allow(clippy::panic, reason = "a test that waits in vain has failed")]
    pub fn wait_until_held(&self, way: Way) {
        let end = Instant::now() + PATIENCE;
        while *self.ways[way as usize].held.borrow() == 0 {
            if Instant::now() > end {
                panic!("nothing was held on the way of {way:?}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Lets go of what is held, and of everything after it.
    pub fn release(&self, way: Way) {
        self.ways[way as usize].gate.send_replace(Gate::Open);
    }

    /// Throws away what is held, and closes its connections; what comes later goes through.
    pub fn lose(&self, way: Way) {
        self.ways[way as usize].gate.send_replace(Gate::Lost);
    }
}

impl Drop for HeldFront {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn pass(stream: TcpStream, behind: SocketAddr, ways: Arc<[State; 2]>) {
    let Ok(server) = TcpStream::connect(behind).await else { return };
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) = (stream.into_split(), server.into_split());
    // Whichever way ends first ends the other: nothing of a lost request is answered.
    tokio::select! {
        () = copy(&mut from_client, &mut to_server, &ways[Way::Requests as usize]) => {}
        () = copy(&mut from_server, &mut to_client, &ways[Way::Answers as usize]) => {}
    }
}

async fn copy(from: &mut (impl AsyncReadExt + Unpin), to: &mut (impl AsyncWriteExt + Unpin), way: &State) {
    let mut piece = vec![0; 64 * 1024];
    loop {
        let Ok(length @ 1..) = from.read(&mut piece).await else { return };
        let mut gate = way.gate.subscribe();
        if *gate.borrow_and_update() == Gate::Closed {
            way.held.send_modify(|held| *held += 1);
            // Gone with the front otherwise.
            let Ok(now) = gate.wait_for(|gate| *gate != Gate::Closed).await.map(|gate| *gate) else { return };
            if now == Gate::Lost {
                return;
            }
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::plain_http;
    use crate::upstream::{RecordingUpstream, Reply};

    #[test]
    fn what_is_held_arrives_later_or_never() {
        let upstream = RecordingUpstream::start(|_| Reply::new(200).body("hello"));
        let front = HeldFront::of(&upstream.url());
        let url = format!("{}/x", front.url());
        assert_eq!(plain_http::get(&url).unwrap().text(), "hello");
        for (way, seen) in [(Way::Requests, 1), (Way::Answers, 3)] {
            front.hold(way);
            let waiting = std::thread::spawn({
                let url = url.clone();
                move || plain_http::get(&url)
            });
            front.wait_until_held(way);
            assert_eq!(upstream.requests().len(), seen, "{way:?}");
            front.lose(way);
            assert!(waiting.join().unwrap().is_err());
            assert_eq!(plain_http::get(&url).unwrap().text(), "hello");
        }
        front.hold(Way::Answers);
        let waiting = std::thread::spawn(move || plain_http::get(&url));
        front.wait_until_held(Way::Answers);
        front.release(Way::Answers);
        assert_eq!(waiting.join().unwrap().unwrap().text(), "hello");
    }
}
