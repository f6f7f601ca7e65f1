//! The audit of the node that answers.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
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

/// Whether anybody has tampered with the audit of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditVerification {
    /// One for each file.
    pub lanes: Vec<VerifiedLane>,
    /// Whether nothing is wrong with any of them.
    pub intact: bool,
    /// How many lanes are kept elsewhere, by other nodes or in an earlier directory.
    pub lanes_elsewhere: usize,
}

/// What was verified of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedLane {
    /// The lane.
    pub lane: String,
    /// How many records stand in an unbroken chain from the first one.
    pub records: u64,
    /// How many behind them were not written to their end: nothing vouches for them.
    pub unfinished: u64,
    /// What is wrong, if anything is.
    pub finding: Option<AuditFinding>,
}

/// What is wrong with a file of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AuditFinding {
    /// A record is not the one that was written there.
    Broken {
        /// Line of the file, from 1: the first one that may be meant.
        line: u64,
        /// The last one.
        last_line: u64,
        /// The number that belongs there.
        expected_sequence: u64,
        /// The number found there, if it can be read.
        found_sequence: Option<u64>,
    },
    /// Records at the end are gone.
    Truncated {
        /// The last record there.
        last_sequence: u64,
        /// One that was there.
        anchored_sequence: u64,
    },
    /// It was made anew.
    Replaced {
        /// The record that was another.
        anchored_sequence: u64,
    },
    /// It is gone.
    Missing {
        /// The last record that is known to have been there.
        anchored_sequence: u64,
    },
}

impl Audit<'_> {
    /// Whether anybody has tampered with it, by the chain's key and the anchors in the database.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn verify(&self) -> Result<AuditVerification, ClientError> {
        self.0.ask(Ask::get(&["/audit/verification"])).await
    }

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

    /// The same in pages of another size than the first one, 1 to 1,000: who follows wants to see few records at first, and to keep up then.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn behind_up_to(&self, page: &AuditPage, limit: u32) -> Result<AuditPage, ClientError> {
        let (path, query) = page.next.split_once('?').unwrap_or((&page.next, ""));
        let others = query.split('&').filter(|parameter| !parameter.starts_with("limit="));
        let query: String = others.map(|parameter| format!("&{parameter}")).collect();
        self.0.ask(Ask::onward(&format!("{path}?limit={limit}{query}"), "/api/v1/audit?")).await
    }
}
