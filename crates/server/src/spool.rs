//! Files for what a provider has given and the database has not taken yet.
//!
//! A refresh token that is rotated is worth more than any other token here: the provider has taken the one before back, so that whoever loses the new one has
//! to ask a person to log in again. Between the provider's answer and the commit it is therefore in a file, which survives the end of the process and a database
//! that is away. What is in a file is sealed, and named after the row and the fence of the lease that it was obtained under: what the database does not want under
//! that fence is thrown away, never put in the place of something newer.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// The directory of the files. It need not exist.
#[derive(Clone, Debug)]
pub(crate) struct Spool {
    directory: PathBuf,
}

/// Names one file: the row of the grant, and the fence of the lease that it was obtained under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) row: Uuid,
    pub(crate) fence: i64,
}

/// What is not a whole entry: it was being written when the process ended.
const DRAFT: &str = "draft";

/// What does not open: sealed under another root key, or damaged.
const UNREADABLE: &str = "unreadable";

impl Entry {
    fn file_name(self) -> String {
        format!("{}.{}", self.row, self.fence)
    }

    fn parse(name: &str) -> Option<Self> {
        let (row, fence) = name.split_once('.')?;
        let entry = Self { row: row.parse().ok()?, fence: fence.parse().ok()? };
        // One name for each entry, so that nothing is there twice.
        (entry.file_name() == name).then_some(entry)
    }
}

impl Spool {
    pub(crate) const fn at(directory: PathBuf) -> Self {
        Self { directory }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes an entry. When this returns it survives a power cut: the file is synchronised before it gets its name, the directory after.
    pub(crate) fn keep(&self, entry: Entry, sealed: &[u8]) -> io::Result<()> {
        self.make_directory()?;
        let path = self.directory.join(entry.file_name());
        let draft = path.with_added_extension(DRAFT);
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        let written = file.write_all(sealed).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&draft, &path));
        if let Err(error) = written {
            // A full disk has no room for half an entry either.
            let _ = fs::remove_file(&draft);
            return Err(error);
        }
        sync(&self.directory)
    }

    /// Every whole entry, oldest fence of each row first.
    pub(crate) fn entries(&self) -> io::Result<Vec<Entry>> {
        let names = match fs::read_dir(&self.directory) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut entries = Vec::new();
        for name in names {
            entries.extend(name?.file_name().to_str().and_then(Entry::parse).filter(|entry| !entry.row.is_nil()));
        }
        entries.sort_unstable();
        Ok(entries)
    }

    /// `None` if somebody else has seen to it meanwhile.
    pub(crate) fn read(&self, entry: Entry) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.directory.join(entry.file_name())) {
            Ok(sealed) => Ok(Some(sealed)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// An entry whose name survives a power cut does no harm: it is fenced.
    pub(crate) fn remove(&self, entry: Entry) -> io::Result<()> {
        match fs::remove_file(self.directory.join(entry.file_name())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Keeps an entry that does not open out of the way, for somebody to look at.
    pub(crate) fn set_aside(&self, entry: Entry) -> io::Result<PathBuf> {
        let path = self.directory.join(entry.file_name());
        let aside = path.with_added_extension(UNREADABLE);
        fs::rename(path, &aside).map(|()| aside)
    }

    /// Takes away what was half-written when a process ended, and says whether an entry could be written now.
    pub(crate) fn clean(&self) -> io::Result<()> {
        self.make_directory()?;
        for name in fs::read_dir(&self.directory)? {
            let path = name?.path();
            if path.extension().is_some_and(|extension| extension == DRAFT) {
                fs::remove_file(path)?;
            }
        }
        self.check()
    }

    /// Whether an entry could be written now.
    pub(crate) fn check(&self) -> io::Result<()> {
        let probe = Entry { row: Uuid::nil(), fence: 0 };
        self.keep(probe, b"")?;
        self.remove(probe)
    }

    fn make_directory(&self) -> io::Result<()> {
        if self.directory.is_dir() {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        self.directory.parent().map_or(Ok(()), sync)
    }
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn entry(row: u128, fence: i64) -> Entry {
        Entry { row: Uuid::from_u128(row), fence }
    }

    #[test]
    fn what_is_kept_is_found_by_every_process_and_by_nobody_else() {
        let home = tempfile::tempdir().unwrap();
        let (spool, other) = (Spool::at(home.path().join("spool")), Spool::at(home.path().join("spool")));
        assert_eq!(spool.entries().unwrap(), []);
        for (entry, sealed) in [(entry(2, 7), b"two".as_slice()), (entry(1, 12), b"new"), (entry(1, 3), b"old")] {
            spool.keep(entry, sealed).unwrap();
        }
        assert_eq!(other.entries().unwrap(), [entry(1, 3), entry(1, 12), entry(2, 7)]);
        assert_eq!(other.read(entry(1, 12)).unwrap().as_deref(), Some(b"new".as_slice()));
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(spool.directory()), mode(&spool.directory().join(entry(2, 7).file_name()))), (0o700, 0o600));
        other.remove(entry(1, 3)).unwrap();
        other.remove(entry(1, 3)).unwrap();
        other.set_aside(entry(1, 12)).unwrap();
        assert_eq!((spool.entries().unwrap(), spool.read(entry(1, 3)).unwrap()), (vec![entry(2, 7)], None));
    }

    #[test]
    fn what_was_half_written_is_no_entry_and_goes() {
        let home = tempfile::tempdir().unwrap();
        let spool = Spool::at(home.path().to_owned());
        fs::write(home.path().join(format!("{}.3.draft", Uuid::from_u128(1))), b"hal").unwrap();
        fs::write(home.path().join("other"), b"x").unwrap();
        assert_eq!(spool.entries().unwrap(), []);
        spool.clean().unwrap();
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn where_nothing_can_be_written_that_is_said() {
        // Not by its mode: tests may run as root, whom no mode stops.
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("file"), b"").unwrap();
        let spool = Spool::at(home.path().join("file/spool"));
        assert!(spool.check().is_err() && spool.keep(entry(1, 1), b"x").is_err());
    }
}
