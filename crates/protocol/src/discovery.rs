//! Discovery: what an authorization server publishes of itself (RFC 8414; OpenID Connect Discovery 1.0).

use http::header::{ACCEPT, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use sortie_model::{ClientAuthentication, Issuer, Scheme, Scopes, SecretBytes, ServiceUrl};

use crate::{Ask, AskError, World};

/// What an issuer publishes, as far as it concerns us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovered {
    /// What it calls itself: exactly what was asked for.
    pub issuer: Issuer,
    /// Where it says so.
    pub source: ServiceUrl,
    /// Where users are sent to log in.
    pub authorize_endpoint: Option<ServiceUrl>,
    /// Where tokens are asked for.
    pub token_endpoint: ServiceUrl,
    /// Where it says who a user is.
    pub user_info_endpoint: Option<ServiceUrl>,
    /// Where it takes the parameters of a login from us (RFC 9126, section 5).
    pub pushed_authorization_endpoint: Option<ServiceUrl>,
    /// Whether it takes them in no other way (section 5: "If omitted, the default value is false").
    pub requires_pushed_authorization: bool,
    /// Whether it binds tokens to keys of the one algorithm that we prove with (RFC 9449, section 5.1).
    pub binds_tokens: bool,
    /// Where it is told that a token is not needed any more.
    pub revocation_endpoint: Option<ServiceUrl>,
    /// Where its public keys are.
    pub key_set_endpoint: Option<ServiceUrl>,
    /// Whether it says who it is when it sends a browser back (RFC 9207, section 3: "If omitted, the default value is false").
    pub issuer_in_response: bool,
    /// How it takes client id and secret; `None`: only in ways that are no secret in a header or a body.
    pub client_authentication: Option<ClientAuthentication>,
    /// Whether it takes a proof key with SHA-256 (RFC 7636).
    pub supports_pkce: bool,
    /// Names of the grants that it gives, if it says so.
    pub grant_types: Option<Vec<String>>,
    /// The scopes that it knows, as far as it says so.
    pub scopes: Option<Scopes>,
}

/// Why nothing was discovered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// The egress policy forbids the issuer's address. Whose turn: the operator.
    #[error("the egress policy does not allow the address of the issuer `{issuer}`")]
    Denied {
        /// Who was asked.
        issuer: Issuer,
    },
    /// It publishes nothing where it should. Whose turn: the admin, or the server's.
    #[error("the issuer `{issuer}` publishes no metadata: {}", .tried.join("; "))]
    NotPublished {
        /// Who was asked.
        issuer: Issuer,
        /// Each address with what came of it.
        tried: Vec<String>,
    },
    /// What it publishes is of another issuer, and must not be used (RFC 8414, section 3.3).
    #[error("the metadata at {source_url} is that of the issuer `{said}`, not of `{issuer}`")]
    OtherIssuer {
        /// Who was asked.
        issuer: Issuer,
        /// Where.
        source_url: ServiceUrl,
        /// What it says, cut and printable.
        said: String,
    },
    /// What it publishes cannot be used. Whose turn: the server's.
    #[error("the metadata at {source_url} cannot be used: `{field}` {problem}")]
    Unusable {
        /// Where.
        source_url: ServiceUrl,
        /// Which member.
        field: &'static str,
        /// What is wrong.
        problem: String,
    },
}

impl DiscoveryError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied { .. } => "egress_denied",
            Self::NotPublished { .. } => "metadata_not_found",
            Self::OtherIssuer { .. } => "metadata_issuer",
            Self::Unusable { .. } => "metadata_unusable",
        }
    }

    /// What to do.
    pub const fn next_step(&self) -> &'static str {
        match self {
            Self::Denied { .. } => "the operator must allow the address in the egress policy, if it is meant to be reached",
            Self::NotPublished { .. } => "check the issuer; if the server publishes nothing, write its endpoints by hand",
            Self::OtherIssuer { .. } => "write the issuer exactly as the server does, also as to a slash at its end",
            Self::Unusable { .. } => "write the endpoints by hand, or have the server corrected",
        }
    }
}

/// What is said of an issuer to whoever is not beside the machine that has asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FromAfar {
    /// The stable code.
    pub code: &'static str,
    /// What is wrong.
    pub detail: String,
    /// What to do.
    pub next_step: &'static str,
}

impl DiscoveryError {
    /// The same for others than the operator. Whether an address exists, may be reached, is listened on and by what is one answer: else anybody could find out what
    /// there is around this machine by naming issuers (SSRF).
    pub fn from_afar(&self) -> FromAfar {
        match self {
            Self::Denied { issuer } | Self::NotPublished { issuer, tried: _ } => FromAfar {
                code: "metadata_not_found",
                detail: format!("this server finds no metadata of the issuer `{issuer}`"),
                next_step: "check the issuer; the operator's log says what came of each address; or write its endpoints by hand",
            },
            // It does publish something: these are words about that.
            Self::OtherIssuer { .. } | Self::Unusable { .. } => {
                FromAfar { code: self.code(), detail: self.to_string(), next_step: self.next_step() }
            }
        }
    }
}

/// Asks an issuer where its endpoints are.
///
/// # Errors
/// A [`DiscoveryError`]. Nothing of what a wrong issuer says is used.
pub async fn discover(world: &dyn World, issuer: &Issuer) -> Result<Discovered, DiscoveryError> {
    let mut tried = Vec::new();
    for url in addresses(issuer) {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let ask = Ask { method: Method::GET, url: url.clone(), headers, body: SecretBytes::new(Vec::new()) };
        let why = match world.ask(ask).await {
            Ok(answer) if answer.status == StatusCode::OK => match serde_json::from_slice::<Value>(&answer.body) {
                Ok(metadata) if metadata.is_object() => return read(issuer, url, &metadata),
                _ => "answers with something that is no JSON object".to_owned(),
            },
            // Who follows one asks whoever it names, and would believe what that one says.
            Ok(answer) if answer.status.is_redirection() => {
                format!("answers with a redirect (status {}), which is not followed", answer.status.as_u16())
            }
            Ok(answer) => format!("answers with status {}", answer.status.as_u16()),
            Err(AskError::Denied) => return Err(DiscoveryError::Denied { issuer: issuer.clone() }),
            // The other places are on the same server.
            Err(error) => {
                tried.push(format!("{url} ({error})"));
                break;
            }
        };
        tried.push(format!("{url} ({why})"));
    }
    Err(DiscoveryError::NotPublished { issuer: issuer.clone(), tried })
}

/// Where an issuer may publish its metadata. Without a path there are two places. With one, RFC 8414, section 3.1 puts the well-known part between host and
/// path; OpenID Connect Discovery, section 4, puts it behind; and each is also done the other way (RFC 8414, section 5).
fn addresses(issuer: &Issuer) -> Vec<ServiceUrl> {
    const OPENID: &str = "/.well-known/openid-configuration";
    const OAUTH: &str = "/.well-known/oauth-authorization-server";
    let url = ServiceUrl::parse(issuer.as_str()).expect("every issuer is an address");
    // "Any terminating "/" MUST be removed" (RFC 8414, section 3.1).
    let (origin, path) = (url.origin(), url.path_and_query().trim_end_matches('/'));
    let texts = if path.is_empty() {
        vec![format!("{origin}{OPENID}"), format!("{origin}{OAUTH}")]
    } else {
        vec![
            format!("{origin}{path}{OPENID}"),
            format!("{origin}{OAUTH}{path}"),
            format!("{origin}{OPENID}{path}"),
            format!("{origin}{path}{OAUTH}"),
        ]
    };
    texts.iter().filter_map(|text| ServiceUrl::parse(text).ok()).collect()
}

fn read(issuer: &Issuer, source: ServiceUrl, metadata: &Value) -> Result<Discovered, DiscoveryError> {
    let said = metadata.get("issuer").and_then(Value::as_str).unwrap_or_default();
    // RFC 8414, section 3.3: "MUST be identical", else the metadata "MUST NOT be used".
    if said != issuer.as_str() {
        let said = said.chars().take(200).flat_map(char::escape_debug).collect();
        return Err(DiscoveryError::OtherIssuer { issuer: issuer.clone(), source_url: source, said });
    }
    let endpoint = |field: &'static str| endpoint(issuer, &source, metadata, field);
    let is_true = |field: &str| metadata.get(field).and_then(Value::as_bool).unwrap_or_default();
    let (authorize_endpoint, user_info_endpoint) = (endpoint("authorization_endpoint")?, endpoint("userinfo_endpoint")?);
    let absent = || DiscoveryError::Unusable { source_url: source.clone(), field: "token_endpoint", problem: "is not there".to_owned() };
    let token_endpoint = endpoint("token_endpoint")?.ok_or_else(absent)?;
    let methods = texts(metadata, "token_endpoint_auth_methods_supported");
    let scopes = texts(metadata, "scopes_supported").and_then(|scopes| Scopes::parse(&scopes.join(" ")).ok());
    Ok(Discovered {
        issuer: issuer.clone(),
        authorize_endpoint,
        token_endpoint,
        user_info_endpoint,
        pushed_authorization_endpoint: endpoint("pushed_authorization_request_endpoint")?,
        requires_pushed_authorization: is_true("require_pushed_authorization_requests"),
        binds_tokens: texts(metadata, "dpop_signing_alg_values_supported")
            .is_some_and(|algorithms| algorithms.iter().any(|one| one == "ES256")),
        revocation_endpoint: endpoint("revocation_endpoint")?,
        key_set_endpoint: endpoint("jwks_uri")?,
        issuer_in_response: is_true("authorization_response_iss_parameter_supported"),
        client_authentication: client_authentication(methods.as_deref()),
        // RFC 8414, section 2: "If omitted, the authorization server does not support PKCE".
        supports_pkce: texts(metadata, "code_challenge_methods_supported").is_some_and(|methods| methods.iter().any(|one| one == "S256")),
        grant_types: texts(metadata, "grant_types_supported"),
        scopes,
        source,
    })
}

fn endpoint(issuer: &Issuer, source: &ServiceUrl, metadata: &Value, field: &'static str) -> Result<Option<ServiceUrl>, DiscoveryError> {
    let unusable = |problem: &str| DiscoveryError::Unusable { source_url: source.clone(), field, problem: problem.to_owned() };
    let Some(value) = metadata.get(field).filter(|value| !value.is_null()) else { return Ok(None) };
    let text = value.as_str().ok_or_else(|| unusable("is no text"))?;
    let url = ServiceUrl::parse(text).map_err(|violation| unusable(&violation.message))?;
    // A server that has TLS for its name has TLS for its secrets (RFC 6749, section 3.2).
    let is_secure = |url: &ServiceUrl| url.origin().scheme() == Scheme::Https;
    if is_secure(source) && !is_secure(&url) {
        return Err(unusable(&format!("begins with http://, and the issuer `{issuer}` does not")));
    }
    Ok(Some(url))
}

fn texts(metadata: &Value, field: &str) -> Option<Vec<String>> {
    let list = metadata.get(field)?.as_array()?;
    Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// RFC 8414, section 2: "If omitted, the default is "client_secret_basic"".
fn client_authentication(methods: Option<&[String]>) -> Option<ClientAuthentication> {
    let has = |wanted: &str| methods.is_some_and(|methods| methods.iter().any(|method| method == wanted));
    if methods.is_none() || has("client_secret_basic") {
        Some(ClientAuthentication::BasicHeader)
    } else {
        has("client_secret_post").then_some(ClientAuthentication::Body)
    }
}

#[cfg(test)]
#[path = "discovery_tests.rs"]
mod tests;
