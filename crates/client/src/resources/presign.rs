//! URLs that anybody can use for a while.

use serde::{Deserialize, Serialize};
use sortie_model::Secret;

use super::secret::taken;
use crate::transport::Ask;
use crate::{Client, ClientError};

/// What may be called with the URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Presign {
    /// `callout:Name/path?query`.
    pub target: String,
    /// How it will be called; `GET` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// For how long it is good, up to 7 days; 15 minutes if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_seconds: Option<u64>,
}

/// A URL that was made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Presigned {
    /// Whoever has it may do what it says.
    #[serde(deserialize_with = "taken")]
    pub url: Secret,
    /// Until when, RFC 3339.
    pub expires_at: String,
}

impl Client {
    /// Makes a URL that anybody can use for a while, under the permissions of the key's user.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn presign(&self, wanted: &Presign) -> Result<Presigned, ClientError> {
        self.ask(Ask::post(&["/presign"]).json(wanted)).await
    }
}
