//! The crate from outside, against real servers on loopback.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests meet the real clock and real threads")]
#![allow(unreachable_pub, reason = "one test program")]

mod answer;
mod assertions;
mod certificates;
mod client_certificates;
mod common;
mod connect;
mod egress;
mod front;
mod plugin;
mod pool;
mod raw;
mod request;
mod tls;
