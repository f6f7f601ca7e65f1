//! The lane of management: who changed what. Several processes may write it, one record at a time, under a lock on the file.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use sortie_model::Timestamp;

use super::chain::ChainKey;
use super::reader::{self, ReadAuditError};
use super::{file_name, record};

/// The lane's name.
const LANE: &str = "management";

/// One change of a definition, a user, a key or a stored value. Values themselves are never recorded, only the names of fields.
#[derive(Clone, Copy, Debug)]
pub struct ChangeRecord<'a> {
    /// When.
    pub at: Timestamp,
    /// Who: `operator:alice` for somebody at the command line of the node.
    pub actor: &'a str,
    /// What was done: `created`, `updated`, `deleted`.
    pub action: &'a str,
    /// To what: `external_credential Billing`.
    pub object: &'a str,
    /// Which fields.
    pub fields: &'a str,
}

/// As [`append_changes`], on a thread that may wait for the disk and for other processes: the runtime's own threads have renewals to carry on.
///
/// # Errors
/// As there.
pub async fn record_changes(directory: &Path, key: &ChainKey, changes: &[ChangeRecord<'_>]) -> Result<(), ReadAuditError> {
    let (path, key) = (directory.to_owned(), key.clone());
    let directory = path.clone();
    let changes: Vec<_> = changes.iter().map(|change| (change.at, change.texts().map(str::to_owned))).collect();
    let appended = tokio::task::spawn_blocking(move || {
        let changes: Vec<_> = changes.iter().map(|(at, texts)| ChangeRecord::of(*at, texts.each_ref().map(String::as_str))).collect();
        append_changes(&directory, &key, &changes)
    });
    appended.await.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Err(ReadAuditError { path, source: std::io::Error::other("the process is ending") }),
    })
}

impl<'a> ChangeRecord<'a> {
    fn texts(&self) -> [&'a str; 4] {
        [self.actor, self.action, self.object, self.fields]
    }

    fn of(at: Timestamp, [actor, action, object, fields]: [&'a str; 4]) -> Self {
        Self { at, actor, action, object, fields }
    }
}

/// Appends records to the management lane and synchronises it to disk: a change that is not recorded must not be reported as done.
///
/// # Errors
/// The file cannot be written, or its last record is not one of ours.
pub fn append_changes(directory: &Path, key: &ChainKey, changes: &[ChangeRecord<'_>]) -> Result<(), ReadAuditError> {
    let path = directory.join(file_name(LANE));
    let wrap = |source| ReadAuditError { path: path.clone(), source };
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&path).map_err(wrap)?;
    file.lock().map_err(wrap)?;
    let damaged = || {
        std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "the last record is damaged; run `sortie audit verify`, then move the file away",
        )
    };
    let tail = reader::tail(&mut file, LANE).map_err(wrap)?.ok_or_else(damaged).map_err(wrap)?;
    if tail.torn_bytes > 0 {
        file.set_len(tail.length).map_err(wrap)?;
    }
    let (mut sequence, mut mac) = tail.last.unwrap_or_else(|| (0, key.start(LANE)));
    let (mut lines, mut opening) = (Vec::new(), record::Opening::new(LANE));
    // Each is a group of its own: a changed one is then named by `verify` exactly.
    for change in changes {
        sequence += 1;
        let start = lines.len();
        let fields = [("actor", change.actor), ("action", change.action), ("object", change.object), ("fields", change.fields)];
        opening.write(&mut lines, sequence, change.at, "change");
        record::note(&mut lines, &fields);
        mac = key.link(mac, &lines[start..]);
        mac.end(&mut lines);
    }
    file.write_all(&lines).and_then(|()| file.sync_data()).map_err(wrap)
}
