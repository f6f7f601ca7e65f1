//! What a definition may say, and how it is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod reading;
mod refusals;
mod secrets;
