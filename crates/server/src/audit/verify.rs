//! Verifying the audit: walks every chain from its first record and names the first one that is not what was written.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::chain::{ChainKey, Mac};
use super::reader::{self, ReadAuditError};

/// What was verified of one lane.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// The lane.
    pub lane: String,
    /// How many records stand in an unbroken chain from the first one.
    pub records: u64,
    /// What is wrong, if anything is.
    pub finding: Option<Finding>,
}

/// What is wrong with a lane.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Finding {
    /// A record is not the one that was written there: it was changed, or one before it was dropped, added or moved.
    Broken {
        /// Line of the file, from 1.
        line: u64,
        /// The number that belongs there.
        expected_sequence: u64,
        /// The number found there, if it can be read.
        found_sequence: Option<u64>,
    },
    /// Records at the end are gone: a later record than the last one was anchored.
    Truncated {
        /// The last record there.
        last_sequence: u64,
        /// The anchored one.
        anchored_sequence: u64,
    },
    /// The anchored record has another MAC: the whole file was made anew, by somebody who has the key.
    Replaced {
        /// The anchored record.
        anchored_sequence: u64,
    },
    /// A lane that was anchored has no file.
    Missing {
        /// The anchored record.
        anchored_sequence: u64,
    },
}

/// Verifies all lanes in `directory` against the chain's key and the anchors kept elsewhere: lane to number and MAC. Memory does not grow with the number of records.
///
/// # Errors
/// A file cannot be read.
pub fn verify(directory: &Path, key: &ChainKey, anchors: &BTreeMap<String, (u64, Vec<u8>)>) -> Result<Vec<Verified>, ReadAuditError> {
    let mut verified = Vec::new();
    for path in reader::files(directory)? {
        let lane = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let anchor = anchors.get(&lane).map(|(sequence, mac)| (*sequence, mac.as_slice()));
        verified.push(verify_lane(&path, lane, key, anchor)?);
    }
    for (lane, (anchored_sequence, _)) in anchors {
        if !verified.iter().any(|seen| seen.lane == *lane) {
            verified.push(Verified {
                lane: lane.clone(),
                records: 0,
                finding: Some(Finding::Missing { anchored_sequence: *anchored_sequence }),
            });
        }
    }
    Ok(verified)
}

fn verify_lane(path: &PathBuf, lane: String, key: &ChainKey, anchor: Option<(u64, &[u8])>) -> Result<Verified, ReadAuditError> {
    let wrap = |source| ReadAuditError { path: path.clone(), source };
    let mut reader = BufReader::new(File::open(path).map_err(wrap)?);
    let (mut mac, mut records, mut line) = (key.start(&lane), 0, Vec::new());
    let mut is_replaced = false;
    let finding = loop {
        line.clear();
        let length = reader.by_ref().take(1 << 20).read_until(b'\n', &mut line).map_err(wrap)?;
        // A last line without an end was never acknowledged; the next start cuts it off and says so.
        if length == 0 || line.last() != Some(&b'\n') {
            break at_the_end(records, is_replaced, anchor);
        }
        let record = &line[..line.len() - 1];
        let link = Mac::split(record).map(|(body, found)| (key.link(mac, body), found));
        let found_sequence = reader::sequence(record);
        match link {
            Some((expected, found)) if expected.is(found) && found_sequence == Some(records + 1) => mac = found,
            _ => break Some(Finding::Broken { line: records + 1, expected_sequence: records + 1, found_sequence }),
        }
        records += 1;
        is_replaced |= anchor.is_some_and(|(sequence, anchored)| sequence == records && anchored != mac.as_bytes());
    };
    Ok(Verified { lane, records, finding })
}

fn at_the_end(records: u64, is_replaced: bool, anchor: Option<(u64, &[u8])>) -> Option<Finding> {
    let (anchored_sequence, _) = anchor?;
    if records < anchored_sequence {
        Some(Finding::Truncated { last_sequence: records, anchored_sequence })
    } else {
        is_replaced.then_some(Finding::Replaced { anchored_sequence })
    }
}
