//! Expressions as they are written: the tree that parsing gives, and that prints as a formula again.

use std::fmt;

use rust_decimal::Decimal;

use crate::error::Span;
use crate::variable::Variable;

/// An expression and where it stands. Two expressions are equal if they say the same, wherever they stand.
#[derive(Clone, Debug)]
pub struct Expression {
    /// What it says.
    pub kind: Kind,
    /// Where it stands in the source.
    pub span: Span,
    /// Levels of nesting, itself included.
    pub(crate) depth: u32,
}

/// What an expression says.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// `NULL`
    Null,
    /// `TRUE` or `FALSE`
    Boolean(bool),
    /// `12.5`; never negative, since the sign is an operator.
    Number(Decimal),
    /// `'text'`
    Text(String),
    /// `$User.Email`
    Variable(Variable),
    /// `-x`, `+x`, `!x`
    Unary(UnaryOperator, Box<Expression>),
    /// `x + y`
    Binary(BinaryOperator, Box<Expression>, Box<Expression>),
    /// `LEFT(x, 3)`
    Call {
        /// The function as written.
        function: String,
        /// Its arguments.
        arguments: Vec<Expression>,
    },
}

/// An operator before its operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOperator {
    /// `-`
    Minus,
    /// `+`
    Plus,
    /// `!`, also written `NOT x`
    Not,
}

/// An operator between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOperator {
    /// `||`
    Or,
    /// `&&`
    And,
    /// `=`, also written `==`
    Equal,
    /// `<>`, also written `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `&`
    Concatenate,
    /// `^`
    Power,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

impl BinaryOperator {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Or,
        Self::And,
        Self::Equal,
        Self::NotEqual,
        Self::Less,
        Self::LessOrEqual,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Add,
        Self::Subtract,
        Self::Concatenate,
        Self::Power,
        Self::Multiply,
        Self::Divide,
    ];

    /// As it is printed.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Concatenate => "&",
            Self::Power => "^",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }

    /// How strongly it binds. From Salesforce's own grammar (github.com/salesforce/formula-engine, `Formula.g4`), in which, unlike in arithmetic at school,
    /// `^` binds more weakly than `*` and `/`: `2 * 3 ^ 2` is 36. All operators group to the left, `^` too.
    pub(crate) const fn strength(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Equal | Self::NotEqual => 3,
            Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual => 4,
            Self::Add | Self::Subtract | Self::Concatenate => 5,
            Self::Power => 6,
            Self::Multiply | Self::Divide => 7,
        }
    }

    /// The operator that is written so.
    pub(crate) fn of_sign(sign: &str) -> Option<Self> {
        match sign {
            "==" => Some(Self::Equal),
            "!=" => Some(Self::NotEqual),
            _ => Self::ALL.into_iter().find(|operator| operator.sign() == sign),
        }
    }
}

/// How strongly an operator before its operand binds: more than any between two.
const UNARY_STRENGTH: u8 = 8;

impl Expression {
    /// An expression that stands nowhere in particular.
    pub fn new(kind: Kind) -> Self {
        Self::at(kind, Span::default())
    }

    pub(crate) fn at(kind: Kind, span: Span) -> Self {
        let below = match &kind {
            Kind::Null | Kind::Boolean(_) | Kind::Number(_) | Kind::Text(_) | Kind::Variable(_) => 0,
            Kind::Unary(_, operand) => operand.depth,
            Kind::Binary(_, left, right) => left.depth.max(right.depth),
            Kind::Call { arguments, .. } => arguments.iter().map(|argument| argument.depth).max().unwrap_or(0),
        };
        Self { kind, span, depth: below + 1 }
    }

    /// How strongly it holds together when it stands inside another one.
    const fn strength(&self) -> u8 {
        match &self.kind {
            Kind::Unary(..) => UNARY_STRENGTH,
            Kind::Binary(operator, ..) => operator.strength(),
            Kind::Null | Kind::Boolean(_) | Kind::Number(_) | Kind::Text(_) | Kind::Variable(_) | Kind::Call { .. } => u8::MAX,
        }
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Null => formatter.write_str("NULL"),
            Kind::Boolean(true) => formatter.write_str("TRUE"),
            Kind::Boolean(false) => formatter.write_str("FALSE"),
            Kind::Number(number) => write!(formatter, "{number}"),
            Kind::Text(text) => quote(text, formatter),
            Kind::Variable(variable) => write!(formatter, "{variable}"),
            Kind::Unary(operator, operand) => {
                formatter.write_str(match operator {
                    UnaryOperator::Minus => "-",
                    UnaryOperator::Plus => "+",
                    UnaryOperator::Not => "!",
                })?;
                within(operand, UNARY_STRENGTH, formatter)
            }
            Kind::Binary(operator, left, right) => {
                within(left, operator.strength(), formatter)?;
                write!(formatter, " {} ", operator.sign())?;
                within(right, operator.strength() + 1, formatter)
            }
            Kind::Call { function, arguments } => {
                write!(formatter, "{function}(")?;
                for (index, argument) in arguments.iter().enumerate() {
                    if index > 0 {
                        formatter.write_str(", ")?;
                    }
                    write!(formatter, "{argument}")?;
                }
                formatter.write_str(")")
            }
        }
    }
}

/// In parentheses, if it would otherwise fall apart.
fn within(expression: &Expression, strength: u8, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    if expression.strength() < strength { write!(formatter, "({expression})") } else { write!(formatter, "{expression}") }
}

fn quote(text: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    formatter.write_str("'")?;
    for character in text.chars() {
        match character {
            '\n' => formatter.write_str("\\n")?,
            '\r' => formatter.write_str("\\r")?,
            '\t' => formatter.write_str("\\t")?,
            '\'' | '\\' => write!(formatter, "\\{character}")?,
            _ => write!(formatter, "{character}")?,
        }
    }
    formatter.write_str("'")
}
