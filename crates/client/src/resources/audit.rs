//! The audit of the node that answers.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::transport::Ask;
use crate::{Client, ClientError};

/// The audit: `client.audit()`.
#[derive(Clone, Copy, Debug)]
pub struct Audit<'c>(pub(crate) &'c Client);

/// A record, exactly as it was written: its MAC is over these bytes.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct AuditRecord(Box<RawValue>);

impl AuditRecord {
    /// The JSON as it was written.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// Reads it; `None` if it is nothing like that.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.text()).ok()
    }
}

/// Some records, oldest first, and where it goes on.
#[derive(Clone, Debug, Deserialize)]
pub struct AuditPage {
    /// The records.
    pub records: Vec<AuditRecord>,
    next: String,
}

impl Audit<'_> {
    /// The last records, 1 to 1,000.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn last(&self, limit: u32) -> Result<AuditPage, ClientError> {
        self.0.ask(Ask::get(&["/audit"]).query("limit", limit)).await
    }

    /// The first records, 1 to 1,000.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn first(&self, limit: u32) -> Result<AuditPage, ClientError> {
        self.0.ask(Ask::get(&["/audit"]).query("limit", limit).query("from", "start")).await
    }

    /// What comes behind a page: perhaps nothing yet, and more when it is asked for again.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn behind(&self, page: &AuditPage) -> Result<AuditPage, ClientError> {
        self.0.ask(Ask::onward(&page.next, "/api/v1/audit?")).await
    }
}
