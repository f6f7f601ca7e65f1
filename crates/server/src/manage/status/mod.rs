//! Authentication status of everything: complete or not, what is missing, and beside it how it went lately.

mod presented;
mod report;
mod spool;

pub use presented::PresentedReport;
pub(in crate::manage) use presented::UnusableKeys;
pub use report::{CredentialReport, HealthReport, ManagerReport, PlaceReport, PrincipalReport, StatusError, UnrevokedReport, status};
pub(in crate::manage) use report::{Facts, StoredFacts};
pub use spool::SpoolView;
