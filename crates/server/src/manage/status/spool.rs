//! What waits on a node's disk for the database.

use serde::Serialize;
use utoipa::ToSchema;

use crate::house::SpoolState;

/// Renewed logins that the database has not taken yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Spool)]
pub struct SpoolView {
    /// How many wait. A running server brings them to the database.
    pub waiting: usize,
    /// Why none could be written down, if so.
    #[schema(required = true)]
    pub problem: Option<String>,
}

impl From<SpoolState> for SpoolView {
    fn from(SpoolState { directory: _, waiting, problem }: SpoolState) -> Self {
        Self { waiting, problem }
    }
}
