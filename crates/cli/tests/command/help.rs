//! Help, completions and manual pages.

use std::fs;

use crate::harness::Sortie;

const COMMANDS: [&str; 19] = [
    "serve",
    "demo",
    "call",
    "apply",
    "remove",
    "user",
    "key",
    "grant",
    "secret",
    "certificate",
    "provider",
    "auth",
    "status",
    "explain",
    "presign",
    "formula",
    "audit",
    "completions",
    "man",
];

#[test]
fn every_command_is_in_the_help_and_has_its_own() {
    let sortie = Sortie::new();
    let help = sortie.ok(&["--help"]);
    for command in COMMANDS {
        assert!(help.contains(&format!("\n  {command} ")), "{command}: {help}");
        assert!(sortie.ok(&[command, "--help"]).contains("Usage: sortie"), "{command}");
    }
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| line.starts_with("  "));
    let listed = listed.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    assert_eq!(listed.filter(|name| *name != "help").collect::<Vec<_>>(), COMMANDS, "none is left out here");
    assert!(help.contains("Exit status:"), "{help}");
    for with_examples in [
        &["apply"][..],
        &["secret", "set"],
        &["key", "create"],
        &["user", "add"],
        &["explain"],
        &["presign"],
        &["call"],
        &["remove"],
        &["grant", "add"],
        &["certificate", "create"],
        &["certificate", "import"],
        &["provider", "discover"],
    ] {
        let help = sortie.ok(&[with_examples, &["--help"]].concat());
        assert!(help.contains("Example"), "{with_examples:?}: {help}");
    }
    assert!(!sortie.data().exists(), "help makes nothing");
}

#[test]
fn shells_get_their_completions() {
    let sortie = Sortie::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = sortie.ok(&["completions", shell]);
        assert!(COMMANDS.iter().all(|command| script.contains(command)), "{shell}");
    }
    assert_eq!(sortie.run(&["completions", "csh"]).code, 2);
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let sortie = Sortie::new();
    sortie.ok(&["man", "pages"]);
    for command in COMMANDS {
        let page = fs::read_to_string(sortie.directory.path().join(format!("pages/sortie-{command}.1"))).unwrap();
        assert!(page.contains(".SH NAME"), "{command}");
    }
    assert!(sortie.directory.path().join("pages/sortie-secret-set.1").exists());
    sortie.file("taken", "");
    assert_eq!(sortie.code(&["man", "taken"]), "file_unusable");
}

#[test]
fn a_command_line_that_is_not_understood_ends_with_2() {
    let sortie = Sortie::new();
    for arguments in [&["frobnicate"][..], &[], &["user"], &["apply"], &["status", "--wrong"], &["key", "create"]] {
        assert_eq!(sortie.run(arguments).code, 2, "{arguments:?}");
    }
}
