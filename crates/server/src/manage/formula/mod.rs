//! Formulas: whether what they read is there, and what they give.

mod evaluated;
mod vocabulary;

pub use evaluated::EvaluatedView;
pub use vocabulary::{Check, check};
pub(in crate::manage) use vocabulary::{Place, Vocabulary};
