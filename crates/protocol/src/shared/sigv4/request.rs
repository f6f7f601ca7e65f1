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
