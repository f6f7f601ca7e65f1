//! What a callout promises, from its own front door: real steps, with a scripted provider, upstream, custody and audit around them.
//!
//! Ids in comments are those of the attack and fault catalogues (AZ, CACHE, HDR, TOK, REL-T, …).

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod answers;
mod assertions;
mod assumed;
mod authorization;
mod client_certificates;
mod cluster;
mod explained;
mod formulas;
mod headers;
mod held;
mod identity_provider;
mod isolation;
mod login_renewals;
mod logins;
mod records;
mod refresh;
mod renewal;
mod signed;
mod staleness;
mod support;
mod targets;
