//! A body on its way through: the caller's framing goes, ours comes, chunk by chunk and in constant memory.

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue};

use super::body::{check_trailers, trailer_length};
use super::{BodyFault, CallerBody, ChunkSigner, Decoder};

/// 64 KiB: what Amazon's own programs send, and eight times what S3 demands at least.
const CHUNK_BYTES: usize = 64 * 1024;

/// `;chunk-signature=` and 64 digits.
const SIGNATURE_BYTES: u64 = 17 + 64;

/// Rewrites one body.
#[derive(Debug)]
pub struct Recoder {
    decoder: Option<Decoder>,
    frames: Option<Frames>,
    /// What is still to come without framing, if that is known.
    left: Option<u64>,
    /// The last bytes of a body that goes out without framing: whoever sends it stops asking with the last one, and what ends the caller's framing must be seen first.
    last: Bytes,
    length: Option<u64>,
}

/// Our own framing.
#[derive(Debug)]
struct Frames {
    chunk: BytesMut,
    signer: Option<ChunkSigner>,
    trailers: Vec<HeaderName>,
}

impl Recoder {
    /// In signed chunks.
    pub fn signed(body: &CallerBody, length: u64, signer: ChunkSigner) -> Self {
        Self::with_frames(body, length, Some(signer))
    }

    /// Unsigned: without framing, or in unsigned chunks if trailers follow.
    pub fn unsigned(body: &CallerBody) -> Self {
        match body.length.filter(|_| !body.trailers.is_empty()) {
            Some(length) => Self::with_frames(body, length, None),
            None => {
                let decoder = body.is_chunked.then(Decoder::default);
                Self { decoder, frames: None, left: body.length, last: Bytes::new(), length: body.length }
            }
        }
    }

    fn with_frames(body: &CallerBody, length: u64, signer: Option<ChunkSigner>) -> Self {
        let encoded = encoded_length(length, signer.is_some(), &body.trailers);
        let frames = Frames { chunk: BytesMut::new(), signer, trailers: body.trailers.clone() };
        let decoder = body.is_chunked.then(Decoder::default);
        Self { decoder, frames: Some(frames), left: Some(length), last: Bytes::new(), length: Some(encoded) }
    }

    /// How long it will be, framing included.
    pub const fn length(&self) -> Option<u64> {
        self.length
    }

    /// What this piece holds without the caller's framing.
    ///
    /// # Errors
    /// The body is not what its headers say.
    pub fn plain(&mut self, piece: Bytes) -> Result<Bytes, BodyFault> {
        let plain = match &mut self.decoder {
            None => piece,
            Some(decoder) => {
                let mut decoded = Vec::with_capacity(piece.len());
                decoder.decode(&piece, &mut decoded)?;
                decoded.into()
            }
        };
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(plain.len() as u64).ok_or(BodyFault::Length)?;
        }
        Ok(plain)
    }

    /// What goes out for the next [`Self::plain`] piece: often nothing yet.
    pub fn framed(&mut self, plain: Bytes) -> Bytes {
        let Some(frames) = &mut self.frames else {
            let is_last = self.left == Some(0) && !plain.is_empty();
            return if is_last { std::mem::replace(&mut self.last, plain) } else { plain };
        };
        frames.chunk.extend_from_slice(&plain);
        let mut out = BytesMut::new();
        while frames.chunk.len() >= CHUNK_BYTES {
            let chunk = frames.chunk.split_to(CHUNK_BYTES);
            frames.write(&chunk, &mut out);
        }
        out.freeze()
    }

    /// What goes out at the end.
    ///
    /// # Errors
    /// The body is not what its headers say.
    pub fn finish(&mut self) -> Result<Bytes, BodyFault> {
        let trailers = self.decoder.as_mut().map(Decoder::finish).transpose()?.unwrap_or_default();
        if self.left.is_some_and(|left| left > 0) {
            return Err(BodyFault::Length);
        }
        let Some(mut frames) = self.frames.take() else { return Ok(std::mem::take(&mut self.last)) };
        let mut out = BytesMut::new();
        let rest = std::mem::take(&mut frames.chunk);
        if !rest.is_empty() {
            frames.write(&rest, &mut out);
        }
        frames.end(&trailers, &mut out)?;
        Ok(out.freeze())
    }
}

impl Frames {
    fn write(&mut self, chunk: &[u8], out: &mut BytesMut) {
        out.reserve(chunk.len() + 128);
        self.head(chunk, out);
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }

    fn head(&mut self, chunk: &[u8], out: &mut BytesMut) {
        out.extend_from_slice(format!("{:x}", chunk.len()).as_bytes());
        if let Some(signer) = &mut self.signer {
            out.extend_from_slice(b";chunk-signature=");
            out.extend_from_slice(signer.chunk(chunk).as_str().as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }

    /// The last chunk and the trailers: exactly those that were announced, since the headers are signed already.
    fn end(&mut self, trailers: &[(HeaderName, HeaderValue)], out: &mut BytesMut) -> Result<(), BodyFault> {
        check_trailers(&self.trailers, trailers)?;
        self.head(b"", out);
        let mut canonical = BytesMut::new();
        for (name, value) in trailers {
            for (part, is_wire_only) in
                [(name.as_str().as_bytes(), false), (b":", false), (value.as_bytes(), false), (b"\r", true), (b"\n", false)]
            {
                out.extend_from_slice(part);
                if !is_wire_only {
                    canonical.extend_from_slice(part);
                }
            }
        }
        if let Some(signer) = self.signer.as_mut().filter(|_| !trailers.is_empty()) {
            out.extend_from_slice(b"x-amz-trailer-signature:");
            out.extend_from_slice(signer.trailer(&canonical).as_str().as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }
}

/// How long a body becomes with our framing.
fn encoded_length(length: u64, is_signed: bool, trailers: &[HeaderName]) -> u64 {
    let signature = if is_signed { SIGNATURE_BYTES } else { 0 };
    let chunk = |size: u64| format!("{size:x}").len() as u64 + signature + 2 + size + 2;
    let (whole, rest) = (length / CHUNK_BYTES as u64, length % CHUNK_BYTES as u64);
    let data = whole * chunk(CHUNK_BYTES as u64) + if rest > 0 { chunk(rest) } else { 0 };
    let lines = trailers.iter().map(|name| name.as_str().len() as u64 + 1 + trailer_length(name).unwrap_or(0) + 2);
    // `x-amz-trailer-signature:` and 64 digits.
    let trailer_signature = if is_signed && !trailers.is_empty() { 24 + 64 + 2 } else { 0 };
    data + chunk(0) + lines.sum::<u64>() + trailer_signature
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use sortie_model::{Secret, Timestamp};

    use super::super::{Hex, Moment, SigningKey, SigningScope};
    use super::*;

    const SCOPE: SigningScope<'_> = SigningScope { region: "us-east-1", service: "s3" };

    fn signer() -> ChunkSigner {
        let moment = Moment::of(Timestamp::from_millis(1_369_353_600_000));
        let key = SigningKey::derive(&Secret::new("SECRET-s"), moment.day(), &SCOPE);
        ChunkSigner::new(key, &moment, &SCOPE, Hex::sha256(b"seed"))
    }

    fn body(length: u64, trailers: &[&'static str]) -> CallerBody {
        let trailers: Vec<HeaderName> = trailers.iter().map(|name| HeaderName::from_static(name)).collect();
        CallerBody { is_chunked: !trailers.is_empty(), length: Some(length), trailers }
    }

    fn pass(recoder: &mut Recoder, piece: Bytes) -> Result<Bytes, BodyFault> {
        let plain = recoder.plain(piece)?;
        Ok(recoder.framed(plain))
    }

    fn recode(recoder: &mut Recoder, body: &[u8], length: usize) -> Result<Vec<u8>, BodyFault> {
        let mut out = Vec::new();
        for piece in body.chunks(length) {
            out.extend_from_slice(&pass(recoder, Bytes::copy_from_slice(piece))?);
        }
        out.extend_from_slice(&recoder.finish()?);
        Ok(out)
    }

    /// What whoever verifies does: takes the frames off, and signs each chunk in turn.
    fn verify(mut body: &[u8]) -> Vec<u8> {
        let (mut signer, mut plain) = (signer(), Vec::new());
        loop {
            let end = body.windows(2).position(|pair| pair == b"\r\n").unwrap();
            let line = std::str::from_utf8(&body[..end]).unwrap();
            let (size, signature) = line.split_once(";chunk-signature=").unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            let chunk = &body[end + 2..end + 2 + size];
            assert_eq!(signer.chunk(chunk).as_str(), signature);
            plain.extend_from_slice(chunk);
            if size == 0 {
                return plain;
            }
            body = &body[end + 4 + size..];
        }
    }

    #[test]
    fn chunks_are_whole_and_as_long_as_announced_however_they_came() {
        for length in [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 17] {
            let plain: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            for pieces in [997, CHUNK_BYTES, length] {
                let mut recoder = Recoder::signed(&body(length as u64, &[]), length as u64, signer());
                let announced = recoder.length().unwrap();
                let out = recode(&mut recoder, &plain, pieces).unwrap();
                assert_eq!(out.len() as u64, announced);
                assert_eq!(verify(&out), plain);
            }
        }
    }

    #[test]
    fn a_callers_chunks_become_ours_with_trailers_signed() {
        let sent =
            b"5;chunk-signature=00\r\nhello\r\n0;chunk-signature=00\r\nx-amz-checksum-crc32:NhCmhg==\r\nx-amz-trailer-signature:00\r\n\r\n";
        let mut recoder = Recoder::signed(&body(5, &["x-amz-checksum-crc32"]), 5, signer());
        let announced = recoder.length().unwrap();
        let out = recode(&mut recoder, sent, 3).unwrap();
        assert_eq!(out.len() as u64, announced);
        assert_eq!(verify(&out), b"hello");
        let mut expected = signer();
        expected.chunk(b"hello");
        expected.chunk(b"");
        let trailer = expected.trailer(b"x-amz-checksum-crc32:NhCmhg==\n");
        let end = format!("x-amz-checksum-crc32:NhCmhg==\r\nx-amz-trailer-signature:{}\r\n\r\n", trailer.as_str());
        assert!(String::from_utf8_lossy(&out).ends_with(&end));
    }

    #[test]
    fn unsigned_bodies_keep_only_what_their_trailers_need() {
        let sent = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
        let mut framed = Recoder::unsigned(&body(5, &["x-amz-checksum-crc32"]));
        let announced = framed.length().unwrap();
        let out = recode(&mut framed, sent, 4).unwrap();
        assert_eq!((out.as_slice(), out.len() as u64), (sent.as_slice(), announced));
        let mut plain = Recoder::unsigned(&CallerBody { is_chunked: true, length: Some(5), trailers: Vec::new() });
        assert_eq!(plain.length(), Some(5));
        assert_eq!(recode(&mut plain, b"5\r\nhello\r\n0\r\n\r\n", 4).unwrap(), b"hello");
        // The last byte goes out only when the caller's framing has ended.
        let mut plain = Recoder::unsigned(&CallerBody { is_chunked: true, length: Some(5), trailers: Vec::new() });
        assert_eq!(pass(&mut plain, Bytes::from_static(b"3\r\nhel\r\n")).unwrap(), "hel");
        assert_eq!(pass(&mut plain, Bytes::from_static(b"2\r\nlo\r\n")).unwrap(), "");
        assert_eq!(plain.finish().unwrap_err(), BodyFault::Framing);
        assert_eq!(pass(&mut plain, Bytes::from_static(b"0\r\n\r\n")).unwrap(), "");
        assert_eq!(plain.finish().unwrap(), "lo");
    }

    #[test]
    fn a_body_that_is_not_what_its_headers_say_is_broken_off() {
        let fault = |announced: u64, trailers: &[&'static str], sent: &[u8]| {
            let body = CallerBody { is_chunked: sent.contains(&b'\r'), ..body(announced, trailers) };
            recode(&mut Recoder::signed(&body, announced, signer()), sent, 4).unwrap_err()
        };
        assert_eq!(fault(4, &[], b"hello"), BodyFault::Length);
        assert_eq!(fault(6, &[], b"hello"), BodyFault::Length);
        assert_eq!(fault(5, &["x-amz-checksum-crc32"], b"5\r\nhello\r\n0\r\n\r\n"), BodyFault::Trailer);
        assert_eq!(fault(5, &[], b"5\r\nhello\r\n0\r\nx-amz-meta-evil:1\r\n\r\n"), BodyFault::Trailer);
        assert_eq!(fault(5, &["x-amz-checksum-crc32"], b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:short\r\n\r\n"), BodyFault::Trailer);
        assert_eq!(fault(5, &[], b"5\r\nhello"), BodyFault::Framing);
    }
}
