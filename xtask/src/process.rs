//! Running other programs: said first, checked after.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fmt, io};

/// Why a chore ended early. One text for all chores: its reader is a person who can do what it says.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) status: u8,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), status: 1 }
    }
}

/// Adds what was being done to an error that does not say it.
pub(crate) fn during<E: fmt::Display>(what: &str) -> impl FnOnce(E) -> Failure + '_ {
    move |error| Failure::new(format!("{what}: {error}"))
}

/// The root of the repository: cargo says where this package is, whatever directory the chore was started in.
pub(crate) fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.join("..").canonicalize().unwrap_or(package)
}

/// The cargo that runs us, so that the same toolchain does all the work.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Whether a program of this name can be started.
pub(crate) fn is_installed(program: &str) -> bool {
    let directories = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&directories).chain([PathBuf::from("/usr/sbin")]).any(|directory| directory.join(program).is_file())
}

/// Shows the command and runs it; a status other than 0 is a failure with that status.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let shown = shown(command);
    println!("+ {shown}");
    let status = command.status().map_err(|error| not_started(command, &error))?;
    if status.success() {
        return Ok(());
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Err(Failure { message: format!("`{shown}` failed: {status}"), status: code })
}

/// What the command wrote to standard output; a status other than 0 is a failure.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>, Failure> {
    let output = command.output().map_err(|error| not_started(command, &error))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(Failure::new(format!("`{}` failed: {}\n{}", shown(command), output.status, String::from_utf8_lossy(&output.stderr))))
}

fn not_started(command: &Command, error: &io::Error) -> Failure {
    Failure::new(format!("cannot start `{}`: {error}", command.get_program().to_string_lossy()))
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words: Vec<_> = [program].into_iter().chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}
