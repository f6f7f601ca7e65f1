//! The command line, by running the real binary on a data directory of its own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod harness;

mod apply;
mod auth;
mod call;
mod callers;
mod certificate;
mod formula;
mod help;
mod house;
mod json;
mod leaks;
mod presign;
mod provider;
mod remote;
mod secrets;
mod status;
