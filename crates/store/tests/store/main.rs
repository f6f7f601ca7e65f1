//! One suite, run on both databases. PostgreSQL is a real server: `cargo xtask test` starts one and sets
//! `SORTIE_TEST_POSTGRES`; without it these tests fail and say so.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod backend;
mod fixtures;

mod auth_providers;
mod callback_urls;
mod certificates;
mod changes;
mod credential_values;
mod definitions;
mod external_auth_identity_providers;
mod faults;
mod grants;
mod idempotency;
mod kill;
mod logins;
mod opening;
mod owed_revocations;
mod provider_values;
mod records;
mod sign_in;
mod users;
