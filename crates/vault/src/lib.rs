#![doc = include_str!("../README.md")]

mod context;
mod envelope;
mod id;
mod key;
mod keyring;
mod provider;
mod random;
mod rotation;
pub mod signing;
mod unseal;
mod vault;

pub use context::SealContext;
pub use id::{DeploymentId, KeyId};
pub use key::RootKey;
pub use keyring::{KeyState, KeyringEntry};
pub use provider::{KeyError, KeyProvider};
pub use random::{NoRandomness, Random, operating_system_random};
pub use rotation::RotationError;
pub use unseal::UnsealError;
pub use vault::{OpenError, Purpose, SealError, Vault, key_of};
