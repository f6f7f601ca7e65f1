//! What a sealed value is bound to: written as type, length, value, so that no two contexts ever give the same bytes.

use sortie_model::UserId;
use uuid::Uuid;

use crate::{DeploymentId, KeyId, KeyState};

/// Where a secret lives and where it may go. A value opens only under the very context that it was sealed under.
///
/// The caller fills this from the row it is reading, never from the sealed value: that is what makes a value that was copied into another
/// row, column or table, or a row whose destination was edited, refuse to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealContext<'a> {
    /// Table of the row.
    pub table: &'a str,
    /// Identity of the row.
    pub row: Uuid,
    /// Column, or the field within a document column.
    pub field: &'a str,
    /// The user whose secret it is; `None` for a secret that is shared.
    pub owner: Option<UserId>,
    /// Version of the secret in this row. It only grows, so that an older value put back is refused.
    pub version: i64,
    /// SHA-256 over everything that decides where the secret may be sent; all zero where a secret goes nowhere.
    pub destination: [u8; 32],
}

impl SealContext<'_> {
    pub(crate) fn bind(&self, deployment: DeploymentId) -> Binding {
        let Self { table, row, field, owner, version, destination } = self;
        let owner = owner.map(|owner| owner.as_uuid().into_bytes());
        Binding::new(b"nc-secret-v1", deployment)
            .with(3, table.as_bytes())
            .with(4, row.as_bytes())
            .with(5, field.as_bytes())
            // Absent is an empty value, which no user's 16 bytes can equal.
            .with(6, owner.as_ref().map_or(&[], |owner| owner.as_slice()))
            .with(7, &version.to_be_bytes())
            .with(8, destination)
    }
}

/// The context of a wrapped keyring key. Its state is bound too: an old key cannot be made active again by editing its row.
pub(crate) fn bind_keyring_entry(deployment: DeploymentId, id: KeyId, state: KeyState) -> Binding {
    Binding::new(b"nc-keyring-v1", deployment).with(10, &id.bytes()).with(11, state.as_str().as_bytes())
}

/// The label of a derived key.
pub(crate) fn bind_purpose(deployment: DeploymentId, purpose: &str) -> Binding {
    Binding::new(b"nc-derive-v1", deployment).with(12, purpose.as_bytes())
}

/// A list of fields: one byte of tag, four bytes of length (big-endian), the value. The first field is the domain, the second the
/// deployment, the rest in ascending order of tag.
#[derive(Clone)]
pub(crate) struct Binding(Vec<u8>);

impl Binding {
    fn new(domain: &[u8], deployment: DeploymentId) -> Self {
        Self(Vec::with_capacity(256)).with(1, domain).with(2, deployment.as_uuid().as_bytes())
    }

    pub(crate) fn with(mut self, tag: u8, value: &[u8]) -> Self {
        let length = u32::try_from(value.len()).expect("a table name, a field name or a header has less than 4 GiB");
        self.0.push(tag);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(value);
        self
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifting_a_byte_between_two_fields_changes_the_bytes() {
        let deployment = DeploymentId::from_uuid(Uuid::nil());
        let context = SealContext { table: "ab", row: Uuid::nil(), field: "c", owner: None, version: 1, destination: [0; 32] };
        let shifted = SealContext { table: "a", field: "bc", ..context };
        assert_ne!(context.bind(deployment).bytes(), shifted.bind(deployment).bytes());
    }

    #[test]
    fn no_owner_is_not_the_nil_owner() {
        let deployment = DeploymentId::from_uuid(Uuid::nil());
        let shared = SealContext { table: "t", row: Uuid::nil(), field: "f", owner: None, version: 1, destination: [0; 32] };
        let nil = SealContext { owner: Some(UserId::from_uuid(Uuid::nil())), ..shared };
        assert_ne!(shared.bind(deployment).bytes(), nil.bind(deployment).bytes());
    }
}
