//! Every error has a code of its own, and a text that says what to do.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;

use sortie_model::Timestamp;
use sortie_vault::signing::{ChainError, ImportError};
use sortie_vault::{KeyError, KeyId, KeyState, NoRandomness, OpenError, RotationError, SealError, UnsealError};
use uuid::Uuid;

fn key() -> KeyId {
    KeyId::from_uuid(Uuid::from_u128(1))
}

fn opening() -> Vec<OpenError> {
    vec![
        OpenError::Malformed,
        OpenError::UnknownVersion { version: 2, algorithm: 1 },
        OpenError::UnknownKey { key: key() },
        OpenError::RetiredKey { key: key() },
        OpenError::Tampered,
    ]
}

fn unsealing() -> Vec<UnsealError> {
    vec![
        UnsealError::Empty,
        UnsealError::WrongKey,
        UnsealError::Tampered { id: key() },
        UnsealError::UnknownVersion { id: key(), version: 2, algorithm: 1 },
        UnsealError::ActiveKeys { count: 0 },
        UnsealError::Duplicate { id: key() },
    ]
}

fn loading() -> Vec<KeyError> {
    let path = || PathBuf::from("/etc/sortie/root.key");
    let source = || io::Error::from(io::ErrorKind::PermissionDenied);
    vec![
        KeyError::FileMissing { path: path() },
        KeyError::SymbolicLink { path: path() },
        KeyError::NotRegularFile { path: path() },
        KeyError::Owner { path: path(), owner: 0, process: 1000 },
        KeyError::Permissions { path: path(), mode: 0o644 },
        KeyError::Unreadable { path: path(), source: source() },
        KeyError::Malformed { place: "the key file /etc/sortie/root.key".to_owned() },
        KeyError::FileExists { path: path() },
        KeyError::Unwritable { path: path(), source: source() },
        KeyError::NoRandomness(NoRandomness),
    ]
}

fn rotating() -> Vec<RotationError> {
    vec![
        RotationError::WrongKey,
        RotationError::UnknownKey { key: key() },
        RotationError::WrongState { key: key(), state: KeyState::Active, needed: KeyState::Pending },
        RotationError::NoRandomness(NoRandomness),
    ]
}

fn importing() -> Vec<ImportError> {
    use ImportError::{Encrypted, NotAKey, Pkcs12, Pkcs12Keys, Pkcs12NoCertificate, TooLong, Unsupported};
    vec![TooLong, Encrypted, NotAKey, Unsupported, Pkcs12, Pkcs12Keys(2), Pkcs12NoCertificate]
}

fn chaining() -> Vec<ChainError> {
    use ChainError::{AnotherKey, Empty, Expired, NotAnAuthority, NotSigned, TooLong, Unreadable};
    let not_after = Timestamp::from_millis(0);
    let (expired, broken) = (Expired { position: 1, not_after }, NotSigned { position: 1 });
    vec![TooLong, Empty, Unreadable { position: 1 }, AnotherKey, expired, broken, NotAnAuthority { position: 2 }]
}

fn assert_distinct(codes: &[&str]) {
    assert_eq!(codes.iter().collect::<HashSet<_>>().len(), codes.len(), "{codes:?}");
    for code in codes {
        assert!(code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{code}");
    }
}

#[test]
fn no_two_errors_of_one_operation_share_a_code() {
    assert_distinct(&opening().iter().map(OpenError::code).collect::<Vec<_>>());
    assert_distinct(&unsealing().iter().map(UnsealError::code).collect::<Vec<_>>());
    assert_distinct(&loading().iter().map(KeyError::code).collect::<Vec<_>>());
    assert_distinct(&rotating().iter().map(RotationError::code).collect::<Vec<_>>());
    assert_distinct(&importing().iter().map(ImportError::code).collect::<Vec<_>>());
    assert_distinct(&chaining().iter().map(ChainError::code).collect::<Vec<_>>());
    assert_distinct(&[SealError::NoRandomness(NoRandomness).code(), SealError::TooLong { length: 1 }.code()]);
}

#[test]
fn every_text_is_one_plain_sentence_about_the_thing_at_hand() {
    let texts = [
        opening().iter().map(ToString::to_string).collect::<Vec<_>>(),
        unsealing().iter().map(ToString::to_string).collect(),
        loading().iter().map(ToString::to_string).collect(),
        rotating().iter().map(ToString::to_string).collect(),
        importing().iter().map(ToString::to_string).collect(),
        chaining().iter().map(ToString::to_string).collect(),
    ];
    for text in texts.concat() {
        assert!(!text.ends_with('.'), "{text}");
        assert!(text.starts_with(|first: char| first.is_lowercase() || first == '/'), "{text}");
    }
    let refused = KeyError::Permissions { path: PathBuf::from("/k"), mode: 0o644 }.to_string();
    assert!(refused.contains("/k") && refused.contains("0644") && refused.contains("chmod 0400"), "{refused}");
}
