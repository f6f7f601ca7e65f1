//! API keys.

use serde::{Deserialize, Serialize};
use sortie_model::Secret;

use super::secret::taken;
use crate::transport::Ask;
use crate::{Client, ClientError};

/// API keys of users: `client.keys()`.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'c>(pub(crate) &'c Client);

/// A key as shown: never itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Its public part.
    pub id: String,
    /// What it is for.
    pub label: String,
    /// Whether it is good.
    pub state: KeyState,
    /// Since when it is there, RFC 3339.
    pub created_at: String,
    /// When it ends, RFC 3339.
    pub expires_at: Option<String>,
    /// When it was revoked, RFC 3339.
    pub revoked_at: Option<String>,
}

/// Whether a key is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It is.
    Active,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

impl KeyState {
    /// As shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// A key, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedKey {
    /// The user's name.
    pub user: String,
    /// The key.
    #[serde(flatten)]
    pub key: Key,
}

/// A key to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NewKey {
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// For how many days it is good; until it is revoked, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<u32>,
}

/// A key that was made. This is the only time that it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct MadeKey {
    /// Its public part.
    pub id: String,
    /// The key itself.
    #[serde(deserialize_with = "taken")]
    pub key: Secret,
    /// When it ends, RFC 3339.
    pub expires_at: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    keys: Vec<Key>,
}

impl Keys<'_> {
    /// All keys of a user.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn list(&self, user: &str) -> Result<Vec<Key>, ClientError> {
        let Listed { keys } = self.0.ask(Ask::get(&["/users/", user, "/keys"])).await?;
        Ok(keys)
    }

    /// The key of this public part, and whose it is.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn show(&self, id: &str) -> Result<OwnedKey, ClientError> {
        self.0.ask(Ask::get(&["/keys/", id])).await
    }

    /// Makes a key for a user.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn create(&self, user: &str, new: &NewKey) -> Result<MadeKey, ClientError> {
        self.0.ask(Ask::post(&["/users/", user, "/keys"]).json(new)).await
    }

    /// Revokes a key for good.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn revoke(&self, user: &str, id: &str) -> Result<(), ClientError> {
        self.0.tell(Ask::delete(&["/users/", user, "/keys/", id])).await
    }
}
