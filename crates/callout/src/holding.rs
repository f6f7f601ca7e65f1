//! The space for bodies of callers that are held: much for one program, and not enough to end this one (P19, FRM-11).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes of callers' bodies this process holds at once, all cores together. Bodies that stream take none of it.
#[derive(Clone, Debug)]
pub struct HoldingSpace(Arc<Space>);

#[derive(Debug)]
struct Space {
    max_bytes: usize,
    taken: AtomicUsize,
}

/// What one body has taken of the space; given back when it is dropped.
#[derive(Debug)]
pub struct Room {
    space: HoldingSpace,
    bytes: usize,
}

impl HoldingSpace {
    /// Room for so many bytes.
    pub fn new(max_bytes: usize) -> Self {
        Self(Arc::new(Space { max_bytes, taken: AtomicUsize::new(0) }))
    }

    /// The room of a body of which nothing has come yet.
    pub fn room(&self) -> Room {
        Room { space: self.clone(), bytes: 0 }
    }
}

impl Room {
    /// Takes more of the space, for a further piece. `false`: there is not so much, and nothing was taken.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let Space { max_bytes, taken } = &*self.space.0;
        let with = |taken: usize| taken.checked_add(bytes).filter(|taken| taken <= max_bytes);
        let is_taken = taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, with).is_ok();
        self.bytes += if is_taken { bytes } else { 0 };
        is_taken
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.space.0.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_taken_piece_by_piece_and_given_back_at_once() {
        let space = HoldingSpace::new(100);
        let (mut one, mut other) = (space.room(), space.clone().room());
        for (place, bytes, fits) in [(0, 60, true), (1, 41, false), (1, 40, true), (0, 1, false), (1, usize::MAX, false), (0, 0, true)] {
            let room = if place == 0 { &mut one } else { &mut other };
            assert_eq!(room.grow(bytes), fits, "{place} {bytes}");
        }
        drop(one);
        assert!(other.grow(60) && !other.grow(1));
        drop(other);
        assert!(space.room().grow(100));
    }
}
