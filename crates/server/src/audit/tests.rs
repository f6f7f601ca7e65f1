#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sortie_callout::{AuditLog as _, Refusal};
use sortie_model::{SecretBytes, Timestamp};
use sortie_protocol::{Answer, Ask, AskError, Pending, Signer, SignerError, World};

use super::*;

fn key() -> ChainKey {
    ChainKey::new(&SecretBytes::new(*b"SECRET-chain-key-of-32-bytes-len"))
}

/// Nothing in the audit depends on when it is written.
pub(super) struct Frozen;

impl World for Frozen {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(2000)
    }

    fn ask(&self, _ask: Ask) -> Pending<'_, Result<Answer, AskError>> {
        Box::pin(async { Err(AskError::Denied) })
    }

    fn nonce(&self) -> [u8; 16] {
        [0; 16]
    }

    fn signer<'a>(&'a self, _certificate: &'a str) -> Pending<'a, Result<Arc<dyn Signer>, SignerError>> {
        Box::pin(async { Err(SignerError::NoStore) })
    }
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
    assert_eq!(verified, [Verified { lane: "management".to_owned(), records: 20, unfinished: 0, finding: None }]);
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
            Finding::Broken { line, last_line, .. } if line == last_line => line,
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
        let verified = verify(directory.path(), &key(), &BTreeMap::new()).unwrap().pop().unwrap();
        assert!(verified.finding.is_some(), "byte {at}");
    }
}

/// A lane of two groups: three records and four.
async fn lane_of_two_groups(directory: &Path) -> String {
    let world = Arc::new(Frozen);
    let lane = Lane::open(directory, "core-0", key(), Durability::Process, world).unwrap();
    for count in [3, 4] {
        for _ in 0..count {
            let at = Timestamp::from_millis(1000);
            lane.refuse(Refusal { at, user: Some("alice"), reference: None, code: "not_permitted", reason: "unknown_name" });
        }
        lane.flush(false).await;
    }
    std::fs::read_to_string(directory.join("core-0.jsonl")).unwrap()
}

#[tokio::test]
async fn records_of_one_group_share_a_mac_and_none_of_them_can_be_changed_dropped_moved_or_added() {
    // AUD-04. Numbers give away the place; a record that has kept its number is somewhere in its group.
    let directory = tempfile::tempdir().unwrap();
    let original = lane_of_two_groups(directory.path()).await;
    let lines: Vec<&str> = original.lines().collect();
    let macs: Vec<bool> = lines.iter().map(|line| line.contains("\"mac\"")).collect();
    assert_eq!(macs, [false, false, true, false, false, false, true]);
    assert_eq!(verify(directory.path(), &key(), &BTreeMap::new()).unwrap()[0].records, 7);
    let joined = |lines: &[&[&str]]| lines.concat().join("\n") + "\n";
    let changed = |line: usize| original.replace(lines[line], &lines[line].replace("alice", "malice"));
    let renumbered: String =
        joined(&[&lines[..4], &lines[5..]]).replace(r#""sequence":6,"#, r#""sequence":5,"#).replace(r#""sequence":7,"#, r#""sequence":6,"#);
    for (what, text, place) in [
        ("changed in the first group", changed(1), (1, 3)),
        ("changed at the end of a group", changed(2), (1, 3)),
        ("changed in the second group", changed(4), (4, 7)),
        ("dropped", joined(&[&lines[..4], &lines[5..]]), (5, 5)),
        ("dropped and renumbered", renumbered, (4, 6)),
        ("moved", joined(&[&lines[..3], &[lines[4], lines[3]], &lines[5..]]), (4, 4)),
        ("added", joined(&[&lines[..5], &lines[4..]]), (6, 6)),
        ("group dropped", joined(&[&lines[3..]]), (1, 1)),
        ("end of a group dropped", joined(&[&lines[..2], &lines[3..]]), (3, 3)),
        ("MAC of a group dropped", original.replacen(&lines[2][lines[2].len() - 75..], "}", 1), (1, 7)),
    ] {
        std::fs::write(directory.path().join("core-0.jsonl"), text).unwrap();
        match finding(directory.path(), &BTreeMap::new()) {
            Some(Finding::Broken { line, last_line, .. }) => assert_eq!((line, last_line), place, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_group_that_was_never_finished_is_cut_off_wherever_it_ends_and_the_chain_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let original = lane_of_two_groups(directory.path()).await;
    let path = directory.path().join("core-0.jsonl");
    let first_group: usize = original.split_inclusive('\n').take(3).map(str::len).sum();
    for length in first_group + 1..original.len() {
        std::fs::write(&path, &original[..length]).unwrap();
        let verified = verify(directory.path(), &key(), &BTreeMap::new()).unwrap().pop().unwrap();
        let unfinished = original[first_group..length].matches('\n').count() as u64;
        assert_eq!((verified.records, verified.unfinished, verified.finding), (3, unfinished, None), "{length}");
        let lane = Lane::open(directory.path(), "core-0", key(), Durability::Process, Arc::new(Frozen)).unwrap();
        lane.flush(false).await;
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().nth(3).unwrap().contains(&format!(r#""event":"recovered","torn_bytes":"{}""#, length - first_group)));
        assert_eq!(finding(directory.path(), &BTreeMap::new()), None, "{length}");
    }
}

#[tokio::test]
async fn what_was_put_behind_the_last_group_is_not_taken_for_a_torn_one() {
    let directory = tempfile::tempdir().unwrap();
    let original = lane_of_two_groups(directory.path()).await;
    let lines: Vec<&str> = original.lines().collect();
    let of_another_lane = lines[0].replace("core-0", "core-1").replace(r#""sequence":1,"#, r#""sequence":8,"#);
    let with_a_false_mac = lines[2].replace(r#""sequence":3,"#, r#""sequence":8,"#).replace(r#"mac":""#, r#"mac":"x"#);
    for put in [lines[0], lines[6], "{}", "", &of_another_lane, &with_a_false_mac] {
        std::fs::write(directory.path().join("core-0.jsonl"), format!("{original}{put}\n")).unwrap();
        let opened = Lane::open(directory.path(), "core-0", key(), Durability::Process, Arc::new(Frozen));
        assert!(put == lines[6] || matches!(opened, Err(LaneError::Damaged { .. })), "{put}");
        assert!(finding(directory.path(), &BTreeMap::new()).is_some(), "{put}");
    }
}

#[tokio::test]
async fn what_callers_and_admins_name_is_never_taken_for_a_mac() {
    // An intent ends with the caller's path, behind the names of an admin.
    let digits = "0123456789abcdef".repeat(4);
    let mut hostile: Vec<String> = ["/machines", "/pharmacy/mac", "/x/,mac:", r#"/,\"mac\":\""#].map(str::to_owned).into();
    hostile.push(format!("/,xmacx:x{digits}"));
    // The principal's name at every distance from the end.
    hostile.extend((0..90).map(|length| "x".repeat(length)));
    for path in hostile {
        let directory = tempfile::tempdir().unwrap();
        let record = |sequence: u64| {
            format!(
                r#"{{"lane":"core-0","sequence":{sequence},"at":"1970-01-01T00:00:01.000Z","event":"intent","principal":"mac","path":"{path}""#
            )
        };
        let mut group = format!("{}}}\n{}", record(1), record(2)).into_bytes();
        let mac = key().link(key().start("core-0"), &group);
        mac.end(&mut group);
        let torn = format!("{}}}\n{}", record(3), record(4));
        for (behind, unfinished) in [("", 0), (torn.as_str(), 1)] {
            std::fs::write(directory.path().join("core-0.jsonl"), [&group, behind.as_bytes()].concat()).unwrap();
            let verified = verify(directory.path(), &key(), &BTreeMap::new()).unwrap().pop().unwrap();
            assert_eq!((verified.records, verified.unfinished, verified.finding), (2, unfinished, None), "{path}");
            let opened = Lane::open(directory.path(), "core-0", key(), Durability::Process, Arc::new(Frozen));
            assert!(opened.is_ok(), "{path}");
        }
    }
}

#[tokio::test]
async fn an_anchor_within_a_group_shows_that_the_file_was_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let original = lane_of_two_groups(directory.path()).await;
    let (_, mac) = Mac::split(original.lines().nth(2).unwrap().as_bytes()).unwrap();
    let anchored = |sequence: u64| BTreeMap::from([("core-0".to_owned(), (sequence, mac.as_bytes().to_vec()))]);
    assert_eq!(finding(directory.path(), &anchored(3)), None);
    for sequence in [2, 5, 7] {
        assert_eq!(finding(directory.path(), &anchored(sequence)), Some(Finding::Replaced { anchored_sequence: sequence }));
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
