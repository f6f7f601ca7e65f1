//! The smallest blocking HTTP/1.1 client: one request, one connection, no redirects, no TLS, nothing added that is not listed here.

use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::wire::{Framing, Head, read_body};

/// 30 s. A test that waits longer for one answer hangs; better that it fails with a reason.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Header names and values as sent, in order.
    pub headers: Vec<(String, String)>,
    /// The body, with chunk framing taken off.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of the first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(candidate, _)| candidate.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text; what is no UTF-8 becomes U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none: a test that asks for JSON has failed then.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| unexpected(&format!("{error} in the answer {} {}", self.status, self.text())))
    }
}

/// `GET` without extra headers.
///
/// # Errors
/// As [`send`].
pub fn get(url: &str) -> io::Result<Answer> {
    send("GET", url, &[], b"")
}

/// `POST` of a JSON value.
///
/// # Errors
/// As [`send`].
pub fn post_json(url: &str, value: &serde_json::Value) -> io::Result<Answer> {
    send("POST", url, &[("Content-Type", "application/json")], value.to_string().as_bytes())
}

/// Sends one request and reads the whole answer. Adds `Host`, `Connection: close` and, for a body, `Content-Length`, each
/// only if `headers` does not hold it. The path and query of `url` go out as they are written.
///
/// # Errors
/// If the server cannot be reached, closes early, is silent for 30 s or answers with something that is not HTTP/1.1.
pub fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
    let rest =
        url.strip_prefix("http://").ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("`{url}` is no http:// URL")))?;
    let (authority, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
    let slash = if path.starts_with('/') { "" } else { "/" };

    let mut head = format!("{method} {slash}{path} HTTP/1.1\r\n");
    let mut add = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
    let has = |name: &str| headers.iter().any(|(candidate, _)| candidate.eq_ignore_ascii_case(name));
    if !has("host") {
        add("Host", authority);
    }
    if !has("connection") {
        add("Connection", "close");
    }
    headers.iter().for_each(|(name, value)| add(name, value));
    if !body.is_empty() && !has("content-length") && !has("transfer-encoding") {
        add("Content-Length", &body.len().to_string());
    }
    head.push_str("\r\n");

    let mut stream = TcpStream::connect(authority)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // A server may refuse and close before it has read the body; its answer is worth more than the broken pipe.
    let written = stream.write_all(&[head.as_bytes(), body].concat());
    match read_answer(&mut BufReader::new(stream), method) {
        Ok(answer) => Ok(answer),
        Err(error) => Err(written.err().unwrap_or(error)),
    }
}

fn read_answer(stream: &mut BufReader<TcpStream>, method: &str) -> io::Result<Answer> {
    let (head, status) = loop {
        let head =
            Head::read(stream)?.ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "connection closed without an answer"))?;
        let status = head.start_line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).and_then(|code| code.parse::<u16>().ok());
        let status =
            status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("`{}` is no status line", head.start_line)))?;
        // RFC 9110, section 15.2: interim answers come before the final one.
        if !(100..200).contains(&status) {
            break (head, status);
        }
    };
    // RFC 9112, section 6.3: these have no body, whatever the headers say.
    let framing = if method == "HEAD" || matches!(status, 204 | 304) { Framing::Length(0) } else { head.framing(Framing::UntilClose) };
    let mut body = Vec::new();
    read_body(stream, framing, |piece| {
        body.extend_from_slice(piece);
        Ok(())
    })?;
    let headers = head
        .header_lines
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    Ok(Answer { status, headers, body })
}

#[allow(clippy::panic, reason = "how a test fails")]
fn unexpected(message: &str) -> ! {
    panic!("{message}")
}
