//! Unsealing, and the keyring's life: wrong keys, edited rows, rotation.

use sortie_model::SecretBytes;
use sortie_vault::{KeyId, KeyState, KeyringEntry, Purpose, UnsealError, Vault, operating_system_random};
use uuid::Uuid;

use crate::support::{PLAIN, deployment, open, root, seal, unseal, vault};

fn states(vault: &Vault) -> Vec<KeyState> {
    vault.keys().map(|(_, state)| state).collect()
}

#[test]
fn cry_09_a_wrong_root_key_leaves_the_vault_sealed() {
    let (vault, first) = vault();
    let (_, rotated) = vault.rotate(&root(1)).unwrap();
    for entries in [vec![first], rotated] {
        let before = entries.clone();
        let refused = Vault::unseal(&root(2), deployment(1), &entries, operating_system_random);
        assert_eq!(refused.map_err(|error| error.code()).unwrap_err(), "key_wrong");
        assert_eq!(entries, before);
        assert!(unseal(&entries).is_ok(), "the right key still opens it");
    }
}

#[test]
fn cry_09_an_empty_keyring_is_never_initialised_by_unsealing() {
    let refused = Vault::unseal(&root(1), deployment(1), &[], operating_system_random);
    assert_eq!(refused.unwrap_err(), UnsealError::Empty);
}

#[test]
fn every_flipped_bit_of_an_entry_is_tampering_and_never_a_wrong_key() {
    let (_, entry) = vault();
    assert_eq!(entry.wrapped.len(), 132);
    for index in 0..entry.wrapped.len() {
        for bit in 0..8 {
            let mut changed = entry.clone();
            changed.wrapped[index] ^= 1 << bit;
            let code = if index == 2 || index == 3 { "keyring_version" } else { "keyring_tampered" };
            assert_eq!(unseal(&[changed]).unwrap_err(), code, "byte {index}, bit {bit}");
        }
    }
}

#[test]
fn every_truncation_of_an_entry_is_refused() {
    let (_, entry) = vault();
    for length in 0..entry.wrapped.len() {
        let cut = KeyringEntry { wrapped: entry.wrapped[..length].to_vec(), ..entry.clone() };
        assert_eq!(unseal(&[cut]).unwrap_err(), "keyring_tampered", "{length} bytes");
    }
}

#[test]
fn an_edited_row_of_the_keyring_is_refused() {
    let (vault, _) = vault();
    let (_, entries) = vault.rotate(&root(1)).unwrap();
    let [old, new] = <[KeyringEntry; 2]>::try_from(entries).unwrap();
    let another_id = KeyringEntry { id: KeyId::from_uuid(Uuid::from_u128(1)), ..old.clone() };
    let swapped = KeyringEntry { wrapped: new.wrapped.clone(), ..old.clone() };
    let revived = KeyringEntry { state: KeyState::Active, ..old.clone() };
    let demoted = KeyringEntry { state: KeyState::DecryptOnly, ..new.clone() };
    let (_, strange) = Vault::initialise(&root(2), deployment(1), operating_system_random).unwrap();
    let strange = KeyringEntry { state: KeyState::DecryptOnly, ..strange };
    let (_, second_active) = Vault::initialise(&root(1), deployment(1), operating_system_random).unwrap();
    let cases = [
        ("another id", vec![another_id, new.clone()], "keyring_tampered"),
        ("two rows' keys swapped", vec![swapped, new.clone()], "keyring_tampered"),
        ("an old key made active again", vec![revived, demoted], "keyring_tampered"),
        ("an entry under another root key", vec![new.clone(), strange], "keyring_tampered"),
        ("the active key removed", vec![old.clone()], "keyring_active_keys"),
        ("a second active key", vec![new.clone(), second_active], "keyring_active_keys"),
        ("a row twice", vec![old.clone(), new.clone(), old.clone()], "keyring_duplicate"),
    ];
    for (name, entries, code) in cases {
        assert_eq!(unseal(&entries).unwrap_err(), code, "{name}");
    }
    assert!(unseal(&[new, old]).is_ok(), "the order of the rows does not matter");
}

#[test]
fn a_keyring_of_another_deployment_is_refused() {
    let (_, entry) = vault();
    let refused = Vault::unseal(&root(1), deployment(2), &[entry], operating_system_random);
    assert_eq!(refused.unwrap_err().code(), "keyring_tampered");
}

#[test]
fn after_a_rotation_new_values_use_the_new_key_and_old_values_still_open() {
    let (before, _) = vault();
    let old = seal(&before);
    let (after, entries) = before.rotate(&root(1)).unwrap();
    let new = seal(&after);
    assert_ne!(before.active_key(), after.active_key());
    assert_eq!(sortie_vault::key_of(&new), Ok(after.active_key()));
    for vault in [&after, &unseal(&entries).unwrap()] {
        assert_eq!(states(vault), [KeyState::DecryptOnly, KeyState::Active]);
        assert_eq!(open(vault, &old).as_deref(), Ok(PLAIN));
        assert_eq!(open(vault, &new).as_deref(), Ok(PLAIN));
    }
}

#[test]
fn in_two_phases_a_node_that_learnt_the_pending_key_opens_what_the_active_one_seals() {
    let (first, _) = vault();
    let (announced, entries) = first.add_key(&root(1)).unwrap();
    let other_node = unseal(&entries).unwrap();
    assert_eq!(states(&other_node), [KeyState::Active, KeyState::Pending]);
    assert_eq!(announced.active_key(), first.active_key());

    let (pending, _) = announced.keys().nth(1).unwrap();
    let (switched, entries) = announced.activate(&root(1), pending).unwrap();
    assert_eq!(switched.active_key(), pending);
    assert_eq!(open(&other_node, &seal(&switched)).as_deref(), Ok(PLAIN));
    assert_eq!(states(&unseal(&entries).unwrap()), [KeyState::DecryptOnly, KeyState::Active]);
}

#[test]
fn a_retired_key_opens_nothing_and_still_verifies_old_records() {
    let (before, _) = vault();
    let old_key = before.active_key();
    let old = seal(&before);
    let (vault, _) = before.rotate(&root(1)).unwrap();
    let (vault, entries) = vault.retire(&root(1), old_key).unwrap();
    assert_eq!(open(&vault, &old), Err("sealed_value_retired_key"));
    let restarted = unseal(&entries).unwrap();
    assert_eq!(restarted.derive_from(old_key, Purpose::AuditChain), Some(before.derive(Purpose::AuditChain)));
}

#[test]
fn a_step_that_does_not_fit_the_state_is_refused() {
    let (vault, _) = vault();
    let active = vault.active_key();
    let unknown = KeyId::from_uuid(Uuid::from_u128(1));
    let code = |result: Result<(Vault, Vec<KeyringEntry>), sortie_vault::RotationError>| result.unwrap_err().code();
    assert_eq!(code(vault.activate(&root(1), active)), "keyring_key_state");
    assert_eq!(code(vault.retire(&root(1), active)), "keyring_key_state");
    assert_eq!(code(vault.activate(&root(1), unknown)), "keyring_unknown_key");
    assert_eq!(code(vault.rotate(&root(2))), "key_wrong");
    assert_eq!(code(vault.change_root_key(&root(2), &root(3))), "key_wrong");
}

#[test]
fn a_new_root_key_takes_over_without_touching_a_value() {
    let (vault, _) = vault();
    let sealed = seal(&vault);
    let (_, entries) = vault.change_root_key(&root(1), &root(2)).unwrap();
    assert_eq!(unseal(&entries).unwrap_err(), "key_wrong");
    let vault = Vault::unseal(&root(2), deployment(1), &entries, operating_system_random).unwrap();
    assert_eq!(open(&vault, &sealed).as_deref(), Ok(PLAIN));
    assert!(vault.rotate(&root(2)).is_ok());
}

#[test]
fn derived_keys_differ_by_purpose_key_and_deployment_and_survive_a_restart() {
    let (vault, entry) = vault();
    let (other, _) = self::vault();
    let derived: Vec<SecretBytes> = Purpose::ALL.into_iter().map(|purpose| vault.derive(purpose)).collect();
    let again = unseal(&[entry]).unwrap();
    for (index, purpose) in Purpose::ALL.into_iter().enumerate() {
        assert_eq!(again.derive(purpose), derived[index]);
        assert_ne!(other.derive(purpose), derived[index]);
        assert_eq!(derived[index].expose().len(), 32);
        assert!(derived[..index].iter().all(|earlier| *earlier != derived[index]));
    }
    assert_eq!(vault.derive_from(other.active_key(), Purpose::RowMac), None);

    let same = |bytes: &mut [u8]| {
        bytes.fill(0x42);
        Ok(())
    };
    let (first, _) = Vault::initialise(&root(1), deployment(1), same).unwrap();
    let (second, _) = Vault::initialise(&root(1), deployment(2), same).unwrap();
    assert_ne!(first.derive(Purpose::RowMac), second.derive(Purpose::RowMac));
}
