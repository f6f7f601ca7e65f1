//! API keys.

use std::time::Duration;

use sortie_client::{Action, Change, Key, NewKey};
use sortie_model::{ApiKeyId, Label, Secret, UserName};
use sortie_server::manage::key::{self, NewKeyRequest};

use super::{Site, change, days, shown};
use crate::failure::Failure;
use crate::setup;

/// A key, which is shown once.
pub(crate) struct CreatedKey {
    pub(crate) id: String,
    pub(crate) key: Secret,
    /// RFC 3339.
    pub(crate) expires_at: Option<String>,
}

impl Site {
    pub(crate) async fn keys(&self, user: &UserName) -> Result<Vec<Key>, Failure> {
        match self {
            Self::House(opened) => shown(&key::list(&opened.manage(), user).await?),
            Self::Server(client) => Ok(client.keys().list(user.as_str()).await?),
        }
    }

    pub(crate) async fn create_key(&self, user: UserName, label: Option<Label>, lifetime: Option<Duration>) -> Result<CreatedKey, Failure> {
        match self {
            Self::House(opened) => {
                let expires_at = lifetime.map(|lifetime| setup::now().after(lifetime));
                let made = key::create(&opened.manage(), NewKeyRequest { user, label, expires_at }).await?;
                Ok(CreatedKey { id: made.id.to_string(), key: made.text, expires_at: expires_at.map(|moment| moment.to_string()) })
            }
            Self::Server(client) => {
                let expires_in_days = lifetime.map(|lifetime| days(lifetime, "--expires")).transpose()?;
                let new = NewKey { label: label.map(|label| label.to_string()), expires_in_days };
                let made = client.keys().create(user.as_str(), &new).await?;
                Ok(CreatedKey { id: made.id, key: made.key, expires_at: made.expires_at })
            }
        }
    }

    /// With a user, only a key of theirs.
    pub(crate) async fn revoke_key(&self, id: ApiKeyId, user: Option<&UserName>) -> Result<Change, Failure> {
        match self {
            Self::House(opened) => {
                if let Some(user) = user {
                    let keys = key::list(&opened.manage(), user).await?;
                    let is_theirs = keys.iter().any(|known| known.id == id.to_string());
                    if !is_theirs {
                        return Err(Failure::new(
                            "key_unknown",
                            format!("there is no API key `{id}` of `{user}`"),
                            "list them with `sortie key list`",
                        ));
                    }
                }
                shown(&key::revoke(&opened.manage(), id).await?)
            }
            Self::Server(client) => {
                let user = match user {
                    Some(user) => user.to_string(),
                    None => client.keys().show(&id.to_string()).await?.user,
                };
                client.keys().revoke(&user, &id.to_string()).await?;
                Ok(Change { fields: vec!["revoked_at".to_owned()], ..change("key", id, Action::Updated) })
            }
        }
    }
}
