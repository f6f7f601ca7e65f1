//! Takes the framing off a body in chunks (`aws-chunked`): sizes, a caller's signatures, trailers.

use http::{HeaderName, HeaderValue};

use super::BodyFault;

/// 4 KiB: a size with a signature, or a trailer, has less than two hundred bytes.
const MAX_LINE_BYTES: usize = 4096;

/// 8: there are five kinds of checksums, and a signature.
const MAX_TRAILERS: usize = 8;

/// Reads such a body piece by piece.
#[derive(Debug, Default)]
pub struct Decoder {
    state: State,
    line: Vec<u8>,
    trailers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// In the line with the size of the next chunk.
    #[default]
    Size,
    /// In a chunk of which so much is still to come.
    Data(u64),
    /// In the line end behind a chunk.
    DataEnd,
    /// In a line behind the last chunk.
    Trailer,
    /// Behind it all.
    Done,
}

impl Decoder {
    /// Reads a piece; what is in chunks is appended to `decoded`.
    ///
    /// # Errors
    /// [`BodyFault::Framing`] or [`BodyFault::Trailer`].
    pub fn decode(&mut self, piece: &[u8], decoded: &mut Vec<u8>) -> Result<(), BodyFault> {
        let mut rest = piece;
        while !rest.is_empty() {
            if let State::Data(left) = self.state {
                let length = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                let (data, tail) = rest.split_at(length);
                decoded.extend_from_slice(data);
                rest = tail;
                let left = left - length as u64;
                self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
                continue;
            }
            let end = rest.iter().position(|byte| *byte == b'\n');
            let (part, tail) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
            self.line.extend_from_slice(part);
            rest = tail;
            if self.line.len() > MAX_LINE_BYTES {
                return Err(BodyFault::Framing);
            }
            if end.is_some() {
                let line = std::mem::take(&mut self.line);
                self.state = self.next(line.strip_suffix(b"\r\n").ok_or(BodyFault::Framing)?)?;
            }
        }
        Ok(())
    }

    /// Ends, and gives the trailers that came.
    ///
    /// # Errors
    /// [`BodyFault::Framing`], if there is more to come.
    pub fn finish(&mut self) -> Result<Vec<(HeaderName, HeaderValue)>, BodyFault> {
        // Some programs leave the last empty line out.
        match self.state {
            State::Done | State::Trailer if self.line.is_empty() => Ok(std::mem::take(&mut self.trailers)),
            _ => Err(BodyFault::Framing),
        }
    }

    /// What comes behind a line.
    fn next(&mut self, line: &[u8]) -> Result<State, BodyFault> {
        match self.state {
            State::Size => {
                let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
                let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
                let size = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()).ok_or(BodyFault::Framing)?;
                Ok(if size == 0 { State::Trailer } else { State::Data(size) })
            }
            State::DataEnd if line.is_empty() => Ok(State::Size),
            State::Trailer if line.is_empty() => Ok(State::Done),
            State::Trailer => {
                self.trailer(line)?;
                Ok(State::Trailer)
            }
            State::Done | State::DataEnd | State::Data(_) => Err(BodyFault::Framing),
        }
    }

    fn trailer(&mut self, line: &[u8]) -> Result<(), BodyFault> {
        let colon = line.iter().position(|byte| *byte == b':').ok_or(BodyFault::Framing)?;
        let (name, value) = line.split_at(colon);
        let name = HeaderName::from_bytes(name.trim_ascii()).map_err(|_| BodyFault::Framing)?;
        // The caller's signature, which is nobody's business any more.
        if name == "x-amz-trailer-signature" {
            return Ok(());
        }
        if self.trailers.len() == MAX_TRAILERS {
            return Err(BodyFault::Trailer);
        }
        let value = HeaderValue::from_bytes(value[1..].trim_ascii()).map_err(|_| BodyFault::Trailer)?;
        self.trailers.push((name, value));
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// What was in the chunks, and the trailers.
    type Decoded = (Vec<u8>, Vec<(HeaderName, HeaderValue)>);

    /// Decodes in pieces of this length, whatever falls between.
    fn decode(body: &[u8], length: usize) -> Result<Decoded, BodyFault> {
        let (mut decoder, mut decoded) = (Decoder::default(), Vec::new());
        for piece in body.chunks(length) {
            decoder.decode(piece, &mut decoded)?;
        }
        Ok((decoded, decoder.finish()?))
    }

    #[test]
    fn framing_and_signatures_go_wherever_a_piece_ends() {
        let body = b"5;chunk-signature=ab12\r\nhello\r\n3\r\n\r\n!\r\n0;chunk-signature=cd\r\nx-amz-checksum-crc32:AAAAAA==\r\nx-amz-trailer-signature:ef\r\n\r\n";
        for length in 1..=body.len() {
            let (decoded, trailers) = decode(body, length).unwrap();
            assert_eq!(decoded, b"hello\r\n!");
            assert_eq!(trailers.len(), 1);
            assert_eq!((trailers[0].0.as_str(), &trailers[0].1), ("x-amz-checksum-crc32", &HeaderValue::from_static("AAAAAA==")));
        }
    }

    #[test]
    fn every_end_that_is_in_use_is_understood() {
        for end in ["0\r\n\r\n", "0\r\n", "0;chunk-signature=00\r\n\r\n"] {
            assert_eq!(decode(format!("1\r\nx\r\n{end}").as_bytes(), 7).unwrap().0, b"x");
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for body in [
            "",
            "5\r\nhello",
            "5\r\nhello\r\n",
            "-1\r\n",
            "+5\r\nhello\r\n0\r\n\r\n",
            "5\nhello\n0\n\n",
            "x\r\n",
            "5\r\nhelloo\r\n0\r\n\r\n",
            "0\r\n\r\nmore\r\n",
            "0\r\nno colon\r\n\r\n",
            "\r\n",
        ] {
            assert_eq!(decode(body.as_bytes(), 3).unwrap_err(), BodyFault::Framing, "{body:?}");
        }
        assert_eq!(decode(&[b'1'; 5000], 64).unwrap_err(), BodyFault::Framing);
    }
}
