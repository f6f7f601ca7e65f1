#![doc = include_str!("../README.md")]
#![allow(clippy::disallowed_methods, reason = "tests meet the real clock, the real environment and real threads")]

pub mod authority;
pub mod browser;
pub mod held_front;
pub mod keys;
pub mod peers;
pub mod plain_http;
mod port;
pub mod tls_front;
pub mod upstream;
mod wire;

pub use port::free_port;
