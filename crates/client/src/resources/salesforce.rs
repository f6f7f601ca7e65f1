//! The few parts of Salesforce's wider REST API: a query, and access to principals by ids.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::transport::{Ask, Mount};
use crate::{Client, ClientError};

/// Salesforce's REST API: `client.salesforce()`.
#[derive(Clone, Copy, Debug)]
pub struct Salesforce<'c>(pub(crate) &'c Client);

/// What a query found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryResult {
    /// How many records there are.
    pub total_size: u64,
    /// Whether these are all.
    pub done: bool,
    /// With the columns that were asked for, and `attributes`.
    pub records: Vec<Map<String, Value>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NewAccess<'a> {
    parent_id: &'a str,
    setup_entity_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NewPermissions<'a> {
    parent_id: &'a str,
    sobject_type: &'static str,
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

impl Salesforce<'_> {
    /// Asks for permission sets, profiles, external credentials, or which of the first enable which principals of the last:
    /// `SELECT Id FROM PermissionSet WHERE Name = 'Callers'`.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn query(&self, soql: &str) -> Result<QueryResult, ClientError> {
        self.0.ask(Ask::new(Method::GET, Mount::Salesforce, &["/query"]).query("q", soql)).await
    }

    /// Enables a principal on a permission set or a profile, by their ids. Gives the id of what was made.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn give_access(&self, parent_id: &str, setup_entity_id: &str) -> Result<String, ClientError> {
        let ask = Ask::new(Method::POST, Mount::Salesforce, &["/sobjects/SetupEntityAccess"]);
        let Made { id } = self.0.ask(ask.json(&NewAccess { parent_id, setup_entity_id })).await?;
        Ok(id)
    }

    /// Gives a permission set or a profile permission on what is stored for users, by its id, as scripts for Salesforce do beside [`Self::give_access`]; here it comes with
    /// that, and nothing changes. Gives the id of what is there.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn permit_stored_credentials(&self, parent_id: &str) -> Result<String, ClientError> {
        let ask = Ask::new(Method::POST, Mount::Salesforce, &["/sobjects/ObjectPermissions"]);
        let Made { id } = self.0.ask(ask.json(&NewPermissions { parent_id, sobject_type: "UserExternalCredential" })).await?;
        Ok(id)
    }

    /// Takes that away, by its own id.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn take_access(&self, id: &str) -> Result<(), ClientError> {
        self.0.tell(Ask::new(Method::DELETE, Mount::Salesforce, &["/sobjects/SetupEntityAccess/", id])).await
    }
}
