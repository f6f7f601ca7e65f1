#![doc = include_str!("../README.md")]

mod template;

pub use template::{FormulaError, Piece, Template, Variable};
