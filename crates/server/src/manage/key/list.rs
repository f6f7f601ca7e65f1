//! Lists the API keys of a user.

use serde::Serialize;
use sortie_model::{ApiKey, ApiKeyId, Timestamp, UserName};
use utoipa::ToSchema;

use super::KeyError;
use crate::manage::{Manage, UnknownName};

/// A key as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeyView {
    /// The public part.
    pub id: String,
    /// What it is for.
    pub label: String,
    /// Whether it is taken.
    pub state: KeyState,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// From when on it is refused, RFC 3339.
    #[schema(required = true)]
    pub expires_at: Option<String>,
    /// Since when it is refused for good, RFC 3339.
    #[schema(required = true)]
    pub revoked_at: Option<String>,
}

/// Whether a key is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It is, while its user is active.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OwnedKey {
    /// The user's name.
    pub user: String,
    /// The key.
    #[serde(flatten)]
    pub key: KeyView,
}

/// The key of this public part.
///
/// # Errors
/// A [`KeyError`]: there is no such key.
pub async fn find(manage: &Manage<'_>, id: ApiKeyId) -> Result<OwnedKey, KeyError> {
    let found = manage.store.caller_by_key(id).await?.ok_or_else(|| UnknownName::new("API key", id))?;
    Ok(OwnedKey { user: found.user.name.to_string(), key: view(&found.key, manage.now) })
}

/// All keys of a user, oldest first.
///
/// # Errors
/// A [`KeyError`]: the user does not exist.
pub async fn list(manage: &Manage<'_>, user: &UserName) -> Result<Vec<KeyView>, KeyError> {
    let user = manage.store.users().find(user).await?.ok_or_else(|| UnknownName::new("user", user))?;
    let keys = manage.store.api_keys().of_user(user.id).await?;
    Ok(keys.iter().map(|key| view(key, manage.now)).collect())
}

fn view(key: &ApiKey, now: Timestamp) -> KeyView {
    let ApiKey { id, user: _, label, secret_hash: _, created_at, expires_at, revoked_at } = key;
    let state = match (revoked_at, expires_at) {
        (Some(_), _) => KeyState::Revoked,
        (None, Some(expires_at)) if *expires_at <= now => KeyState::Expired,
        (None, _) => KeyState::Active,
    };
    KeyView {
        id: id.to_string(),
        label: label.clone(),
        state,
        created_at: created_at.to_string(),
        expires_at: expires_at.map(|moment| moment.to_string()),
        revoked_at: revoked_at.map(|moment| moment.to_string()),
    }
}
