//! What is wrong with a formula: when it is saved ([`FormulaError`]), and when it is evaluated ([`Fault`]).

use std::fmt;

/// A stretch of a formula's source, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        let clamp = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { start: clamp(start), end: clamp(end) }
    }

    /// From the beginning of one to the end of the other.
    pub(crate) fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end }
    }
}

/// Why a text is not a formula that can be saved, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormulaError {
    code: &'static str,
    message: String,
    suggestion: Option<String>,
    /// The line of the source that holds the place, and the place in it, both in characters.
    line: String,
    column: usize,
    width: usize,
    position: usize,
}

/// The longest excerpt of a source that is shown on one side of the caret.
const EXCERPT_CHARACTERS: usize = 60;

impl FormulaError {
    pub(crate) fn new(problem: Problem, source: &str) -> Self {
        let Problem { code, message, suggestion, span } = problem;
        let (start, end) = (floor(source, span.start as usize), floor(source, span.end as usize));
        let line_start = source[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = source[start..].find('\n').map_or(source.len(), |newline| start + newline);
        let before: Vec<char> = source[line_start..start].chars().collect();
        let skipped = before.len().saturating_sub(EXCERPT_CHARACTERS);
        let shown = before[skipped..].iter().copied().chain(source[start..line_end].chars().take(EXCERPT_CHARACTERS));
        let width = source[start..end.clamp(start, line_end)].chars().count().clamp(1, EXCERPT_CHARACTERS);
        Self {
            code,
            message,
            suggestion,
            // Tabs and whatever a terminal would obey become blanks, so that the caret stays below its place.
            line: shown.map(|character| if character.is_control() { ' ' } else { character }).collect(),
            column: before.len() - skipped,
            width,
            position: source[..start].chars().count() + 1,
        }
    }

    /// The stable code of the rule that is broken.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// Where, counted in characters from 1.
    pub const fn position(&self) -> usize {
        self.position
    }

    /// What may have been meant.
    pub fn suggestion(&self) -> Option<&str> {
        self.suggestion.as_deref()
    }

    /// The line that holds the place, and below it carets that point to it.
    pub fn picture(&self) -> String {
        format!("{}\n{}{}", self.line, " ".repeat(self.column), "^".repeat(self.width))
    }
}

/// The largest character boundary up to `offset`.
fn floor(source: &str, offset: usize) -> usize {
    source.floor_char_boundary(offset.min(source.len()))
}

impl fmt::Display for FormulaError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (at character {})", self.message, self.position)?;
        match &self.suggestion {
            Some(suggestion) => write!(formatter, "; {suggestion}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FormulaError {}

/// A [`FormulaError`] before it is put beside its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) suggestion: Option<String>,
    pub(crate) span: Span,
}

impl Problem {
    pub(crate) fn new(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), suggestion: None, span }
    }

    pub(crate) fn or_rather(mut self, suggestion: Option<String>) -> Self {
        self.suggestion = suggestion;
        self
    }

    /// What is written is no formula.
    pub(crate) fn syntax(span: Span, message: impl Into<String>) -> Self {
        Self::new("formula_syntax", span, message)
    }

    /// What is written has the wrong type.
    pub(crate) fn type_mismatch(span: Span, message: impl Into<String>) -> Self {
        Self::new("formula_type", span, message)
    }

    /// What is written is larger than a formula may be.
    pub(crate) fn limit(span: Span, message: impl Into<String>) -> Self {
        Self::new("formula_limit", span, message)
    }
}

/// Why a formula has no result. Holds names of variables and functions, never a value: the value may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A variable has no value.
    #[error("`{variable}` has no value")]
    Unresolved {
        /// The variable as messages show it.
        variable: String,
    },
    /// A function or operator cannot work with what it was given.
    #[error("{function}: {problem}")]
    Value {
        /// The function or operator.
        function: &'static str,
        /// What is wrong, in words that hold no value.
        problem: &'static str,
    },
    /// Something grew beyond the limits.
    #[error("{what} grew beyond its limit")]
    Limit {
        /// The text, the number, the work.
        what: &'static str,
    },
    /// Something that this place, or this installation, does not have.
    #[error("`{what}` is not available: {why}")]
    Unavailable {
        /// The variable or function.
        what: String,
        /// Why not, and who can change that.
        why: &'static str,
    },
}

impl Fault {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unresolved { .. } => "formula_unresolved",
            Self::Value { .. } => "formula_failed",
            Self::Limit { .. } => "formula_limit",
            Self::Unavailable { .. } => "formula_unavailable",
        }
    }
}
