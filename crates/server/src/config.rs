//! Configuration: one TOML file, every setting with a default that works on one machine without any file.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sortie_model::{Issuer, Scopes, Secret, Violation};
use sortie_outbound::{EgressPolicy, Roots};

use crate::audit::Durability;
use crate::public_url::PublicUrl;
use crate::sign_in::OpenIdSettings;

/// All settings of a node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the database is: `sqlite:PATH` or `postgres://…`. Absent: `sortie.sqlite` in the data directory. Overridden by `SORTIE_DATABASE_URL`.
    pub database: Option<String>,
    /// Where the root key is.
    pub key: Key,
    /// Whose Sortie this is.
    pub organization: OrganizationSettings,
    /// The data plane.
    pub gateway: Gateway,
    /// The listener for operators and for the console.
    pub admin: Admin,
    /// How browsers reach the console: `https://host[:port]`, or `http://` with this machine itself. Absent: `admin.listen`, if only this machine reaches it.
    pub public_url: Option<String>,
    /// How people sign in to the console, beside their passwords.
    pub sign_in: SignIn,
    /// Where callouts and token requests may go.
    pub egress: EgressPolicy,
    /// Whose certificates are trusted.
    pub trust: TrustSettings,
    /// The audit.
    pub audit: Audit,
}

/// Where the root key is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Key {
    /// A file of mode 0400 or 0600. Absent: `root.key` in the data directory, made at the first start.
    pub file: Option<PathBuf>,
    /// An environment variable, read once. Takes precedence over the file.
    pub environment: Option<String>,
}

/// What formulas read as `$Organization`, beside its identity.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrganizationSettings {
    /// `$Organization.Name`.
    pub name: Option<String>,
}

/// The data plane's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gateway {
    /// Where callers connect.
    pub listen: SocketAddr,
    /// How many cores serve; 0 means all there are.
    pub cores: usize,
    /// Says that something in front of a listener that others can reach ends their TLS. Without it such a listener is refused: keys would cross the network in clear.
    pub behind_tls_proxy: bool,
    /// Connections that one core serves at once; more wait to be accepted.
    pub max_connections_per_core: usize,
    /// How many bytes of callers' bodies are held at once, by all cores together: those that are signed as a whole, or that formulas read. Bodies that stream take none.
    pub max_held_bytes: usize,
    /// How many users' own grants are held in memory at once.
    pub max_cached_users: usize,
    /// How long a shutdown waits for callouts under way.
    pub drain_seconds: u64,
}

impl Default for Gateway {
    fn default() -> Self {
        let listen = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8585);
        Self {
            listen,
            cores: 0,
            behind_tls_proxy: false,
            max_connections_per_core: 10_000,
            max_held_bytes: 256 * 1024 * 1024,
            max_cached_users: 10_000,
            drain_seconds: 30,
        }
    }
}

/// The operators' listener's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Where health is asked for.
    pub listen: SocketAddr,
    /// How often each user may ask the management API within a minute, at this node; 0 means as often as they like.
    pub requests_per_minute: u32,
}

impl Default for Admin {
    fn default() -> Self {
        Self { listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8586), requests_per_minute: 1_200 }
    }
}

/// How people sign in to the console, beside their passwords.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignIn {
    /// Single sign-on.
    pub openid: Option<OpenIdProvider>,
}

/// An OpenID provider at which people sign in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenIdProvider {
    /// What it calls itself. Where everything is, is asked there.
    pub issuer: String,
    /// What we are called there.
    pub client_id: String,
    /// A file with the client secret. Absent: we are a public client there, and only the proof key stands for us.
    pub client_secret_file: Option<PathBuf>,
    /// What is asked for; `openid` is among them.
    #[serde(default = "OpenIdProvider::usual_scopes")]
    pub scopes: String,
    /// The claim that names the user of Sortie when somebody comes for the first time. People must not be able to choose it themselves, and only whoever runs the
    /// provider knows of which that is true: there is no default (OpenID Connect Core 1.0, section 5.7).
    pub user_claim: String,
}

/// Whose certificates are trusted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrustSettings {
    /// Where to begin.
    pub roots: TrustedRoots,
    /// PEM files with further authorities.
    pub ca_files: Vec<PathBuf>,
}

/// Which authorities are trusted to begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustedRoots {
    /// The system's; Mozilla's where the system has none, as in a bare container.
    #[default]
    System,
    /// Mozilla's, as built into this program.
    Mozilla,
    /// Only those in `ca_files`.
    OnlyCaFiles,
}

impl From<TrustedRoots> for Roots {
    fn from(roots: TrustedRoots) -> Self {
        match roots {
            TrustedRoots::System => Self::System,
            TrustedRoots::Mozilla => Self::Mozilla,
            TrustedRoots::OnlyCaFiles => Self::OnlyAdded,
        }
    }
}

/// The audit's settings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// What a record survives before a credential leaves.
    pub durability: Durability,
    /// Where its files are. Absent: `audit` in the data directory.
    pub directory: Option<PathBuf>,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not understood. The text names line and column.
    #[error("the configuration {path} is not understood: {problem}")]
    Syntax {
        /// Which.
        path: PathBuf,
        /// What and where.
        problem: String,
    },
    /// The OpenID provider cannot be used so.
    #[error("`sign_in.openid.{}` {}", .0.field, .0.message)]
    OpenId(Violation),
    /// Browsers cannot, or must not, reach the console so.
    #[error("`public_url` {}", .0.message)]
    PublicUrl(Violation),
    /// A listener that others can reach, without TLS in front of it.
    #[error("`gateway.listen` is {listen}, which others can reach, and nothing ends their TLS: API keys would cross the network in clear")]
    ListensInClear {
        /// The address.
        listen: SocketAddr,
    },
}

impl ConfigError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "config_unreadable",
            Self::Syntax { .. } => "config_invalid",
            Self::PublicUrl(violation) | Self::OpenId(violation) => violation.rule,
            Self::ListensInClear { .. } => "config_listens_in_clear",
        }
    }

    /// What to do.
    pub const fn next_step(&self) -> &'static str {
        match self {
            Self::Read { .. } => "check the path and the file's permissions",
            Self::Syntax { .. } => "correct that line; `docs/guide/configuration.md` lists every setting",
            Self::OpenId(_) => "correct that setting; `docs/guide/console.md` says what it means",
            Self::PublicUrl(_) => "write how browsers reach the console: https://host[:port]",
            Self::ListensInClear { .. } => "listen on 127.0.0.1, or put a TLS proxy in front and set `gateway.behind_tls_proxy = true`",
        }
    }
}

impl OpenIdProvider {
    fn usual_scopes() -> String {
        "openid profile".to_owned()
    }

    /// Reads what the words mean, and the secret.
    pub(crate) fn read(&self) -> Result<OpenIdSettings, ConfigError> {
        let named = |field: &str| {
            let field = field.to_owned();
            move |violation: Violation| ConfigError::OpenId(Violation { field, ..violation })
        };
        let issuer = Issuer::parse(&self.issuer).map_err(named("issuer"))?;
        let scopes = Scopes::parse(&self.scopes).map_err(named("scopes"))?;
        if !self.scopes.split(' ').any(|scope| scope == "openid") {
            return Err(ConfigError::OpenId(Violation::new("scopes", "scope_missing", "must hold `openid`")));
        }
        let client_secret = match &self.client_secret_file {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
                Some(Secret::new(text.trim_end()))
            }
            None => None,
        };
        Ok(OpenIdSettings {
            issuer,
            client_id: Secret::new(self.client_id.as_str()),
            client_secret,
            scopes,
            user_claim: self.user_claim.clone(),
        })
    }
}

impl Config {
    /// Reads a configuration file, or `sortie.toml` in the data directory if there is one, or takes the defaults.
    ///
    /// # Errors
    /// A [`ConfigError`]; unknown settings are refused with their place.
    pub fn load(path: Option<&Path>, data_directory: &Path) -> Result<Self, ConfigError> {
        let implied = data_directory.join("sortie.toml");
        let path = match path {
            Some(path) => path,
            None if implied.exists() => &implied,
            None => return Ok(Self::default()),
        };
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|problem| ConfigError::Syntax { path: path.to_owned(), problem })
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            let place = error.span().map(|span| {
                let before = text.get(..span.start).unwrap_or(text);
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
                format!("line {line}, column {column}: ")
            });
            format!("{}{}", place.unwrap_or_default(), error.message())
        })
    }

    /// How browsers reach the console, as far as the configuration says it.
    ///
    /// # Errors
    /// [`ConfigError::PublicUrl`].
    pub fn public_url(&self) -> Result<Option<PublicUrl>, ConfigError> {
        self.public_url.as_deref().map(PublicUrl::parse).transpose().map_err(ConfigError::PublicUrl)
    }

    /// How browsers reach the console: as the configuration says, or by the listener's own address, if only this machine reaches that; `None`: there is no console.
    ///
    /// # Errors
    /// [`ConfigError::PublicUrl`].
    pub fn console_url(&self) -> Result<Option<PublicUrl>, ConfigError> {
        Ok(self.public_url()?.or_else(|| PublicUrl::of_listener(self.admin.listen)))
    }

    /// Refuses what would be unsafe to serve with.
    ///
    /// # Errors
    /// [`ConfigError::ListensInClear`].
    pub fn check_for_serving(&self) -> Result<(), ConfigError> {
        self.public_url()?;
        let Gateway { listen, behind_tls_proxy, .. } = self.gateway;
        if listen.ip().is_loopback() || behind_tls_proxy { Ok(()) } else { Err(ConfigError::ListensInClear { listen }) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_setting_is_refused_with_line_and_column() {
        let problem = Config::parse("[gateway]\nlisten = \"127.0.0.1:1\"\nlissten = 3\n").unwrap_err();
        assert!(problem.starts_with("line 3, column 1: ") && problem.contains("lissten"), "{problem}");
    }

    #[test]
    fn the_empty_file_is_the_default() {
        let config = Config::parse("").unwrap();
        assert_eq!(config.gateway.listen.to_string(), "127.0.0.1:8585");
        assert!(config.check_for_serving().is_ok());
    }

    #[test]
    fn a_listener_that_others_can_reach_needs_tls_in_front() {
        // OPS-05 of the attack catalogue.
        let open = Config::parse("gateway.listen = \"0.0.0.0:8585\"").unwrap();
        assert_eq!(open.check_for_serving().unwrap_err().code(), "config_listens_in_clear");
        let behind = Config::parse("gateway.listen = \"0.0.0.0:8585\"\ngateway.behind_tls_proxy = true").unwrap();
        assert!(behind.check_for_serving().is_ok());
    }
}
