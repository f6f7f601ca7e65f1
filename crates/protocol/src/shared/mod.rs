//! Parts that several protocols share.

pub mod client_auth;
pub mod form;
pub mod token_endpoint;
