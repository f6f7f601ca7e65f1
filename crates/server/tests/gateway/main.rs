//! The gateway through its front door: real sockets, a real database, a real upstream.

#![allow(clippy::unwrap_used, clippy::panic, dead_code, reason = "tests")]

mod first_callout;
mod support;
