//! The root key in a file.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::{KeyError, text};
use crate::key::Key;
use crate::{Random, RootKey};

/// More than any spelling of a key with white space around it; a longer file is something else.
const MAX_FILE_LENGTH: usize = 256;

pub(super) fn load(path: &Path) -> Result<RootKey, KeyError> {
    // No link is followed; a pipe does not block the start. What is checked below is the opened file, not the name, so nothing can be
    // swapped in between.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::NOENT => KeyError::FileMissing { path: path.to_owned() },
        Errno::LOOP => KeyError::SymbolicLink { path: path.to_owned() },
        _ => KeyError::Unreadable { path: path.to_owned(), source: errno.into() },
    })?;
    let status = rustix::fs::fstat(&file).map_err(|errno| KeyError::Unreadable { path: path.to_owned(), source: errno.into() })?;
    check(path, status.st_mode, status.st_uid, rustix::process::geteuid().as_raw())?;
    let bytes = read_short(file.into()).map_err(|source| KeyError::Unreadable { path: path.to_owned(), source })?;
    // A cut file may look like a key and white space after it; what was cut off is not known, so it is refused.
    let key = if bytes.len() > MAX_FILE_LENGTH { None } else { text::parse(&bytes) };
    key.ok_or_else(|| KeyError::Malformed { place: format!("the key file {}", path.display()) })
}

fn check(path: &Path, mode: u32, owner: u32, process: u32) -> Result<(), KeyError> {
    let path = || path.to_owned();
    if FileType::from_raw_mode(mode) != FileType::RegularFile {
        return Err(KeyError::NotRegularFile { path: path() });
    }
    if owner != process {
        return Err(KeyError::Owner { path: path(), owner, process });
    }
    match mode & 0o7777 {
        0o400 | 0o600 => Ok(()),
        mode => Err(KeyError::Permissions { path: path(), mode }),
    }
}

/// The content, or its first `MAX_FILE_LENGTH` bytes and one more, which tells that it is too long.
fn read_short(mut file: File) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut buffer = Zeroizing::new(vec![0; MAX_FILE_LENGTH + 1]);
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(length);
    Ok(buffer)
}

/// Written beside its place, proven readable, then linked to its name: the name either does not exist or holds the whole key, and a link,
/// unlike a rename, never replaces anything.
pub(super) fn create(path: &Path, random: Random) -> Result<RootKey, KeyError> {
    let draft = Draft::beside(path, random)?;
    let key = Key::random(random)?;
    let unwritable = |source| KeyError::Unwritable { path: path.to_owned(), source };
    draft.write(&text::format(&key)).map_err(unwritable)?;
    // A file system that ignores owners or modes would keep the node from ever starting again: better to learn it now.
    let key = load(&draft.path)?;
    std::fs::hard_link(&draft.path, path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyError::FileExists { path: path.to_owned() },
        _ => unwritable(source),
    })?;
    drop(draft);
    sync_directory(path).map_err(unwritable)?;
    Ok(key)
}

/// A file under a name that nobody uses, removed when dropped.
struct Draft {
    path: PathBuf,
}

impl Draft {
    fn beside(path: &Path, random: Random) -> Result<Self, KeyError> {
        let name = path.file_name().ok_or_else(|| KeyError::Unwritable {
            path: path.to_owned(),
            source: io::Error::new(io::ErrorKind::InvalidInput, "the path does not end in a file name"),
        })?;
        let mut suffix = [0; 8];
        random(&mut suffix)?;
        let mut draft = std::ffi::OsString::from(".");
        draft.push(name);
        draft.push(format!(".{:016x}", u64::from_ne_bytes(suffix)));
        Ok(Self { path: path.with_file_name(draft) })
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::open(&self.path, flags, Mode::RUSR)?);
        // The umask may have taken bits away.
        rustix::fs::fchmod(&file, Mode::RUSR)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Nobody is left to tell; what stays is an unused key that only this user can read.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Makes the name itself durable: without it a power cut may leave a database whose key is gone.
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGULAR: u32 = 0o100_000;

    // CRY-10 by its rule alone, because only root could make a file of another user for the test.
    #[test]
    fn only_the_process_user_may_own_the_key_file() {
        let path = Path::new("/etc/sortie/key");
        assert!(check(path, REGULAR | 0o400, 1000, 1000).is_ok());
        for (owner, process) in [(0, 1000), (1000, 0), (1001, 1000)] {
            let refused = check(path, REGULAR | 0o400, owner, process);
            assert_eq!(refused.map_err(|error| error.code()), Err("key_file_owner"), "{owner} {process}");
        }
    }

    #[test]
    fn only_two_modes_are_accepted() {
        let path = Path::new("/etc/sortie/key");
        for mode in 0..=0o7777_u32 {
            let accepted = check(path, REGULAR | mode, 7, 7).is_ok();
            assert_eq!(accepted, mode == 0o400 || mode == 0o600, "{mode:04o}");
        }
    }

    #[test]
    fn only_a_regular_file_is_accepted() {
        for kind in [0o010_000, 0o020_000, 0o040_000, 0o060_000, 0o120_000, 0o140_000_u32] {
            let refused = check(Path::new("key"), kind | 0o400, 7, 7);
            assert_eq!(refused.map_err(|error| error.code()), Err("key_file_type"), "{kind:o}");
        }
    }
}
