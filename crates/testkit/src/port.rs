//! A port that must be known before anybody listens on it.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that the system gives to connections and to listeners that name none (32768 and up on Linux), so that none of them takes it meanwhile.
const RANGE: std::ops::Range<u16> = 12_000..32_000;

/// A port on loopback on which nobody listens, and which is given to nobody else for as long as these tests run: processes begin at different places.
///
/// # Panics
/// If every port is taken.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let length = RANGE.end - RANGE.start;
    let spread = (std::process::id().wrapping_mul(7_919) % u32::from(length)) as u16;
    let port = (0..length).find_map(|_| {
        let port = RANGE.start + (spread + NEXT.fetch_add(1, Ordering::Relaxed) % length) % length;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok().then_some(port)
    });
    port.expect("some port below 32000 is free")
}
