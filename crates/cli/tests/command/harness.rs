//! Runs `sortie` in an environment where nothing comes from the machine.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// One data directory, and the commands that are run on it.
pub(crate) struct Sortie {
    pub(crate) directory: TempDir,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Sortie {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// One with [`BILLING`] applied.
    pub(crate) fn with_billing() -> Self {
        let sortie = Self::new();
        sortie.file("billing.yaml", BILLING);
        sortie.ok(&["apply", "-f", "billing.yaml"]);
        sortie
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) fn file(&self, name: &str, text: &str) {
        std::fs::write(self.directory.path().join(name), text).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sortie"));
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env_clear()
            .env("HOME", self.directory.path())
            .env("USER", "tester")
            .env("SORTIE_DATA_DIR", self.data())
            .env("BILLING_SECRET", "SECRET-from-environment")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.run_with_input(arguments, "")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Said {
        let mut child = self.command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that refuses its arguments reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let said = Said {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        // P1 of the promises, for every command of every test here: what is secret is never said.
        assert!(!said.out.contains("SECRET-") && !said.err.contains("SECRET-"), "{arguments:?}: {said:?}");
        said
    }

    /// Runs what must succeed.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{arguments:?}: {said:?}");
        said.out
    }

    /// Runs what must be refused, and gives back what standard error says.
    #[track_caller]
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{arguments:?}: {said:?}");
        assert!(said.err.starts_with("error[") && said.err.contains("\nnext: "), "{arguments:?}: {said:?}");
        said.err
    }

    /// The stable code of what must be refused.
    #[track_caller]
    pub(crate) fn code(&self, arguments: &[&str]) -> String {
        let err = self.refused(arguments);
        err.trim_start_matches("error[").split(']').next().unwrap().to_owned()
    }

    /// Runs with `--json` what must succeed.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let out = self.ok(&[&["--json"], arguments].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"))
    }

    /// Makes a key for a user.
    #[track_caller]
    pub(crate) fn key(&self, user: &str) -> (String, String) {
        let made = self.json(&["key", "create", "--user", user]);
        (made["id"].as_str().unwrap().to_owned(), made["key"].as_str().unwrap().to_owned())
    }
}

/// All files below a directory.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// A file with one of everything.
pub(crate) const BILLING: &str = r#"
profiles:
  - name: Staff
permission_sets:
  - name: Readers
users:
  - name: alice
    permission_sets: [Readers]
external_credentials:
  - name: Billing
    protocol: oauth_client_credentials
    settings: {token_endpoint: https://id.test/token}
    principals:
      - name: Service
        sequence_number: 1
        enabled_for: {permission_sets: [Readers]}
        values: {client_id: billing, client_secret: {from_environment: BILLING_SECRET}}
named_credentials:
  - name: Billing
    url: https://api.test/v1
    external_credential: Billing
"#;
