//! Where somebody wanted to go before the sign-in came in between.

/// A path of ours, and nothing else: whoever makes the link to the sign-in must not be able to say where it ends (OAU-19).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReturnPath(String);

impl ReturnPath {
    /// The path if it is one of the console's; the first page for everything else.
    pub(crate) fn of(text: Option<&str>) -> Self {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte);
        match text {
            Some(path)
                if (path.starts_with("/external-credentials/") || path.starts_with("/logins/"))
                    && path.len() <= 512
                    && !path.contains("//")
                    && path.bytes().all(is_plain) =>
            {
                Self(path.to_owned())
            }
            _ => Self("/".to_owned()),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The sign-in that leads here.
    pub(crate) fn sign_in(&self) -> String {
        // Nothing in it needs an escape in a query.
        if self.0 == "/" { "/sign-in".to_owned() } else { format!("/sign-in?return_to={}", self.0.replace('%', "%25")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_the_console_are_kept() {
        for good in ["/external-credentials/Billing/Own", "/external-credentials/Billing/My%20own"] {
            assert_eq!(ReturnPath::of(Some(good)).as_str(), good);
        }
        for bad in [
            "https://evil.test",
            "//evil.test",
            "/\\evil.test",
            "javascript:alert(1)",
            "/external-credentials//evil.test",
            "/external-credentials/\\evil",
            "/external-credentials/a?b",
            "/external-credentials/a\r\nb",
            "/sign-out",
            "external-credentials/x",
            "",
        ] {
            assert_eq!(ReturnPath::of(Some(bad)).as_str(), "/", "{bad}");
        }
        assert_eq!(ReturnPath::of(None).sign_in(), "/sign-in");
        assert_eq!(ReturnPath::of(Some("/external-credentials/A/b%20c")).sign_in(), "/sign-in?return_to=/external-credentials/A/b%2520c");
    }
}
