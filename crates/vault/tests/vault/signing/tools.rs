//! OpenSSL and Python, as independent makers and judges.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sortie_model::{SecretBytes, SigningAlgorithm, Timestamp};
use sortie_vault::signing::SigningKey;

/// 2026-11-22T11:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_345_200_000);

/// Runs `openssl` in a directory; what it prints.
#[track_caller]
pub(crate) fn openssl(directory: &Path, arguments: &str) -> String {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("this test needs `openssl`: {error}"));
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn read(directory: &Path, name: &str) -> Vec<u8> {
    std::fs::read(directory.join(name)).unwrap()
}

pub(crate) fn secret(directory: &Path, name: &str) -> SecretBytes {
    SecretBytes::new(read(directory, name))
}

/// Whether Python's `cryptography` takes the signature. It reads r and s as they are, as RFC 7518 has them.
#[track_caller]
pub(crate) fn is_taken(key: &SigningKey, algorithm: SigningAlgorithm, message: &[u8], signature: &[u8]) -> bool {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut judge = Command::new("python3")
        // Installed there by `cargo xtask peers`, whichever Python is the machine's.
        .env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/../../xtask/peers/python"))
        .args(["-c", include_str!("verify.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("this test needs `python3` with the package `cryptography`: {error}"));
    let question = format!("{algorithm} {} {} {}\n", hex(key.public_key()), hex(message), hex(signature));
    judge.stdin.take().unwrap().write_all(question.as_bytes()).unwrap();
    let output = judge.wait_with_output().unwrap();
    assert!(output.status.success(), "this test needs `python3` with the package `cryptography`");
    match String::from_utf8_lossy(&output.stdout).trim() {
        "taken" => true,
        "refused" => false,
        other => panic!("the judge said {other}"),
    }
}
