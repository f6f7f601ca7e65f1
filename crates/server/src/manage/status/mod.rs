//! Authentication status of everything: complete or not, what is missing, and beside it how it went lately.

mod report;
mod spool;

pub use report::{CredentialReport, HealthReport, ManagerReport, PlaceReport, PrincipalReport, StatusError, UnrevokedReport, status};
pub(in crate::manage) use report::{Facts, StoredFacts};
pub use spool::SpoolView;
