//! No refresh token is lost, and none is used twice, whatever happens to the processes and the database between a provider's answer and the commit: the real binary,
//! npm's `oidc-provider`, which ends a login when a refresh token comes a second time, and PostgreSQL. Group REL-T.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "processes that are killed and stopped live in real time")]

#[path = "../command/harness.rs"]
#[allow(dead_code, reason = "not all of it is used here")]
mod harness;
mod scene;

mod grace;
mod killed;
mod revoked;
mod without_database;
