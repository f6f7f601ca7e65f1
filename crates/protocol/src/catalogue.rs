//! All protocols there are: a value, not a registry.

use crate::{
    Protocol, basic::Basic, custom::Custom, no_authentication::NoAuthentication, oauth_client_credentials::OAuthClientCredentials,
};

/// Every protocol, in the order in which they are shown.
pub const CATALOGUE: &[&dyn Protocol] = &[&NoAuthentication, &Basic, &Custom, &OAuthClientCredentials];

/// The protocol of this name, if there is one.
pub fn find(name: &str) -> Option<&'static dyn Protocol> {
    CATALOGUE.iter().copied().find(|protocol| protocol.name() == name)
}
