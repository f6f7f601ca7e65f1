//! Single sign-on: who somebody is, by OpenID Connect (Core 1.0, section 3.1: authorization code; with PKCE, RFC 7636).
//!
//! Nothing of a sign-in under way is stored: the browser keeps a secret of 256 bits in a cookie, and state, nonce and proof key are derived from it. So the answer
//! counts only in the browser that began, on whatever node it arrives; the provider takes each code once, and the cookie goes when it has been used.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde::Deserialize;
use sortie_model::{ClientAuthentication, Issuer, Scopes, Secret, Timestamp};
use sortie_protocol::shared::id_token::{self, Expected, IdToken, IdTokenError, USUAL_ALGORITHMS};
use sortie_protocol::shared::key_set::{self, KeySet, KeySetError};
use sortie_protocol::shared::{client_auth, form};
use sortie_protocol::{Ask, AskError, Discovered, DiscoveryError, World, discover};
use tokio::sync::Mutex;

/// 30 s: how often the provider's keys are asked for at most, however many tokens come with unknown ones (AUTH-11).
const KEYS_ARE_FRESH_FOR: Duration = Duration::from_secs(30);
/// 10 min for a person to log in at the provider.
const LONGEST: Duration = Duration::from_secs(600);
/// 1 h: how old what the provider says of itself may be.
const METADATA_IS_FRESH_FOR: Duration = Duration::from_secs(3_600);

/// A provider at which people sign in.
pub(crate) struct OpenId {
    issuer: Issuer,
    client_id: Secret,
    client_secret: Option<Secret>,
    scopes: Scopes,
    /// The claim that names the user of Sortie at the first sign-in.
    pub(crate) user_claim: String,
    /// Where the provider sends people back to: registered there, compared there byte by byte.
    redirect_uri: String,
    known: Mutex<Known>,
}

/// What the configuration says of a provider, read and checked.
#[derive(Clone, Debug)]
pub(crate) struct OpenIdSettings {
    pub(crate) issuer: Issuer,
    pub(crate) client_id: Secret,
    pub(crate) client_secret: Option<Secret>,
    pub(crate) scopes: Scopes,
    pub(crate) user_claim: String,
}

/// What the provider has said of itself.
#[derive(Default)]
struct Known {
    metadata: Option<(Arc<Discovered>, Timestamp)>,
    keys: Option<(Arc<KeySet>, Timestamp)>,
}

/// A sign-in that begins: where the browser goes, and what it keeps.
pub(crate) struct Departure {
    pub(crate) url: String,
    pub(crate) cookie: String,
}

/// What the browser brings back.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    code: Option<Secret>,
    state: Option<String>,
    issuer: Option<String>,
    error: Option<String>,
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenIdError {
    /// The browser did not begin this, or too long ago. Whose turn: the person's.
    #[error("the browser that came back is not one that began, or began too long ago")]
    NotBegunHere,
    /// The answer makes no sense.
    #[error("the provider's answer cannot be understood")]
    Malformed,
    /// Another server answered (RFC 9207).
    #[error("the answer does not come from the configured issuer")]
    OtherIssuer,
    /// The provider, or the person there, said no.
    #[error("the provider refused: {error}")]
    Refused {
        /// Its code, printable and cut.
        error: String,
    },
    /// What the provider says of itself cannot be had or used.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The provider publishes no place for this.
    #[error("the provider publishes no `{field}`")]
    NotPublished {
        /// What is missing.
        field: &'static str,
    },
    /// Its token endpoint cannot be asked.
    #[error("the provider's token endpoint cannot be asked: {0}")]
    Ask(#[from] AskError),
    /// Its token endpoint refuses, or answers nonsense.
    #[error("the provider's token endpoint answers with status {status}{}", .error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default())]
    Token {
        /// Its status.
        status: u16,
        /// Its code, printable and cut.
        error: Option<String>,
    },
    /// Its keys cannot be had.
    #[error(transparent)]
    Keys(#[from] KeySetError),
    /// Its word is not believed.
    #[error(transparent)]
    IdToken(#[from] IdTokenError),
}

impl OpenIdError {
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::NotBegunHere => "sign_in_not_begun_here",
            Self::Malformed => "sign_in_answer_malformed",
            Self::OtherIssuer => "sign_in_other_issuer",
            Self::Refused { .. } => "sign_in_refused_by_provider",
            Self::Discovery(error) => error.code(),
            Self::NotPublished { .. } => "metadata_unusable",
            Self::Ask(_) => "provider_unreachable",
            Self::Token { .. } => "provider_refused_code",
            Self::Keys(error) => error.code(),
            Self::IdToken(error) => error.code(),
        }
    }
}

impl Answer {
    /// Reads the query of the callback. A parameter that stands there twice is an attack or a defect (RFC 6749, section 3.1).
    pub(crate) fn read(query: Vec<(String, String)>) -> Result<Self, OpenIdError> {
        let mut answer = Self::default();
        for (name, value) in query {
            let was_there = match name.as_str() {
                "code" => answer.code.replace(Secret::new(value)).is_some(),
                "state" => answer.state.replace(value).is_some(),
                "iss" => answer.issuer.replace(value).is_some(),
                "error" => answer.error.replace(value).is_some(),
                _ => false,
            };
            if was_there {
                return Err(OpenIdError::Malformed);
            }
        }
        Ok(answer)
    }
}

impl OpenId {
    pub(crate) fn new(settings: OpenIdSettings, redirect_uri: String) -> Self {
        let OpenIdSettings { issuer, client_id, client_secret, scopes, user_claim } = settings;
        Self { issuer, client_id, client_secret, scopes, user_claim, redirect_uri, known: Mutex::default() }
    }

    /// What the provider is called.
    pub(crate) fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Begins. `secret` is what the browser keeps, 256 bits of chance; `return_path` comes back with it.
    pub(crate) async fn depart(&self, world: &dyn World, secret: &[u8; 32], return_path: &str) -> Result<Departure, OpenIdError> {
        let metadata = self.metadata(world).await?;
        let endpoint = metadata.authorize_endpoint.as_ref().ok_or(OpenIdError::NotPublished { field: "authorization_endpoint" })?;
        let begun = Begun { secret: *secret, at: world.now().as_seconds(), return_path: return_path.to_owned() };
        // RFC 7636, section 4.2.
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, begun.derive("verifier").as_bytes()));
        let form = form::Form::default()
            .with("response_type", "code")
            .with("client_id", self.client_id.expose())
            .with("redirect_uri", &self.redirect_uri)
            .with("scope", self.scopes.as_text().unwrap_or("openid"))
            .with("state", &begun.derive("state"))
            .with("nonce", &begun.derive("nonce"))
            .with("code_challenge", &challenge)
            .with("code_challenge_method", "S256");
        // RFC 6749, section 3.1: the endpoint may have a query of its own.
        let separator = if endpoint.to_string().contains('?') { '&' } else { '?' };
        Ok(Departure { url: format!("{endpoint}{separator}{}", form.as_str()), cookie: begun.write() })
    }

    /// Ends: who it is, and where the person wanted to go.
    pub(crate) async fn arrive(&self, world: &dyn World, cookie: Option<&str>, answer: Answer) -> Result<(IdToken, String), OpenIdError> {
        let begun = cookie.and_then(Begun::read).ok_or(OpenIdError::NotBegunHere)?;
        let state = answer.state.unwrap_or_default();
        let is_ours = verify_slices_are_equal(begun.derive("state").as_bytes(), state.as_bytes()).is_ok();
        let age = world.now().as_seconds().saturating_sub(begun.at);
        if !is_ours || !(0..i64::try_from(LONGEST.as_secs()).unwrap_or(i64::MAX)).contains(&age) {
            return Err(OpenIdError::NotBegunHere);
        }
        let metadata = self.metadata(world).await?;
        // RFC 9207, section 2.4: before anything is believed or sent.
        match answer.issuer {
            Some(issuer) if issuer == self.issuer.as_str() => {}
            None if !metadata.issuer_in_response => {}
            _ => return Err(OpenIdError::OtherIssuer),
        }
        if let Some(error) = answer.error {
            return Err(OpenIdError::Refused { error: printable(&error) });
        }
        let code = answer.code.filter(|code| !code.is_empty()).ok_or(OpenIdError::Malformed)?;
        let tokens = self.redeem(world, &metadata, &code, &begun.derive("verifier")).await?;
        let nonce = begun.derive("nonce");
        let expected = Expected {
            issuer: self.issuer.as_str(),
            client_id: self.client_id.expose(),
            nonce: Some(&nonce),
            access_token: tokens.access_token.as_ref(),
            algorithms: USUAL_ALGORITHMS,
        };
        let token = self.believe(world, &metadata, &tokens.id_token, &expected).await?;
        Ok((token, begun.return_path))
    }

    /// The code for tokens (RFC 6749, section 4.1.3). Asked once: a code is good once.
    async fn redeem(&self, world: &dyn World, metadata: &Discovered, code: &Secret, verifier: &str) -> Result<Tokens, OpenIdError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(form::MEDIA_TYPE));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let form = form::Form::default()
            .with("grant_type", "authorization_code")
            .with("code", code.expose())
            .with("redirect_uri", &self.redirect_uri)
            .with("code_verifier", verifier);
        let form = match &self.client_secret {
            Some(secret) => {
                let place = metadata.client_authentication.unwrap_or(ClientAuthentication::BasicHeader);
                client_auth::apply(place, &self.client_id, secret, &mut headers, form).map_err(|_| OpenIdError::Malformed)?
            }
            None => form.with("client_id", self.client_id.expose()),
        };
        let ask = Ask { method: Method::POST, url: metadata.token_endpoint.clone(), headers, body: form.into_body() };
        let answer = world.ask(ask).await?;
        let status = answer.status.as_u16();
        if answer.status != StatusCode::OK {
            let error = serde_json::from_slice::<Failure>(&answer.body).ok().map(|failure| printable(&failure.error));
            return Err(OpenIdError::Token { status, error });
        }
        let read: Read = serde_json::from_slice(&answer.body).map_err(|_| OpenIdError::Token { status, error: None })?;
        Ok(Tokens { id_token: Secret::new(read.id_token), access_token: read.access_token.map(Secret::new) })
    }

    /// Checks the token, with keys that are asked for anew if none fits and the known ones are not fresh.
    async fn believe(
        &self,
        world: &dyn World,
        metadata: &Discovered,
        token: &Secret,
        expected: &Expected<'_>,
    ) -> Result<IdToken, OpenIdError> {
        let url = metadata.key_set_endpoint.as_ref().ok_or(OpenIdError::NotPublished { field: "jwks_uri" })?;
        // Held over the question: of many who come at the same moment one asks.
        let mut known = self.known.lock().await;
        let now = world.now();
        if let Some((keys, _)) = &known.keys {
            match id_token::check(token.expose(), keys, expected, now) {
                Err(IdTokenError::UnknownKey) => {}
                judged => return Ok(judged?),
            }
        }
        if known.keys.as_ref().is_some_and(|(_, fetched_at)| now.since(*fetched_at) < KEYS_ARE_FRESH_FOR) {
            return Err(IdTokenError::UnknownKey.into());
        }
        let keys = Arc::new(key_set::fetch(world, url).await?);
        known.keys = Some((Arc::clone(&keys), now));
        drop(known);
        Ok(id_token::check(token.expose(), &keys, expected, now)?)
    }

    async fn metadata(&self, world: &dyn World) -> Result<Arc<Discovered>, OpenIdError> {
        let mut known = self.known.lock().await;
        let now = world.now();
        if let Some((metadata, read_at)) = &known.metadata
            && now.since(*read_at) < METADATA_IS_FRESH_FOR
        {
            return Ok(Arc::clone(metadata));
        }
        let metadata = Arc::new(discover(world, &self.issuer).await?);
        known.metadata = Some((Arc::clone(&metadata), now));
        Ok(metadata)
    }
}

/// What the browser keeps of a sign-in that began.
struct Begun {
    secret: [u8; 32],
    /// In seconds since the epoch.
    at: i64,
    return_path: String,
}

impl Begun {
    fn write(&self) -> String {
        format!("{}.{}.{}", URL_SAFE_NO_PAD.encode(self.secret), self.at, URL_SAFE_NO_PAD.encode(&self.return_path))
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (secret, at, return_path) = (parts.next()?, parts.next()?, parts.next()?);
        let secret = URL_SAFE_NO_PAD.decode(secret).ok()?.try_into().ok()?;
        let return_path = String::from_utf8(URL_SAFE_NO_PAD.decode(return_path).ok()?).ok()?;
        parts.next().is_none().then_some(Self { secret, at: at.parse().ok()?, return_path })
    }

    /// 256 bits for one purpose. Time and path are part of each, so that whoever changes them in the cookie has another state than the provider gives back.
    fn derive(&self, purpose: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret);
        let tag = hmac::sign(&key, format!("sortie sign-in {purpose}\n{}\n{}", self.at, self.return_path).as_bytes());
        URL_SAFE_NO_PAD.encode(tag)
    }
}

struct Tokens {
    id_token: Secret,
    access_token: Option<Secret>,
}

#[derive(Deserialize)]
struct Read {
    id_token: String,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct Failure {
    error: String,
}

/// A provider's word, as far as it can be shown.
fn printable(text: &str) -> String {
    text.chars().take(60).filter(|character| character.is_ascii_graphic()).collect()
}
