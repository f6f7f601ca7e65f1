//! The management API, over HTTP, against a running server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests over HTTP meet the real clock and real threads")]

mod callers;
mod credential;
mod document;
mod example;
mod external_credential;
mod idempotency;
mod identity_provider;
mod mounts;
mod named_credential;
mod office;
mod own;
mod replay;
mod routes;
mod sobjects;
mod whereabouts;
