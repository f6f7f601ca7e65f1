//! Where the database is.

use std::path::PathBuf;

use sortie_model::Secret;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::db::{Server, Sessions};

/// Where the database is: a file of this machine, or a PostgreSQL server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// One SQLite file, made when it is missing.
    Sqlite {
        /// The file; its log lies beside it.
        path: PathBuf,
    },
    /// A PostgreSQL database, which must exist.
    Postgres {
        /// `postgres://user:password@host:port/database`. Secret, since it may hold a password.
        url: Secret,
    },
}

/// Why a text is no location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// No text at all.
    #[error("the database location is empty: give a file, or a URL that begins with postgres://")]
    Empty,
    /// A URL of something else.
    #[error("the database location must be a file, or a URL that begins with sqlite: or postgres://")]
    UnknownScheme,
    /// A PostgreSQL URL that cannot be read.
    #[error("the PostgreSQL URL must look like postgres://user:password@host:port/database")]
    PostgresUrl,
    /// A PostgreSQL URL with a parameter that nothing reads.
    #[error("the PostgreSQL URL may only have these parameters: {}", PARAMETERS.join(", "))]
    UnknownParameter,
}

impl LocationError {
    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "database_location_empty",
            Self::UnknownScheme => "database_location_scheme",
            Self::PostgresUrl => "database_location_url",
            Self::UnknownParameter => "database_location_parameter",
        }
    }

    /// Never: the text must change.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Empty | Self::UnknownScheme | Self::PostgresUrl | Self::UnknownParameter => false,
        }
    }
}

/// What may follow the `?` of a PostgreSQL URL. The driver would log others together with their values.
const PARAMETERS: &[&str] = &["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "statement-cache-capacity", "application_name"];

impl Location {
    /// Reads a file path, `sqlite:<path>`, or `postgres://…` (also `postgresql://…`).
    ///
    /// # Errors
    /// A [`LocationError`] that says what would be right.
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        if text.is_empty() {
            return Err(LocationError::Empty);
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let url = Secret::new(text);
            postgres_server(&url)?;
            return Ok(Self::Postgres { url });
        }
        let path = match text.strip_prefix("sqlite:") {
            Some(path) => path.strip_prefix("//").unwrap_or(path),
            None if text.contains("://") => return Err(LocationError::UnknownScheme),
            None => text,
        };
        if path.is_empty() { Err(LocationError::Empty) } else { Ok(Self::Sqlite { path: path.into() }) }
    }
}

/// What the driver needs. Where the URL does not say, a server that is not on this machine must show a certificate
/// for its name: the driver's own default would quietly go without TLS.
pub(crate) fn postgres_server(url: &Secret) -> Result<Server, LocationError> {
    let parameters = parameters(url.expose());
    let has = |name| parameters.iter().any(|(key, _)| *key == name);
    if parameters.iter().any(|(key, _)| !PARAMETERS.contains(key)) {
        return Err(LocationError::UnknownParameter);
    }
    let mut options: PgConnectOptions = url.expose().parse().map_err(|_| LocationError::PostgresUrl)?;
    if !has("sslmode") {
        let mode = if is_here(&options) { PgSslMode::Disable } else { PgSslMode::VerifyFull };
        options = options.ssl_mode(mode);
    }
    if !has("application_name") {
        options = options.application_name("sortie");
    }
    let is_pooled = parameters.contains(&("statement-cache-capacity", "0"));
    Ok(Server { options, sessions: if is_pooled { Sessions::Shared } else { Sessions::Own } })
}

fn parameters(url: &str) -> Vec<(&str, &str)> {
    let Some((_, query)) = url.split_once('?') else { return Vec::new() };
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect()
}

fn is_here(options: &PgConnectOptions) -> bool {
    options.get_socket().is_some()
        || matches!(options.get_host(), "localhost" | "127.0.0.1" | "[::1]" | "::1")
        || options.get_host().starts_with('/')
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn files_and_postgres_urls_are_locations() {
        for (text, path) in
            [("/var/lib/sortie/sortie.db", "/var/lib/sortie/sortie.db"), ("sqlite:a.db", "a.db"), ("sqlite:///a/b.db", "/a/b.db")]
        {
            assert_eq!(Location::parse(text).unwrap(), Location::Sqlite { path: path.into() });
        }
        assert!(matches!(Location::parse("postgresql://me@localhost/sortie").unwrap(), Location::Postgres { .. }));
    }

    #[test]
    fn other_urls_and_unknown_parameters_are_refused() {
        for (text, error) in [
            ("", LocationError::Empty),
            ("sqlite:", LocationError::Empty),
            ("mysql://localhost/x", LocationError::UnknownScheme),
            ("postgres://localhost:99999/x", LocationError::PostgresUrl),
            ("postgres://localhost/x?sslmode=nonsense", LocationError::PostgresUrl),
            ("postgres://localhost/x?pasword=SECRET-x", LocationError::UnknownParameter),
        ] {
            assert_eq!(Location::parse(text).unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn a_location_does_not_print_its_password() {
        let location = Location::parse("postgres://me:SECRET-pw@db.test/x").unwrap();
        assert!(!format!("{location:?}").contains("SECRET-pw"));
    }

    #[test]
    fn a_distant_server_must_prove_its_name_unless_the_url_says_otherwise() {
        for (url, mode) in [
            ("postgres://me@db.test/x", "VerifyFull"),
            ("postgres://me@db.test/x?sslmode=require", "Require"),
            ("postgres://me@127.0.0.1/x", "Disable"),
            ("postgres://me@%2Frun%2Fpostgresql/x", "Disable"),
        ] {
            assert_eq!(format!("{:?}", postgres_server(&Secret::new(url)).unwrap().options.get_ssl_mode()), mode, "{url}");
        }
    }
}
