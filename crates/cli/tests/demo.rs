//! The README's first command.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::Command;

#[test]
fn the_demo_keeps_all_its_promises_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let demo = Command::new(env!("CARGO_BIN_EXE_sortie")).args(["demo", "--exit"]).env("TMPDIR", temporary.path()).output().unwrap();
    let told = String::from_utf8_lossy(&demo.stdout).into_owned() + &String::from_utf8_lossy(&demo.stderr);
    assert!(demo.status.success(), "{told}");
    assert!(told.contains(", 0 broken.") && !told.contains("FAIL"), "{told}");
    // What the upstream received is shown; what is stored is not: the password and the client secret go out encoded, or to the token server only.
    assert!(!told.contains("demo-pw-") && !told.contains("demo-secret-"), "{told}");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}
