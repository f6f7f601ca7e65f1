//! The promises of the vault, through its front door. The ids (CRY-01 …) are those of the attack catalogue.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod attacks;
mod errors;
mod key_provider;
mod keyring;
mod no_leak;
mod random;
mod signing;
mod support;
mod vectors;
