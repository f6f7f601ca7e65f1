//! How browsers reach us. Every address that we hand out is made from it, and from nothing that a request says (OAU-14).

use std::net::SocketAddr;

use sortie_model::{Endpoint, Host, Scheme, Violation};

/// Scheme, host and port, without a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    endpoint: Endpoint,
}

impl PublicUrl {
    /// Reads `https://host[:port]`, or `http://` with a host that is this machine itself: sessions would cross the network in clear otherwise.
    ///
    /// # Errors
    /// A [`Violation`] of `public_url`.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let endpoint = Endpoint::parse(text).map_err(|violation| Violation { field: "public_url".to_owned(), ..violation })?;
        if !endpoint.base_path().is_empty() {
            return Err(Violation::new("public_url", "public_url_path", "must not have a path: the console is at the root of its host"));
        }
        if endpoint.scheme() == Scheme::Http && !is_this_machine(endpoint.host()) {
            let message =
                "must begin with https://: sessions would cross the network in clear; http:// is only for 127.0.0.1, [::1] and localhost";
            return Err(Violation::new("public_url", "public_url_in_clear", message));
        }
        Ok(Self { endpoint })
    }

    /// How browsers on this machine reach a listener; `None` if it is not for this machine alone.
    pub(crate) fn of_listener(address: SocketAddr) -> Option<Self> {
        Self::parse(&format!("http://{address}")).ok()
    }

    /// As the header `Origin` has it (RFC 6454, section 6.2).
    pub fn origin(&self) -> String {
        format!("{}://{}", self.endpoint.scheme().as_str(), self.endpoint.authority())
    }

    /// The address of a path, which begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    /// Whether browsers talk TLS to us, or to what stands in front of us.
    pub fn is_secure(&self) -> bool {
        self.endpoint.scheme() == Scheme::Https
    }
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Name(name) => &**name == "localhost",
        Host::V4(address) => address.is_loopback(),
        Host::V6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_made_from_it() {
        let url = PublicUrl::parse("https://Sortie.example.com:443/").unwrap();
        assert_eq!((url.origin().as_str(), url.is_secure()), ("https://sortie.example.com", true));
        assert_eq!(url.join("/services/authcallback/Okta"), "https://sortie.example.com/services/authcallback/Okta");
        assert_eq!(PublicUrl::parse("https://sortie.example.com:8443").unwrap().origin(), "https://sortie.example.com:8443");
    }

    #[test]
    fn in_clear_only_on_this_machine() {
        for good in ["http://127.0.0.1:8586", "http://localhost:8586", "http://[::1]:8586", "http://127.8.9.10"] {
            assert!(!PublicUrl::parse(good).unwrap().is_secure(), "{good}");
        }
        for bad in ["http://sortie.example.com", "http://0.0.0.0:8586", "http://10.0.0.1", "http://localhost.example.com", "http://[::]"] {
            assert_eq!(PublicUrl::parse(bad).unwrap_err().rule, "public_url_in_clear", "{bad}");
        }
        assert_eq!(PublicUrl::parse("https://example.com/sortie").unwrap_err().rule, "public_url_path");
        for bad in ["", "example.com", "https://a@b", "ftp://x", "https://x?y", "https://x#y"] {
            assert!(PublicUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_listener_for_others_has_no_address_by_itself() {
        assert!(PublicUrl::of_listener("127.0.0.1:1".parse().unwrap()).is_some());
        assert!(PublicUrl::of_listener("[::1]:1".parse().unwrap()).is_some());
        assert!(PublicUrl::of_listener("0.0.0.0:1".parse().unwrap()).is_none());
    }
}
