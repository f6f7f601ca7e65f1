#![doc = include_str!("../README.md")]

mod definition;
mod problem;
mod yaml;

pub use definition::{
    AccessDefinition, AuthProviderDefinition, Definition, ExternalAuthIdentityProviderDefinition, ExternalCredentialDefinition,
    NamedCredentialDefinition, PrincipalDefinition, UserDefinition, ValueSource,
};
pub use problem::{Place, Problem};
