//! The format is pinned by vectors from a second implementation (`vectors/make.py`).

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};

use sortie_model::{SecretBytes, UserId};
use sortie_vault::{DeploymentId, KeyId, KeyState, KeyringEntry, NoRandomness, Purpose, RootKey, SealContext, Vault};
use uuid::Uuid;

const VECTORS: &str = include_str!("../../vectors/format_1.txt");

thread_local! {
    static SCRIPT: RefCell<VecDeque<Vec<u8>>> = const { RefCell::new(VecDeque::new()) };
}

/// Chance that says what the script says.
fn scripted(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    let next = SCRIPT.with_borrow_mut(VecDeque::pop_front).ok_or(NoRandomness)?;
    bytes.copy_from_slice(&next);
    Ok(())
}

struct Vectors(HashMap<&'static str, Vec<u8>>);

impl Vectors {
    fn read() -> Self {
        let lines = VECTORS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(lines.map(|line| line.split_once(" =").unwrap()).map(|(name, hex)| (name, unhex(hex.trim()))).collect())
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        self.0.get(name).unwrap_or_else(|| panic!("no vector {name}")).clone()
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).unwrap()
    }

    fn uuid(&self, name: &str) -> Uuid {
        Uuid::from_slice(&self.bytes(name)).unwrap()
    }

    fn root(&self) -> RootKey {
        RootKey::from_bytes(&SecretBytes::new(self.bytes("root"))).unwrap()
    }

    fn deployment(&self) -> DeploymentId {
        DeploymentId::from_uuid(self.uuid("deployment"))
    }

    fn vault(&self) -> Vault {
        let entry = KeyringEntry { id: KeyId::from_uuid(self.uuid("key_id")), state: KeyState::Active, wrapped: self.bytes("wrapped") };
        Vault::unseal(&self.root(), self.deployment(), &[entry], scripted).unwrap()
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|index| u8::from_str_radix(&hex[index..index + 2], 16).unwrap()).collect()
}

#[test]
fn a_keyring_entry_has_the_bytes_of_the_second_implementation() {
    let vectors = Vectors::read();
    SCRIPT.set(["key_id", "key", "wrap_salt"].map(|name| vectors.bytes(name)).into());
    let (_, entry) = Vault::initialise(&vectors.root(), vectors.deployment(), scripted).unwrap();
    assert_eq!(entry.wrapped, vectors.bytes("wrapped"));
    assert_eq!(entry.id.as_uuid(), vectors.uuid("key_id"));
}

#[test]
fn derived_keys_have_the_bytes_of_the_second_implementation() {
    let vectors = Vectors::read();
    let vault = vectors.vault();
    for (purpose, name) in
        [(Purpose::AuditChain, "derived_audit_chain"), (Purpose::RowMac, "derived_row_mac"), (Purpose::Fingerprint, "derived_fingerprint")]
    {
        assert_eq!(vault.derive(purpose).expose(), vectors.bytes(name), "{name}");
    }
}

#[test]
fn sealed_values_have_the_bytes_of_the_second_implementation_and_open() {
    let vectors = Vectors::read();
    let vault = vectors.vault();
    for case in ["shared", "owned", "empty", "long"] {
        let name = |part: &str| format!("{case}_{part}");
        let (table, field) = (vectors.text(&name("table")), vectors.text(&name("field")));
        let place = SealContext {
            table: &table,
            row: vectors.uuid(&name("row")),
            field: &field,
            owner: Uuid::from_slice(&vectors.bytes(&name("owner"))).ok().map(UserId::from_uuid),
            version: i64::from_be_bytes(vectors.bytes(&name("version")).try_into().unwrap()),
            destination: vectors.bytes(&name("destination")).try_into().unwrap(),
        };
        let (plain, sealed) = (vectors.bytes(&name("plain")), vectors.bytes(&name("sealed")));
        assert_eq!(vault.open(&place, &sealed).unwrap().expose(), plain, "{case}");
        SCRIPT.set([vectors.bytes(&name("salt"))].into());
        assert_eq!(vault.seal(&place, &SecretBytes::new(plain)).unwrap(), sealed, "{case}");
    }
}
