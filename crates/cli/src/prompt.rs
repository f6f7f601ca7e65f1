//! Asking for a secret on the terminal. The echo is off before the question is there, so that not even what is typed too early is shown,
//! and characters are taken one by one, so that a long value is not cut off where the terminal's own line ends (4,095 bytes).

use std::fs::File;
use std::io::{self, Read as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use sortie_model::Secret;
use zeroize::Zeroizing;

const END_OF_TEXT: u8 = 0x03;
const END_OF_TRANSMISSION: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const ERASE_LINE: u8 = 0x15;
const DELETE: u8 = 0x7F;

/// Asks, and reads one line.
///
/// # Errors
/// There is no terminal, Ctrl-C was typed, or what was typed is not UTF-8.
pub(crate) fn ask(question: &str) -> io::Result<Secret> {
    let terminal = File::options().read(true).write(true).open("/dev/tty")?;
    let quiet = Quiet::begin(&terminal)?;
    (&terminal).write_all(question.as_bytes())?;
    let typed = read_line(&terminal);
    drop(quiet);
    (&terminal).write_all(b"\n")?;
    let text = Zeroizing::new(typed?);
    std::str::from_utf8(&text).map(Secret::new).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

fn read_line(mut terminal: &File) -> io::Result<Vec<u8>> {
    // Of a fixed size, so that growing leaves no copies behind.
    let mut typed = Zeroizing::new(Vec::with_capacity(128 * 1024));
    let mut byte = [0];
    while terminal.read(&mut byte)? == 1 && typed.len() < typed.capacity() {
        match byte[0] {
            b'\n' | b'\r' | END_OF_TRANSMISSION => break,
            END_OF_TEXT => return Err(io::Error::new(io::ErrorKind::Interrupted, "Ctrl-C was typed")),
            ERASE_LINE => typed.clear(),
            BACKSPACE | DELETE => erase_character(&mut typed),
            other => typed.push(other),
        }
    }
    Ok(std::mem::take(&mut *typed))
}

/// Takes the last character away: in UTF-8 all its bytes but the first begin with the bits 10.
fn erase_character(typed: &mut Vec<u8>) {
    while typed.pop().is_some_and(|byte| byte & 0xC0 == 0x80) {}
}

/// While this lives, nothing that is typed is shown or acted on.
struct Quiet<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Quiet<'a> {
    /// What was typed ahead, and shown, is thrown away.
    fn begin(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // There is nobody left to tell, and the user sees it at once.
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erasing_takes_whole_characters() {
        let mut typed = "aü😀".as_bytes().to_vec();
        erase_character(&mut typed);
        assert_eq!(typed, "aü".as_bytes());
        erase_character(&mut typed);
        erase_character(&mut typed);
        erase_character(&mut typed);
        assert!(typed.is_empty());
    }
}
