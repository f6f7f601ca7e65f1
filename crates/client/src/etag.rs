//! What was seen, and in which version.

use std::ops::{Deref, DerefMut};

/// The version of something, as the server names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Etag(String);

impl Etag {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// As it stands in the header, with its quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Something with the version in which it was seen. Given with a change, the version makes that nobody else's change is overwritten unseen: it is refused then with
/// `precondition_failed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// What was seen.
    pub value: T,
    /// In which version.
    pub etag: Etag,
}

impl<T> Deref for Versioned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Versioned<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}
