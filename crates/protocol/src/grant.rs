//! What a protocol works with: stored values, and the grant it made of them.

use std::collections::BTreeMap;
use std::time::Duration;

use sortie_model::{Secret, SecretBytes, Settings};

use crate::{ProveError, Provider};

/// Values stored for a principal (or for one user of it), by name. All are kept encrypted, whether secret or not.
pub type Values = BTreeMap<String, Secret>;

/// What a protocol holds at run time: an access token, a session key. Opaque to everybody else, kept encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// The parts, by name, such as `access_token`.
    pub parts: Values,
    /// How long it lives, counted from receipt. Absent: the provider did not say.
    pub lifetime: Option<Duration>,
}

/// What the next grant is asked for with (RFC 6749, section 6).
pub(crate) const REFRESH_TOKEN: &str = "refresh_token";

/// Notes how the next grant of a login is had without a refresh token.
pub(crate) const LOGIN_RENEWAL: &str = "login_renewal";

impl Grant {
    /// Whether it would be lost for good: the provider may have taken back the one before when it gave this one.
    pub fn is_irreplaceable(&self) -> bool {
        self.parts.contains_key(REFRESH_TOKEN)
    }

    /// Whether another one can be had with it, and nobody has to log in for that.
    pub fn renews(&self) -> bool {
        self.is_irreplaceable() || self.parts.contains_key(LOGIN_RENEWAL)
    }

    /// The stored form: one JSON object of the parts. The lifetime is stored beside it, as a moment.
    pub fn to_bytes(&self) -> SecretBytes {
        let exposed: BTreeMap<&str, &str> = self.parts.iter().map(|(name, part)| (name.as_str(), part.expose())).collect();
        SecretBytes::new(serde_json::to_vec(&exposed).expect("a map of texts is JSON"))
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// The bytes are not such an object.
    pub fn from_bytes(bytes: &SecretBytes) -> Result<Self, ProveError> {
        let parts: BTreeMap<String, String> = serde_json::from_slice(bytes.expose()).map_err(|_| ProveError::ForeignGrant)?;
        Ok(Self { parts: parts.into_iter().map(|(name, part)| (name, Secret::new(part))).collect(), lifetime: None })
    }
}

/// Everything a protocol may look at for one principal.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    /// Settings of the external credential.
    pub settings: &'a Settings,
    /// Values of the principal, or of one user of it.
    pub values: &'a Values,
    /// The grant, once there is one. While one is obtained it is the one before, of whatever age, if there is one.
    pub grant: Option<&'a Grant>,
    /// The provider that the settings name, if they name one that is there. Only for obtaining a grant.
    pub provider: Option<Provider<'a>>,
}

impl<'a> Material<'a> {
    /// A setting's text; `None` if absent or empty.
    pub fn setting(&self, name: &str) -> Option<&'a str> {
        self.settings.get(name).and_then(serde_json::Value::as_str).filter(|text| !text.is_empty())
    }

    /// The names and texts of a setting that is an object of texts, in their order; none if absent.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let object = self.settings.get(name).and_then(serde_json::Value::as_object);
        object.into_iter().flatten().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
    }

    /// A setting of seconds or bytes; `None` if absent.
    pub fn number(&self, name: &str) -> Option<u32> {
        self.settings.get(name).and_then(crate::field::number)
    }

    /// A stored value.
    ///
    /// # Errors
    /// It was never stored.
    pub fn value(&self, name: &'static str) -> Result<&'a Secret, ProveError> {
        self.values.get(name).filter(|value| !value.is_empty()).ok_or(ProveError::Missing { field: name })
    }

    /// A part of the grant.
    ///
    /// # Errors
    /// There is no grant, or it has no such part.
    pub fn granted(&self, name: &str) -> Result<&'a Secret, ProveError> {
        self.grant.and_then(|grant| grant.parts.get(name)).ok_or(ProveError::ForeignGrant)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_grant_survives_storage() {
        let grant = Grant { parts: [("access_token".to_owned(), Secret::new("SECRET-\"t"))].into(), lifetime: None };
        assert_eq!(Grant::from_bytes(&grant.to_bytes()).unwrap(), grant);
        assert_eq!(Grant::from_bytes(&SecretBytes::new(*b"[1]")).unwrap_err(), ProveError::ForeignGrant);
    }
}
