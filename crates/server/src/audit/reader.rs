//! Reading the audit's files: the tail of one, the last records of all, and records as they come.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::chain::Mac;

/// No record is longer: its longest part is the path, at most 16 KiB.
const MAX_LINE: u64 = 64 * 1024;

/// 64 KiB: a group ends with the first record that makes it longer than this.
pub(super) const MAX_GROUP: usize = 64 * 1024;

/// Holds the last whole group, or as much of it as is needed, and one that was never finished.
const TAIL: u64 = 2 * (MAX_GROUP as u64 + MAX_LINE);

/// Why the audit cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the audit in {path}")]
pub struct ReadAuditError {
    /// Which file or directory.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// One record, as it stands in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When, as in the record; RFC 3339 in UTC sorts as text.
    pub at: String,
    /// The record, one JSON object.
    pub text: String,
}

/// How far each file was read.
pub type Positions = Vec<(PathBuf, u64)>;

/// The end of a file.
pub(super) struct Tail {
    /// Length up to the end of the last whole group.
    pub(super) length: u64,
    /// Bytes behind it: a group that was never finished.
    pub(super) torn_bytes: u64,
    /// Number and MAC of the last whole group's last record.
    pub(super) last: Option<(u64, Mac)>,
}

/// Finds the end of a lane's last whole group. `None` if what is behind it is not the beginning of the next: that was not torn, but put there.
pub(super) fn tail(file: &mut File, lane: &str) -> io::Result<Option<Tail>> {
    let end = file.seek(SeekFrom::End(0))?;
    let start = end.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    let (mut position, mut whole, mut last, mut behind) = (0, 0, None, Vec::new());
    // The first line may have begun earlier; then it is not a record, and not the last one either.
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        position += line.len();
        let Some(line) = line.strip_suffix(b"\n") else { break };
        match Mac::split(line) {
            Some((_, mac)) => {
                (whole, last) = (position, Some((sequence(line, lane), mac)));
                behind.clear();
            }
            None => behind.push(line),
        }
    }
    let last = match last {
        Some((Some(sequence), mac)) => Some((sequence, mac)),
        None if start == 0 => None,
        Some((None, _)) | None => return Ok(None),
    };
    let next = last.map_or(0, |(sequence, _)| sequence) + 1;
    let is_next = |(number, line): (u64, &&[u8])| sequence(line, lane) == Some(number) && !Mac::was_in(line);
    if !(next..).zip(&behind).all(is_next) {
        return Ok(None);
    }
    Ok(Some(Tail { length: start + whole as u64, torn_bytes: (bytes.len() - whole) as u64, last }))
}

/// The number in a record, if it is one of this lane.
pub(super) fn sequence(line: &[u8], lane: &str) -> Option<u64> {
    let rest = line.strip_prefix(br#"{"lane":""#)?.strip_prefix(lane.as_bytes())?.strip_prefix(br#"","sequence":"#)?;
    let (digits, rest) = rest.split_at(rest.iter().position(|byte| !byte.is_ascii_digit())?);
    if !(rest.starts_with(b",") && rest.ends_with(b"}")) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn moment(line: &str) -> &str {
    let marker = r#","at":""#;
    line.find(marker).and_then(|at| line.get(at + marker.len()..at + marker.len() + 24)).unwrap_or("")
}

/// The audit's files, sorted by name.
///
/// # Errors
/// The directory cannot be read.
pub fn files(directory: &Path) -> Result<Vec<PathBuf>, ReadAuditError> {
    let wrap = |source| ReadAuditError { path: directory.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(wrap)? {
        let path = entry.map_err(wrap)?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The last `count` records of all files together, oldest first, and how far each file was read, for [`read_lines`] to go on.
///
/// # Errors
/// A file cannot be read.
pub fn last_lines(directory: &Path, count: usize) -> Result<(Vec<Line>, Positions), ReadAuditError> {
    let mut lines = Vec::new();
    let mut positions = Vec::new();
    for path in files(directory)? {
        let wrap = |source| ReadAuditError { path: path.clone(), source };
        let mut file = File::open(&path).map_err(wrap)?;
        let end = file.seek(SeekFrom::End(0)).map_err(wrap)?;
        // 512 bytes are a generous mean; a shorter answer than asked for is better than reading gigabytes.
        let start = end.saturating_sub((count as u64).saturating_mul(512).max(MAX_LINE));
        let (mut read, position) = read_lines(&path, start)?;
        if start > 0 && !read.is_empty() {
            read.remove(0);
        }
        let surplus = read.len().saturating_sub(count);
        lines.extend(read.into_iter().skip(surplus));
        positions.push((path, position));
    }
    lines.sort_by(|one, other| one.at.cmp(&other.at));
    let surplus = lines.len().saturating_sub(count);
    Ok((lines.split_off(surplus), positions))
}

/// At most `count` whole records of one file from a position on, each with where it ends. A position that is not behind a record's end is behind the next one's.
///
/// # Errors
/// The file cannot be read.
pub fn read_some(path: &Path, position: u64, count: usize) -> Result<Vec<(u64, Line)>, ReadAuditError> {
    let wrap = |source| ReadAuditError { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(wrap)?;
    // From one byte before, so that it shows whether a record ends there.
    file.seek(SeekFrom::Start(position.saturating_sub(1))).map_err(wrap)?;
    let mut reader = BufReader::new(file);
    let (mut end, mut line, mut found) = (position.saturating_sub(1), Vec::new(), Vec::new());
    let mut is_first = position > 0;
    while found.len() < count {
        line.clear();
        let length = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).map_err(wrap)?;
        if length == 0 || line.last() != Some(&b'\n') {
            break;
        }
        end += length as u64;
        if std::mem::take(&mut is_first) {
            continue;
        }
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        found.push((end, Line { at: moment(&text).to_owned(), text }));
    }
    Ok(found)
}

/// The whole records of one file from a position on, and where the next one will begin.
///
/// # Errors
/// The file cannot be read.
pub fn read_lines(path: &Path, position: u64) -> Result<(Vec<Line>, u64), ReadAuditError> {
    let wrap = |source| ReadAuditError { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(wrap)?;
    file.seek(SeekFrom::Start(position)).map_err(wrap)?;
    let mut reader = BufReader::new(file);
    let (mut lines, mut position, mut line) = (Vec::new(), position, Vec::new());
    loop {
        line.clear();
        let length = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).map_err(wrap)?;
        if length == 0 || line.last() != Some(&b'\n') {
            return Ok((lines, position));
        }
        position += length as u64;
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        lines.push(Line { at: moment(&text).to_owned(), text });
    }
}
