//! Where a server is: scheme, host and port, and nothing else. The key goes there and nowhere else.

use std::fmt;
use std::net::IpAddr;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

use crate::SettingError;

/// `https://sortie.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    scheme: Scheme,
    authority: Authority,
}

impl Origin {
    /// Reads one. Without a scheme it is `http`, as the gateway listens: `127.0.0.1:8585`.
    pub(crate) fn parse(text: &str) -> Result<Self, SettingError> {
        let wrong = |why: &'static str| SettingError::Url { why };
        let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let uri: Uri = with_scheme.trim_end_matches('/').parse().map_err(|_| wrong("it cannot be read"))?;
        let parts = uri.into_parts();
        let scheme = parts.scheme.filter(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
        let scheme = scheme.ok_or_else(|| wrong("it must begin with https:// or http://"))?;
        let authority = parts.authority.filter(|authority| !authority.host().is_empty()).ok_or_else(|| wrong("it names no host"))?;
        // What stands before an `@` is a password, and is not repeated.
        if authority.as_str().contains('@') {
            return Err(wrong("it must not hold a user or a password"));
        }
        if parts.path_and_query.is_some_and(|path| path.as_str() != "/") {
            return Err(wrong("it must end behind host and port"));
        }
        Ok(Self { scheme, authority })
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.scheme == Scheme::HTTP
    }

    /// Whether it says that it is this machine. `localhost` is believed here, and its address looked at when it is known.
    pub(crate) fn is_loopback(&self) -> bool {
        host(self.authority.host()).eq_ignore_ascii_case("localhost") || address(self.authority.host()).is_some_and(|ip| ip.is_loopback())
    }

    /// The address of something there.
    pub(crate) fn uri(&self, path: PathAndQuery) -> Uri {
        let builder = Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone()).path_and_query(path);
        builder.build().expect("scheme, authority and path make an address")
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme, self.authority)
    }
}

/// A host without the brackets of an IPv6 address.
pub(crate) fn host(text: &str) -> &str {
    text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text)
}

fn address(text: &str) -> Option<IpAddr> {
    host(text).parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_origin_ends_behind_its_port() {
        for good in ["https://sortie.example.com", "http://127.0.0.1:8585/", "127.0.0.1:8585", "http://[::1]:8585", "localhost"] {
            assert!(Origin::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "https://", "ftp://x", "https://me:SECRET-x@host", "https://host/path", "https://host?x", "https://a b"] {
            let error = Origin::parse(bad).map(|_| ()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("SECRET-"), "{bad}");
        }
        assert_eq!(Origin::parse("127.0.0.1:8585").unwrap().to_string(), "http://127.0.0.1:8585");
    }

    #[test]
    fn this_machine_is_known_by_its_addresses() {
        for (text, is_loopback) in [
            ("http://127.8.8.8:1", true),
            ("http://[::1]:1", true),
            ("http://LOCALHOST:1", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com", false),
        ] {
            assert_eq!(Origin::parse(text).unwrap().is_loopback(), is_loopback, "{text}");
        }
    }
}
