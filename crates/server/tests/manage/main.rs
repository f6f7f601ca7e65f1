//! Management through its own front door, on both databases. PostgreSQL is a real server: `cargo xtask test` starts one and sets
//! `SORTIE_TEST_POSTGRES`; without it these tests fail and say so.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod fixture;

mod apply_access;
mod apply_idempotent;
mod apply_refusals;
mod apply_values;
mod audit;
mod auth_providers;
mod callers;
mod certificates;
mod certificates_renewal;
mod discovery;
mod external_auth_identity_providers;
mod principals;
mod removal;
mod secrets;
mod status;
