//! The chain: records are written in groups, and the last one of a group ends with a MAC over the whole group and the MAC before it, under a key from the vault.
//! Whoever has only the files cannot change, drop or reorder a record without breaking it.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use sortie_model::SecretBytes;

/// What stands before a MAC. A value cannot hold it: in JSON a quotation mark within a text is escaped.
const BEFORE_MAC: &[u8] = br#","mac":""#;

/// Length of the ending that the last line of a group has: the MAC is 64 hexadecimal digits, and the object ends behind it.
const ENDING: usize = BEFORE_MAC.len() + 64 + r#""}"#.len();

/// Of the eight bytes of [`BEFORE_MAC`], how many are enough to tell that it was there. Three are quotation marks that end or begin a text; whoever is called `mac`
/// has six, as `:"mac","`.
const TELLING: usize = 7;

/// What every other line ends with.
const PLAIN_ENDING: &[u8] = b"}\n";

/// The key of the chain, derived by the vault for this purpose only.
#[derive(Clone)]
pub struct ChainKey(hmac::Key);

/// The MAC at the end of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mac([u8; 32]);

impl ChainKey {
    /// From 32 bytes.
    pub fn new(key: &SecretBytes) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose()))
    }

    /// The MAC of a group behind `previous`, whose bytes are still to come.
    pub(super) fn begin(&self, previous: Mac) -> Link {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&previous.0);
        Link(context)
    }

    /// The MAC of a group behind `previous`. `group` is its text from the beginning of its first line to the place of the MAC in its last.
    pub(super) fn link(&self, previous: Mac, group: &[u8]) -> Mac {
        let mut link = self.begin(previous);
        link.update(group);
        link.end()
    }

    /// The MAC before the first record: it depends on the lane's name, so that whole files cannot be swapped.
    pub(super) fn start(&self, lane: &str) -> Mac {
        self.link(Mac([0; 32]), lane.as_bytes())
    }
}

/// A MAC in the making.
pub(super) struct Link(hmac::Context);

impl Link {
    pub(super) fn update(&mut self, text: &[u8]) {
        self.0.update(text);
    }

    pub(super) fn end(self) -> Mac {
        let mut mac = [0; 32];
        mac.copy_from_slice(self.0.sign().as_ref());
        Mac(mac)
    }
}

/// Ends a record that is not the last one of its group, as far as is known by now.
pub(super) fn end_plainly(line: &mut Vec<u8>) {
    line.extend_from_slice(PLAIN_ENDING);
}

/// Makes the last record the last one of its group: takes its ending away, for the MAC to come.
pub(super) fn reopen(lines: &mut Vec<u8>) {
    debug_assert!(lines.ends_with(PLAIN_ENDING), "a record that has ended plainly");
    lines.truncate(lines.len().saturating_sub(PLAIN_ENDING.len()));
}

impl Mac {
    /// Ends a group: adds the MAC and closes the object and the line.
    pub(super) fn end(self, line: &mut Vec<u8>) {
        let mut digits = [0; 64];
        for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(self.0) {
            *pair = PAIRS[usize::from(byte)];
        }
        line.extend_from_slice(BEFORE_MAC);
        line.extend_from_slice(&digits);
        line.extend_from_slice(b"\"}\n");
    }

    /// Splits the last line of a group (without its line break) into body and MAC; `None` for any other line.
    pub(super) fn split(line: &[u8]) -> Option<(&[u8], Self)> {
        let (body, ending) = line.split_at_checked(line.len().checked_sub(ENDING)?)?;
        let digits = ending.strip_prefix(BEFORE_MAC)?.strip_suffix(br#""}"#)?;
        let mut mac = [0; 32];
        for (byte, pair) in mac.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: usize| HEX.iter().position(|hex| *hex == pair[at]).and_then(|value| u8::try_from(value).ok());
            *byte = digit(0)? << 4 | digit(1)?;
        }
        Some((body, Self(mac)))
    }

    /// Whether a line that does not split ends with what was a MAC: nobody writes such a line, not even in part.
    pub(super) fn was_in(line: &[u8]) -> bool {
        let ending = &line[line.len().saturating_sub(ENDING)..];
        let alike = ending.iter().zip(BEFORE_MAC).filter(|(byte, expected)| byte == expected).count();
        alike >= TELLING || line.windows(BEFORE_MAC.len()).any(|window| window == BEFORE_MAC)
    }

    /// Whether two are the same, in constant time.
    pub(super) fn is(self, other: Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }

    /// As stored in an anchor.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The two digits of each byte.
const PAIRS: [[u8; 2]; 256] = {
    let (mut pairs, mut byte) = ([[0; 2]; 256], 0);
    while byte < 256 {
        pairs[byte] = [HEX[byte / 16], HEX[byte % 16]];
        byte += 1;
    }
    pairs
};

impl fmt::Debug for Mac {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}
