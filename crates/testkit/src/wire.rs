//! HTTP/1.1 as it stands on the wire (RFC 9112), read without interpretation: what a test wants to see is the bytes.

use std::io::{self, BufRead, Read};

/// A start line and the header lines, verbatim and in order, without their line ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) start_line: String,
    pub(crate) header_lines: Vec<String>,
}

/// How the end of a body is found (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

impl Head {
    /// The next head of the connection, or `None` if the peer closed it between messages.
    pub(crate) fn read(stream: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some(start_line) = read_line(stream)? else { return Ok(None) };
        let mut header_lines = Vec::new();
        loop {
            match read_line(stream)? {
                None => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "connection closed within the header lines")),
                Some(line) if line.is_empty() => return Ok(Some(Self { start_line, header_lines })),
                Some(line) => header_lines.push(line),
            }
        }
    }

    /// The framing that the headers announce, or `otherwise` if they announce none.
    pub(crate) fn framing(&self, otherwise: Framing) -> Framing {
        if values(&self.header_lines, "transfer-encoding").iter().any(|value| value.eq_ignore_ascii_case("chunked")) {
            return Framing::Chunked;
        }
        values(&self.header_lines, "content-length").first().and_then(|value| value.parse().ok()).map_or(otherwise, Framing::Length)
    }
}

/// The values of all headers of this name, in order; names have no case (RFC 9110, section 5.1).
pub(crate) fn values<'a>(header_lines: &'a [String], name: &str) -> Vec<&'a str> {
    let lines = header_lines.iter().filter_map(|line| line.split_once(':'));
    lines.filter(|(candidate, _)| candidate.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
}

/// Hands the body on, piece by piece, as it arrives, with any chunk framing taken off. Trailers are read and dropped.
pub(crate) fn read_body(stream: &mut impl BufRead, framing: Framing, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    match framing {
        Framing::Length(length) => read_exactly(stream, length, &mut each),
        Framing::Chunked => loop {
            let line = read_line(stream)?.unwrap_or_default();
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(size, 16).map_err(|_| invalid(format!("`{line}` is not a chunk size")))?;
            if size == 0 {
                while read_line(stream)?.is_some_and(|trailer| !trailer.is_empty()) {}
                return Ok(());
            }
            read_exactly(stream, size, &mut each)?;
            let end = read_line(stream)?;
            if end.as_deref() != Some("") {
                return Err(invalid("a chunk is longer than it says".to_owned()));
            }
        },
        Framing::UntilClose => loop {
            let piece = stream.fill_buf()?;
            if piece.is_empty() {
                return Ok(());
            }
            let length = piece.len();
            each(piece)?;
            stream.consume(length);
        },
    }
}

fn read_exactly(stream: &mut impl BufRead, mut left: u64, each: &mut impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    while left > 0 {
        let piece = stream.fill_buf()?;
        if piece.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("connection closed {left} bytes before the end of the body")));
        }
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        each(&piece[..length])?;
        stream.consume(length);
        left -= length as u64;
    }
    Ok(())
}

/// One line without its end; `None` when the stream ended before it began. Bytes that are no UTF-8 are kept as Latin-1,
/// so that no header value is lost.
fn read_line(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if stream.take(1 << 20).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "connection closed within a line"));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(String::from_utf8(line).unwrap_or_else(|latin| latin.as_bytes().iter().copied().map(char::from).collect())))
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn body(mut bytes: &[u8], framing: Framing) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        read_body(&mut bytes, framing, |piece| {
            body.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(body)
    }

    #[test]
    fn header_lines_keep_their_bytes_and_order() {
        let mut bytes = b"GET /x HTTP/1.1\r\nHost:  a \r\nX-ODD:\tb\r\nx-odd: c\xff\r\n\r\nrest".as_slice();
        let head = Head::read(&mut bytes).unwrap().unwrap();
        assert_eq!(head.start_line, "GET /x HTTP/1.1");
        assert_eq!(head.header_lines, ["Host:  a ", "X-ODD:\tb", "x-odd: c\u{ff}"]);
        assert_eq!(values(&head.header_lines, "x-odd"), ["b", "c\u{ff}"]);
        assert_eq!(bytes, b"rest");
    }

    #[test]
    fn chunks_are_joined_and_trailers_dropped() {
        assert_eq!(body(b"4;x=y\r\nabcd\r\n1\r\ne\r\n0\r\nT: 1\r\n\r\n", Framing::Chunked).unwrap(), b"abcde");
    }

    #[test]
    fn a_short_body_is_an_error() {
        assert_eq!(body(b"abc", Framing::Length(4)).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(body(b"4\r\nabcd", Framing::Chunked).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(body(b"nonsense\r\n", Framing::Chunked).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
