//! CRY-14: every operation asks for its own chance, and none goes on without it.

use std::cell::RefCell;

use sortie_vault::{KeyProvider, NoRandomness, Vault};

use crate::support::{PLAIN, deployment, open, place, root, seal};

thread_local! {
    /// Lengths that were asked for.
    static ASKED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    /// How many more requests are answered.
    static LEFT: RefCell<usize> = const { RefCell::new(usize::MAX) };
}

/// Counts, answers with bytes that never repeat, and runs dry when told to.
fn counted(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    let left = LEFT.with(|left| left.replace_with(|left| left.saturating_sub(1)));
    if left == 0 {
        return Err(NoRandomness);
    }
    let count = ASKED.with_borrow_mut(|asked| {
        asked.push(bytes.len());
        asked.len()
    });
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::try_from((count * 31 + index) % 256).unwrap();
    }
    Ok(())
}

#[test]
fn cry_14_each_seal_asks_for_32_new_bytes_and_opening_asks_for_none() {
    let (vault, _) = Vault::initialise(&root(1), deployment(1), counted).unwrap();
    // The key's id, the key, the salt of its wrapping.
    assert_eq!(ASKED.take(), [16, 32, 32]);
    let first = seal(&vault);
    let second = seal(&vault);
    assert_ne!(first, second);
    assert_eq!(open(&vault, &first).as_deref(), Ok(PLAIN));
    assert_eq!(ASKED.take(), [32, 32]);
}

#[test]
fn without_chance_nothing_is_sealed_and_nothing_is_made() {
    let (vault, _) = Vault::initialise(&root(1), deployment(1), counted).unwrap();
    LEFT.set(0);
    let refused = vault.seal(&place(), &sortie_model::SecretBytes::new(PLAIN)).unwrap_err();
    assert_eq!((refused.code(), refused.is_retryable()), ("randomness_unavailable", true));
    for answered in 0..3 {
        LEFT.set(answered);
        assert_eq!(Vault::initialise(&root(1), deployment(1), counted).unwrap_err().code(), "randomness_unavailable");
        LEFT.set(answered);
        assert_eq!(vault.rotate(&root(1)).unwrap_err().code(), "randomness_unavailable");
    }
    let directory = tempfile::tempdir().unwrap();
    for answered in 0..2 {
        LEFT.set(answered);
        let refused = KeyProvider::create_file(&directory.path().join("root.key"), counted).unwrap_err();
        assert_eq!(refused.code(), "randomness_unavailable");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}
