//! What a command meets before it can do anything: data directory, key, configuration.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::harness::{Sortie, files};

#[test]
fn what_is_made_is_private() {
    // OPS-03 of the attack catalogue.
    let sortie = Sortie::with_billing();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&sortie.data()), mode(&sortie.data().join("audit"))), (0o700, 0o700));
    for file in files(&sortie.data()) {
        assert_eq!(mode(&file) & 0o177, 0, "{}", file.display());
    }
}

#[test]
fn another_key_leaves_everything_as_it_was() {
    let sortie = Sortie::with_billing();
    let key_file = sortie.data().join("root.key");
    let key = fs::read_to_string(&key_file).unwrap();
    // By what it says: when SQLite moves its log into the file is its own affair.
    let stored = || [&["status"][..], &["user", "list"]].map(|arguments| sortie.json(arguments));
    let before = stored();
    fs::write(&key_file, "00".repeat(32)).unwrap();
    assert_eq!(sortie.code(&["status"]), "key_wrong");
    fs::remove_file(&key_file).unwrap();
    assert_eq!(sortie.code(&["user", "add", "bob"]), "key_missing");
    assert!(!key_file.exists(), "no other key is made in its place");
    fs::write(&key_file, key).unwrap();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(stored(), before);
}

#[test]
fn an_unknown_setting_is_refused_with_line_and_column() {
    let sortie = Sortie::new();
    sortie.file("sortie.toml", "[gateway]\nlissten = \"127.0.0.1:1\"\n");
    let err = sortie.refused(&["--config", "sortie.toml", "status"]);
    assert!(err.starts_with("error[config_invalid]") && err.contains("line 2, column 1"), "{err}");
}

#[test]
fn a_database_url_that_is_wrong_is_not_repeated_with_its_password() {
    let sortie = Sortie::new();
    for url in ["postgres://me:SECRET-pw@127.0.0.1:1/x", "postgres://me:SECRET-pw@127.0.0.1:99999/x", "mysql://me:SECRET-pw@db.test/x"] {
        let said = sortie.run(&["--database", url, "status"]);
        assert_eq!(said.code, 1, "{said:?}");
    }
}

#[test]
fn colour_is_for_terminals_only_unless_asked_for() {
    let sortie = Sortie::with_billing();
    assert!(!sortie.ok(&["status"]).contains('\x1b'));
    assert!(sortie.ok(&["--color", "always", "status"]).contains('\x1b'));
    assert!(!sortie.ok(&["--color", "never", "status"]).contains('\x1b'));
    assert!(!sortie.ok(&["--color", "always", "--json", "status"]).contains('\x1b'));
}

#[test]
fn the_same_commands_work_on_postgresql() {
    let sortie = Sortie::new();
    let database = sortie_testkit::peers::TestDatabase::create();
    sortie.file("billing.yaml", crate::harness::BILLING);
    let run = |arguments: &[&str]| {
        let output = sortie.command(arguments).env("SORTIE_DATABASE_URL", database.url()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["apply", "-f", "billing.yaml"]);
    assert!(run(&["apply", "-f", "billing.yaml"]).ends_with("0 of 6 changed\n"));
    assert!(run(&["status", "--check"]).contains("Configured"));
    run(&["key", "create", "--user", "alice"]);
    assert!(!sortie.data().join("sortie.sqlite").exists());
    assert!(!database.query("SELECT * FROM credential_values, api_keys, external_credentials").contains("SECRET-"));
}

#[test]
fn a_server_that_is_told_to_stop_as_soon_as_it_is_ready_stops_in_order() {
    use std::io::{BufRead as _, BufReader};
    let sortie = Sortie::new();
    std::fs::create_dir_all(sortie.data()).unwrap();
    let settings = "[gateway]\nlisten = '127.0.0.1:0'\ncores = 1\n[admin]\nlisten = '127.0.0.1:0'\n";
    std::fs::write(sortie.data().join("sortie.toml"), settings).unwrap();
    for _ in 0..5 {
        let mut child = sortie.command(&["serve", "--json"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("ready"), "{line}");
        assert!(std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        let status = child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

#[test]
fn a_secret_that_a_variable_says_is_in_a_file_must_be_there() {
    let sortie = Sortie::new();
    let nowhere = sortie.directory.path().join("nowhere");
    for variable in ["SORTIE_DATABASE_URL_FILE", "SORTIE_KEY_FILE"] {
        let mut command = sortie.command(&["user", "list"]);
        // To go on without would be another database, or nobody's key.
        command.env(variable, &nowhere).env("SORTIE_URL", if variable.contains("KEY") { "http://127.0.0.1:1" } else { "" });
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("error[file_unusable]") && said.contains(variable), "{said}");
    }
    assert!(!sortie.data().exists());
}

#[test]
fn variables_are_read_as_people_write_them() {
    let sortie = Sortie::new();
    for value in ["1", "true", "yes", "0", ""] {
        let output = sortie.command(&["user", "list"]).env("SORTIE_ALLOW_PLAIN_HTTP", value).env("SORTIE_URL", "").output().unwrap();
        assert!(output.status.success(), "{value}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn what_cannot_be_written_out_is_no_success() {
    let sortie = Sortie::new();
    sortie.ok(&["user", "add", "robot"]);
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = sortie.command(&["key", "create", "--user", "robot"]).stdout(full()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("error[output_unusable]"), "{said}");
    // Whoever closes a pipe has read enough.
    let mut child = sortie.command(&["user", "list", "--json"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}
