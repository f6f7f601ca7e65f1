#![doc = include_str!("../README.md")]

mod aws_access_key;
mod aws_roles_anywhere;
mod aws_sts;
mod basic;
mod catalogue;
mod certificate_setting;
mod claims;
#[cfg(test)]
mod conformance;
mod custom;
mod discovery;
mod field;
mod grant;
mod jwt;
mod login;
mod no_authentication;
mod oauth_browser;
mod oauth_client_assertion;
mod oauth_client_credentials;
mod oauth_jwt_bearer;
mod oauth_managed;
mod obtain_error;
mod proof;
mod protocol;
mod provider;
mod remedy;
mod salesforce;
pub mod shared;
mod signer;
mod staleness;
mod status;
mod tags;
#[cfg(test)]
mod testing;
mod world;

pub use catalogue::{CATALOGUE, find};
pub use certificate_setting::{CertificateSetting, certificate_settings};
pub use claims::{ClaimFault, Claims, Evaluated, Part};
pub use discovery::{Discovered, DiscoveryError, FromAfar, discover};
pub use field::{Field, Kind, Need, Place, Secrecy, check_principal_settings, check_settings};
pub use grant::{Grant, Material, Values};
pub use login::{Account, Brought, Login, LoginRequest, Revoked, account, note_account, scope_asked_for};
pub use obtain_error::{NoLogin, ObtainError};
pub use proof::{Proof, ProveError};
pub use protocol::{Completeness, Parameters, Protocol, Renewal};
pub use provider::{
    PROVIDER_FIELDS, Provider, ProviderField, ProviderSetting, check_provider_value, needs_provider, provider_fields, provider_setting,
    provider_values, usable_provider,
};
pub use remedy::{ProviderError, Remedy};
pub use salesforce::{
    ROLE_SETTING, SALESFORCE_NAMES, SALESFORCE_PARAMETER_TYPES, SalesforceName, SalesforceParameter, SalesforceParameterType, TokenSource,
    is_salesforce_protocol, salesforce_fields, salesforce_name, salesforce_parameter, salesforce_protocol, salesforce_value_name,
};
pub use signer::{Signer, SignerError};
pub use sortie_model::SigningAlgorithm;
pub use staleness::{Finding, Staleness};
pub use status::{
    CertificateFacts, CredentialFacts, PrincipalFacts, PrincipalStatus, ProviderFacts, Reach, credential_status, principal_status,
};
pub use tags::Tags;
pub use world::{Answer, Ask, AskError, Pending, World};
