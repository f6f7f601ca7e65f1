//! Templates: literal text around any number of `{! … }`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// 3,900 characters, the documented limit for formula text.
const MAX_TEMPLATE_CHARACTERS: usize = 3_900;

/// What is wrong with a template, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormulaError {
    /// Longer than 3,900 characters.
    #[error("must be at most 3,900 characters long")]
    TooLong,
    /// `{!` without its `}`.
    #[error("has a `{{!` at character {position} that is never closed by `}}`")]
    Unclosed {
        /// Where the braces open, counted in characters from 1.
        position: usize,
    },
    /// Something between the braces that is not one variable.
    #[error("has `{found}` at character {position}, where only a variable such as `$Credential.Name.Parameter` is understood")]
    NotAVariable {
        /// Where it stands, counted in characters from 1.
        position: usize,
        /// What was found there.
        found: String,
    },
}

impl FormulaError {
    /// The stable code of the rule.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "formula_too_long",
            Self::Unclosed { .. } => "formula_unclosed",
            Self::NotAVariable { .. } => "formula_syntax",
        }
    }
}

/// `$Credential.<External Credential>.<Parameter>`: a value of the principal that was chosen for the callout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Developer name of the external credential.
    pub external_credential: String,
    /// Name of the parameter, compared exactly.
    pub parameter: String,
}

impl fmt::Display for Variable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "$Credential.{}.{}", self.external_credential, self.parameter)
    }
}

/// One stretch of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text that stands for itself.
    Literal(String),
    /// A value to be filled in.
    Variable(Variable),
}

/// A parsed template. Shown and stored as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
    pieces: Vec<Piece>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A [`FormulaError`] with the position of the first thing that is not understood.
    pub fn parse(source: &str) -> Result<Self, FormulaError> {
        if source.chars().count() > MAX_TEMPLATE_CHARACTERS {
            return Err(FormulaError::TooLong);
        }
        let mut pieces = Vec::new();
        let mut rest = source;
        while let Some(open) = rest.find("{!") {
            let start = source.len() - rest.len() + open;
            let position = source[..start].chars().count() + 1;
            if open > 0 {
                pieces.push(Piece::Literal(rest[..open].to_owned()));
            }
            let inside = &rest[open + 2..];
            let close = inside.find('}').ok_or(FormulaError::Unclosed { position })?;
            let expression = inside[..close].trim();
            let variable = parse_variable(expression)
                .ok_or_else(|| FormulaError::NotAVariable { position: position + 2, found: expression.chars().take(60).collect() })?;
            pieces.push(Piece::Variable(variable));
            rest = &inside[close + 1..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.to_owned()));
        }
        Ok(Self { source: source.to_owned(), pieces })
    }

    /// The text as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text itself, if nothing has to be filled in.
    pub fn as_literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The variables in it, in order.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(variable) => Some(variable),
            Piece::Literal(_) => None,
        })
    }

    /// Fills in every variable, in one pass: what is filled in is never read as a formula again.
    ///
    /// # Errors
    /// The first variable that `lookup` does not know. Nothing is ever filled in with empty text by default.
    pub fn evaluate<'a>(&'a self, lookup: impl Fn(&Variable) -> Option<&'a str>) -> Result<String, &'a Variable> {
        let mut text = String::with_capacity(self.source.len());
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Variable(variable) => text.push_str(lookup(variable).ok_or(variable)?),
            }
        }
        Ok(text)
    }
}

fn parse_variable(expression: &str) -> Option<Variable> {
    let (scope, rest) = expression.split_once('.')?;
    let (external_credential, parameter) = rest.split_once('.')?;
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    (scope.eq_ignore_ascii_case("$Credential") && is_name(external_credential) && is_name(parameter))
        .then(|| Variable { external_credential: external_credential.to_owned(), parameter: parameter.to_owned() })
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn text_outside_the_braces_stays_literal() {
        let template = Template::parse("Bearer {!$Credential.OpenAI.Key} {x} !").unwrap();
        let filled = template.evaluate(|variable| (variable.parameter == "Key").then_some("k")).unwrap();
        assert_eq!(filled, "Bearer k {x} !");
        assert_eq!(Template::parse("{plain}").unwrap().as_literal(), Some("{plain}"));
    }

    #[test]
    fn what_is_filled_in_is_not_evaluated_again() {
        // FRM-03 of the attack catalogue.
        let template = Template::parse("{!$Credential.A.B}").unwrap();
        assert_eq!(template.evaluate(|_| Some("{!$Credential.A.Password}")).unwrap(), "{!$Credential.A.Password}");
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_place() {
        assert_eq!(Template::parse("ab{!$Credential.A.B").unwrap_err(), FormulaError::Unclosed { position: 3 });
        for bad in ["{!}", "{!NOW()}", "{!$User.Email}", "{!$Credential.A}", "{!$Credential.A.B.C}", "{!$Credential.1.B}", "{!'a' & 'b'}"] {
            assert!(matches!(Template::parse(bad), Err(FormulaError::NotAVariable { position: 3, .. })), "{bad}");
        }
    }

    #[test]
    fn an_unknown_variable_is_an_error_and_never_empty_text() {
        let template = Template::parse("{!$Credential.A.B}").unwrap();
        assert_eq!(template.evaluate(|_| None).unwrap_err().to_string(), "$Credential.A.B");
    }
}
