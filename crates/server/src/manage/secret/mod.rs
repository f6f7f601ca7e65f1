//! Stored values of principals.

mod destination;

pub use destination::destination;
