//! Templates: literal text around any number of `{! … }`. The one entrance to the language, for headers, scopes, claims and bodies.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use zeroize::Zeroizing;

use crate::check::{Checker, join, literal};
use crate::error::{Fault, FormulaError, Problem, Span};
use crate::evaluate::Evaluator;
use crate::parse::parse_in_braces;
use crate::program::Node;
use crate::scope::Scope;
use crate::value::{Text, Value};
use crate::variable::Variable;

/// 3,900 characters, the documented limit for formula text.
const MAX_SOURCE_CHARACTERS: usize = 3_900;

/// Formulas in one message of a caller's.
const MAX_FORMULAS: usize = 100;

/// A checked template. Shown and stored as it was written. Cheap to clone.
#[derive(Clone)]
pub struct Template(Arc<Checked>);

struct Checked {
    source: Box<str>,
    program: Node,
    variables: Box<[(Variable, Span)]>,
    reads: Reads,
    inspects_secret: Option<Span>,
    signs: Option<Span>,
    certificates: Box<[String]>,
}

/// What the result of a template depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Values stored for the principal; the result is a secret.
    pub secret: bool,
    /// The user who calls, or the user's profile.
    pub user: bool,
    /// The clock.
    pub time: bool,
    /// The body of the request.
    pub body: bool,
    /// The address of the request.
    pub endpoint: bool,
    /// The key of a certificate, which is another once the certificate is renewed.
    pub certificate: bool,
}

impl Reads {
    pub(crate) fn note(&mut self, variable: &Variable) {
        self.secret |= variable.is_secret();
        match variable {
            Variable::User(_) | Variable::ProfileName => self.user = true,
            Variable::Body { .. } => self.body = true,
            Variable::EndpointUrl => self.endpoint = true,
            Variable::Organization(_) | Variable::Credential { .. } | Variable::Legacy(_) => {}
        }
    }

    pub(crate) fn note_function(&mut self, name: &str) {
        self.time |= matches!(name, "NOW" | "TODAY" | "TIMENOW");
    }

    /// Whether the result may differ from callout to callout although principal and grant are the same.
    pub const fn is_per_callout(self) -> bool {
        self.user || self.time || self.body || self.endpoint || self.certificate
    }
}

/// The result of a template. Never prints.
pub struct Evaluated {
    text: Zeroizing<String>,
    is_secret: bool,
}

impl Evaluated {
    /// The text. Every call is a place where a secret may leave: keep them few.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Whether it was made of a secret.
    pub const fn is_secret(&self) -> bool {
        self.is_secret
    }
}

impl fmt::Debug for Evaluated {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Evaluated(***)")
    }
}

impl Template {
    /// Reads and checks a template.
    ///
    /// # Errors
    /// A [`FormulaError`] with the position of the first thing that is wrong.
    pub fn parse(source: &str) -> Result<Self, FormulaError> {
        check_length(source)?;
        Self::parse_message(source)
    }

    /// Reads and checks a text that a caller sent: it may be as long as it likes, each of its formulas at most 3,900 characters, and 100 of them.
    ///
    /// # Errors
    /// A [`FormulaError`] with the position of the first thing that is wrong.
    pub fn parse_message(source: &str) -> Result<Self, FormulaError> {
        Self::compile(source).map_err(|problem| FormulaError::new(problem, source))
    }

    /// Reads and checks an expression that stands alone, as if there were braces around it.
    ///
    /// # Errors
    /// A [`FormulaError`] with the position of the first thing that is wrong.
    pub fn parse_bare(source: &str) -> Result<Self, FormulaError> {
        let expression = crate::parse_expression(source)?;
        let mut checker = Checker::default();
        let node = checker.printable(&expression).map_err(|problem| FormulaError::new(problem, source))?;
        Ok(Self::new(source, vec![node], checker))
    }

    /// Takes a text as it is, braces and all.
    pub fn literal(text: &str) -> Self {
        Self::new(text, vec![literal(text)], Checker::default())
    }

    fn compile(source: &str) -> Result<Self, Problem> {
        let mut checker = Checker::default();
        let mut parts = Vec::new();
        let (mut position, mut formulas) = (0, 0);
        while let Some(open) = source[position..].find("{!") {
            let start = position + open;
            if open > 0 {
                parts.push(literal(&source[position..start]));
            }
            let (expression, end) = parse_in_braces(source, start + 2)?;
            let span = Span::new(start, end);
            formulas += 1;
            if formulas > MAX_FORMULAS {
                return Err(Problem::limit(span, format!("there are more than {MAX_FORMULAS} formulas")));
            }
            if source[start..end].chars().count() > MAX_SOURCE_CHARACTERS {
                return Err(too_long(span));
            }
            parts.push(checker.printable(&expression)?);
            position = end;
        }
        if position < source.len() || parts.is_empty() {
            parts.push(literal(&source[position..]));
        }
        Ok(Self::new(source, parts, checker))
    }

    fn new(source: &str, parts: Vec<Node>, checker: Checker) -> Self {
        let Checker { variables, reads, inspects_secret, signs, certificates } = checker;
        Self(Arc::new(Checked {
            source: source.into(),
            program: join(parts),
            variables: variables.into(),
            reads,
            inspects_secret,
            signs,
            certificates: certificates.into(),
        }))
    }

    /// The text as written.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The text itself, if nothing has to be evaluated.
    pub fn as_literal(&self) -> Option<&str> {
        match &self.0.program {
            Node::Constant(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The variables in it, in order.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.0.variables.iter().map(|(variable, _)| variable)
    }

    /// What its result depends on.
    pub fn reads(&self) -> Reads {
        self.0.reads
    }

    /// The names of the certificates that it signs with: whoever evaluates it fetches their keys first.
    pub fn certificates(&self) -> &[String] {
        &self.0.certificates
    }

    /// Refuses the first variable that the place of this template does not have; `judge` says which do not, why, and what may have been meant.
    ///
    /// # Errors
    /// A [`FormulaError`] at the variable.
    pub fn check_variables(&self, judge: impl Fn(&Variable) -> Result<(), Refusal>) -> Result<(), FormulaError> {
        for (variable, span) in &self.0.variables {
            if let Err(Refusal { code, message, suggestion }) = judge(variable) {
                return Err(FormulaError::new(Problem::new(code, *span, message).or_rather(suggestion), &self.0.source));
            }
        }
        Ok(())
    }

    /// Refuses a template of somebody who may use secrets without knowing them: whether it succeeds, and which way it goes, must not depend on what a secret
    /// is, or the answer could be guessed letter by letter. Nor may they have anything that they like signed with a private key: it would pass for ours.
    ///
    /// # Errors
    /// A [`FormulaError`] at the place that looks into a secret, or names a certificate.
    pub fn check_discretion(&self) -> Result<(), FormulaError> {
        if let Some(span) = self.0.signs {
            let message = "only formulas of a definition may sign with a certificate";
            return Err(FormulaError::new(Problem::new("formula_unavailable", span, message), self.source()));
        }
        let Some(span) = self.0.inspects_secret else { return Ok(()) };
        let message = "a secret may be passed on, encoded, hashed or signed with here, but not looked into";
        Err(FormulaError::new(Problem::new("formula_inspects_secret", span, message), self.source()))
    }

    /// Evaluates, in one pass: what is filled in is never read as a formula again.
    ///
    /// # Errors
    /// A [`Fault`]; there is never half a result.
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<Evaluated, Fault> {
        let text = match Evaluator::new(scope).text(&self.0.program)? {
            Text::Owned(text) => text,
            Text::Borrowed(text) => Zeroizing::new(text.to_owned()),
        };
        Ok(Evaluated { text, is_secret: self.0.reads.secret })
    }
}

/// Why a variable may not stand in a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable code.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What may have been meant.
    pub suggestion: Option<String>,
}

/// The same text is the same template.
impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source() && self.as_literal() == other.as_literal()
    }
}

impl Eq for Template {}

impl fmt::Debug for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Template({:?})", self.source())
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.source)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

pub(crate) fn check_length(source: &str) -> Result<(), FormulaError> {
    if source.chars().count() > MAX_SOURCE_CHARACTERS {
        return Err(FormulaError::new(too_long(Span::new(0, 1)), source));
    }
    Ok(())
}

fn too_long(span: Span) -> Problem {
    Problem::new("formula_too_long", span, "a formula must be at most 3,900 characters long")
}
