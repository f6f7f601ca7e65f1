//! What is wrong with a definition, and where.

use std::fmt;

use serde::Serialize;

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// From 1.
    pub line: u64,
    /// From 1, in characters.
    pub column: u64,
}

/// One thing that is wrong. None of its words comes from a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What was read: a file's name, or `-`.
    pub source: String,
    /// Where in it.
    #[serde(flatten)]
    pub place: Place,
    /// Which field: `external_credentials[0].principals[1].name`. Empty for the whole document.
    pub path: String,
    /// Which rule, as a stable code: `unknown_key`, `required`, `name_format`.
    pub rule: &'static str,
    /// What is wrong and what would be right, in words that follow the field's name.
    pub message: String,
}

impl fmt::Display for Problem {
    /// As compilers write it, so that editors find the place: `billing.yaml:3:5: …`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, place, path, rule: _, message } = self;
        write!(formatter, "{source}:{}:{}: ", place.line, place.column)?;
        if path.is_empty() { write!(formatter, "the document {message}") } else { write!(formatter, "`{path}` {message}") }
    }
}
