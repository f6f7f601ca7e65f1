//! Offline edits of sealed values: each is refused, with a stable code.

use std::collections::HashSet;

use proptest::prelude::*;
use sortie_model::SecretBytes;
use sortie_vault::{SealContext, Vault, key_of, operating_system_random};
use uuid::Uuid;

use crate::support::{PLAIN, deployment, open, open_at, place, root, seal, unseal, user, vault};

/// Start of the salt: everything from here on is caught by commitment or tag.
const SALT: usize = 20;

#[test]
fn cry_01_every_flipped_bit_is_refused_and_touches_no_other_value() {
    let (vault, _) = vault();
    let sealed = seal(&vault);
    let other = seal(&vault);
    for index in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[index] ^= 1 << bit;
            let code = match index {
                0..2 => "sealed_value_malformed",
                2..4 => "sealed_value_version",
                4..SALT => "sealed_value_unknown_key",
                _ => "sealed_value_tampered",
            };
            assert_eq!(open(&vault, &changed), Err(code), "byte {index}, bit {bit}");
        }
    }
    assert_eq!(open(&vault, &other).as_deref(), Ok(PLAIN));
}

#[test]
fn cry_02_to_03_a_value_opens_in_its_own_place_only() {
    let (vault, _) = vault();
    let sealed = seal(&vault);
    let own = place();
    let places = [
        ("another user", SealContext { owner: Some(user(10)), ..own }),
        ("no user", SealContext { owner: None, ..own }),
        ("another row", SealContext { row: Uuid::from_u128(8), ..own }),
        ("another field", SealContext { field: "refresh_token", ..own }),
        ("another table", SealContext { table: "stored_secret", ..own }),
        ("table and field shifted", SealContext { table: "granta", field: "ccess_token", ..own }),
        ("an older version", SealContext { version: 2, ..own }),
        ("a newer version", SealContext { version: 4, ..own }),
        ("another destination", SealContext { destination: [6; 32], ..own }),
    ];
    for (name, elsewhere) in places {
        assert_eq!(open_at(&vault, &elsewhere, &sealed), Err("sealed_value_tampered"), "{name}");
    }
    assert_eq!(open(&vault, &sealed).as_deref(), Ok(PLAIN));
}

#[test]
fn cry_04_a_value_of_another_deployment_is_refused_even_under_the_same_keys() {
    // Two deployments whose keyrings hold the same key: chance that repeats itself gives both the same one.
    let same = |bytes: &mut [u8]| {
        bytes.fill(0x42);
        Ok(())
    };
    let (first, _) = Vault::initialise(&root(1), deployment(1), same).unwrap();
    let (second, _) = Vault::initialise(&root(1), deployment(2), same).unwrap();
    assert_eq!(first.active_key(), second.active_key());
    assert_eq!(open(&second, &seal(&first)), Err("sealed_value_tampered"));
}

#[test]
fn cry_05_the_id_of_another_key_of_the_keyring_is_refused() {
    let (vault, _) = vault();
    let old = seal(&vault);
    let (vault, _) = vault.rotate(&root(1)).unwrap();
    let mut changed = old.clone();
    changed[4..SALT].copy_from_slice(vault.active_key().as_uuid().as_bytes());
    assert_eq!(open(&vault, &changed), Err("sealed_value_tampered"));
    assert_eq!(open(&vault, &old).as_deref(), Ok(PLAIN));
}

#[test]
fn cry_05_a_key_from_elsewhere_is_named() {
    let (vault, _) = vault();
    let (stranger, _) = self::vault();
    let sealed = seal(&stranger);
    assert_eq!(open(&vault, &sealed), Err("sealed_value_unknown_key"));
    assert_eq!(key_of(&sealed), Ok(stranger.active_key()));
}

#[test]
fn cry_06_every_other_version_and_algorithm_is_refused() {
    let (vault, _) = vault();
    let sealed = seal(&vault);
    for index in [2, 3] {
        for value in (0..=u8::MAX).filter(|value| *value != 1) {
            let mut changed = sealed.clone();
            changed[index] = value;
            assert_eq!(open(&vault, &changed), Err("sealed_value_version"), "byte {index} = {value}");
            // A later format may be shorter; the answer stays the helpful one.
            assert_eq!(open(&vault, &changed[..30]), Err("sealed_value_version"), "byte {index} = {value}");
        }
    }
}

#[test]
fn cry_07_every_truncation_and_every_extension_is_refused() {
    let (vault, _) = vault();
    let sealed = seal(&vault);
    for length in 0..sealed.len() {
        let code = if length < 100 { "sealed_value_malformed" } else { "sealed_value_tampered" };
        assert_eq!(open(&vault, &sealed[..length]), Err(code), "{length} bytes");
    }
    for extra in 1..40 {
        let mut longer = sealed.clone();
        longer.resize(sealed.len() + extra, 0);
        assert_eq!(open(&vault, &longer), Err("sealed_value_tampered"), "{extra} more bytes");
    }
}

#[test]
fn plaintext_in_the_place_of_a_sealed_value_is_refused() {
    let (vault, _) = vault();
    assert_eq!(open(&vault, PLAIN), Err("sealed_value_malformed"));
    assert_eq!(open(&vault, &[b'N'; 200]), Err("sealed_value_malformed"));
}

#[test]
fn a_wrapped_keyring_key_does_not_pass_for_a_value() {
    let (vault, entry) = vault();
    assert_eq!(open(&vault, &entry.wrapped), Err("sealed_value_malformed"));
    let mut disguised = entry.wrapped;
    disguised[..2].copy_from_slice(b"NC");
    disguised[4..SALT].copy_from_slice(entry.id.as_uuid().as_bytes());
    assert_eq!(open(&vault, &disguised), Err("sealed_value_tampered"));
}

#[test]
fn cry_08_the_same_value_sealed_100_000_times_never_repeats_a_salt_or_a_key() {
    let (vault, _) = vault();
    let plain = SecretBytes::new(PLAIN);
    let mut salts = HashSet::new();
    let mut commitments = HashSet::new();
    for _ in 0..100_000 {
        let sealed = vault.seal(&place(), &plain).unwrap();
        let (salt, rest) = sealed[SALT..].split_first_chunk::<32>().unwrap();
        assert!(salts.insert(*salt));
        // The commitment comes out of the same derivation as the key: distinct commitments mean distinct keys.
        assert!(commitments.insert(*rest.first_chunk::<32>().unwrap()));
    }
}

fn field() -> impl Strategy<Value = (String, String, u128, Option<u128>, i64, [u8; 32])> {
    (".{0,40}", ".{0,40}", any::<u128>(), any::<Option<u128>>(), any::<i64>(), any::<[u8; 32]>())
}

proptest! {
    #[test]
    fn what_is_sealed_opens_in_its_place_and_in_no_other(
        own in field(),
        other in field(),
        plain in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let (vault, entry) = vault();
        let context = |(table, field, row, owner, version, destination): &(String, String, u128, Option<u128>, i64, [u8; 32])| {
            // Leaked strings keep the closure simple; a test run holds a few hundred of them.
            SealContext {
                table: String::leak(table.clone()),
                field: String::leak(field.clone()),
                row: Uuid::from_u128(*row),
                owner: owner.map(user),
                version: *version,
                destination: *destination,
            }
        };
        let sealed = vault.seal(&context(&own), &SecretBytes::new(plain.clone())).unwrap();
        prop_assert_eq!(sealed.len(), plain.len() + 100);
        // As after a restart.
        let vault = unseal(&[entry]).unwrap();
        prop_assert_eq!(open_at(&vault, &context(&own), &sealed), Ok(plain));
        if own != other {
            prop_assert_eq!(open_at(&vault, &context(&other), &sealed), Err("sealed_value_tampered"));
        }
    }

    #[test]
    fn cry_07_no_bytes_open_or_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), start in 0_usize..110) {
        let (vault, _) = vault();
        prop_assert!(open(&vault, &bytes).is_err());
        // And with a genuine beginning.
        let mut grafted = seal(&vault);
        grafted.truncate(start);
        grafted.extend_from_slice(&bytes);
        prop_assert!(open(&vault, &grafted).is_err());
    }
}

#[test]
fn a_vault_is_shared_between_threads() {
    let (vault, _) = Vault::initialise(&root(1), deployment(1), operating_system_random).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(open(&vault, &seal(&vault)).as_deref(), Ok(PLAIN)));
        }
    });
}
