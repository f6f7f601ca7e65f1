//! Without the right root key a node stays sealed: it says so, serves nothing and changes nothing (P23, CRY-09, REL-K06, REL-C07).

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sortie_testkit::peers::TestDatabase;
use sortie_testkit::upstream::RecordingUpstream;
use sortie_vault::{KeyProvider, operating_system_random};

use crate::support::{Scene, TestServer};

/// Every file of a data directory but the lock of a running server, with what is in it.
fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else if path.file_name().is_none_or(|name| name != "serve.lock") {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    files
}

/// What a sealed node says, whatever it is asked.
fn says_that_it_is_sealed(scene: &Scene) {
    let server = &scene.server;
    assert_eq!(server.admin("/readyz"), (503, "sealed\n".to_owned()));
    assert_eq!(server.admin("/healthz"), (200, "ok\n".to_owned()));
    let connections = scene.upstream.connections();
    for target in ["/callout/Pay/x", "/callout/None/x", "/", "/callout/../x"] {
        let answer = server.get(&scene.key, target);
        assert_eq!(answer.verdict(), (503, Some("sealed")), "{target}");
        server.assert_unmarked(target, answer.text());
        // LEAK-11: that it is sealed, and nothing about what is missing where.
        assert!(!answer.text().contains("root.key") && !answer.text().contains('/'), "{}", answer.text());
    }
    assert_eq!(server.raw("GET /callout/Pay/x HTTP/1.1\r\nHost: g\r\n\r\n").verdict(), (503, Some("sealed")));
    assert_eq!(scene.upstream.connections(), connections, "NOUP");
}

#[test]
fn without_its_key_a_node_serves_nothing_and_changes_nothing() {
    let mut scene = Scene::new();
    assert_eq!(scene.server.get(&scene.key, "/callout/Pay/x").status, 200);
    scene.server.stop();
    scene.server.runtime.block_on(scene.server.house.store().close());
    let data = scene.server.setup.data_directory.clone();
    let key_file = data.join("root.key");
    let right = fs::read(&key_file).unwrap();
    let other = scene.server.directory().join("other.key");
    KeyProvider::create_file(&other, operating_system_random).unwrap();
    let wrong = fs::read(&other).unwrap();
    assert_ne!(right, wrong);

    type Damage<'a> = &'a dyn Fn();
    let damages: [(&str, Damage<'_>); 5] = [
        ("wrong", &|| fs::write(&key_file, &wrong).unwrap()),
        ("missing", &|| fs::remove_file(&key_file).unwrap()),
        ("empty", &|| fs::write(&key_file, b"").unwrap()),
        ("cut short", &|| fs::write(&key_file, &right[..right.len() / 2]).unwrap()),
        ("readable by others", &|| fs::set_permissions(&key_file, fs::Permissions::from_mode(0o644)).unwrap()),
    ];
    for (what, damage) in damages {
        damage();
        let before = contents(&data);
        scene.server.start();
        says_that_it_is_sealed(&scene);
        scene.server.stop();
        let after = contents(&data);
        assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>(), "{what}: no file comes or goes");
        assert!(after == before, "{what}: every file as it was");
        fs::remove_file(&key_file).ok();
        fs::write(&key_file, &right).unwrap();
        fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    scene.server.start();
    assert_eq!(scene.server.admin("/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(scene.server.get(&scene.key, "/callout/Pay/x").status, 200);
    assert_eq!(scene.upstream.requests().len(), 2);
}

#[test]
fn a_key_that_the_environment_should_hold_and_does_not_seals_too() {
    let mut scene = Scene::new();
    scene.server.stop();
    scene.server.setup.config.key.environment = Some("SORTIE_ROOT_KEY".to_owned());
    scene.server.start();
    says_that_it_is_sealed(&scene);
}

#[test]
fn a_node_with_another_key_joins_nobody_and_disturbs_nobody() {
    // REL-C07, on PostgreSQL.
    let database = TestDatabase::create();
    let mut one = TestServer::with_database(Some(database.url()));
    let upstream = RecordingUpstream::answering("hello");
    let key = one.with_pay(&upstream.url());
    one.start();
    let mut stranger = one.second_node();
    let other = stranger.directory().join("other.key");
    KeyProvider::create_file(&other, operating_system_random).unwrap();
    stranger.setup.config.key.file = Some(other);
    let dump = || {
        database.query("SELECT json_agg(k ORDER BY k.id) FROM keyring k")
            + &database.query("SELECT json_agg(v ORDER BY v.id) FROM credential_values v")
    };
    let before = dump();
    stranger.start();
    assert_eq!(stranger.admin("/readyz").0, 503);
    assert_eq!(stranger.get(&key, "/callout/Pay/x").verdict(), (503, Some("sealed")));
    assert_eq!(one.get(&key, "/callout/Pay/x").status, 200);
    assert_eq!(dump(), before);
    stranger.stop();
    one.stop();
}
