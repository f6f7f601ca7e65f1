//! The crate from outside, against real servers on loopback.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;
mod egress;
mod pool;
