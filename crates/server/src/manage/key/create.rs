//! Makes an API key.

use sortie_model::{ApiKey, ApiKeyId, Label, Secret, Timestamp, UserName, Violation};

use super::{KeyError, NewKey};
use crate::manage::{Action, Change, Manage, find};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct NewKeyRequest {
    /// Whose key it will be.
    pub user: UserName,
    /// What it is for, in words; may be left out.
    pub label: Option<Label>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// A key that was just made.
#[derive(Debug)]
pub struct CreatedKey {
    /// The public part.
    pub id: ApiKeyId,
    /// The whole key. Shown once; nothing can bring it back.
    pub text: Secret,
    /// What was done.
    pub change: Change,
}

/// Makes a key. Only a hash of its secret part is stored.
///
/// # Errors
/// A [`KeyError`]: the user does not exist, the expiry is not in the future.
pub async fn create(manage: &Manage<'_>, request: NewKeyRequest) -> Result<CreatedKey, KeyError> {
    if request.expires_at.is_some_and(|expires_at| expires_at <= manage.now) {
        return Err(Violation::new("expires", "expiry_past", "must be in the future").into());
    }
    let made = NewKey::generate(manage.random)?;
    let mut store_change = manage.store.change().await?;
    let user = find::user(&mut store_change, &request.user).await??;
    let key = ApiKey {
        id: made.id,
        user: user.id,
        label: request.label.map(|label| label.to_string()).unwrap_or_default(),
        secret_hash: made.secret_hash,
        created_at: manage.now,
        expires_at: request.expires_at,
        revoked_at: None,
    };
    store_change.api_keys().insert(&key).await?;
    let change = Change::new("key", format!("{} of {}", key.id, user.name), Action::Created);
    manage.commit(store_change, std::slice::from_ref(&change)).await?;
    Ok(CreatedKey { id: made.id, text: made.text, change })
}
