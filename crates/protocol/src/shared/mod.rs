//! Parts that several protocols share.

pub mod assertion;
pub mod aws;
pub mod aws_error;
pub mod aws_session;
pub mod client_auth;
pub mod ecdsa;
pub mod form;
pub mod id_token;
pub mod jwt;
pub mod key_set;
pub mod oauth;
pub mod plugin;
pub mod possession;
pub mod request_parameters;
pub mod said;
pub mod serial;
pub mod signed_client_secret;
pub mod sigv4;
pub mod standard_webhooks;
pub mod token_endpoint;
