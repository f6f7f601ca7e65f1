//! Chance: the one source of keys and salts, handed in by whoever wires the process.

/// Fills the whole slice with unpredictable bytes, or says that it could not. [`operating_system_random`] in production.
///
/// A source that repeats itself makes two messages share a key, which breaks the cipher: only tests may hand in another one.
pub type Random = fn(&mut [u8]) -> Result<(), NoRandomness>;

/// The operating system had no random bytes to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random bytes; nothing was sealed or created, look at its log")]
pub struct NoRandomness;

impl NoRandomness {
    /// The stable name of this error.
    pub fn code(&self) -> &'static str {
        "randomness_unavailable"
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        true
    }
}

/// Random bytes straight from the kernel, asked anew each time.
///
/// No generator state lives in this process, so a fork or a virtual machine restored twice from one snapshot cannot hand out the same
/// salt twice: the kernel reseeds itself when the hypervisor tells it about the restore.
#[cfg(target_os = "linux")]
pub fn operating_system_random(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    use rustix::io::Errno;
    use rustix::rand::{GetRandomFlags, getrandom};

    let mut filled = 0;
    while filled < bytes.len() {
        match getrandom(&mut bytes[filled..], GetRandomFlags::empty()) {
            Ok(0) => return Err(NoRandomness),
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(_) => return Err(NoRandomness),
        }
    }
    Ok(())
}

/// Random bytes from the cryptographic library, which reseeds from the operating system and after a fork.
#[cfg(not(target_os = "linux"))]
pub fn operating_system_random(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    aws_lc_rs::rand::fill(bytes).map_err(|_| NoRandomness)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operating_system_fills_the_whole_slice() {
        // Longer than what one getrandom(2) call guarantees to deliver (256 bytes).
        let mut bytes = vec![0_u8; 100_000];
        assert_eq!(operating_system_random(&mut bytes), Ok(()));
        assert!(bytes.chunks(32).all(|chunk| chunk.iter().any(|byte| *byte != 0)));
    }
}
