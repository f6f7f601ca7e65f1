//! All protocols there are: a value, not a registry.

use crate::Protocol;
use crate::aws_access_key::AwsAccessKey;
use crate::aws_roles_anywhere::AwsRolesAnywhere;
use crate::aws_sts::AwsSts;
use crate::basic::Basic;
use crate::custom::Custom;
use crate::jwt::Jwt;
use crate::no_authentication::NoAuthentication;
use crate::oauth_browser::OAuthBrowser;
use crate::oauth_client_assertion::OAuthClientAssertion;
use crate::oauth_client_credentials::OAuthClientCredentials;
use crate::oauth_jwt_bearer::OAuthJwtBearer;
use crate::oauth_managed::OAuthManaged;

/// Every protocol, in the order in which they are shown.
pub const CATALOGUE: &[&dyn Protocol] = &[
    &NoAuthentication,
    &Basic,
    &Custom,
    &Jwt,
    &OAuthBrowser,
    &OAuthClientCredentials,
    &OAuthManaged,
    &OAuthClientAssertion,
    &OAuthJwtBearer,
    &AwsAccessKey,
    &AwsSts,
    &AwsRolesAnywhere,
];

/// The protocol of this name, if there is one.
pub fn find(name: &str) -> Option<&'static dyn Protocol> {
    CATALOGUE.iter().copied().find(|protocol| protocol.name() == name)
}
