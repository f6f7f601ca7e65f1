//! From text to a tree that remembers places, and from the tree to values, collecting all that is wrong on the way.

mod fields;
mod node;
mod reader;
mod syntax;

pub(crate) use fields::Fields;
pub(crate) use node::{Node, Value};
pub(crate) use reader::{At, Reader};
pub(crate) use syntax::parse;
