//! What admins do: one folder a resource, one file an operation.

pub mod key;
pub mod secret;
