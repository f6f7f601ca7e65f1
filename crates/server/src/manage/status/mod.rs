//! Authentication status of everything: complete or not, what is missing, and beside it how it went lately.

mod report;

pub use report::{CredentialReport, HealthReport, ManagerReport, PlaceReport, PrincipalReport, StatusError, UnrevokedReport, status};
pub(in crate::manage) use report::{Facts, StoredFacts};
