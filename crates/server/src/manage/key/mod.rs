//! API keys.

mod text;

pub use text::{KeyText, NewKey, NewKeyError};
