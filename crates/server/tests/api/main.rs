//! The management API, over HTTP, against a running server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests over HTTP meet the real clock and real threads")]

mod callers;
mod certificates;
mod credential;
mod discoveries;
mod document;
mod edges;
mod example;
mod external_credential;
mod formulas;
mod idempotency;
mod identity_provider;
mod mounts;
mod named_credential;
mod office;
mod own;
mod replay;
mod routes;
mod schemathesis;
mod sobjects;
mod values;
mod verification;
mod whereabouts;
