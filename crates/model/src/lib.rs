#![doc = include_str!("../README.md")]

mod auth_provider;
mod authorization_server;
mod certificate;
mod client_authentication;
mod custom_header;
mod endpoint;
mod external_auth_identity_provider;
mod external_credential;
mod id;
mod identity_provider;
mod name;
mod named_credential;
mod organization;
pub mod path;
mod permission;
mod quirks;
mod renewal_rule;
mod request_parameter;
mod secret;
mod signing;
mod status;
mod timestamp;
mod user;
mod violation;

pub use auth_provider::{AuthProvider, AuthProviderKind, AuthProviderWishes, Preset, PresetSetting, SettingForm, SignedClientSecret};
pub use authorization_server::{AuthorizationServer, ClientValues, Issuer, Scopes};
pub use certificate::{Certificate, CertificateVersion, Issued, Origin, VersionState};
pub use client_authentication::ClientAuthentication;
pub use custom_header::{CustomHeader, parse_forwarded_header};
pub use endpoint::{Endpoint, Host, Scheme, ServiceUrl};
pub use external_auth_identity_provider::{AuthenticationFlow, ExternalAuthIdentityProvider};
pub use external_credential::{ExternalCredential, IdentityType, Principal, Settings, StatusCodes};
pub use id::{
    AuthProviderId, CertificateId, CertificateVersionId, ExternalAuthIdentityProviderId, ExternalCredentialId, NamedCredentialId,
    PermissionSetId, PrincipalId, ProfileId, UserId,
};
pub use identity_provider::{IdentityProvider, IdentityProviderId, IdentityProviderKind};
pub use name::{ApiName, Label, MAX_NAME_LENGTH, UserName};
pub use named_credential::{CallerFormulas, NamedCredential, Timeouts};
pub use organization::Organization;
pub use permission::{Grantee, PermissionSet, PrincipalAccess, Profile, SystemPermission, SystemPermissions};
pub use quirks::{
    AccountFields, ClientSecret, ErrorShape, Nonce, Plugin, ProofKey, Quirks, RevocationRequest, ScopeParameter, ScopeSeparator,
    TokenPlace, TokenRenewal, UserInfoRequest,
};
pub use renewal_rule::{MAX_RENEWAL_RULES, RenewalRule, RenewalSign};
pub use request_parameter::{ParameterKind, ParameterPlace, RequestParameter};
pub use secret::{Secret, SecretBytes};
pub use signing::{KeyAlgorithm, KeyIdentifier, SigningAlgorithm};
pub use sortie_formula::Template;
pub use status::{AuthenticationStatus, Health, MissingStep};
pub use timestamp::{Timestamp, optional_timestamp_as_text, timestamp_as_text};
pub use user::{ApiKey, ApiKeyId, Attributes, User, check_attribute, find_attribute};
pub use violation::{Violation, Violations};
