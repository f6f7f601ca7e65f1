//! One connection of the recording upstream, from its first request to its end.

use std::io::{self, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

use super::reply::{Kind, Reply, Timing};
use super::{Received, Shared};
use crate::wire::{Framing, Head, read_body};

/// 1 MiB. What is kept of each body, so that a test of huge bodies does not measure the recorder's memory.
const KEPT_BODY_BYTES: usize = 1 << 20;

#[derive(PartialEq, Eq)]
enum Next {
    Keep,
    Close,
}

/// Serves the connection until either side closes it or it breaks. What broke is not an error here: the record shows it.
pub(super) fn connection(stream: TcpStream, connection: usize, shared: &Shared, script: &dyn Fn(&Received) -> Reply) {
    // Small answers must not wait for the peer's acknowledgement.
    let _ = stream.set_nodelay(true);
    if let Ok(reading) = stream.try_clone() {
        let (mut reader, mut writer) = (BufReader::new(reading), &stream);
        while matches!(exchange(&mut reader, &mut writer, connection, shared, script), Ok(Next::Keep)) {}
    }
    // The record holds a clone of the socket: dropping ours alone would leave it open.
    let _ = stream.shutdown(Shutdown::Both);
    shared.update(|record| record.closed += 1);
}

fn exchange(
    reader: &mut BufReader<TcpStream>,
    writer: &mut impl Write,
    connection: usize,
    shared: &Shared,
    script: &dyn Fn(&Received) -> Reply,
) -> io::Result<Next> {
    let Some(head) = Head::read(reader)? else { return Ok(Next::Close) };
    let index = shared.begin(connection, &head);
    let received = shared.record().requests[index].clone();
    let reply = script(&received);
    if reply.timing == Timing::BeforeTheBody {
        answer(writer, &received, &reply)?;
        return Ok(Next::Close);
    }

    if received.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    if matches!(reply.kind, Kind::Echo) {
        thread::sleep(reply.delay);
        write_head(writer, &reply, "Transfer-Encoding: chunked\r\n")?;
    }
    // RFC 9112, section 6.3: a request that announces no body has none.
    read_body(reader, head.framing(Framing::Length(0)), |piece| {
        keep(shared, index, piece);
        if matches!(reply.kind, Kind::Echo) { write_chunk(writer, piece) } else { Ok(()) }
    })?;
    shared.update(|record| record.requests[index].is_complete = true);

    let next = answer(writer, &received, &reply)?;
    let asked_to_close = received.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(if asked_to_close { Next::Close } else { next })
}

fn keep(shared: &Shared, index: usize, piece: &[u8]) {
    shared.update(|record| {
        let request = &mut record.requests[index];
        let room = KEPT_BODY_BYTES - request.body.len();
        request.body.extend_from_slice(&piece[..room.min(piece.len())]);
        request.body_bytes += piece.len() as u64;
    });
}

fn answer(writer: &mut impl Write, received: &Received, reply: &Reply) -> io::Result<Next> {
    if !matches!(reply.kind, Kind::Echo) {
        thread::sleep(reply.delay);
    }
    match &reply.kind {
        Kind::Whole(body) => {
            write_head(writer, reply, &length(body))?;
            // RFC 9110, section 9.3.2: whoever asks for the head gets no body, and would take one for the next answer.
            if !received.request_line.starts_with("HEAD ") {
                writer.write_all(body)?;
            }
        }
        Kind::Drip { piece, times, pause } => {
            write_head(writer, reply, "Transfer-Encoding: chunked\r\n")?;
            for turn in 0..*times {
                if turn > 0 {
                    thread::sleep(*pause);
                }
                write_chunk(writer, piece)?;
            }
            writer.write_all(b"0\r\n\r\n")?;
        }
        Kind::Broken { body, sent } => {
            write_head(writer, reply, &length(body))?;
            writer.write_all(&body[..*sent])?;
            return Ok(Next::Close);
        }
        Kind::Echo => writer.write_all(b"0\r\n\r\n")?,
        Kind::Raw(bytes) => {
            writer.write_all(bytes)?;
            return Ok(Next::Close);
        }
    }
    Ok(Next::Keep)
}

fn length(body: &[u8]) -> String {
    format!("Content-Length: {}\r\n", body.len())
}

/// Head and framing in one write, so that a test that reads packets sees one.
fn write_head(writer: &mut impl Write, reply: &Reply, framing: &str) -> io::Result<()> {
    let headers: String = reply.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    // RFC 9110, section 8.6: a 204 carries no Content-Length.
    let framing = if reply.status == 204 { "" } else { framing };
    writer.write_all(format!("HTTP/1.1 {} Scripted\r\n{headers}{framing}\r\n", reply.status).as_bytes())
}

fn write_chunk(writer: &mut impl Write, piece: &[u8]) -> io::Result<()> {
    writer.write_all(&[format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat())
}
