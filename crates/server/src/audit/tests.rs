#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;

use sortie_model::{SecretBytes, Timestamp};

use super::*;

fn key() -> ChainKey {
    ChainKey::new(&SecretBytes::new(*b"SECRET-chain-key-of-32-bytes-len"))
}

fn write(directory: &Path, count: u64) {
    for number in 0..count {
        let object = format!("external_credential C{number}");
        let change =
            ChangeRecord { at: Timestamp::from_millis(1000), actor: "operator:alice", action: "updated", object: &object, fields: "label" };
        append_changes(directory, &key(), &[change]).unwrap();
    }
}

fn finding(directory: &Path, anchors: &BTreeMap<String, (u64, Vec<u8>)>) -> Option<Finding> {
    verify(directory, &key(), anchors).unwrap().pop().unwrap().finding
}

#[test]
fn an_untouched_chain_verifies_and_another_key_does_not() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), 20);
    let verified = verify(directory.path(), &key(), &BTreeMap::new()).unwrap();
    assert_eq!(verified, [Verified { lane: "management".to_owned(), records: 20, finding: None }]);
    let other = ChainKey::new(&SecretBytes::new(*b"SECRET-another-key-of-32-bytes-l"));
    assert!(verify(directory.path(), &other, &BTreeMap::new()).unwrap()[0].finding.is_some());
}

#[test]
fn a_changed_dropped_moved_or_added_record_is_found_at_its_place() {
    // AUD-04 of the attack catalogue: line numbers from 1.
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), 6);
    let path = directory.path().join("management.jsonl");
    let original = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = original.lines().collect();
    let broken = |line| Some(line);
    let changed = original.replace("external_credential C2", "external_credential C9");
    let dropped = [&lines[..3], &lines[4..]].concat().join("\n") + "\n";
    let moved = [lines[0], lines[2], lines[1], lines[3], lines[4], lines[5]].join("\n") + "\n";
    let added = [&lines[..5], &lines[4..]].concat().join("\n") + "\n";
    let first_gone = lines[1..].join("\n") + "\n";
    let garbage = original.replace(lines[5], "{}");
    for (what, text, at) in [
        ("changed", changed, 3),
        ("dropped", dropped, 4),
        ("moved", moved, 2),
        ("added", added, 6),
        ("first gone", first_gone, 1),
        ("garbage", garbage, 6),
    ] {
        std::fs::write(&path, text).unwrap();
        let found = finding(directory.path(), &BTreeMap::new()).map(|finding| match finding {
            Finding::Broken { line, .. } => line,
            other => panic!("{what}: {other:?}"),
        });
        assert_eq!(found, broken(at), "{what}");
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), 2);
    let path = directory.path().join("management.jsonl");
    let original = std::fs::read(&path).unwrap();
    for at in 0..original.len() - 1 {
        let mut flipped = original.clone();
        flipped[at] ^= 1;
        std::fs::write(&path, &flipped).unwrap();
        assert!(finding(directory.path(), &BTreeMap::new()).is_some(), "byte {at}");
    }
}

#[test]
fn a_cut_tail_is_found_by_its_anchor() {
    // AUD-05 of the attack catalogue.
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), 3);
    let path = directory.path().join("management.jsonl");
    let original = std::fs::read_to_string(&path).unwrap();
    let last = original.lines().last().unwrap();
    let (_, mac) = Mac::split(last.as_bytes()).unwrap();
    let anchors = BTreeMap::from([("management".to_owned(), (3, mac.as_bytes().to_vec()))]);
    assert_eq!(finding(directory.path(), &anchors), None);
    std::fs::write(&path, original.replace(&format!("{last}\n"), "")).unwrap();
    assert_eq!(finding(directory.path(), &anchors), Some(Finding::Truncated { last_sequence: 2, anchored_sequence: 3 }));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(finding(directory.path(), &anchors), Some(Finding::Missing { anchored_sequence: 3 }));
}

#[test]
fn a_record_that_was_never_finished_is_cut_off_and_the_chain_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), 2);
    let path = directory.path().join("management.jsonl");
    let whole = std::fs::read(&path).unwrap();
    let torn = [&whole[..], &whole[..40]].concat();
    std::fs::write(&path, torn).unwrap();
    write(directory.path(), 1);
    let verified = verify(directory.path(), &key(), &BTreeMap::new()).unwrap();
    assert_eq!((verified[0].records, &verified[0].finding), (3, &None));
}

#[test]
fn the_last_records_of_all_lanes_come_in_order_of_time() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), 5);
    let (lines, positions) = last_lines(directory.path(), 3).unwrap();
    assert_eq!(lines.len(), 3);
    assert!(lines[2].text.contains("C4"));
    write(directory.path(), 1);
    let (more, _) = read_lines(&positions[0].0, positions[0].1).unwrap();
    assert_eq!(more.len(), 1);
}
