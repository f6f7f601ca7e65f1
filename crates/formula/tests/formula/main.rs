//! The language through its front door.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod allocations;
mod catalogue;
mod corpus;
mod dates;
mod numbers;
mod scope;
mod signing;
mod syntax;
mod text;
