//! What a caller says about its body, and what that means for signing it.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::request::{PayloadRule, RequestSigner, X_AMZ_CONTENT_SHA256, X_AMZ_DECODED_CONTENT_LENGTH, X_AMZ_TRAILER};

/// The content coding of bodies in signed chunks (*S3*).
const AWS_CHUNKED: &str = "aws-chunked";

/// Why a body cannot be signed. Whose turn: the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// It must be held for its hash, and is longer than the setting `max_hashed_bytes`.
    #[error("the body must be hashed before it is sent, and is larger than {limit} bytes")]
    TooLarge {
        /// What is held at most.
        limit: usize,
    },
    /// It is not framed as its headers say.
    #[error("the body is not framed as its headers say ({AWS_CHUNKED})")]
    Framing,
    /// It is longer or shorter than its headers say.
    #[error("the body is not as long as its headers say")]
    Length,
    /// A trailer that nobody announced, or whose length is not known before it comes.
    #[error("the body has a trailer other than a checksum announced in `x-amz-trailer`")]
    Trailer,
    /// Messages that are signed one by one have a format of their own.
    #[error("a stream of signed events cannot be signed anew")]
    Events,
}

/// A caller's body, as its headers describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerBody {
    /// Whether it comes in chunks of its own, signed by the caller or not: their framing goes.
    pub is_chunked: bool,
    /// How long it is without that framing, if the headers say so.
    pub length: Option<u64>,
    /// The trailers that follow it.
    pub trailers: Vec<HeaderName>,
}

/// How a body goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyPlan {
    /// Held, and hashed.
    Hashed {
        /// The most that is held.
        limit: usize,
    },
    /// As it comes, not covered by the signature.
    Unsigned,
    /// Piece by piece, each with a signature.
    Chunked {
        /// How long it is without framing.
        length: u64,
    },
}

impl CallerBody {
    /// Reads the headers as the caller sent them.
    ///
    /// # Errors
    /// They contradict themselves, or ask for what cannot be done.
    pub fn read(headers: &HeaderMap) -> Result<Self, BodyFault> {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let payload = text(&X_AMZ_CONTENT_SHA256).unwrap_or_default();
        if payload.ends_with("-EVENTS") {
            return Err(BodyFault::Events);
        }
        let is_chunked = payload.starts_with("STREAMING-") || codings(headers).any(is_aws_chunked);
        let length = if is_chunked { &X_AMZ_DECODED_CONTENT_LENGTH } else { &header::CONTENT_LENGTH };
        let length = text(length).map(|digits| digits.trim().parse().map_err(|_| BodyFault::Length)).transpose()?;
        if is_chunked && length.is_none() {
            return Err(BodyFault::Length);
        }
        let announced = text(&X_AMZ_TRAILER).filter(|_| is_chunked).unwrap_or_default();
        let names = announced.split(',').map(str::trim).filter(|name| !name.is_empty());
        let trailers = names.map(|name| HeaderName::from_bytes(name.as_bytes()).map_err(|_| BodyFault::Trailer));
        let trailers = trailers.collect::<Result<Vec<_>, _>>()?;
        if trailers.iter().any(|name| trailer_length(name).is_none()) {
            return Err(BodyFault::Trailer);
        }
        Ok(Self { is_chunked, length, trailers })
    }
}

/// How long the value of a trailer will be. Only checksums can follow a body, and each kind has one length in base64 (*S3*, "Checking object integrity").
pub(super) fn trailer_length(name: &HeaderName) -> Option<u64> {
    match name.as_str().strip_prefix("x-amz-checksum-")? {
        "crc32" | "crc32c" => Some(8),
        "crc64nvme" => Some(12),
        "sha1" => Some(28),
        "sha256" => Some(44),
        _ => None,
    }
}

/// Trailers of a body: exactly those that were announced, each a checksum of its kind's length in visible ASCII, since it becomes a header or is signed as one.
///
/// # Errors
/// [`BodyFault::Trailer`].
pub fn check_trailers(announced: &[HeaderName], trailers: &[(HeaderName, HeaderValue)]) -> Result<(), BodyFault> {
    let is_checksum = |(name, value): &(HeaderName, HeaderValue)| {
        let bytes = value.as_bytes();
        announced.contains(name) && trailer_length(name) == Some(bytes.len() as u64) && bytes.iter().all(u8::is_ascii_graphic)
    };
    if trailers.len() == announced.len() && trailers.iter().all(is_checksum) { Ok(()) } else { Err(BodyFault::Trailer) }
}

/// Whether a content coding is the framing of bodies in chunks.
pub fn is_aws_chunked(coding: &str) -> bool {
    coding.eq_ignore_ascii_case(AWS_CHUNKED)
}

fn codings(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::CONTENT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|coding| !coding.is_empty())
}

/// Makes the headers describe the body as it goes out: the caller's own framing is gone, and ours may be there.
pub fn describe(headers: &mut HeaderMap, body: &CallerBody, plan: BodyPlan) {
    let has_frames = matches!(plan, BodyPlan::Chunked { .. }) || (plan == BodyPlan::Unsigned && !body.trailers.is_empty());
    let kept: Vec<&str> = codings(headers).filter(|coding| !is_aws_chunked(coding)).collect();
    let all: Vec<&str> = has_frames.then_some(AWS_CHUNKED).into_iter().chain(kept).collect();
    match HeaderValue::from_str(&all.join(",")) {
        Ok(codings) if !all.is_empty() => headers.insert(header::CONTENT_ENCODING, codings),
        _ => headers.remove(header::CONTENT_ENCODING),
    };
    headers.remove(X_AMZ_DECODED_CONTENT_LENGTH);
    headers.remove(X_AMZ_TRAILER);
    if !has_frames {
        return;
    }
    if let Some(length) = body.length {
        headers.insert(X_AMZ_DECODED_CONTENT_LENGTH, HeaderValue::from(length));
    }
    let names: Vec<&str> = body.trailers.iter().map(HeaderName::as_str).collect();
    if let Ok(names) = HeaderValue::from_str(&names.join(","))
        && !names.is_empty()
    {
        headers.insert(X_AMZ_TRAILER, names);
    }
}

impl RequestSigner {
    /// How a body that is not empty goes out.
    ///
    /// # Errors
    /// [`BodyFault::TooLarge`], as far as the headers tell.
    pub fn plan(&self, method: &Method, body: &CallerBody, is_tls: bool) -> Result<BodyPlan, BodyFault> {
        let limit = self.options().max_hashed_bytes;
        let is_small = |length: u64| length <= limit as u64;
        match (self.options().payload, body.length) {
            // S3 takes an unsigned body only over TLS, and so do we.
            (PayloadRule::Unsigned, _) if is_tls => Ok(BodyPlan::Unsigned),
            // Only what stores an object may come in chunks (*S3*, "Signature calculations"): other bodies are documents of a few kilobytes.
            (PayloadRule::Streamed, Some(length)) if !is_small(length) && method == Method::PUT => Ok(BodyPlan::Chunked { length }),
            (_, Some(length)) if !is_small(length) => Err(BodyFault::TooLarge { limit }),
            _ => Ok(BodyPlan::Hashed { limit }),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_body_in_chunks_is_known_by_its_headers() {
        let body = CallerBody::read(&headers(&[
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("content-encoding", "aws-chunked, gzip"),
            ("content-length", "99"),
            ("x-amz-decoded-content-length", "42"),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
        ]))
        .unwrap();
        assert_eq!((body.is_chunked, body.length, body.trailers.len()), (true, Some(42), 1));
        let plain = CallerBody::read(&headers(&[("content-length", "99"), ("x-amz-trailer", "ignored")])).unwrap();
        assert_eq!(plain, CallerBody { is_chunked: false, length: Some(99), trailers: Vec::new() });
    }

    #[test]
    fn what_cannot_be_signed_anew_is_refused() {
        let refused = |pairs| CallerBody::read(&headers(pairs)).unwrap_err();
        assert_eq!(refused(&[("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-EVENTS")]), BodyFault::Events);
        assert_eq!(
            refused(&[("content-encoding", "aws-chunked"), ("x-amz-decoded-content-length", "1"), ("x-amz-trailer", "x-evil")]),
            BodyFault::Trailer
        );
        assert_eq!(refused(&[("content-encoding", "aws-chunked"), ("x-amz-decoded-content-length", "-1")]), BodyFault::Length);
        assert_eq!(refused(&[("content-encoding", "aws-chunked"), ("content-length", "1")]), BodyFault::Length);
    }

    #[test]
    fn the_headers_describe_what_goes_out() {
        let sent =
            [("content-encoding", "aws-chunked,gzip"), ("x-amz-decoded-content-length", "42"), ("x-amz-trailer", "x-amz-checksum-crc32")];
        let body = CallerBody::read(&headers(&sent)).unwrap();
        let describe = |plan| {
            let mut headers = headers(&sent);
            describe(&mut headers, &body, plan);
            let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
            (text("content-encoding"), text("x-amz-decoded-content-length"), text("x-amz-trailer"))
        };
        assert_eq!(describe(BodyPlan::Hashed { limit: 9 }), (Some("gzip".to_owned()), None, None));
        let framed = (Some("aws-chunked,gzip".to_owned()), Some("42".to_owned()), Some("x-amz-checksum-crc32".to_owned()));
        assert_eq!(describe(BodyPlan::Chunked { length: 42 }), framed);
        assert_eq!(describe(BodyPlan::Unsigned), framed);
    }
}
