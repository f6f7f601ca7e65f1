//! Formulas: whether what they read is there.

mod vocabulary;

pub use vocabulary::{Check, check};
pub(in crate::manage) use vocabulary::{Place, Vocabulary};
