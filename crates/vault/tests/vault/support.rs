//! A vault to attack, and places to put secrets in.

use sortie_model::{SecretBytes, UserId};
use sortie_vault::{DeploymentId, KeyringEntry, RootKey, SealContext, Vault, operating_system_random};
use uuid::Uuid;

pub(crate) const PLAIN: &[u8] = b"SECRET-hunter2";

pub(crate) fn root(byte: u8) -> RootKey {
    RootKey::from_bytes(&SecretBytes::new([byte; 32])).unwrap()
}

pub(crate) fn deployment(number: u128) -> DeploymentId {
    DeploymentId::from_uuid(Uuid::from_u128(number))
}

pub(crate) fn user(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

/// A vault of deployment 1 under `root(1)`, and its keyring.
pub(crate) fn vault() -> (Vault, KeyringEntry) {
    Vault::initialise(&root(1), deployment(1), operating_system_random).unwrap()
}

pub(crate) fn unseal(entries: &[KeyringEntry]) -> Result<Vault, &'static str> {
    Vault::unseal(&root(1), deployment(1), entries, operating_system_random).map_err(|error| error.code())
}

pub(crate) fn place() -> SealContext<'static> {
    SealContext { table: "grant", row: Uuid::from_u128(7), field: "access_token", owner: Some(user(9)), version: 3, destination: [5; 32] }
}

pub(crate) fn seal(vault: &Vault) -> Vec<u8> {
    vault.seal(&place(), &SecretBytes::new(PLAIN)).unwrap()
}

/// What opening at `place()` says: the plaintext or the code.
pub(crate) fn open(vault: &Vault, sealed: &[u8]) -> Result<Vec<u8>, &'static str> {
    open_at(vault, &place(), sealed)
}

pub(crate) fn open_at(vault: &Vault, place: &SealContext<'_>, sealed: &[u8]) -> Result<Vec<u8>, &'static str> {
    vault.open(place, sealed).map(|plain| plain.expose().to_vec()).map_err(|error| error.code())
}
