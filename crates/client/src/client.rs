//! The client: two addresses, one key, one pool of connections.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use sortie_model::Secret;

use crate::body::RequestBody;
use crate::callout::Callout;
use crate::connector::{Connector, PlainHttp};
use crate::origin::Origin;
use crate::resources::*;
use crate::trust::Trust;
use crate::{ClientError, SettingError};

/// Shorter than servers and what stands between keep a connection that nobody uses.
const IDLE: Duration = Duration::from_secs(15);

/// Makes callouts, and manages. Cloning it is cheap; clones share connections.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
    /// For whom it asks, if not for the key's own user.
    pub(crate) behalf: Option<HeaderValue>,
    /// Under which key it makes something, if not under a new one each time.
    pub(crate) idempotency_key: Option<HeaderValue>,
}

pub(crate) struct Inner {
    pub(crate) url: Option<Origin>,
    pub(crate) gateway: Option<Origin>,
    /// `Bearer sortie_…`, marked as sensitive.
    pub(crate) bearer: Option<HeaderValue>,
    pub(crate) pool: legacy::Client<Connector, RequestBody>,
    pub(crate) limits: Limits,
}

/// How long is waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    /// For the whole answer of a management request.
    pub(crate) management: Duration,
    /// For the head of a callout's answer.
    pub(crate) callout: Duration,
    /// For each further piece of it.
    pub(crate) idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        // The API gives up after 60 s and says so: its words are better than ours. A named credential may wait two minutes for its service.
        Self {
            connect: Duration::from_secs(10),
            management: Duration::from_secs(75),
            callout: Duration::from_secs(150),
            idle: Duration::from_secs(150),
        }
    }
}

impl Client {
    /// A client that is told where everything is.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client as the environment says: `SORTIE_URL`, `SORTIE_GATEWAY` and `SORTIE_KEY`. What is not set is missed when it is needed.
    ///
    /// # Errors
    /// A [`SettingError`].
    #[allow(clippy::disallowed_methods, reason = "its name says that it reads the environment; `from_variables` takes it as an argument")]
    pub fn from_environment() -> Result<Self, SettingError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// The same from variables that are handed in.
    ///
    /// # Errors
    /// A [`SettingError`].
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let mut builder = Self::builder();
        builder.url = variable("SORTIE_URL");
        builder.gateway = variable("SORTIE_GATEWAY");
        builder.key = variable("SORTIE_KEY").map(Secret::new);
        builder.build()
    }

    /// A client that asks the management API for another user, with their permissions and what is their own. The key's user must have `act_on_behalf` and may nothing less than the other. Callouts are
    /// never made for somebody else: they are refused.
    ///
    /// # Errors
    /// [`ClientError::Request`]: no user has such a name.
    pub fn on_behalf_of(&self, user: &str) -> Result<Self, ClientError> {
        let behalf = HeaderValue::from_str(user).map_err(|_| ClientError::Request { what: "no user has such a name".to_owned() })?;
        Ok(Self { behalf: Some(behalf), ..self.clone() })
    }

    /// A client that makes things (with POST) under this key: what is asked again under it within a day, with the same body, is not done twice and answered as the first time. Choose a new key
    /// for each thing to make, such as a UUID, and keep it until the answer is there. Without one, each call has a key of its own.
    ///
    /// # Errors
    /// [`ClientError::Request`]: it has other than 1 to 255 visible ASCII characters.
    pub fn under_key(&self, key: &str) -> Result<Self, ClientError> {
        let is_key = (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        let key = HeaderValue::from_str(key).ok().filter(|_| is_key);
        let wrong = || ClientError::Request { what: "the key has other than 1 to 255 visible ASCII characters".to_owned() };
        Ok(Self { idempotency_key: Some(key.ok_or_else(wrong)?), ..self.clone() })
    }

    /// A callout with any method. The target is `callout:Name/path?query`.
    pub fn callout(&self, method: Method, target: impl Into<String>) -> Callout {
        Callout::new(self, method, target.into())
    }

    /// A callout with GET.
    pub fn get(&self, target: impl Into<String>) -> Callout {
        self.callout(Method::GET, target)
    }

    /// A callout with HEAD.
    pub fn head(&self, target: impl Into<String>) -> Callout {
        self.callout(Method::HEAD, target)
    }

    /// A callout with POST.
    pub fn post(&self, target: impl Into<String>) -> Callout {
        self.callout(Method::POST, target)
    }

    /// A callout with PUT.
    pub fn put(&self, target: impl Into<String>) -> Callout {
        self.callout(Method::PUT, target)
    }

    /// A callout with PATCH.
    pub fn patch(&self, target: impl Into<String>) -> Callout {
        self.callout(Method::PATCH, target)
    }

    /// A callout with DELETE.
    pub fn delete(&self, target: impl Into<String>) -> Callout {
        self.callout(Method::DELETE, target)
    }
}

/// Each resource of the management API.
macro_rules! resources {
    ($($(#[$doc:meta])* $name:ident $type:ident;)+) => {
        impl Client {
            $($(#[$doc])* pub const fn $name(&self) -> $type<'_> { $type(self) })+
        }
    };
}

resources! {
    /// Users, and the permission sets assigned to them.
    users Users;
    /// API keys of users.
    keys Keys;
    /// Permission sets.
    permission_sets PermissionSets;
    /// Profiles.
    profiles Profiles;
    /// Which permission sets and profiles may use which principals.
    principal_access PrincipalAccess;
    /// Certificates.
    certificates Certificates;
    /// Providers of tokens, of both kinds.
    providers Providers;
    /// Definitions, as `sortie apply` takes them.
    definitions Definitions;
    /// The audit of the node that answers.
    audit Audit;
    /// Formulas.
    formulas Formulas;
    /// Status and health of external credentials, and the version of the definitions in force.
    status Status;
    /// What is stored for principals.
    credentials Credentials;
    /// The same one by one, under the names that definitions give them.
    values Values;
    /// Logins at providers.
    logins Logins;
    /// External credentials.
    external_credentials ExternalCredentials;
    /// Named credentials.
    named_credentials NamedCredentials;
    /// External auth identity providers, in Salesforce's shape.
    identity_providers IdentityProviders;
    /// The few parts of Salesforce's wider REST API.
    salesforce Salesforce;
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { url, gateway, bearer, pool: _, limits } = &*self.inner;
        let text = |origin: &Option<Origin>| origin.as_ref().map(ToString::to_string);
        let mut shown = formatter.debug_struct("Client");
        shown.field("url", &text(url)).field("gateway", &text(gateway));
        shown.field("has_key", &bearer.is_some()).field("on_behalf_of", &self.behalf).field("limits", limits).finish()
    }
}

/// Says where everything is, and with which key.
#[derive(Clone, Default)]
pub struct ClientBuilder {
    url: Option<String>,
    gateway: Option<String>,
    key: Option<Secret>,
    trust: Trust,
    limits: Limits,
    plain_anywhere: Option<PlainHttp>,
}

impl fmt::Debug for ClientBuilder {
    /// Addresses are not shown before they have been read: somebody may have written a password into one.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, gateway, key, trust, limits, plain_anywhere: _ } = self;
        let mut shown = formatter.debug_struct("ClientBuilder");
        shown.field("has_url", &url.is_some()).field("has_gateway", &gateway.is_some()).field("has_key", &key.is_some());
        shown.field("trust", trust).field("limits", limits).finish_non_exhaustive()
    }
}

impl ClientBuilder {
    /// Where the management API is: `https://sortie.example.com`.
    #[must_use]
    pub fn url(self, url: impl Into<String>) -> Self {
        Self { url: Some(url.into()), ..self }
    }

    /// Where the gateway is: `http://127.0.0.1:8585`.
    #[must_use]
    pub fn gateway(self, url: impl Into<String>) -> Self {
        Self { gateway: Some(url.into()), ..self }
    }

    /// The API key. It is sent to these two addresses and to nobody else.
    #[must_use]
    pub fn key(self, key: Secret) -> Self {
        Self { key: Some(key), ..self }
    }

    /// Believes the certificate authorities of this file (PEM), instead of the platform's.
    #[must_use]
    pub fn certificate_authorities(self, file: impl Into<std::path::PathBuf>) -> Self {
        Self { trust: Trust::File(file.into()), ..self }
    }

    /// How long to wait for a connection; 10 s unless said.
    #[must_use]
    pub fn connect_limit(mut self, limit: Duration) -> Self {
        self.limits.connect = limit;
        self
    }

    /// How long to wait for the whole answer of a management request; 75 s unless said.
    #[must_use]
    pub fn management_limit(mut self, limit: Duration) -> Self {
        self.limits.management = limit;
        self
    }

    /// How long to wait for each further piece of a callout's answer; 150 s unless said.
    #[must_use]
    pub fn idle_limit(mut self, limit: Duration) -> Self {
        self.limits.idle = limit;
        self
    }

    /// How long to send a callout and wait for the head of its answer; 150 s unless said. Large bodies want more.
    #[must_use]
    pub fn callout_limit(mut self, limit: Duration) -> Self {
        self.limits.callout = limit;
        self
    }

    /// Sends the key over plain HTTP to other machines too. Whoever listens on the way has it then: only for a network where nobody can.
    #[must_use]
    pub fn dangerously_allow_plain_http(self) -> Self {
        Self { plain_anywhere: Some(PlainHttp::Anywhere), ..self }
    }

    /// The client. Nothing is connected yet.
    ///
    /// # Errors
    /// A [`SettingError`].
    pub fn build(self) -> Result<Client, SettingError> {
        let Self { url, gateway, key, trust, limits, plain_anywhere } = self;
        let plain = plain_anywhere.unwrap_or(PlainHttp::Loopback);
        let origin = |text: Option<String>| match text.map(|text| Origin::parse(&text)).transpose()? {
            Some(origin) if origin.is_plain() && !origin.is_loopback() && plain == PlainHttp::Loopback => {
                Err(SettingError::PlainHttp { origin: origin.to_string() })
            }
            other => Ok(other),
        };
        let (url, gateway) = (origin(url)?, origin(gateway)?);
        let needs_tls = [&url, &gateway].into_iter().flatten().any(|origin| !origin.is_plain());
        let tls = needs_tls.then(|| trust.config()).transpose()?;
        let connector = Connector { tls, patience: limits.connect, plain };
        let mut pool = legacy::Client::builder(TokioExecutor::new());
        pool.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE);
        let bearer = key.as_ref().map(bearer).transpose()?;
        let inner = Inner { url, gateway, bearer, pool: pool.build(connector), limits };
        Ok(Client { inner: Arc::new(inner), behalf: None, idempotency_key: None })
    }
}

fn bearer(key: &Secret) -> Result<HeaderValue, SettingError> {
    let key = key.expose().trim();
    if key.is_empty() {
        return Err(SettingError::NoKey);
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| SettingError::KeyMalformed)?;
    value.set_sensitive(true);
    Ok(value)
}

impl Inner {
    pub(crate) fn bearer(&self) -> Result<HeaderValue, ClientError> {
        Ok(self.bearer.clone().ok_or(SettingError::NoKey)?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_over_plain_http_within_this_machine_only() {
        let build = |url: &str| Client::builder().url(url).key(Secret::new("SECRET-key")).build().map(|_| ());
        assert_eq!(build("http://127.0.0.1:1"), Ok(()));
        assert_eq!(build("http://sortie.example.com").unwrap_err().code(), "plain_http");
        assert_eq!(Client::builder().gateway("10.0.0.1:8585").build().map(|_| ()).unwrap_err().code(), "plain_http");
        assert!(Client::builder().gateway("10.0.0.1:8585").dangerously_allow_plain_http().build().is_ok());
    }

    #[test]
    fn nothing_prints_the_key() {
        let builder = Client::builder().url("http://localhost:1").key(Secret::new("SECRET-key"));
        assert!(!format!("{builder:?} {:?}", builder.clone().build().unwrap()).contains("SECRET-"));
        let error = Client::builder().key(Secret::new("SECRET-\n")).build();
        assert!(error.is_ok(), "a line end behind it is no part of it");
        let error = Client::builder().key(Secret::new("SECRET-\u{1}x")).build().map(|_| ()).unwrap_err();
        assert_eq!(error.code(), "key_malformed");
        assert!(!format!("{error} {error:?}").contains("SECRET-"));
    }

    #[test]
    fn the_environment_is_handed_in() {
        let client = Client::from_variables(|name| (name == "SORTIE_URL").then(|| "http://127.0.0.1:8586".to_owned())).unwrap();
        assert_eq!(
            format!("{client:?}").split(", on_behalf_of").next().unwrap(),
            "Client { url: Some(\"http://127.0.0.1:8586\"), gateway: None, has_key: false"
        );
    }
}
