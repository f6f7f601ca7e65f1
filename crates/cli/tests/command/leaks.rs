//! LEAK-04 of the attack catalogue: no planted secret is found in any file that Sortie writes.

use std::fs;
use std::path::Path;

use crate::harness::{BILLING, Sortie, files};

/// The mark itself, and what it looks like in base64 at each of the three offsets, in hex and in UTF-16.
fn disguises(secret: &str) -> Vec<Vec<u8>> {
    let base64 = |skipped: usize| {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let bytes = &secret.as_bytes()[skipped..];
        let whole = &bytes[..bytes.len() / 3 * 3];
        let group = |three: &[u8]| {
            let bits = (u32::from(three[0]) << 16) | (u32::from(three[1]) << 8) | u32::from(three[2]);
            [18, 12, 6, 0].map(|shift| DIGITS[(bits >> shift & 63) as usize])
        };
        whole.chunks(3).flat_map(group).collect::<Vec<u8>>()
    };
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let utf16 = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![secret.as_bytes().to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes(), base64(0), base64(1), base64(2), utf16]
}

fn assert_absent(directory: &Path, secret: &str) {
    for file in files(directory) {
        let content = fs::read(&file).unwrap();
        for disguise in disguises(secret) {
            let is_there = content.windows(disguise.len()).any(|window| window == disguise);
            assert!(!is_there, "{} holds {}", file.display(), String::from_utf8_lossy(&disguise));
        }
    }
}

#[test]
fn no_file_holds_a_secret() {
    let sortie = Sortie::new();
    sortie.file("billing.yaml", BILLING);
    sortie.ok(&["apply", "-f", "billing.yaml"]);
    let said = sortie.run_with_input(&["secret", "set", "Billing/Service", "client_secret", "--stdin"], "SECRET-from-stdin");
    assert_eq!(said.code, 0);
    let (id, key) = sortie.key("alice");
    sortie.run_with_input(&["secret", "set", "Billing/Service", "wrong_name", "--stdin"], "SECRET-refused");
    sortie.file("moved.yaml", &BILLING.replace("id.test", "new.test").replace(", client_secret: {from_environment: BILLING_SECRET}", ""));
    sortie.ok(&["apply", "-f", "moved.yaml"]);
    let written = files(&sortie.data());
    let names: Vec<String> = written.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert!(names.iter().any(|name| name == "sortie.sqlite") && names.iter().any(|name| name == "management.jsonl"), "{names:?}");
    let holds = |path: &std::path::PathBuf, text: &str| fs::read(path).unwrap().windows(text.len()).any(|window| window == text.as_bytes());
    assert!(written.iter().any(|path| holds(path, &id)), "the test looks at where things are really stored: {names:?}");
    for secret in ["SECRET-from-environment", "SECRET-from-stdin", "SECRET-refused", &key, &key[20..63]] {
        assert_absent(&sortie.data(), secret);
    }
}
