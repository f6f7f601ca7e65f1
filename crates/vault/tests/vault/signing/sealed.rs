//! Private keys at rest, and that they show themselves nowhere.

use sortie_model::{KeyAlgorithm, SecretBytes};
use sortie_vault::SealContext;
use sortie_vault::signing::{OpenKeyError, SigningKey};
use uuid::Uuid;

use crate::support::vault;

fn context(row: u128) -> SealContext<'static> {
    SealContext {
        table: "certificate_versions",
        row: Uuid::from_u128(row),
        field: "private_key",
        owner: None,
        version: 1,
        destination: [7; 32],
    }
}

#[test]
fn a_sealed_key_opens_in_its_place_and_beside_its_public_key_only() {
    let (vault, _) = vault();
    for kind in KeyAlgorithm::ALL {
        let (key, other) = (SigningKey::generate(kind).unwrap(), SigningKey::generate(kind).unwrap());
        let sealed = vault.seal_key(&context(1), &key).unwrap();
        let opened = vault.open_key(&context(1), &sealed, key.public_key()).unwrap();
        assert_eq!((opened.algorithm(), opened.public_key()), (kind, key.public_key()));
        let elsewhere = vault.open_key(&context(2), &sealed, key.public_key()).unwrap_err();
        assert_eq!(elsewhere.code(), "sealed_value_tampered");
        let another = vault.open_key(&context(1), &sealed, other.public_key()).unwrap_err();
        assert_eq!(another, OpenKeyError::AnotherKey);
    }
    let password = vault.seal(&context(1), &SecretBytes::new("SECRET-password")).unwrap();
    assert_eq!(vault.open_key(&context(1), &password, &[]).unwrap_err().code(), "private_key_mismatch");
}

#[test]
fn a_key_does_not_print_itself() {
    let key = SigningKey::import(&SecretBytes::new(include_str!("../../../vectors/rfc8037_a1_pkcs8.pem"))).unwrap();
    assert_eq!(format!("{key:?}"), "SigningKey { algorithm: Ed25519, .. }");
}
