//! The load: keep-alive connections to one server, driven by one thread with epoll and as few system calls as HTTP/1.1 allows, so that
//! it costs less than what it measures. It checks every answer; the first wrong one ends the run.

mod answer;
mod tally;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime};

use crate::process::{Failure, during};
use answer::{Answer, Progress};
pub(super) use tally::Tally;

/// 10 s without an event: far more than any pause of a server that is well, also under valgrind.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// Marks the event of the clock that paces a fixed rate; connections are marked by their index.
const PACER: u64 = u64::MAX;

/// 256 KiB: an answer of 64 KiB may come in one piece.
const BUFFER_BYTES: usize = 256 * 1024;

/// What is sent, and how long the right answer's body is.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) bytes: Vec<u8>,
    pub(super) answer_bytes: usize,
}

/// When requests are sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// Each connection sends as soon as it has its answer.
    Closed(Duration),
    /// The same, for so many requests in all.
    Count(u64),
    /// So many a second, whatever the answers do. A request that finds no free connection waits, and its latency counts from when it was due:
    /// a slow server cannot make its own load lighter.
    Rate { per_second: u32, duration: Duration },
}

/// Open connections to one server.
pub(super) struct Crowd {
    connections: Vec<Connection>,
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    buffer: Vec<u8>,
}

struct Connection {
    stream: TcpStream,
    /// When its request was due; `None` while it is free.
    due: Option<Instant>,
    answer: Answer,
}

impl Crowd {
    /// Opens the connections.
    pub(super) fn open(address: SocketAddr, size: usize) -> Result<Self, Failure> {
        let failed = || during("cannot watch connections");
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(failed())?;
        let mut connections = Vec::with_capacity(size);
        for index in 0..size {
            let stream = TcpStream::connect(address).map_err(during(&format!("cannot connect to {address}")))?;
            stream.set_nodelay(true).and_then(|()| stream.set_nonblocking(true)).map_err(during("cannot set up a connection"))?;
            epoll::add(&epoll, &stream, epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN).map_err(failed())?;
            connections.push(Connection { stream, due: None, answer: Answer::default() });
        }
        Ok(Self { connections, epoll, events: Vec::with_capacity(size + 1), buffer: vec![0; BUFFER_BYTES] })
    }

    /// Sends requests at this pace and waits for all their answers.
    pub(super) fn send(&mut self, request: &Request, pace: Pace) -> Result<Tally, Failure> {
        let mut round = Round::begin(pace, self.connections.len());
        let pacer = match pace {
            Pace::Rate { per_second, .. } => Some(self.start_pacer(per_second)?),
            Pace::Closed(_) | Pace::Count(_) => None,
        };
        for connection in &mut self.connections {
            match round.next_due() {
                Some(due) => connection.start(request, due)?,
                None => round.free += 1,
            }
        }
        let mut has_ticked = false;
        while round.has_more() || round.free < self.connections.len() {
            self.events.clear();
            epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&PATIENCE)).map_err(during("cannot wait for answers"))?;
            if self.events.is_empty() {
                return Err(Failure::new(format!("a server gave no answer for {} s", PATIENCE.tv_sec)));
            }
            for event in &self.events {
                match (event.data.u64(), &pacer) {
                    (PACER, Some(pacer)) => {
                        has_ticked = true;
                        // Clears the event; how often it has ticked, the clock says too.
                        let _ = rustix::io::read(pacer, &mut [0; 8]);
                    }
                    (index, _) => {
                        let connection = &mut self.connections[index as usize];
                        if connection.receive(request, &mut self.buffer, &mut round.tally)? == Progress::Whole {
                            match round.next_due() {
                                Some(due) => connection.start(request, due)?,
                                None => round.free += 1,
                            }
                        }
                    }
                }
            }
            if std::mem::take(&mut has_ticked) {
                for connection in self.connections.iter_mut().filter(|connection| connection.due.is_none()) {
                    let Some(due) = round.next_due() else { break };
                    connection.start(request, due)?;
                    round.free -= 1;
                }
            }
        }
        if let Some(pacer) = pacer {
            epoll::delete(&self.epoll, &pacer).map_err(during("cannot stop the clock"))?;
        }
        Ok(round.end())
    }

    fn start_pacer(&self, per_second: u32) -> Result<OwnedFd, Failure> {
        let failed = || during("cannot start a clock");
        let clock = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC).map_err(failed())?;
        let every = Timespec { tv_sec: 0, tv_nsec: i64::from(1_000_000_000 / per_second) };
        timerfd_settime(&clock, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: every, it_value: every }).map_err(failed())?;
        epoll::add(&self.epoll, &clock, epoll::EventData::new_u64(PACER), epoll::EventFlags::IN).map_err(failed())?;
        Ok(clock)
    }
}

impl Connection {
    fn start(&mut self, request: &Request, due: Instant) -> Result<(), Failure> {
        self.due = Some(due);
        // Requests fit into the socket's buffer, which is empty between two of them.
        self.stream.write_all(&request.bytes).map_err(during("cannot send a request"))
    }

    fn receive(&mut self, request: &Request, buffer: &mut [u8], tally: &mut Tally) -> Result<Progress, Failure> {
        let read = match self.stream.read(buffer) {
            Ok(0) => return Err(Failure::new("a server closed a connection that it should have kept")),
            Ok(read) => read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(Progress::Unfinished),
            Err(error) => return Err(Failure::new(format!("cannot receive an answer: {error}"))),
        };
        let Some(due) = self.due else {
            return Err(Failure::new(format!("a server sent {read} bytes that nobody asked for")));
        };
        let progress = self.answer.take(&buffer[..read], request.answer_bytes).map_err(Failure::new)?;
        if progress == Progress::Whole {
            self.due = None;
            tally.note(due.elapsed());
        }
        Ok(progress)
    }
}

/// One call of [`Crowd::send`]: what is still to be sent, and what came.
struct Round {
    pace: Pace,
    start: Instant,
    sent: u64,
    free: usize,
    tally: Tally,
}

impl Round {
    fn begin(pace: Pace, size: usize) -> Self {
        let start = Instant::now();
        let tally = Tally::with_capacity(match pace {
            Pace::Closed(duration) => duration.as_millis() as usize * 64,
            Pace::Count(count) => count as usize + size,
            Pace::Rate { per_second, duration } => per_second as usize * (duration.as_secs() as usize + 1),
        });
        Self { pace, start, sent: 0, free: 0, tally }
    }

    /// When the next request is due, if that is not in the future; counts it as sent.
    fn next_due(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let due = match self.pace {
            Pace::Closed(duration) => (now < self.start + duration).then_some(now),
            Pace::Count(count) => (self.sent < count).then_some(now),
            Pace::Rate { .. } => self.due_by_rate().filter(|due| *due <= now),
        };
        self.sent += u64::from(due.is_some());
        due
    }

    /// Whether a request will come without an answer's coming first.
    fn has_more(&self) -> bool {
        self.due_by_rate().is_some()
    }

    fn due_by_rate(&self) -> Option<Instant> {
        let Pace::Rate { per_second, duration } = self.pace else { return None };
        let after = Duration::from_nanos((self.sent + 1) * 1_000_000_000 / u64::from(per_second));
        (after < duration).then(|| self.start + after)
    }

    fn end(mut self) -> Tally {
        self.tally.elapsed = self.start.elapsed();
        self.tally
    }
}
