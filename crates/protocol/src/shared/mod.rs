//! Parts that several protocols share.

pub mod assertion;
pub mod aws;
pub mod client_auth;
pub mod form;
pub mod jwt;
pub mod oauth;
pub mod sigv4;
pub mod token_endpoint;
