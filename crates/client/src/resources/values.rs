//! Stored values of principals, one by one, under the names that definitions give them. Secrets go in and never come out.

use serde::{Deserialize, Serialize};
use sortie_model::Secret;

use super::Change;
use super::secret::Exposed;
use crate::transport::Ask;
use crate::{Client, ClientError};

const CREDENTIAL: &str = "/external-credentials/";
const PRINCIPAL: &str = "/principals/";

/// Stored values of principals: `client.values()`. At a Per User principal they are the key's own user's.
#[derive(Clone, Copy, Debug)]
pub struct Values<'c>(pub(crate) &'c Client);

/// What is known of a value: never itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueState {
    /// Its name.
    pub name: String,
    /// Its name for people, if the protocol declares it.
    pub label: Option<String>,
    /// Whether a callout needs it.
    pub required: bool,
    /// Whether it is stored.
    pub set: bool,
    /// How often it was stored.
    pub version: Option<i64>,
    /// When it was stored last, RFC 3339.
    pub updated_at: Option<String>,
    /// Where it comes from, if it is stored elsewhere: `provider:Okta`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

#[derive(Serialize)]
pub(super) struct OneValue<'a> {
    value: Exposed<'a>,
}

impl<'a> OneValue<'a> {
    pub(super) const fn of(value: &'a Secret) -> Self {
        Self { value: Exposed(value) }
    }
}

#[derive(Deserialize)]
pub(super) struct Listed {
    pub(super) values: Vec<ValueState>,
}

impl Values<'_> {
    /// Which values of a principal are stored, and which are missing.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn list(&self, external_credential: &str, principal: &str) -> Result<Vec<ValueState>, ClientError> {
        let Listed { values } = self.0.ask(Ask::get(&[CREDENTIAL, external_credential, PRINCIPAL, principal, "/values"])).await?;
        Ok(values)
    }

    /// Stores one value in place of the one before. What is stored besides stays.
    ///
    /// # Errors
    /// A [`ClientError`]; it never holds the value.
    pub async fn set(&self, external_credential: &str, principal: &str, name: &str, value: &Secret) -> Result<Change, ClientError> {
        let ask = Ask::put(&[CREDENTIAL, external_credential, PRINCIPAL, principal, "/values/", name]);
        self.0.ask(ask.json(&OneValue::of(value))).await
    }

    /// Removes one value.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn remove(&self, external_credential: &str, principal: &str, name: &str) -> Result<Change, ClientError> {
        self.0.ask(Ask::delete(&[CREDENTIAL, external_credential, PRINCIPAL, principal, "/values/", name])).await
    }
}
