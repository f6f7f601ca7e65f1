//! ID tokens, checked (OpenID Connect Core 1.0, section 3.1.3.7; RFC 7519, section 7.2; RFC 8725).

use aws_lc_rs::digest::{Algorithm as Digest, SHA256, SHA384, SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sortie_model::{Secret, SigningAlgorithm, Timestamp};

use super::key_set::KeySet;

/// 60 s: how far the provider's clock may be off.
const LEEWAY_MILLIS: i64 = 60_000;
/// 16 KiB, as for the tokens that we sign.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// Core, section 2: `sub` "MUST NOT exceed 255 ASCII characters in length".
const MAX_SUBJECT_LENGTH: usize = 255;

/// The algorithms that are taken where nobody says otherwise: public keys only, no `none`, no shared key.
pub const USUAL_ALGORITHMS: &[SigningAlgorithm] =
    &[SigningAlgorithm::Rs256, SigningAlgorithm::Ps256, SigningAlgorithm::Es256, SigningAlgorithm::EdDsa];

/// What an ID token must say to be believed.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Who must have made it, exactly.
    pub issuer: &'a str,
    /// For whom: our client id at the issuer.
    pub client_id: &'a str,
    /// What we put into the authorization request. `None` for a token that came with a renewal (Core, section 12.2).
    pub nonce: Option<&'a str>,
    /// The access token that came along, if one did.
    pub access_token: Option<&'a Secret>,
    /// How it may be signed.
    pub algorithms: &'a [SigningAlgorithm],
}

/// An ID token that was checked. There is no other way to get one.
#[derive(Clone, Debug, PartialEq)]
pub struct IdToken {
    issuer: String,
    subject: String,
    claims: Map<String, Value>,
}

/// Why an ID token is not believed. Nothing of the token is in here but what names the difference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// It is no signed JWT.
    #[error("the ID token is malformed: {problem}")]
    Malformed {
        /// What is wrong.
        problem: &'static str,
    },
    /// Signed in a way that is not allowed, or not signed.
    #[error("the ID token is signed with {said}, which is not allowed")]
    Algorithm {
        /// What its header says, cut and printable.
        said: String,
    },
    /// No key of the issuer fits. It may have been changed since they were fetched.
    #[error("the ID token is signed with a key that the issuer does not publish")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the signature of the ID token is wrong")]
    Signature,
    /// A claim says something else than it must.
    #[error("the ID token's `{claim}` {problem}")]
    Claim {
        /// Which.
        claim: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl IdTokenError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "id_token_malformed",
            Self::Algorithm { .. } => "id_token_algorithm",
            Self::UnknownKey => "id_token_key_unknown",
            Self::Signature => "id_token_signature",
            Self::Claim { .. } => "id_token_claim",
        }
    }
}

// === impl IdToken ===

impl IdToken {
    /// Who made it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whom it is about: unique at the issuer and never given to another (Core, section 5.7: `iss` and `sub` together are the one identity to rely on).
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// A claim that is a text.
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }

    /// All claims.
    pub const fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}

/// Checks a token. The signature comes first: of a token that is not the issuer's, no claim is looked at.
///
/// # Errors
/// An [`IdTokenError`]. After [`IdTokenError::UnknownKey`] the issuer's keys may be fetched anew, if they are not fresh.
pub fn check(token: &str, keys: &KeySet, expected: &Expected<'_>, now: Timestamp) -> Result<IdToken, IdTokenError> {
    let malformed = |problem| IdTokenError::Malformed { problem };
    if token.len() > MAX_TOKEN_BYTES {
        return Err(malformed("it is larger than 16 KiB"));
    }
    let (input, signature) = token.rsplit_once('.').ok_or_else(|| malformed("it has no signature"))?;
    let (header, payload) = input.split_once('.').ok_or_else(|| malformed("it has no payload"))?;
    let header = object(header).ok_or_else(|| malformed("its header is no JSON object"))?;
    let algorithm = algorithm(&header, expected.algorithms)?;
    let key = keys.find(header.get("kid").and_then(Value::as_str), algorithm).ok_or(IdTokenError::UnknownKey)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed("its signature is not base64url"))?;
    if !key.verifies(algorithm, input.as_bytes(), &signature) {
        return Err(IdTokenError::Signature);
    }
    let claims = object(payload).ok_or_else(|| malformed("its payload is no JSON object"))?;
    let (issuer, subject) = check_claims(&claims, algorithm, expected, now)?;
    Ok(IdToken { issuer, subject, claims })
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn algorithm(header: &Map<String, Value>, allowed: &[SigningAlgorithm]) -> Result<SigningAlgorithm, IdTokenError> {
    // RFC 7515, section 4.1.11: an extension that must be understood and is not makes the whole invalid. `jku`, `jwk`, `x5u` and `x5c` are not looked at
    // (RFC 8725, section 3.10): the keys are the issuer's, as it publishes them.
    if header.contains_key("crit") {
        return Err(IdTokenError::Malformed { problem: "its header has extensions that we do not know" });
    }
    // RFC 8725, section 3.11: an access token (`at+jwt`, RFC 9068) or a logout token is no ID token.
    if header.get("typ").is_some_and(|kind| !kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("JWT"))) {
        return Err(IdTokenError::Malformed { problem: "its header says that it is another kind of token" });
    }
    let said = header.get("alg").and_then(Value::as_str).unwrap_or("nothing");
    SigningAlgorithm::parse(said)
        .ok()
        .filter(|algorithm| allowed.contains(algorithm))
        .ok_or_else(|| IdTokenError::Algorithm { said: said.chars().take(20).flat_map(char::escape_debug).collect() })
}

/// The steps 2 to 12 of Core, section 3.1.3.7. Gives `iss` and `sub`.
fn check_claims(
    claims: &Map<String, Value>,
    algorithm: SigningAlgorithm,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<(String, String), IdTokenError> {
    let wrong = |claim, problem| IdTokenError::Claim { claim, problem };
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
    let issuer = text("iss").filter(|issuer| *issuer == expected.issuer).ok_or_else(|| wrong("iss", "is not the expected issuer"))?;
    check_audience(claims, expected.client_id)?;
    check_times(claims, now)?;
    let subject = text("sub").filter(|subject| !subject.is_empty() && subject.len() <= MAX_SUBJECT_LENGTH);
    let subject = subject.ok_or_else(|| wrong("sub", "is not there, or too long"))?;
    if expected.nonce.is_some_and(|nonce| text("nonce") != Some(nonce)) {
        return Err(wrong("nonce", "is not that of the request"));
    }
    if let (Some(at_hash), Some(access_token)) = (claims.get("at_hash"), expected.access_token)
        && at_hash.as_str() != Some(token_hash(algorithm, access_token).as_str())
    {
        return Err(wrong("at_hash", "is that of another access token"));
    }
    Ok((issuer.to_owned(), subject.to_owned()))
}

fn check_audience(claims: &Map<String, Value>, client_id: &str) -> Result<(), IdTokenError> {
    let wrong = |claim, problem| IdTokenError::Claim { claim, problem };
    let (is_ours, has_others) = match claims.get("aud") {
        Some(Value::String(audience)) => (audience == client_id, false),
        Some(Value::Array(list)) => (list.iter().any(|one| one == client_id), list.len() > 1),
        _ => (false, false),
    };
    if !is_ours {
        return Err(wrong("aud", "does not name this client"));
    }
    match claims.get("azp") {
        Some(party) if party == client_id => Ok(()),
        Some(_) => Err(wrong("azp", "names another client")),
        // Step 3 would refuse any audience that we do not trust; providers that list the resource's too say by `azp` for whom the token was made.
        None if has_others => Err(wrong("azp", "is not there, and the token has several audiences")),
        None => Ok(()),
    }
}

fn check_times(claims: &Map<String, Value>, now: Timestamp) -> Result<(), IdTokenError> {
    let wrong = |claim, problem| IdTokenError::Claim { claim, problem };
    let now = now.as_millis();
    // RFC 7519, section 2: a NumericDate may have a fraction. What is no number of this age of the world is none.
    let millis = |claim: &'static str| match claims.get(claim) {
        None => Ok(None),
        Some(value) => match value.as_f64().map(|seconds| seconds * 1_000.0).filter(|millis| (0.0..1e16).contains(millis)) {
            #[allow(clippy::cast_possible_truncation, reason = "the range was looked at")]
            Some(millis) => Ok(Some(millis as i64)),
            None => Err(wrong(claim, "is no date")),
        },
    };
    let expires = millis("exp")?.ok_or_else(|| wrong("exp", "is not there"))?;
    if now >= expires.saturating_add(LEEWAY_MILLIS) {
        return Err(wrong("exp", "has passed"));
    }
    let issued = millis("iat")?.ok_or_else(|| wrong("iat", "is not there"))?;
    if issued > now.saturating_add(LEEWAY_MILLIS) {
        return Err(wrong("iat", "is in the future"));
    }
    if millis("nbf")?.is_some_and(|from| from > now.saturating_add(LEEWAY_MILLIS)) {
        return Err(wrong("nbf", "is in the future"));
    }
    Ok(())
}

/// Core, section 3.1.3.6: the left half of the hash, of the size that the algorithm's name has; for EdDSA, that of the curve (RFC 8032, section 5.1: SHA-512).
fn token_hash(algorithm: SigningAlgorithm, token: &Secret) -> String {
    let hash: &'static Digest = match algorithm {
        SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 | SigningAlgorithm::Es256 => &SHA256,
        SigningAlgorithm::Rs384 => &SHA384,
        SigningAlgorithm::Rs512 | SigningAlgorithm::EdDsa => &SHA512,
    };
    let hash = digest(hash, token.expose().as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..hash.as_ref().len() / 2])
}

#[cfg(test)]
#[path = "id_token_tests.rs"]
mod tests;
