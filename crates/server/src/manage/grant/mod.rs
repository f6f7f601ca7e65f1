//! Principal access: which permission sets and profiles may use which principals.

mod error;
mod list;
mod put;

pub use error::GrantError;
pub use list::{GrantView, list};
pub use put::{GranteeName, add, remove};
