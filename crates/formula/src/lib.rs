#![doc = include_str!("../README.md")]

mod check;
mod error;
mod evaluate;
mod expression;
mod function;
mod functions;
mod operator;
mod parse;
mod program;
mod scope;
mod suggest;
mod template;
mod token;
mod types;
mod value;
mod variable;

pub use error::{Fault, FormulaError, Span};
pub use expression::{BinaryOperator, Expression, Kind, UnaryOperator};
pub use function::{Example, Function, Gives, Group, Parameter};
pub use functions::CATALOGUE;
pub use parse::parse_expression;
pub use scope::{Scope, SignFault};
pub use suggest::nearest;
pub use template::{Evaluated, Reads, Refusal, Template};
pub use types::{Type, Types};
pub use value::{Blob, Text, Value};
pub use variable::{LegacyField, STANDARD_USER_FIELDS, Variable};
