//! Secrets from outside: a file, standard input or a prompt, never an argument, which everybody on the machine sees (OPS-01).

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use sortie_model::Secret;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::prompt;

/// Where a secret comes from, if from no file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Typing {
    /// Standard input, up to its end.
    Piped,
    /// A question on the terminal.
    Asked,
}

impl Typing {
    /// By the argument `--stdin`.
    pub(crate) const fn of(is_piped: bool) -> Self {
        if is_piped { Self::Piped } else { Self::Asked }
    }
}

/// Reads a secret. One line break at its end is not part of it.
pub(crate) fn secret(name: &str, file: Option<&Path>, typing: Typing) -> Result<Secret, Failure> {
    let unreadable = |what: String, error: std::io::Error| {
        Failure::new("file_unusable", format!("cannot read the value from {what}: {error}"), "check the path and its permissions")
    };
    let text = Zeroizing::new(match file {
        Some(path) => std::fs::read_to_string(path).map_err(|error| unreadable(path.display().to_string(), error))?,
        None if typing == Typing::Piped => {
            let mut text = String::new();
            std::io::stdin().lock().read_to_string(&mut text).map_err(|error| unreadable("standard input".to_owned(), error))?;
            text
        }
        None if std::io::stdin().is_terminal() => {
            let question = format!("{} (not shown): ", name.escape_debug());
            return prompt::ask(&question).map_err(|error| unreadable("the terminal".to_owned(), error));
        }
        None => return Err(Failure::new("value_missing", "there is no terminal to ask on", "give --stdin or --from-file")),
    });
    let value = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(Secret::new(value))
}
