//! Verifying the audit: walks every chain from its first record and names the first one that is not what was written.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use utoipa::ToSchema;

use super::chain::{ChainKey, Mac};
use super::reader::{self, ReadAuditError};

/// What was verified of one lane.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, ToSchema)]
#[schema(as = VerifiedLane)]
pub struct Verified {
    /// The lane.
    pub lane: String,
    /// How many records stand in an unbroken chain from the first one.
    pub records: u64,
    /// How many whole records behind them were never acknowledged, because their group was not written to its end. The next start cuts them off.
    pub unfinished: u64,
    /// What is wrong, if anything is.
    #[schema(required = true)]
    pub finding: Option<Finding>,
}

/// What is wrong with a lane.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, ToSchema)]
#[schema(as = AuditFinding)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Finding {
    /// A record is not the one that was written there: it was changed, or one before it was dropped, added or moved.
    Broken {
        /// Line of the file, from 1: the first one that may be meant.
        line: u64,
        /// The last one: records that were written together are vouched for together.
        last_line: u64,
        /// The number that belongs there.
        expected_sequence: u64,
        /// The number found there, if it can be read.
        #[schema(required = true)]
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
                unfinished: 0,
                finding: Some(Finding::Missing { anchored_sequence: *anchored_sequence }),
            });
        }
    }
    Ok(verified)
}

fn verify_lane(path: &PathBuf, lane: String, key: &ChainKey, anchor: Option<(u64, &[u8])>) -> Result<Verified, ReadAuditError> {
    let wrap = |source| ReadAuditError { path: path.clone(), source };
    let mut reader = BufReader::new(File::open(path).map_err(wrap)?);
    // Up to `records` all is well; `read` are those of the group that is not at its end.
    let (mut mac, mut records, mut read, mut line) = (key.start(&lane), 0, 0, Vec::new());
    let mut link = key.begin(mac);
    let mut is_replaced = false;
    let finding = loop {
        line.clear();
        let length = reader.by_ref().take(1 << 20).read_until(b'\n', &mut line).map_err(wrap)?;
        // A last group without an end was never acknowledged; the next start cuts it off and says so.
        if length == 0 || line.last() != Some(&b'\n') {
            break at_the_end(records, is_replaced, anchor);
        }
        let record = &line[..line.len() - 1];
        read += 1;
        let (at, found_sequence) = (records + read, reader::sequence(record, &lane));
        let ending = Mac::split(record);
        if found_sequence != Some(at) || (ending.is_none() && Mac::was_in(record)) {
            break Some(Finding::Broken { line: at, last_line: at, expected_sequence: at, found_sequence });
        }
        let Some((body, found)) = ending else {
            link.update(&line);
            continue;
        };
        link.update(body);
        if !link.end().is(found) {
            let first = records + 1;
            break Some(Finding::Broken { line: first, last_line: at, expected_sequence: first, found_sequence: Some(first) });
        }
        // What is anchored is always the end of a group.
        is_replaced |= anchor
            .is_some_and(|(sequence, anchored)| sequence > records && sequence <= at && (sequence < at || anchored != found.as_bytes()));
        (mac, records, read) = (found, at, 0);
        link = key.begin(mac);
    };
    Ok(Verified { lane, records, unfinished: if finding.is_none() { read } else { 0 }, finding })
}

fn at_the_end(records: u64, is_replaced: bool, anchor: Option<(u64, &[u8])>) -> Option<Finding> {
    let (anchored_sequence, _) = anchor?;
    if records < anchored_sequence {
        Some(Finding::Truncated { last_sequence: records, anchored_sequence })
    } else {
        is_replaced.then_some(Finding::Replaced { anchored_sequence })
    }
}
