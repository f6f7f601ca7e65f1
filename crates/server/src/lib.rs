#![doc = include_str!("../README.md")]

mod admin;
pub mod audit;
mod config;
pub mod connect;
mod custody;
mod gateway;
mod house;
mod jwks;
pub mod manage;
mod node;
mod server;
mod signers;
mod world;

pub use config::{Admin, Audit, Config, ConfigError, Gateway, Key, TrustSettings, TrustedRoots};
pub use gateway::CoreError;
pub use house::{Anchors, House, HouseConfig, OpenError, new_id};
pub use node::{Node, NodeError};
pub use server::{Server, StartError};
pub use signers::{Signer, SignerError, Signers};
pub use world::outside_world;
