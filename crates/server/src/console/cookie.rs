//! Our cookies (RFC 6265): what a browser keeps, and never a script.

use http::header::{COOKIE, HeaderMap, HeaderValue};

use crate::public_url::PublicUrl;

/// A cookie of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The session's id.
    Session,
    /// What binds logins at providers to the browser in which they began.
    Login,
    /// What binds a sign-in at an OpenID provider to the browser that began it.
    SignIn,
}

impl Cookie {
    /// With TLS the name itself says `Secure`, no `Domain`, `Path=/` (RFC 6265bis, section 4.1.3.2): no neighbour of ours can set it (UI-09). Without,
    /// which is on this machine only, no browser would take such a name.
    const fn name(self, is_secure: bool) -> &'static str {
        match (self, is_secure) {
            (Self::Session, true) => "__Host-sortie_session",
            (Self::Session, false) => "sortie_session",
            (Self::Login, true) => "__Host-sortie_login",
            (Self::Login, false) => "sortie_login",
            (Self::SignIn, true) => "__Host-sortie_sign_in",
            (Self::SignIn, false) => "sortie_sign_in",
        }
    }

    /// What the browser sent. Of two of the same name neither counts: one of them is not ours.
    pub(crate) fn read<'h>(self, headers: &'h HeaderMap, public_url: &PublicUrl) -> Option<&'h str> {
        let name = self.name(public_url.is_secure());
        let pairs = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
        let mut values = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(known, _)| *known == name).map(|(_, value)| value);
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// `Set-Cookie`, until the browser is closed. `Lax`: the way back from a provider is a link of another site, and must find its session.
    pub(crate) fn set(self, value: &str, public_url: &PublicUrl) -> HeaderValue {
        self.line(value, "", public_url)
    }

    /// `Set-Cookie` that takes it away.
    pub(crate) fn clear(self, public_url: &PublicUrl) -> HeaderValue {
        self.line("", "; Max-Age=0", public_url)
    }

    fn line(self, value: &str, more: &str, public_url: &PublicUrl) -> HeaderValue {
        let is_secure = public_url.is_secure();
        let secure = if is_secure { "; Secure" } else { "" };
        let line = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}", self.name(is_secure));
        let mut line = HeaderValue::from_str(&line).expect("values of ours are visible ASCII");
        line.set_sensitive(true);
        line
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn url(text: &str) -> PublicUrl {
        PublicUrl::parse(text).unwrap()
    }

    #[test]
    fn with_tls_the_name_says_so() {
        // UI-09.
        let line = Cookie::Session.set("abc", &url("https://sortie.test"));
        assert_eq!(line.to_str().unwrap(), "__Host-sortie_session=abc; Path=/; HttpOnly; SameSite=Lax; Secure");
        assert!(line.is_sensitive());
        let line = Cookie::Session.clear(&url("http://localhost:1"));
        assert_eq!(line.to_str().unwrap(), "sortie_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    }

    #[test]
    fn only_one_cookie_of_the_exact_name_counts() {
        let read = |lines: &[&'static str], url_text: &str| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(COOKIE, HeaderValue::from_static(line));
            }
            Cookie::Session.read(&headers, &url(url_text)).map(str::to_owned)
        };
        let (open, tls) = ("http://127.0.0.1:1", "https://sortie.test");
        assert_eq!(read(&["a=b; sortie_session=x"], open).as_deref(), Some("x"));
        assert_eq!(read(&["sortie_session=x; sortie_session=y"], open), None);
        assert_eq!(read(&["sortie_session=x", "sortie_session=x"], open), None);
        assert_eq!(read(&["sortie_session=x"], tls), None);
        assert_eq!(read(&["__Host-sortie_session=x; sortie_session=y"], tls).as_deref(), Some("x"));
        assert_eq!(read(&["Sortie_Session=x; nothing"], open), None);
    }
}
