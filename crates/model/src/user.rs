//! Users: who calls.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ProfileId, UserId, UserName, Violation};

/// A person or a program that makes callouts.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Identity. A user who is deleted and made again under the same name is another user.
    pub id: UserId,
    /// Unique name.
    pub name: UserName,
    /// The one profile, if any.
    pub profile: Option<ProfileId>,
    /// An inactive user's keys are refused.
    pub is_active: bool,
    /// What formulas read: `Email`, `Department`, and any other name.
    pub attributes: Attributes,
}

/// The attributes of a user, by name.
pub type Attributes = BTreeMap<String, String>;

/// The value of an attribute, looked up without regard to ASCII case.
pub fn find_attribute<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    let exact = attributes.get(name);
    exact.or_else(|| attributes.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)).map(String::as_str)
}

/// Checks one attribute: its name is a developer name, or one that ends in `__c` as custom fields do in Salesforce; its value at most 1,000 characters without control characters.
///
/// # Errors
/// A [`Violation`] of `attributes.<name>`.
pub fn check_attribute(name: &str, value: &str) -> Result<(), Violation> {
    let field = || format!("attributes.{name}");
    crate::ApiName::parse(name.strip_suffix("__c").unwrap_or(name)).map_err(|violation| Violation { field: field(), ..violation })?;
    if value.chars().count() > 1_000 {
        return Err(Violation::new(field(), "attribute_length", "must be at most 1,000 characters long"));
    }
    // FRM-01: an attribute must not be able to end a header line, whatever formula it later stands in.
    if value.chars().any(char::is_control) {
        return Err(Violation::new(field(), "attribute_format", "must not hold control characters"));
    }
    Ok(())
}

/// How a caller proves who it is, as far as it is stored: the key's own secret is kept only as a hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Public part: 12 characters of base 62, also the identity.
    pub id: ApiKeyId,
    /// Whose key it is.
    pub user: UserId,
    /// What it is for, in words.
    pub label: String,
    /// SHA-256 of the secret part. The secret has 256 bits of chance, so no slow hash is needed.
    pub secret_hash: [u8; 32],
    /// When it was made.
    pub created_at: crate::Timestamp,
    /// From when on it is refused.
    pub expires_at: Option<crate::Timestamp>,
    /// Since when it is refused for good.
    pub revoked_at: Option<crate::Timestamp>,
}

/// The public part of an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApiKeyId([u8; 12]);

impl ApiKeyId {
    /// Reads 12 characters of base 62; `None` if it is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 12] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphanumeric).then_some(Self(bytes))
    }

    /// The 12 characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("`parse` accepts ASCII only")
    }
}

impl std::fmt::Display for ApiKeyId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl Serialize for ApiKeyId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ApiKeyId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("must be 12 letters and digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_cannot_end_a_header_line() {
        // FRM-01 of the attack catalogue, at the earliest place.
        assert!(check_attribute("Department", "x\r\nX-Admin: 1").is_err());
        assert!(check_attribute("1st", "x").is_err());
        assert!(check_attribute("Region__c", "x").is_ok());
        assert!(check_attribute("__c", "x").is_err() && check_attribute("a__b", "x").is_err());
        assert!(check_attribute("Department", "Finance (Köln)").is_ok());
    }

    #[test]
    fn a_key_id_is_twelve_letters_and_digits() {
        assert!(ApiKeyId::parse("abcdefABCDEF").is_some_and(|id| id.as_str() == "abcdefABCDEF"));
        for bad in ["", "abcdefABCDE", "abcdefABCDEFG", "abcdef_BCDEF", "abcdefABCDÉ"] {
            assert!(ApiKeyId::parse(bad).is_none(), "{bad}");
        }
    }
}
