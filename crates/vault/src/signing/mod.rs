//! Signing keys and their certificates: made or imported, sealed, parsed once, and then only used.
//!
//! A private key leaves this crate in one shape only, sealed. Whoever holds a [`SigningKey`] can sign with it and cannot read it.

mod certificate;
mod chain;
mod describe;
mod import;
mod key;
mod pkcs12;
mod public;
mod sealing;

pub use certificate::{IssueError, Subject, request, self_sign};
pub use chain::{ChainError, read_certificates, verify_chain};
pub use describe::{Description, describe, to_pem};
pub use import::{ImportError, MAX_IMPORT_BYTES};
pub use key::{GenerateError, SignError, SigningKey};
pub use pkcs12::read_pkcs12;
pub use public::PublicKey;
pub use sealing::OpenKeyError;
