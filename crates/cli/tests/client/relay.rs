//! Hands requests on to a server and its answers back, and remembers both.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use sortie_testkit::plain_http::{self, Answer};

use crate::witness::MARK;

/// Method and path of a request, and the answer.
type Seen = Arc<Mutex<Vec<(String, Value)>>>;

pub(crate) struct Relay {
    url: String,
    seen: Seen,
}

impl Relay {
    /// To the server at `http://…`.
    pub(crate) fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Seen::default();
        let relay = Self { url, seen: Arc::clone(&seen) };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (server, seen, stream) = (server.clone(), Arc::clone(&seen), stream.unwrap());
                // It ends when the client hangs up.
                std::thread::spawn(move || while matches!(exchange(&stream, &server, &seen), Ok(true)) {});
            }
        });
        relay
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    pub(crate) fn last_answer(&self) -> Value {
        self.seen.lock().unwrap().last().unwrap().1.clone()
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|(asked, _)| asked.clone()).collect()
    }
}

/// One request; whether there may be another.
fn exchange(mut stream: &TcpStream, server: &str, seen: &Seen) -> io::Result<bool> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(false);
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let headers: Vec<(&str, &str)> = lines.iter().filter_map(|line| line.split_once(": ")).collect();
    let value = |name: &str| headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value);
    // What the client sends to the API is small and known at once.
    let mut body = vec![0; value("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body)?;
    let mut words = lines[0].split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let is_onward = |name: &str| !["host", "connection", "content-length"].iter().any(|own| own.eq_ignore_ascii_case(name));
    let onward: Vec<(&str, &str)> = headers.iter().copied().filter(|(name, _)| is_onward(name)).collect();
    let answer = plain_http::send(method, &format!("{server}{target}"), &onward, &body)?;
    assert!(!answer.text().contains(MARK), "LEAK: {method} {target}: {}", answer.text());
    let asked = format!("{method} {}", target.split('?').next().unwrap());
    seen.lock().unwrap().push((asked, serde_json::from_slice(&answer.body).unwrap_or(Value::Null)));
    stream.write_all(&written(&answer))?;
    Ok(true)
}

fn written(answer: &Answer) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} X\r\n", answer.status);
    for (name, value) in &answer.headers {
        if !["content-length", "transfer-encoding", "connection"].iter().any(|own| own.eq_ignore_ascii_case(name)) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    if answer.status != 204 {
        head.push_str(&format!("Content-Length: {}\r\n", answer.body.len()));
    }
    [head.as_bytes(), b"\r\n", &answer.body].concat()
}
