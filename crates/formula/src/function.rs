//! What a function is: its names and types for those who check and document, and the code for those who evaluate.

use crate::error::Fault;
use crate::evaluate::Arguments;
use crate::types::{Type, Types};
use crate::value::Value;

/// A function of the language, as an entry of [`crate::CATALOGUE`].
pub struct Function {
    /// Upper case; written in any case.
    pub name: &'static str,
    /// Where the reference shows it.
    pub group: Group,
    /// What it gives, in one sentence.
    pub summary: &'static str,
    /// What it takes.
    pub parameters: &'static [Parameter],
    /// How many of the last parameters may be left out.
    pub optional: usize,
    /// The parameters `from..to` that may be given again and again.
    pub repeating: Option<(usize, usize)>,
    /// The type of what it gives.
    pub gives: Gives,
    /// Where its behaviour is published.
    pub source: &'static str,
    /// What it gives for what. Each of them is a test.
    pub examples: &'static [Example],
    pub(crate) evaluate: for<'a> fn(&Arguments<'_, 'a>) -> Result<Value<'a>, Fault>,
}

/// A part of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Texts.
    Text,
    /// Conditions and choices.
    Logic,
    /// Numbers.
    Number,
    /// Dates and times.
    Date,
    /// Bytes, and texts made safe for where they go.
    Encoding,
    /// Digests and signatures.
    Signing,
}

impl Group {
    /// All of them, in the order of the reference.
    pub const ALL: [Self; 6] = [Self::Text, Self::Logic, Self::Number, Self::Date, Self::Encoding, Self::Signing];

    /// Its heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Text => "Text",
            Self::Logic => "Logic",
            Self::Number => "Numbers",
            Self::Date => "Dates and times",
            Self::Encoding => "Encoding",
            Self::Signing => "Digests and signatures",
        }
    }
}

/// A formula and its result as text; a result that begins with `formula_` is the code of an error.
pub type Example = (&'static str, &'static str);

/// The type of what a function gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// Always this.
    Type(Type),
    /// The type that its values share, such as both branches of `IF`.
    Common,
}

/// One parameter of a function.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// As the reference calls it.
    pub name: &'static str,
    /// What may be given.
    pub accepts: Types,
    pub(crate) alike: Option<Alike>,
    pub(crate) may_be_missing: bool,
    pub(crate) constant: Option<Constant>,
}

/// Parameters whose arguments must be of the same type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alike {
    /// That type is the function's.
    Result,
    /// They are compared with each other.
    Compared,
}

/// What is checked of an argument that is written out as a text, so that a mistake shows when the formula is saved.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Constant {
    /// A rule of its own.
    Checked(fn(&str) -> Result<(), String>),
    /// A regular expression, compiled once.
    Pattern,
}

impl Parameter {
    pub(crate) const fn new(name: &'static str, accepts: Types) -> Self {
        Self { name, accepts, alike: None, may_be_missing: false, constant: None }
    }

    pub(crate) const fn text(name: &'static str) -> Self {
        Self::new(name, Types::of(&[Type::Text]))
    }

    pub(crate) const fn number(name: &'static str) -> Self {
        Self::new(name, Types::of(&[Type::Number]))
    }

    pub(crate) const fn boolean(name: &'static str) -> Self {
        Self::new(name, Types::of(&[Type::Boolean]))
    }

    pub(crate) const fn blob(name: &'static str) -> Self {
        Self::new(name, Types::of(&[Type::Blob]))
    }

    /// Of the same type as the others of its kind, which is the function's.
    pub(crate) const fn result(mut self) -> Self {
        self.alike = Some(Alike::Result);
        self
    }

    /// Of the same type as the others of its kind.
    pub(crate) const fn compared(mut self) -> Self {
        self.alike = Some(Alike::Compared);
        self
    }

    /// A variable without a value stands for null here instead of being an error.
    pub(crate) const fn may_be_missing(mut self) -> Self {
        self.may_be_missing = true;
        self
    }

    pub(crate) const fn checked(mut self, check: fn(&str) -> Result<(), String>) -> Self {
        self.constant = Some(Constant::Checked(check));
        self
    }

    pub(crate) const fn pattern(mut self) -> Self {
        self.constant = Some(Constant::Pattern);
        self
    }
}

impl Function {
    /// The parameter for each of `count` arguments, if the function takes that many.
    pub(crate) fn parameters_for(&self, count: usize) -> Option<Vec<&'static Parameter>> {
        let all = self.parameters.len();
        let Some((from, to)) = self.repeating else {
            return (all - self.optional..=all).contains(&count).then(|| self.parameters[..count].iter().collect());
        };
        // A required tail stands behind the repetition (`CASE`), an optional one may be left out (`IFS`).
        let (head, group, tail) = (&self.parameters[..from], &self.parameters[from..to], &self.parameters[to..]);
        (tail.len() - self.optional..=tail.len()).rev().find_map(|tail_count| {
            let repeated = count.checked_sub(head.len() + tail_count)?;
            (repeated >= group.len() && repeated % group.len() == 0)
                .then(|| head.iter().chain(group.iter().cycle().take(repeated)).chain(&tail[..tail_count]).collect())
        })
    }

    /// `LPAD(text, length, [pad])`, `CASE(expression, value, result, …, otherwise)`.
    pub fn signature(&self) -> String {
        let first_optional = self.parameters.len() - self.optional;
        let mut parts: Vec<String> = Vec::new();
        for (index, parameter) in self.parameters.iter().enumerate() {
            parts.push(if index >= first_optional { format!("[{}]", parameter.name) } else { parameter.name.to_owned() });
            if self.repeating.is_some_and(|(_, to)| index + 1 == to) {
                parts.push("…".to_owned());
            }
        }
        format!("{}({})", self.name, parts.join(", "))
    }
}
