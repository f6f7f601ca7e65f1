//! Revokes an API key.

use sortie_model::ApiKeyId;
use sortie_store::ChangeError;

use super::KeyError;
use crate::manage::{Action, Change, Manage, UnknownName};

/// Refuses a key for good. Every node learns it within a second. Revoking it twice changes nothing more.
///
/// # Errors
/// A [`KeyError`]: there is no such key.
pub async fn revoke(manage: &Manage<'_>, id: ApiKeyId) -> Result<Change, KeyError> {
    let mut change = manage.store.change().await?;
    match change.api_keys().revoke(id).await {
        Err(ChangeError::Missing { .. }) => return Err(UnknownName::new("API key", id).into()),
        other => other?,
    }
    let done = Change { fields: vec!["revoked_at".to_owned()], ..Change::new("key", id, Action::Updated) };
    manage.commit(change, std::slice::from_ref(&done)).await?;
    Ok(done)
}
