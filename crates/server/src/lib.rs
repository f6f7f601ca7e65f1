#![doc = include_str!("../README.md")]

mod admin;
pub mod api;
pub mod audit;
mod config;
pub mod connect;
mod console;
mod custody;
mod gateway;
mod house;
mod jwks;
pub mod manage;
mod node;
mod public_url;
mod server;
mod sign_in;
mod signers;
mod spool;
mod world;

pub use config::{Admin, Audit, Config, ConfigError, Gateway, Key, OpenIdProvider, SignIn, TrustSettings, TrustedRoots};
pub use gateway::CoreError;
pub use house::{Anchors, House, HouseConfig, OpenError, SpoolState, new_id};
pub use node::{Node, NodeError};
pub use public_url::PublicUrl;
pub use server::{Server, StartError};
pub use signers::{Signer, SignerError, Signers};
pub use sortie_store::StoredUser;
pub use world::outside_world;
