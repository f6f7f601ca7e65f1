//! Parts that several protocols share.

pub mod assertion;
pub mod client_auth;
pub mod form;
pub mod jwt;
pub mod oauth;
pub mod request_parameters;
pub mod token_endpoint;
