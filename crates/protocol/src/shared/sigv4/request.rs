//! A request that is signed: which headers, over which payload, under whose identity. What can be prepared is prepared when the values are loaded.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use sortie_model::{Secret, Timestamp};

use super::canonical::{CanonicalRequest, canonical_request};
use super::{ChunkSigner, HMAC_ALGORITHM, Hex, KeyCache, Moment, PathRule, SigningKey, SigningScope};
use crate::ProveError;

/// When the request was signed.
pub const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
/// What tells a temporary key's session.
pub const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
/// What the signature says about the body.
pub const X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
/// How long a body in chunks is without their framing.
pub const X_AMZ_DECODED_CONTENT_LENGTH: HeaderName = HeaderName::from_static("x-amz-decoded-content-length");
/// Which trailers follow a body in chunks.
pub const X_AMZ_TRAILER: HeaderName = HeaderName::from_static("x-amz-trailer");

/// The headers that a signer sets, or whose values belong to the signature of somebody else: a caller's own are always taken out (SIG-13).
pub const SIGNATURE_HEADERS: &[&str] =
    &["authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256", "x-amz-decoded-content-length", "x-amz-trailer"];

/// Headers that are never signed: what belongs to one hop, what the connection writes itself, and what proxies and Amazon's own front servers rewrite (SIG-16).
fn is_never_signed(name: &str) -> bool {
    matches!(
        name,
        "accept-encoding"
            | "authorization"
            | "connection"
            | "content-length"
            | "expect"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "user-agent"
            | "via"
            | "x-amzn-trace-id"
    )
}

/// Whether the session token is part of what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenPlace {
    /// The usual.
    Signed,
    /// Added behind the signature, as a few services want it.
    Appended,
}

/// How bodies are covered by the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadRule {
    /// By their hash: a body is held until it is whole.
    Hashed,
    /// By their hash while they are small; larger ones of a `PUT` piece by piece as they stream (S3).
    Streamed,
    /// Not at all, where TLS protects them on their way (S3).
    Unsigned,
}

/// How requests are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningOptions {
    /// Such as `eu-central-1`. A setting, never guessed from the host.
    pub region: Box<str>,
    /// Such as `execute-api`. A setting too.
    pub service: Box<str>,
    /// How paths are written in the canonical request.
    pub paths: PathRule,
    /// Where the session token stands.
    pub token: TokenPlace,
    /// How bodies are covered.
    pub payload: PayloadRule,
    /// The longest body that is held for its hash.
    pub max_hashed_bytes: usize,
}

impl SigningOptions {
    pub(super) fn scope(&self) -> SigningScope<'_> {
        SigningScope { region: &self.region, service: &self.service }
    }

    /// Whether it is S3, under any of its names: on Outposts, behind Object Lambda, in one zone.
    pub fn stores_objects(&self) -> bool {
        is_s3(&self.service)
    }
}

/// Whether a service is S3, under any of its names.
pub fn is_s3(service: &str) -> bool {
    matches!(service, "s3" | "s3-outposts" | "s3-object-lambda" | "s3express")
}

/// What the signature says about the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Its hash.
    Hash(Hex),
    /// Nothing.
    Unsigned,
    /// Nothing, and trailers follow it.
    UnsignedWithTrailer,
    /// Its pieces are signed each.
    Chunked,
    /// Its pieces are signed each, and the trailers too.
    ChunkedWithTrailer,
}

impl Payload {
    /// As the canonical request and the header say it (*S3*, "Signature calculations").
    pub fn as_str(&self) -> &str {
        match self {
            Self::Hash(hash) => hash.as_str(),
            Self::Unsigned => "UNSIGNED-PAYLOAD",
            Self::UnsignedWithTrailer => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            Self::Chunked => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            Self::ChunkedWithTrailer => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        }
    }

    fn to_header(self) -> HeaderValue {
        value(match &self {
            Self::Hash(hash) => hash.as_ref(),
            other => other.as_str().as_bytes(),
        })
    }
}

/// Signs requests under one identity.
pub struct RequestSigner {
    access_key_id: Box<str>,
    secret: Secret,
    session_token: Option<HeaderValue>,
    options: SigningOptions,
    keys: KeyCache,
    /// `AWS4-HMAC-SHA256 Credential=<access key id>/`, as each signature begins.
    credential: Box<[u8]>,
    /// `/<region>/<service>/aws4_request`, the same on every day.
    scope: Box<[u8]>,
}

/// A signature, and what it was made of.
#[derive(Clone, Debug)]
pub struct Signed {
    /// What was hashed.
    pub canonical: CanonicalRequest,
    /// What was signed, in ASCII.
    pub string_to_sign: Vec<u8>,
    /// Signs the body's pieces, if they are signed.
    pub chunks: Option<ChunkSigner>,
}

impl RequestSigner {
    /// Checks what goes into headers, once for all requests.
    ///
    /// # Errors
    /// Key id or session token hold something that cannot stand in a header.
    pub fn new(
        access_key_id: &Secret,
        secret: &Secret,
        session_token: Option<&Secret>,
        options: SigningOptions,
    ) -> Result<Self, ProveError> {
        if !is_access_key_id(access_key_id.expose()) {
            return Err(ProveError::NotAHeader);
        }
        let sensitive = |token: &Secret| {
            let mut value = HeaderValue::from_str(token.expose()).map_err(|_| ProveError::NotAHeader)?;
            value.set_sensitive(true);
            Ok(value)
        };
        let session_token = session_token.map(sensitive).transpose()?;
        let access_key_id: Box<str> = access_key_id.expose().into();
        let credential = format!("{HMAC_ALGORITHM} Credential={access_key_id}/").into_bytes().into();
        let scope = format!("/{}/{}/aws4_request", options.region, options.service).into_bytes().into();
        Ok(Self { access_key_id, secret: secret.clone(), session_token, options, keys: KeyCache::default(), credential, scope })
    }

    /// How requests are signed.
    pub const fn options(&self) -> &SigningOptions {
        &self.options
    }

    /// Signs. All other headers must be final, `Host` among them: whatever is changed afterwards breaks the signature.
    pub fn sign(&self, method: &Method, target: &str, headers: &mut HeaderMap, payload: Payload, at: Timestamp) -> Signed {
        let moment = Moment::of(at);
        headers.insert(X_AMZ_DATE, value(moment.as_bytes()));
        headers.insert(X_AMZ_CONTENT_SHA256, payload.to_header());
        match (&self.session_token, self.options.token) {
            (Some(token), TokenPlace::Signed) => drop(headers.insert(X_AMZ_SECURITY_TOKEN, token.clone())),
            _ => drop(headers.remove(X_AMZ_SECURITY_TOKEN)),
        }
        let canonical = self.canonical(method, target, headers, payload);
        let string_to_sign = self.string_to_sign(&moment, &canonical);
        let key = self.key(&moment);
        let signature = key.sign(&string_to_sign);
        // In the place of a caller's own.
        headers.insert(header::AUTHORIZATION, self.authorization(&moment, &canonical, &signature));
        if let (Some(token), TokenPlace::Appended) = (&self.session_token, self.options.token) {
            headers.insert(X_AMZ_SECURITY_TOKEN, token.clone());
        }
        let is_chunked = matches!(payload, Payload::Chunked | Payload::ChunkedWithTrailer);
        let chunks = is_chunked.then(|| ChunkSigner::new(Arc::clone(&key), &moment, &self.options.scope(), signature));
        Signed { canonical, string_to_sign, chunks }
    }

    pub(super) fn key(&self, moment: &Moment) -> Arc<SigningKey> {
        self.keys.key(moment, || SigningKey::derive(&self.secret, moment.day(), &self.options.scope()))
    }

    pub(super) fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    pub(super) const fn session_token(&self) -> Option<&HeaderValue> {
        self.session_token.as_ref()
    }

    /// The canonical request with `***` in the place of every value that is secret, for people to read.
    pub fn shown(&self, method: &Method, target: &str, headers: &HeaderMap, payload: Payload) -> String {
        let hidden = HeaderValue::from_static("***");
        let shown = headers.iter().map(|(name, value)| (name.clone(), if value.is_sensitive() { hidden.clone() } else { value.clone() }));
        let canonical = self.canonical(method, target, &shown.collect(), payload);
        String::from_utf8_lossy(canonical.as_bytes()).into_owned()
    }

    /// Whether a secret other than the session token, which nobody can guess, is part of what is signed.
    pub fn covers_secret(&self, headers: &HeaderMap) -> bool {
        headers.iter().any(|(name, value)| value.is_sensitive() && *name != X_AMZ_SECURITY_TOKEN && self.is_signed(name))
    }

    fn canonical(&self, method: &Method, target: &str, headers: &HeaderMap, payload: Payload) -> CanonicalRequest {
        let (path, query) = split_target(target);
        let signed = headers.iter().filter(|(name, _)| self.is_signed(name));
        canonical_request(method.as_str(), path, query, signed, payload.as_str(), self.options.paths)
    }

    fn is_signed(&self, name: &HeaderName) -> bool {
        let is_appended = self.options.token == TokenPlace::Appended && *name == X_AMZ_SECURITY_TOKEN;
        !is_appended && !is_never_signed(name.as_str())
    }

    /// What [`super::string_to_sign`] makes too, of parts that are made once.
    fn string_to_sign(&self, moment: &Moment, canonical: &CanonicalRequest) -> Vec<u8> {
        let hash = Hex::sha256(canonical.as_bytes());
        let [moment, day] = [&moment.as_bytes()[..], &moment.as_bytes()[..8]];
        [HMAC_ALGORITHM.as_bytes(), b"\n", moment, b"\n", day, &self.scope, b"\n", hash.as_ref()].concat()
    }

    /// *IAM*, "Add the signature to the request".
    fn authorization(&self, moment: &Moment, canonical: &CanonicalRequest, signature: &Hex) -> HeaderValue {
        let day = &moment.as_bytes()[..8];
        let (names, signature) = (canonical.signed_names(), signature.as_ref());
        let text = [&self.credential, day, &self.scope, b", SignedHeaders=", names, b", Signature=", signature].concat();
        let mut value = HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).expect("every part was checked");
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for RequestSigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RequestSigner").field("options", &self.options).finish_non_exhaustive()
    }
}

fn value(text: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(text).expect("digits and letters can stand in a header")
}

/// Path and query.
fn split_target(target: &str) -> (&str, Option<&str>) {
    // A byte, and not a character, so that it is found in one step.
    match target.as_bytes().iter().position(|byte| *byte == b'?') {
        Some(at) => (&target[..at], Some(&target[at + 1..])),
        None => (target, None),
    }
}

/// Whether a text can be an access key's id: it stands between separators in the header.
pub fn is_access_key_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"/,".contains(&byte))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::{CallerBody, Recoder, string_to_sign};
    use super::*;

    /// 2013-05-24T00:00:00Z, the moment of the examples in the S3 reference.
    const AT: Timestamp = Timestamp::from_millis(1_369_353_600_000);

    fn signer(token: Option<&str>, place: TokenPlace) -> RequestSigner {
        let options = SigningOptions {
            region: "us-east-1".into(),
            service: "s3".into(),
            paths: PathRule::S3,
            token: place,
            payload: PayloadRule::Streamed,
            max_hashed_bytes: 1024,
        };
        let secret = Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        RequestSigner::new(&Secret::new("AKIAIOSFODNN7EXAMPLE"), &secret, token.map(Secret::new).as_ref(), options).unwrap()
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn signs_the_examples_of_the_s3_reference() {
        // "Authenticating Requests: Using the Authorization Header", examples "GET Object" and "PUT Object".
        let mut get = headers(&[("host", "examplebucket.s3.amazonaws.com"), ("range", "bytes=0-9")]);
        signer(None, TokenPlace::Signed).sign(&Method::GET, "/test.txt", &mut get, Payload::Hash(Hex::sha256(b"")), AT);
        assert_eq!(
            get[header::AUTHORIZATION],
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        assert!(get[header::AUTHORIZATION].is_sensitive());
        let mut put = headers(&[
            ("host", "examplebucket.s3.amazonaws.com"),
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ]);
        let payload = Payload::Hash(Hex::sha256(b"Welcome to Amazon S3."));
        signer(None, TokenPlace::Signed).sign(&Method::PUT, "/test%24file.text", &mut put, payload, AT);
        let authorization = put[header::AUTHORIZATION].to_str().unwrap();
        assert!(authorization.ends_with("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"), "{authorization}");
    }

    #[test]
    fn a_body_in_chunks_is_signed_as_in_the_example_of_the_s3_reference() {
        // "Transferring payload in multiple chunks (chunked upload)", "Example: PUT Object". It signs Content-Length, which we leave to the connection: the
        // canonical request is made of its headers, and key, seed and chunks as ever.
        let put = headers(&[
            ("host", "s3.amazonaws.com"),
            ("x-amz-date", "20130524T000000Z"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ("x-amz-content-sha256", Payload::Chunked.as_str()),
            ("content-encoding", "aws-chunked"),
            ("x-amz-decoded-content-length", "66560"),
            ("content-length", "66824"),
        ]);
        let (signer, moment) = (signer(None, TokenPlace::Signed), Moment::of(AT));
        let canonical = canonical_request("PUT", "/examplebucket/chunkObject.txt", None, &put, Payload::Chunked.as_str(), PathRule::S3);
        let scope = signer.options().scope();
        let seed = signer.key(&moment).sign(string_to_sign(HMAC_ALGORITHM, &moment, &scope, &canonical));
        assert_eq!(seed.as_str(), "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
        let body = CallerBody { is_chunked: false, length: Some(66_560), trailers: Vec::new() };
        let mut recoder = Recoder::signed(&body, 66_560, ChunkSigner::new(signer.key(&moment), &moment, &scope, seed));
        assert_eq!(recoder.length(), Some(66_824));
        let plain = recoder.plain(vec![b'a'; 66_560].into()).unwrap();
        let sent = [recoder.framed(plain), recoder.finish().unwrap()].concat();
        let expected = [
            b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n".as_slice(),
            &[b'a'; 65_536],
            b"\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n",
            &[b'a'; 1024],
            b"\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n",
        ];
        assert!(sent == expected.concat());
    }

    #[test]
    fn a_body_in_chunks_has_what_tells_so_among_its_signed_headers() {
        let mut put =
            headers(&[("host", "s3.amazonaws.com"), ("content-encoding", "aws-chunked"), ("x-amz-decoded-content-length", "66560")]);
        let signed = signer(None, TokenPlace::Signed).sign(&Method::PUT, "/b/k", &mut put, Payload::Chunked, AT);
        assert_eq!(put[X_AMZ_CONTENT_SHA256], "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
        assert_eq!(signed.canonical.signed_headers(), "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length");
    }

    #[test]
    fn a_signature_allocates_what_it_leaves_behind_and_little_more() {
        // Three headers, the canonical request, the string to sign, and the lists of header lines and parameters are seven; aws-lc-rs makes the others.
        let signer = signer(None, TokenPlace::Signed);
        let payload = Payload::Hash(Hex::sha256(b""));
        let mut sent = headers(&[("host", "examplebucket.s3.amazonaws.com"), ("range", "bytes=0-9"), ("x-request-id", "7d4b1f0e")]);
        // Once for the day's key, and so that the map has room.
        signer.sign(&Method::GET, "/", &mut sent, payload, AT);
        let counted = allocation_counter::measure(|| {
            signer.sign(&Method::GET, "/test.txt?list-type=2&prefix=a", &mut sent, payload, AT);
        });
        assert!(counted.count_total <= 9, "{counted:?}");
    }

    #[test]
    fn what_a_caller_signed_before_is_replaced() {
        // SIG-13
        let mut sent = headers(&[
            ("host", "h"),
            ("authorization", "AWS4-HMAC-SHA256 Credential=theirs"),
            ("x-amz-date", "19990101T000000Z"),
            ("x-amz-security-token", "theirs"),
            ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ]);
        signer(None, TokenPlace::Signed).sign(&Method::GET, "/", &mut sent, Payload::Hash(Hex::sha256(b"")), AT);
        assert_eq!((sent.get(X_AMZ_SECURITY_TOKEN), &sent[X_AMZ_DATE]), (None, &HeaderValue::from_static("20130524T000000Z")));
        assert!(!format!("{:?}", sent.get_all(header::AUTHORIZATION)).contains("theirs"));
        assert_eq!(sent[X_AMZ_CONTENT_SHA256], Hex::sha256(b"").as_str());
    }

    #[test]
    fn the_session_token_is_signed_or_appended() {
        for (place, is_signed) in [(TokenPlace::Signed, true), (TokenPlace::Appended, false)] {
            let mut sent = headers(&[("host", "h")]);
            let signed = signer(Some("SECRET-token"), place).sign(&Method::GET, "/", &mut sent, Payload::Hash(Hex::sha256(b"")), AT);
            assert_eq!(signed.canonical.signed_headers().contains("x-amz-security-token"), is_signed);
            assert!(sent[X_AMZ_SECURITY_TOKEN] == "SECRET-token" && sent[X_AMZ_SECURITY_TOKEN].is_sensitive());
        }
    }

    #[test]
    fn what_a_hop_may_change_is_never_signed() {
        // SIG-16
        let mut sent = headers(&[
            ("host", "h"),
            ("content-type", "text/plain"),
            ("connection", "close"),
            ("user-agent", "x"),
            ("transfer-encoding", "chunked"),
            ("content-length", "3"),
            ("accept-encoding", "gzip"),
            ("x-amzn-trace-id", "Root=1"),
        ]);
        let signed = signer(None, TokenPlace::Signed).sign(&Method::POST, "/", &mut sent, Payload::Unsigned, AT);
        assert_eq!(signed.canonical.signed_headers(), "content-type;host;x-amz-content-sha256;x-amz-date");
    }

    #[test]
    fn what_is_shown_holds_no_secret() {
        let signer = signer(Some("SECRET-token"), TokenPlace::Signed);
        let mut sent = headers(&[("host", "h")]);
        let mut custom = HeaderValue::from_static("SECRET-custom");
        custom.set_sensitive(true);
        sent.insert("x-custom", custom);
        let payload = Payload::Hash(Hex::sha256(b""));
        signer.sign(&Method::GET, "/", &mut sent, payload, AT);
        let shown = signer.shown(&Method::GET, "/", &sent, payload);
        assert!(shown.contains("x-amz-security-token:***\n") && shown.contains("x-custom:***\n") && shown.contains("host:h\n"), "{shown}");
        assert!(!shown.contains("SECRET") && !format!("{signer:?}").contains("SECRET"));
    }

    #[test]
    fn a_key_id_with_a_separator_is_refused() {
        for id in ["", "A/B", "A,B", "A B", "Ä", "A\n"] {
            assert!(!is_access_key_id(id), "{id:?}");
        }
    }
}
