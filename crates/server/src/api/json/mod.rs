//! Bodies of requests: read with everything that is wrong, each with its JSON pointer, and never with a value in the words: it may be a secret.

mod body;
mod node;
mod reader;

pub(super) use body::Body;
pub(super) use node::Node;
#[cfg(test)]
pub(super) use reader::asked_for;
pub(super) use reader::{At, Fault, FaultKind, Fields, Reader, escaped};
