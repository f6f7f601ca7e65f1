//! LEAK-13: nothing that prints shows a key, a plaintext, or what a place held instead of a key.

use std::cell::Cell;
use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sortie_model::{Secret, SecretBytes};
use sortie_vault::{KeyProvider, NoRandomness, Purpose, RootKey, Vault};

use crate::support::{PLAIN, deployment, place, seal};

const ROOT: &[u8; 32] = b"SECRET-root-key-SECRET-root-key!";
const RING: &[u8; 32] = b"SECRET-ring-key-SECRET-ring-key!";

/// Every spelling in which bytes may slip out.
fn spellings(bytes: &[u8]) -> Vec<String> {
    let hex = bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let list = format!("{bytes:?}");
    vec![
        String::from_utf8_lossy(bytes).into_owned(),
        hex.to_uppercase(),
        hex,
        BASE64_STANDARD.encode(bytes),
        list.trim_matches(['[', ']']).to_owned(),
    ]
}

thread_local! {
    static REQUESTS: Cell<u8> = const { Cell::new(0) };
}

/// Makes `RING` the first key: its id is asked for first, the key second, salts after it.
fn known(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    REQUESTS.set(REQUESTS.get() + 1);
    match REQUESTS.get() {
        2 => bytes.copy_from_slice(RING),
        request => bytes.fill(request),
    }
    Ok(())
}

#[test]
fn leak_13_no_type_prints_a_key_or_a_plaintext() {
    let root = RootKey::from_bytes(&SecretBytes::new(*ROOT)).unwrap();
    let (vault, entry) = Vault::initialise(&root, deployment(1), known).unwrap();
    let sealed = seal(&vault);
    let derived = vault.derive(Purpose::RowMac);
    let mut cut = sealed.clone();
    cut.pop();
    let printed = [
        format!("{root:?} {root:#?}"),
        format!("{vault:?} {vault:#?}"),
        format!("{:?}", entry.state),
        format!("{:?}", place()),
        format!("{:?}", vault.open(&place(), &sealed)),
        format!("{:?}", vault.open(&place(), &cut)),
        format!("{derived:?}"),
        format!("{:?}", vault.rotate(&root)),
    ];
    for secret in [ROOT.as_slice(), RING, PLAIN, derived.expose()] {
        for spelling in spellings(secret) {
            for text in &printed {
                assert!(!text.contains(&spelling), "{text}");
            }
        }
    }
    assert_eq!(printed[0], "RootKey(***) RootKey(***)");
}

#[test]
fn the_stored_bytes_show_neither_key_nor_plaintext() {
    let root = RootKey::from_bytes(&SecretBytes::new(*ROOT)).unwrap();
    let (vault, entry) = Vault::initialise(&root, deployment(1), sortie_vault::operating_system_random).unwrap();
    let sealed = seal(&vault);
    for stored in [&entry.wrapped, &sealed] {
        for secret in [ROOT.as_slice(), PLAIN] {
            assert!(!stored.windows(8).any(|window| window == &secret[..8]));
        }
    }
}

#[test]
fn a_refused_key_text_is_not_shown() {
    let provider = KeyProvider::Env { variable: "SORTIE_ROOT_KEY".to_owned() };
    let refused = provider.load(|_| Some(Secret::new("SECRET-almost-a-key"))).unwrap_err();
    let printed = format!("{refused} {refused:?}");
    assert!(!printed.contains("SECRET"), "{printed}");
    assert!(printed.contains("SORTIE_ROOT_KEY"), "{printed}");
}
