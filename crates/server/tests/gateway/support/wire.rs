//! A caller that sends bytes as they are, and reads answers by their framing (RFC 9112, section 6.3), so that a test sees what a client would.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// 30 s. A test that waits longer for one answer hangs; better that it fails with a reason.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection to a gateway.
pub(crate) struct Caller {
    stream: TcpStream,
    received: Vec<u8>,
}

/// How an answer's body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyEnd {
    /// Where its framing says.
    Whole,
    /// With the connection, which is how such an answer ends.
    WithConnection,
    /// Before its framing says.
    Broken,
}

/// A gateway's answer, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Statuses of the interim answers before it.
    pub(crate) interim: Vec<u16>,
    /// Status line and header lines.
    pub(crate) head: String,
    /// Chunk framing taken off.
    pub(crate) body: Vec<u8>,
    pub(crate) end: BodyEnd,
}

impl Caller {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, received: Vec::new() }
    }

    /// The gateway may refuse and close before it has taken everything: its answer matters more than the broken pipe.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Sends, or says that the gateway takes no more.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// No more is sent; answers are still read.
    pub(crate) fn end_sending(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    pub(crate) fn set_patience(&self, patience: Duration) {
        self.stream.set_read_timeout(Some(patience)).unwrap();
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// The next final answer; `None` if the connection ends before one begins. `method` is what was asked with: an answer to HEAD has no body.
    pub(crate) fn answer_to(&mut self, method: &str) -> Option<Answer> {
        let mut interim = Vec::new();
        loop {
            let head = self.head()?;
            let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
            if (100..200).contains(&status) && status != 101 {
                interim.push(status);
                continue;
            }
            let mut answer = Answer { status, interim, head, body: Vec::new(), end: BodyEnd::Whole };
            if method != "HEAD" && !matches!(status, 101 | 204 | 304) {
                self.read_body(&mut answer);
            }
            return Some(answer);
        }
    }

    pub(crate) fn answer(&mut self) -> Option<Answer> {
        self.answer_to("GET")
    }

    /// The head of the next answer, interim or not, without its empty line.
    pub(crate) fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.received[..end]).into_owned();
                self.received.drain(..end + 4);
                return Some(head);
            }
            if self.read() == 0 {
                return None;
            }
        }
    }

    /// Whether the gateway closes the connection without another byte.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.received.is_empty() && self.read() == 0
    }

    /// Everything until the connection ends.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.read() > 0 {}
        std::mem::take(&mut self.received)
    }

    /// Raw bytes until they are enough, or the connection ends.
    pub(crate) fn rest_until(&mut self, is_enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        while !is_enough(&self.received) && self.read() > 0 {}
        std::mem::take(&mut self.received)
    }

    /// At least one more byte, raw; empty when the connection has ended.
    pub(crate) fn piece(&mut self) -> Vec<u8> {
        if self.received.is_empty() {
            self.read();
        }
        std::mem::take(&mut self.received)
    }

    fn read(&mut self) -> usize {
        let mut buffer = [0; 64 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(length) => {
                self.received.extend_from_slice(&buffer[..length]);
                length
            }
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                panic!("the gateway was silent for too long; received so far: {:?}", String::from_utf8_lossy(&self.received))
            }
            // A reset is an end too.
            Err(_) => 0,
        }
    }

    fn read_body(&mut self, answer: &mut Answer) {
        if answer.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            answer.end = self.read_chunks(&mut answer.body);
        } else if let Some(length) = answer.header("content-length") {
            let length: usize = length.parse().unwrap();
            while self.received.len() < length && self.read() > 0 {}
            answer.end = if self.received.len() < length { BodyEnd::Broken } else { BodyEnd::Whole };
            let rest = self.received.split_off(length.min(self.received.len()));
            answer.body = std::mem::replace(&mut self.received, rest);
        } else {
            answer.body = self.rest();
            answer.end = BodyEnd::WithConnection;
        }
    }

    fn read_chunks(&mut self, body: &mut Vec<u8>) -> BodyEnd {
        loop {
            let Some(line) = self.line() else { return BodyEnd::Broken };
            let Ok(size) = usize::from_str_radix(&line, 16) else { return BodyEnd::Broken };
            while self.received.len() < size + 2 && self.read() > 0 {}
            if self.received.len() < size + 2 {
                return BodyEnd::Broken;
            }
            body.extend(self.received.drain(..size + 2).take(size));
            if size == 0 {
                return BodyEnd::Whole;
            }
        }
    }

    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.received.windows(2).position(|window| window == b"\r\n") {
                let line = String::from_utf8_lossy(&self.received[..end]).into_owned();
                self.received.drain(..end + 2);
                return Some(line);
            }
            if self.read() == 0 {
                return None;
            }
        }
    }
}

impl Answer {
    /// The value of the first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).into_iter().next()
    }

    /// The values of all headers of this name.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    /// Sortie's own code, if Sortie refused.
    pub(crate) fn code(&self) -> Option<&str> {
        self.header("sortie-error")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Status and code, the two things that a caller decides by.
    pub(crate) fn verdict(&self) -> (u16, Option<&str>) {
        (self.status, self.code())
    }

    /// Head and body without what differs from second to second.
    pub(crate) fn without_date(&self) -> String {
        let lines: Vec<&str> = self.head.lines().filter(|line| !line.starts_with("date: ")).collect();
        format!("{}\n\n{}", lines.join("\n"), self.text())
    }
}
