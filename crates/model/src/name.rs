//! Names: what objects are called, and how they are compared.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::Violation;

/// 80 characters, as for developer names and labels elsewhere on the Salesforce platform (the limit for these objects is
/// not published).
pub const MAX_NAME_LENGTH: usize = 80;

/// A Salesforce developer name: `^[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*$`, at most 80 characters.
///
/// Two names that differ only in the case of ASCII letters are the same name; each is shown as it was written.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiName(Box<str>);

impl ApiName {
    /// Reads a developer name.
    ///
    /// # Errors
    /// A [`Violation`] of `name` that says which part of the rule is broken.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let wrong = |what: &str| Err(Violation::new("name", "name_format", format!("{what} (got `{}`)", shown(text))));
        let bytes = text.as_bytes();
        match bytes {
            [] => return Err(Violation::required("name")),
            [first, ..] if !first.is_ascii_alphabetic() => return wrong("must begin with a letter A to Z"),
            [.., b'_'] => return wrong("must not end with an underscore"),
            _ => {}
        }
        if bytes.len() > MAX_NAME_LENGTH {
            return wrong("must be at most 80 characters long");
        }
        if !bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            return wrong("may hold only letters A to Z, digits and underscores");
        }
        if text.contains("__") {
            return wrong("must not hold two underscores in a row");
        }
        Ok(Self(text.into()))
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form under which the name is unique and looked up: ASCII lower case.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// An attacker's or a typist's text in an error message: bounded, and with nothing a terminal would obey.
fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

impl PartialEq for ApiName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for ApiName {}

impl Hash for ApiName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.0.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
    }
}

impl PartialOrd for ApiName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ApiName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded().cmp(&other.folded())
    }
}

impl fmt::Display for ApiName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for ApiName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`", self.0)
    }
}

impl TryFrom<String> for ApiName {
    type Error = Violation;

    fn try_from(text: String) -> Result<Self, Violation> {
        Self::parse(&text)
    }
}

impl From<ApiName> for String {
    fn from(name: ApiName) -> Self {
        name.0.into()
    }
}

/// A text of 1 to 80 characters without control characters: labels, and the free names of principals.
///
/// Principal names are free text in real metadata (`Support Users`, `S3-User`), so they are no [`ApiName`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label(Box<str>);

impl Label {
    /// Reads a label.
    ///
    /// # Errors
    /// A [`Violation`] of `label`: empty, too long, a control character, or white space at an end.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let wrong = |what: &str| Err(Violation::new("label", "label_format", format!("{what} (got `{}`)", shown(text))));
        if text.is_empty() {
            return Err(Violation::required("label"));
        }
        if text.chars().count() > MAX_NAME_LENGTH {
            return wrong("must be at most 80 characters long");
        }
        if text.chars().any(char::is_control) {
            return wrong("must not hold control characters");
        }
        if text.trim() != text {
            return wrong("must not begin or end with white space");
        }
        Ok(Self(text.into()))
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl TryFrom<String> for Label {
    type Error = Violation;

    fn try_from(text: String) -> Result<Self, Violation> {
        Self::parse(&text)
    }
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        label.0.into()
    }
}

/// What a user is called: `alice`, `billing-worker`, `alice@example.com`. 1 to 80 of letters, digits and `.` `_` `-` `+`
/// `@`, beginning with a letter or digit. Unique without regard to ASCII case, like an [`ApiName`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserName(Box<str>);

impl UserName {
    /// Reads a user name.
    ///
    /// # Errors
    /// A [`Violation`] of `name` that says which part of the rule is broken.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let wrong = |what: &str| Err(Violation::new("name", "user_name_format", format!("{what} (got `{}`)", shown(text))));
        match text.as_bytes() {
            [] => return Err(Violation::required("name")),
            [first, ..] if !first.is_ascii_alphanumeric() => return wrong("must begin with a letter or a digit"),
            _ => {}
        }
        if text.len() > MAX_NAME_LENGTH {
            return wrong("must be at most 80 characters long");
        }
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+@".contains(&byte)) {
            return wrong("may hold only letters A to Z, digits and . _ - + @");
        }
        Ok(Self(text.into()))
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form under which the name is unique and looked up: ASCII lower case.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl PartialEq for UserName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for UserName {}

impl fmt::Display for UserName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`", self.0)
    }
}

impl TryFrom<String> for UserName {
    type Error = Violation;

    fn try_from(text: String) -> Result<Self, Violation> {
        Self::parse(&text)
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> Self {
        name.0.into()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_that_break_the_rule_are_refused() {
        // NAME-03, NAME-04, NAME-06 of the attack catalogue.
        let long = "a".repeat(81);
        for bad in ["", "a__b", "a_", "_a", "1a", "a-b", "pаyments", "..", ".", "a b", "a/b", "a\n", "a%5fb", &long] {
            assert!(ApiName::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "A1", "My_Cred", "a_b_c", "X_9", &long[..80]] {
            assert!(ApiName::parse(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn names_compare_without_regard_to_case_and_show_as_written() {
        let (one, other) = (ApiName::parse("My_Cred").unwrap(), ApiName::parse("mY_cRED").unwrap());
        assert_eq!(one, other);
        assert_eq!(one.folded(), other.folded());
        assert_eq!(one.to_string(), "My_Cred");
    }

    #[test]
    fn labels_refuse_what_a_terminal_would_obey() {
        for bad in ["", " a", "a ", "a\u{1b}[31m", "a\nb", &"x".repeat(81)] {
            assert!(Label::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Label::parse("Support Users (S3-User)").is_ok());
    }

    #[test]
    fn user_names_may_be_mail_addresses_but_not_paths() {
        for bad in ["", "@a", "a b", "a/b", "аlice", "a:b", "-a"] {
            assert!(UserName::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["alice", "alice@example.com", "billing-worker", "7"] {
            assert!(UserName::parse(good).is_ok(), "{good:?}");
        }
        assert_eq!(UserName::parse("Alice").unwrap(), UserName::parse("ALICE").unwrap());
    }
}
