//! Where a root key may come from: OPS-02, CRY-09 and CRY-10, on real files.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use sortie_model::Secret;
use sortie_vault::{KeyProvider, RootKey, Vault, operating_system_random};
use tempfile::TempDir;

use crate::support::{deployment, root};

/// The text of `root(1)`.
const HEX: &str = "0101010101010101010101010101010101010101010101010101010101010101";

fn load(path: &Path) -> Result<RootKey, &'static str> {
    let provider = KeyProvider::File { path: path.to_owned() };
    provider.load(|variable| panic!("a file needs no variable, and {variable} was read")).map_err(|error| error.code())
}

fn key_file(directory: &TempDir, text: &str, mode: u32) -> PathBuf {
    let path = directory.path().join("root.key");
    let _ = fs::remove_file(&path);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

/// Keys cannot be compared; what one wraps, an equal one unwraps.
fn is_same(one: &RootKey, other: &RootKey) -> bool {
    let (_, entry) = Vault::initialise(one, deployment(1), operating_system_random).unwrap();
    Vault::unseal(other, deployment(1), &[entry], operating_system_random).is_ok()
}

#[test]
fn a_key_file_that_only_its_owner_can_read_is_loaded() {
    let directory = tempfile::tempdir().unwrap();
    for mode in [0o400, 0o600] {
        assert!(is_same(&load(&key_file(&directory, HEX, mode)).unwrap(), &root(1)));
    }
    assert!(!is_same(&load(&key_file(&directory, HEX, 0o400)).unwrap(), &root(2)));
}

#[test]
fn cry_10_a_key_file_that_others_can_reach_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for mode in [0o644, 0o640, 0o604, 0o440, 0o404, 0o620, 0o602, 0o700, 0o500, 0o4400] {
        assert_eq!(load(&key_file(&directory, HEX, mode)).unwrap_err(), "key_file_permissions", "{mode:04o}");
    }
}

#[test]
fn cry_10_a_link_is_refused_even_to_a_good_key_file() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("link");
    symlink(key_file(&directory, HEX, 0o400), &link).unwrap();
    assert_eq!(load(&link).unwrap_err(), "key_file_symlink");
    let dangling = directory.path().join("dangling");
    symlink(directory.path().join("nowhere"), &dangling).unwrap();
    assert_eq!(load(&dangling).unwrap_err(), "key_file_symlink");
}

#[test]
fn cry_10_a_file_of_another_user_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let own = key_file(&directory, HEX, 0o400);
    // Root can give its file away; for anybody else, root's files are another user's.
    let another = fs::metadata(&own).unwrap().uid() + 1;
    let strange = match chown(&own, Some(another), None) {
        Ok(()) => own,
        Err(_) => PathBuf::from("/etc/passwd"),
    };
    assert_eq!(load(&strange).unwrap_err(), "key_file_owner");
}

#[test]
fn cry_10_what_is_no_regular_file_is_refused_without_waiting() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(load(directory.path()).unwrap_err(), "key_file_type");
    let pipe = directory.path().join("pipe");
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert_eq!(load(&pipe).unwrap_err(), "key_file_type");
}

#[test]
fn cry_09_a_missing_key_file_is_reported_and_not_made() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(load(&directory.path().join("root.key")).unwrap_err(), "key_missing");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_file_that_holds_something_else_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for text in ["", "\n", "SECRET-short", &HEX[1..], &format!("{HEX}00"), &format!("{HEX}\n{HEX}"), &" ".repeat(1_000_000)] {
        let length = text.len();
        assert_eq!(load(&key_file(&directory, text, 0o400)).unwrap_err(), "key_malformed", "{length} bytes");
    }
    // A key, and then more than fits a key file.
    assert_eq!(load(&key_file(&directory, &format!("{HEX}{}x", " ".repeat(300)), 0o400)).unwrap_err(), "key_malformed");
}

#[test]
fn a_created_key_file_is_for_its_owner_alone_and_loads() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("root.key");
    let created = KeyProvider::create_file(&path, operating_system_random).unwrap();
    let metadata = fs::symlink_metadata(&path).unwrap();
    assert!(metadata.is_file());
    assert_eq!((metadata.mode() & 0o7777, metadata.nlink()), (0o400, 1));
    assert!(is_same(&created, &load(&path).unwrap()));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no draft is left behind");
}

#[test]
fn two_created_keys_differ() {
    let directory = tempfile::tempdir().unwrap();
    let create = |name: &str| KeyProvider::create_file(&directory.path().join(name), operating_system_random).unwrap();
    assert!(!is_same(&create("one"), &create("two")));
}

#[test]
fn creating_never_overwrites() {
    let directory = tempfile::tempdir().unwrap();
    let file = key_file(&directory, "SECRET-precious", 0o600);
    let link = directory.path().join("link");
    symlink(directory.path().join("nowhere"), &link).unwrap();
    let inner = directory.path().join("directory");
    fs::create_dir(&inner).unwrap();
    for path in [&file, &link, &inner] {
        let refused = KeyProvider::create_file(path, operating_system_random).unwrap_err();
        assert_eq!(refused.code(), "key_file_exists", "{}", path.display());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "SECRET-precious");
    assert!(!directory.path().join("nowhere").exists());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3, "no draft is left behind");
}

#[test]
fn of_many_who_create_at_once_exactly_one_makes_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("root.key");
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| KeyProvider::create_file(&path, operating_system_random))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (made, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, 7));
    assert!(refused.into_iter().all(|result| result.unwrap_err().code() == "key_file_exists"));
    assert!(made.into_iter().all(|result| is_same(&result.unwrap(), &load(&path).unwrap())));
}

#[test]
fn a_place_that_cannot_hold_a_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    for path in [directory.path().join("nowhere/root.key"), PathBuf::from("/")] {
        let refused = KeyProvider::create_file(&path, operating_system_random).unwrap_err();
        assert_eq!(refused.code(), "key_file_unwritable", "{}", path.display());
    }
}

#[test]
fn a_variable_is_looked_up_by_its_name() {
    let provider = KeyProvider::Env { variable: "SORTIE_ROOT_KEY".to_owned() };
    let load = |text: Option<&str>| {
        provider
            .load(|variable| {
                assert_eq!(variable, "SORTIE_ROOT_KEY");
                text.map(Secret::new)
            })
            .map_err(|error| error.code())
    };
    assert!(is_same(&load(Some(HEX)).unwrap(), &root(1)));
    assert!(is_same(&load(Some("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=")).unwrap(), &root(1)));
    assert_eq!(load(None).unwrap_err(), "key_missing");
    assert_eq!(load(Some("")).unwrap_err(), "key_malformed");
    assert_eq!(load(Some("SECRET-password")).unwrap_err(), "key_malformed");
}
