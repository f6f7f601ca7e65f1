//! How people prove who they are to the console.

mod door;
pub(crate) mod password;

pub(crate) use door::{Door, Refusal};
