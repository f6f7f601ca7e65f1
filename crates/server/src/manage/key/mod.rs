//! API keys: how callers prove who they are.

mod create;
mod error;
mod list;
mod revoke;
mod text;

pub use create::{CreatedKey, NewKeyRequest, create};
pub use error::KeyError;
pub use list::{KeyState, KeyView, OwnedKey, find, list};
pub use revoke::revoke;
pub use text::{KeyText, NewKey, NewKeyError};
