//! Keys and passwords, from anywhere but arguments.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use sortie_model::{Secret, SecretBytes};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::prompt;

pub(super) fn unreadable(what: &str, error: &std::io::Error) -> Failure {
    Failure::new("file_unusable", format!("cannot read {what}: {error}"), "check the path and its permissions")
}

/// A file, or standard input for `-`.
pub(super) fn read_file(path: &Path) -> Result<SecretBytes, Failure> {
    if path == Path::new("-") {
        let mut bytes = Zeroizing::new(Vec::new());
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| unreadable("standard input", &error))?;
        return Ok(SecretBytes::new(std::mem::take(&mut *bytes)));
    }
    std::fs::read(path).map(SecretBytes::new).map_err(|error| unreadable(&path.display().to_string(), &error))
}

pub(super) fn read_password(file: Option<&Path>) -> Result<Secret, Failure> {
    let Some(path) = file else {
        if std::io::stdin().is_terminal() {
            return prompt::ask("password of the PKCS#12 file (not shown): ").map_err(|error| unreadable("the terminal", &error));
        }
        return Err(Failure::new("password_missing", "there is no terminal to ask for the password on", "give --password-file"));
    };
    let bytes = read_file(path)?;
    let wrong = || Failure::new("file_unusable", "the password is not UTF-8", "check the file");
    let text = std::str::from_utf8(bytes.expose()).map_err(|_| wrong())?;
    Ok(Secret::new(text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line))))
}
