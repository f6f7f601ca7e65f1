#![doc = include_str!("../README.md")]

pub mod peers;
pub mod plain_http;
pub mod upstream;
mod wire;
