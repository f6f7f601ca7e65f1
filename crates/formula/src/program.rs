//! Programs: expressions after checking, ready to be evaluated again and again.

use regex::Regex;

use crate::expression::{BinaryOperator, UnaryOperator};
use crate::function::Function;
use crate::value::Value;
use crate::variable::Variable;

/// One step of a program. Types have been checked.
pub(crate) enum Node {
    /// Written out.
    Constant(Value<'static>),
    /// Read from the scope.
    Variable { variable: Variable, may_be_missing: bool },
    /// Texts, one behind the other.
    Join(Box<[Node]>),
    /// An operator before its operand.
    Unary(UnaryOperator, Box<Node>),
    /// An operator between two operands.
    Binary(BinaryOperator, Box<[Node; 2]>),
    /// A function.
    Call(&'static Function, Box<[Node]>),
    /// A regular expression that was written out.
    Pattern(Regex),
}
