//! Definitions one by one. They are made and changed by [`super::apply`]; here is how they go.

mod error;
mod remove;

pub use error::DefinitionError;
pub use remove::{Defined, remove, remove_seen};
