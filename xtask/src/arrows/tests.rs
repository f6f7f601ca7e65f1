#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;

use serde_json::{Value, json};

use super::*;
use crate::process::root;

/// What is said about a workspace in which `member` declares `dependency`.
fn refused(member: &str, dependency: &str, kind: Value) -> Vec<String> {
    let package = json!({ "id": "1", "name": member, "dependencies": [{ "name": dependency, "kind": kind }] });
    let outside = json!({ "id": "2", "name": "elsewhere", "dependencies": [{ "name": "xtask", "kind": null }] });
    let metadata = json!({ "packages": [package, outside], "workspace_members": ["1"] });
    refuse_arrows(&serde_json::from_value(metadata).unwrap())
}

#[test]
fn allowed_arrows_pass() {
    for (member, dependency) in [
        ("sortie-model", "sortie-formula"),
        ("sortie-callout", "sortie-model"),
        ("sortie-cli", "sortie-metadata"),
        ("sortie-cli", "sortie-client"),
        ("sortie-server", "sortie-formula"),
        ("sortie-testkit", "sortie-server"),
        ("xtask", "sortie-cli"),
    ] {
        assert_eq!(refused(member, dependency, json!(null)), [""; 0], "{member} -> {dependency}");
    }
}

#[test]
fn a_forbidden_arrow_is_refused_and_told_where_to_go() {
    let refusals = refused("sortie-model", "sortie-store", json!(null));
    assert_eq!(
        refusals,
        [
            "`sortie-model` must not depend on `sortie-store`: `model` holds the nouns, without I/O, async or a clock, `store` holds all SQL. \
          Code that needs both belongs in `store`."
        ]
    );
}

#[test]
fn every_forbidden_arrow_names_both_crates_and_a_room() {
    for (member, dependency, belongs) in [
        ("sortie-formula", "sortie-model", "`model`"),
        ("sortie-vault", "sortie-store", "`server`"),
        ("sortie-outbound", "sortie-vault", "`server`"),
        ("sortie-client", "sortie-server", "`cli`"),
        ("sortie-api", "sortie-callout", "`server`"),
        ("sortie-server", "sortie-cli", "`cli`"),
        ("sortie-metadata", "sortie-protocol", "`server`"),
    ] {
        for kind in [json!(null), json!("build"), json!("dev")] {
            let refusals = refused(member, dependency, kind);
            let [refusal] = refusals.as_slice() else { unreachable!("{member} -> {dependency}: {refusals:?}") };
            assert!(refusal.contains(member) && refusal.contains(dependency), "{refusal}");
            assert!(refusal.ends_with(&format!("belongs in {belongs}.")), "{refusal}");
        }
    }
}

#[test]
fn the_testkit_is_for_tests_only() {
    assert_eq!(refused("sortie-store", "sortie-testkit", json!("dev")), [""; 0]);
    assert_eq!(refused("sortie-store", "sortie-testkit", json!(null)).len(), 1);
    assert_eq!(refused("sortie-testkit", "sortie-cli", json!(null)).len(), 1);
}

#[test]
fn nobody_knows_the_chores_and_every_crate_has_a_place() {
    assert_eq!(refused("sortie-cli", "xtask", json!("dev")).len(), 1);
    assert!(refused("sortie-extra", "serde", json!(null))[0].starts_with("`sortie-extra` is not in the table of arrows"));
}

#[test]
fn outside_crates_stay_in_their_rooms() {
    for (member, dependency) in [
        ("sortie-store", "sqlx"),
        ("sortie-server", "hyper"),
        ("sortie-outbound", "rustls"),
        ("sortie-vault", "aws-lc-rs"),
        ("sortie-callout", "http"),
    ] {
        assert_eq!(refused(member, dependency, json!(null)), [""; 0], "{member} -> {dependency}");
    }
    for (member, dependency, belongs) in [
        ("sortie-server", "sqlx", "`store`"),
        ("sortie-cli", "rusqlite", "`store`"),
        ("sortie-callout", "hyper", "`outbound`"),
        ("sortie-protocol", "socket2", "`outbound`"),
        ("sortie-formula", "axum", "`server`"),
        ("sortie-store", "aws-lc-rs", "`vault`"),
    ] {
        let refusal = refused(member, dependency, json!(null)).concat();
        assert!(refusal.contains(member) && refusal.contains(dependency) && refusal.contains(belongs), "{refusal}");
        assert_eq!(refused(member, dependency, json!("dev")), [""; 0], "tests of {member} may use {dependency}");
    }
}

#[test]
fn a_banned_crate_is_found_through_others_with_its_way() {
    let tree =
        "0sortie-cli v0.1.0 (/x)\n1a v1.0.0\n2b v2.0.0\n1c v0.1.0\n2ring v0.17.14\n3d v1.0.0\n\n0sortie-api v0.1.0\n1ring v0.17.14 (*)\n";
    let refusals = refuse_bans(tree);
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert!(refusals[0].starts_with("`ring` is banned: aws-lc-rs is the one crypto stack"), "{refusals:?}");
    assert!(refusals[0].ends_with("It comes by sortie-cli > c > ring."), "{refusals:?}");
}

#[test]
fn a_crate_whose_name_only_begins_like_a_banned_one_passes() {
    assert_eq!(refuse_bans("0sortie-cli v0.1.0\n1rsa-notes v1.0.0\n1openssl-probe v0.2.0\n1string v1.0.0\n"), [""; 0]);
}

#[test]
fn the_tree_of_what_ships_holds_the_rooms_and_what_they_use() {
    let tree = shipped_tree().unwrap();
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    let holds = |name: &str| names.iter().any(|line| line.trim_start_matches(|letter: char| letter.is_ascii_digit()) == name);
    // aws-lc-sys is nobody's own dependency: it shows that the tree is not cut at the first level.
    assert!(names.contains(&"0sortie-server") && holds("aws-lc-sys"), "{tree}");
    assert!(!tree.contains("sortie-testkit"), "{tree}");
}

#[test]
fn deny_toml_bans_the_same_crates() {
    let deny = fs::read_to_string(root().join("deny.toml")).unwrap();
    let (_, after) = deny.split_once("[bans]").unwrap();
    let (bans, _) = after.split_once("\n]").unwrap();
    let quoted = |line: &str| line.trim().strip_prefix("{ crate = \"").and_then(|rest| rest.split('"').next().map(str::to_owned));
    let listed: Vec<String> = bans.lines().filter_map(quoted).collect();
    assert_eq!(listed, BANS.iter().map(|ban| ban.name).collect::<Vec<_>>());
}

#[test]
fn every_room_stands_above_what_it_knows() {
    for (index, room) in ROOMS.iter().enumerate() {
        for known in room.knows {
            assert!(ROOMS[..index].iter().any(|below| below.name == *known), "{} knows {known}", room.name);
        }
    }
}
