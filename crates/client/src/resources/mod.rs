//! One file a resource: what it is asked, and what it answers. The shapes are the server's; the tests of the command line compare them with a running one.

mod audit;
mod certificate_versions;
mod certificates;
mod change;
mod credentials;
mod definitions;
mod explain;
mod external_credentials;
mod formulas;
mod identity_providers;
mod keys;
mod logins;
mod named_credentials;
mod permission_sets;
mod presign;
mod principal_access;
mod providers;
mod salesforce;
mod secret;
mod status;
mod users;
mod values;

pub use audit::{Audit, AuditFinding, AuditPage, AuditRecord, AuditVerification, VerifiedLane};
pub use certificate_versions::{CertificateName, CertificateToRequest, Handover, KeyAndChain, RequestedCertificate};
pub use certificates::{Certificate, CertificateSummary, CertificateVersion, Certificates, NewCertificate, Subject, VersionStanding};
pub use change::{Action, Change};
pub use credentials::{AuthUrl, Credential, CredentialPlace, CredentialValues, Credentials, PrincipalType, StoredValue};
pub use definitions::{ApplyMode, Applying, Definitions, Unlisted};
pub use explain::{LastFailure, Plan, PlannedCertificate, PlannedPrincipal, PlannedRefusal, PlannedSignature, TokenState};
pub use external_credentials::{
    AccessSummary, CustomHeader, ExternalCredential, ExternalCredentialPrincipal, ExternalCredentials, NewExternalCredential, NewPrincipal,
    Parameter, Related,
};
pub use formulas::{EvaluatedFormula, FormulaTrial, Formulas, ReadFormula};
pub use identity_providers::{IdentityProvider, IdentityProviderParameter, IdentityProviders, NewIdentityProvider, ProviderCredential};
pub use keys::{Key, KeyState, Keys, MadeKey, NewKey, OwnedKey};
pub use logins::{Login, LoginStanding, Logins, ProviderTold, RevokedLogin, UnrevokedLogin};
pub use named_credentials::{CalloutOptions, NamedCredential, NamedCredentials, NewNamedCredential};
pub use permission_sets::{PermissionSet, PermissionSets, Profiles};
pub use presign::{Presign, Presigned};
pub use principal_access::{Access, Grantee, PrincipalAccess};
pub use providers::{AuthProvider, DiscoveredProvider, Provider, ProviderParameter, ProviderSummary, ProviderToDiscover, Providers};
pub use salesforce::{QueryResult, Salesforce};
pub use status::{
    CredentialHealth, CredentialReport, ManagerReport, MissingStep, PlaceReport, PresentedReport, PrincipalReport, SnapshotVersions,
    SpoolReport, Status, StatusOverview, UnrevokedReport,
};
pub use users::{NewUser, User, UserChange, UserPages, Users};
pub use values::{ValueState, Values};
