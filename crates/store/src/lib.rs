#![doc = include_str!("../README.md")]

mod api_keys;
mod audit_anchors;
mod auth_providers;
mod callback_urls;
mod certificates;
mod change;
mod credential_values;
mod db;
mod definitions;
mod deployment;
mod error;
mod external_auth_identity_providers;
mod external_credentials;
mod feed;
mod grants;
mod health;
mod idempotency;
mod identity;
mod keyring;
mod location;
mod logins;
mod migrations;
mod named_credentials;
mod openid_identities;
mod owed_revocations;
mod passwords;
mod permission_sets;
mod principal_access;
mod principals;
mod profiles;
mod provider_values;
mod sessions;
mod sign_in_failures;
mod store;
mod users;

pub use api_keys::{ApiKeyChanges, ApiKeys, StoredCaller, StoredUser};
pub use audit_anchors::{Anchor, AuditAnchors};
pub use auth_providers::AuthProviderChanges;
pub use callback_urls::{AcceptedCallback, CallbackUrls};
pub use certificates::{CertificateChanges, Certificates};
pub use change::Change;
pub use credential_values::{CredentialValueChanges, CredentialValues, StoredValue, ValueHead, ValueSummary};
pub use db::Fault;
pub use definitions::Definitions;
pub use deployment::{Edition, Generation, Progress};
pub use error::{ChangeError, OpenError, ReadError, WriteError};
pub use external_auth_identity_providers::ExternalAuthIdentityProviderChanges;
pub use external_credentials::ExternalCredentialChanges;
pub use grants::{
    ANNOUNCED_FOR, Abandoned, Announced, Committed, Failure, GrantIdentity, GrantState, Grants, Lease, LeaseOutcome, LeaseRequest,
    Released, Replacement, SealedGrant, StoredGrant,
};
pub use health::HealthRecords;
pub use idempotency::{IdempotencyKeys, KeyedRequest, StoredRequest};
pub use identity::Identity;
pub use keyring::{Initialised, Keyring, Replaced, StoredKey};
pub use location::{Location, LocationError};
pub use logins::{LoginStage, Logins, NewLogin, StoredLogin};
pub use named_credentials::NamedCredentialChanges;
pub use openid_identities::{OpenIdIdentities, OpenIdIdentityChanges};
pub use owed_revocations::{NewlyOwed, OwedRevocation, OwedRevocations, OwedState, OwedSummary};
pub use passwords::{PasswordChanges, Passwords, StoredPassword};
pub use permission_sets::PermissionSetChanges;
pub use principal_access::PrincipalAccessChanges;
pub use principals::PrincipalChanges;
pub use profiles::ProfileChanges;
pub use provider_values::{ProviderValueChanges, ProviderValues};
pub use sessions::{SessionHash, Sessions, SignInMethod, StoredSession};
pub use sign_in_failures::SignInFailures;
pub use store::Store;
pub use users::{UserChanges, Users};

/// What a column of JSON holds.
fn json(value: &impl serde::Serialize) -> db::Value {
    serde_json::to_string(value).expect("the model's types have text keys and finite numbers").into()
}
