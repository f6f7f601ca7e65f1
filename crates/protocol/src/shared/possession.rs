//! Proof that whoever sends a token holds the key that it is bound to (RFC 9449, "DPoP"): a stolen token is worth nothing without the key.

use std::fmt;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value};
use sortie_model::{Secret, ServiceUrl, Timestamp};
use zeroize::Zeroizing;

use crate::{Answer, Ask, ObtainError, Proof, ProveError, World};

/// The header of a proof (section 4.1).
pub const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The header in which a server says what it wants in the next proof (section 8.1).
pub const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The error of a server that wants a nonce, or another one (sections 8 and 9).
const USE_NONCE: &str = "use_dpop_nonce";

/// 1 KiB: it stands in each proof, and a proof in a header line.
const MAX_NONCE_BYTES: usize = 1024;

/// 32: what a seed of 256 bits has at least, in any writing.
const MIN_SEED_BYTES: usize = 32;

/// A key on the curve P-256 that tokens are bound to.
pub struct PossessionKey {
    pair: EcdsaKeyPair,
    point: Point,
}

/// The public half, as JSON Web Keys have it (RFC 7518, section 6.2.1): two numbers in base64url.
struct Point {
    x: String,
    y: String,
}

/// What one proof says (section 4.2).
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// `htm`.
    pub method: &'a Method,
    /// `htu`: "without query and fragment parts".
    pub target: &'a str,
    /// `ath`, where a token is presented: [`token_hash`].
    pub token_hash: Option<&'a str>,
    /// What the server wanted in it.
    pub nonce: Option<&'a str>,
    /// `iat`.
    pub at: Timestamp,
    /// `jti`, which never comes twice.
    pub id: [u8; 16],
}

impl PossessionKey {
    /// The key of one login, made of 256 bits that only we know.
    ///
    /// # Errors
    /// The seed is too short to be one.
    pub fn of_seed(seed: &Secret) -> Result<Self, ProveError> {
        if seed.expose().len() < MIN_SEED_BYTES {
            return Err(ProveError::ForeignGrant);
        }
        // One hash in 2^32 is no number below the curve's order; then the next is taken.
        let candidates = (0..=u8::MAX).map(|counter| {
            let mut context = digest::Context::new(&SHA256);
            context.update(b"sortie: key of a login\0");
            context.update(&[counter]);
            context.update(seed.expose().as_bytes());
            context.finish()
        });
        candidates.filter_map(|number| Self::of_number(number.as_ref())).next().ok_or(ProveError::ForeignGrant)
    }

    fn of_number(number: &[u8]) -> Option<Self> {
        let public = PrivateKey::from_private_key(&ECDH_P256, number).ok()?.compute_public_key().ok()?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, number, public.as_ref()).ok()?;
        // SEC 1, section 2.3.3: a byte that says "uncompressed", and the two numbers.
        let (x, y) = public.as_ref().get(1..)?.split_at_checked(32)?;
        Some(Self { pair, point: Point { x: URL_SAFE_NO_PAD.encode(x), y: URL_SAFE_NO_PAD.encode(y) } })
    }

    /// What the provider knows the key by (RFC 7638), sent as `dpop_jkt` when a login begins (section 10).
    pub fn thumbprint(&self) -> String {
        self.point.thumbprint()
    }

    /// A proof, good for one request.
    ///
    /// # Errors
    /// The key does not sign.
    pub fn prove(&self, statement: &Statement<'_>) -> Result<HeaderValue, ProveError> {
        let mut token = Zeroizing::new(format!("{}.{}", self.point.header(), URL_SAFE_NO_PAD.encode(statement.claims())));
        let signature = self.pair.sign(&SystemRandom::new(), token.as_bytes()).map_err(|_| ProveError::ForeignGrant)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut token);
        let mut value = HeaderValue::from_str(&token).map_err(|_| ProveError::NotAHeader)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for PossessionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("PossessionKey").field(&self.thumbprint()).finish()
    }
}

impl Point {
    /// Section 4.2, in base64url.
    fn header(&self) -> String {
        let Self { x, y } = self;
        URL_SAFE_NO_PAD.encode(format!(r#"{{"typ":"dpop+jwt","alg":"ES256","jwk":{{"kty":"EC","x":"{x}","y":"{y}","crv":"P-256"}}}}"#))
    }

    /// RFC 7638, section 3.2: the required members, in the order of their names.
    fn thumbprint(&self) -> String {
        let Self { x, y } = self;
        hash(&format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#))
    }
}

impl Statement<'_> {
    fn claims(&self) -> String {
        let Self { method, target, token_hash, nonce, at, id } = self;
        let mut claims = Map::new();
        claims.insert("jti".to_owned(), URL_SAFE_NO_PAD.encode(id).into());
        claims.insert("htm".to_owned(), method.as_str().into());
        claims.insert("htu".to_owned(), (*target).into());
        claims.insert("iat".to_owned(), (at.as_millis() / 1000).into());
        claims.extend(token_hash.map(|hash| ("ath".to_owned(), hash.into())));
        claims.extend(nonce.map(|nonce| ("nonce".to_owned(), nonce.into())));
        Value::Object(claims).to_string()
    }
}

/// `ath`: "the base64url encoding of the SHA-256 hash of the ASCII encoding of the associated access token's value" (section 4.2).
pub fn token_hash(token: &Secret) -> String {
    hash(token.expose())
}

fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&SHA256, text.as_bytes()))
}

/// A token with the key that it is bound to, as each callout presents both (section 7.1).
pub struct BoundToken {
    key: PossessionKey,
    hash: String,
    placed: Vec<(HeaderName, HeaderValue)>,
}

impl BoundToken {
    /// Joins them.
    ///
    /// # Errors
    /// The token cannot stand in a header.
    pub fn new(key: PossessionKey, token: &Secret) -> Result<Self, ProveError> {
        let placed = Proof::authorization("DPoP", token)?.placed().to_vec();
        Ok(Self { key, hash: token_hash(token), placed })
    }

    /// The headers that are the same for every request.
    pub fn placed(&self) -> &[(HeaderName, HeaderValue)] {
        &self.placed
    }

    /// The proof for one request to `target`, which has no query.
    ///
    /// # Errors
    /// The key does not sign.
    pub fn prove(
        &self,
        method: &Method,
        target: &str,
        nonce: Option<&HeaderValue>,
        (at, id): (Timestamp, [u8; 16]),
    ) -> Result<HeaderValue, ProveError> {
        let nonce = nonce.and_then(|nonce| nonce.to_str().ok());
        self.key.prove(&Statement { method, target, token_hash: Some(&self.hash), nonce, at, id })
    }
}

/// The nonce that a server gives for the next proof, whatever else it says (section 8.2).
pub fn nonce_of(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut nonces = headers.get_all(DPOP_NONCE).iter();
    // Section 8.1: 1*NQCHAR, which is visible ASCII.
    let is_nonce = |value: &&HeaderValue| (1..=MAX_NONCE_BYTES).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic);
    let nonce = nonces.next().filter(is_nonce)?;
    nonces.next().is_none().then_some(nonce)
}

/// Whether a resource refuses only because it wants a nonce, or another one (section 9).
pub fn resource_wants_nonce(status: StatusCode, headers: &HeaderMap) -> bool {
    let says_so = |challenge: &HeaderValue| {
        let text = challenge.to_str().unwrap_or_default().trim_start();
        let is_dpop = text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("DPoP ")) || text.contains(", DPoP ");
        is_dpop && text.contains(&format!("error=\"{USE_NONCE}\""))
    };
    status == StatusCode::UNAUTHORIZED && nonce_of(headers).is_some() && headers.get_all(header::WWW_AUTHENTICATE).iter().any(says_so)
}

/// Whether an authorization server does (section 8: status 400, and an error as in RFC 6749, section 5.2).
fn server_wants_nonce(answer: &Answer) -> bool {
    let says_so = || {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        body.get("error").and_then(Value::as_str) == Some(USE_NONCE)
    };
    answer.status.is_client_error() && (says_so() || resource_wants_nonce(answer.status, &answer.headers))
}

/// Asks with a proof by this key, if there is one; and once more where the server wants a nonce in it. It has looked at nothing else before it says so, so that a code or a
/// refresh token is as good as before.
///
/// # Errors
/// There is no answer.
pub async fn ask(world: &dyn World, ask: Ask, key: Option<&PossessionKey>, token: Option<&Secret>) -> Result<Answer, ObtainError> {
    let Some(key) = key else { return Ok(world.ask(ask).await?) };
    let hash = token.map(token_hash);
    let with_proof = |nonce: Option<&HeaderValue>| {
        let mut ask = ask.clone();
        let nonce = nonce.and_then(|nonce| nonce.to_str().ok());
        let target = without_query(&ask.url);
        let statement =
            Statement { method: &ask.method, target: &target, token_hash: hash.as_deref(), nonce, at: world.now(), id: world.nonce() };
        let proof = key.prove(&statement)?;
        ask.headers.insert(DPOP, proof);
        Ok::<_, ObtainError>(ask)
    };
    let answer = world.ask(with_proof(None)?).await?;
    match nonce_of(&answer.headers) {
        Some(nonce) if server_wants_nonce(&answer) => Ok(world.ask(with_proof(Some(nonce))?).await?),
        _ => Ok(answer),
    }
}

fn without_query(url: &ServiceUrl) -> String {
    let path = url.path_and_query().split('?').next().unwrap_or_default();
    format!("{}{path}", url.origin())
}

#[cfg(test)]
#[path = "possession_tests.rs"]
mod tests;
