//! What a signed chain must be.

use std::path::Path;
use std::time::Duration;

use sortie_model::Timestamp;
use sortie_vault::signing::{ChainError, SigningKey, read_certificates, verify_chain};

use super::tools::{NOW, openssl, read, secret};

/// A root, an authority below it, a leaf below that; another root; and an authority that is none.
fn make(at: &Path) -> SigningKey {
    let ca = "-addext basicConstraints=critical,CA:TRUE";
    openssl(
        at,
        &format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout root.key -out root.pem -days 3000 -subj /CN=Root {ca}"
        ),
    );
    openssl(
        at,
        &format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -noenc -keyout other.key -out other.pem -days 3000 -subj /CN=Root {ca}"
        ),
    );
    std::fs::write(at.join("ca.ext"), "basicConstraints=critical,CA:TRUE\n").unwrap();
    std::fs::write(at.join("plain.ext"), "basicConstraints=critical,CA:FALSE\n").unwrap();
    openssl(at, "req -newkey rsa:2048 -noenc -keyout middle.key -out middle.csr -subj /CN=Middle");
    openssl(at, "x509 -req -in middle.csr -CA root.pem -CAkey root.key -days 1000 -extfile ca.ext -out middle.pem");
    openssl(at, "x509 -req -in middle.csr -CA root.pem -CAkey root.key -days 1000 -extfile plain.ext -out no_authority.pem");
    openssl(at, "req -newkey rsa:2048 -noenc -keyout leaf.key -out leaf.csr -subj /CN=Leaf");
    openssl(at, "x509 -req -in leaf.csr -CA middle.pem -CAkey middle.key -days 2000 -out leaf.pem");
    SigningKey::import(&secret(at, "leaf.key")).unwrap()
}

fn verified(at: &Path, key: &SigningKey, files: &[&str], now: Timestamp) -> Result<usize, ChainError> {
    let file: Vec<u8> = files.iter().flat_map(|name| read(at, name)).collect();
    verify_chain(read_certificates(&file)?, key.public_key(), now).map(|issued| issued.chain.len())
}

#[test]
fn a_chain_is_taken_whole_or_refused_for_what_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let key = make(at);
    assert_eq!(verified(at, &key, &["leaf.pem"], NOW), Ok(1));
    assert_eq!(verified(at, &key, &["leaf.pem", "middle.pem"], NOW), Ok(2));
    assert_eq!(verified(at, &key, &["leaf.key", "leaf.pem", "middle.pem", "root.pem"], NOW), Ok(3));
    assert_eq!(verified(at, &key, &["middle.pem", "leaf.pem"], NOW), Err(ChainError::AnotherKey));
    assert_eq!(verified(at, &key, &["leaf.pem", "root.pem"], NOW), Err(ChainError::NotSigned { position: 1 }));
    // Same name, another key: the signature decides.
    assert_eq!(verified(at, &key, &["leaf.pem", "middle.pem", "other.pem"], NOW), Err(ChainError::NotSigned { position: 2 }));
    assert_eq!(verified(at, &key, &["leaf.pem", "no_authority.pem"], NOW), Err(ChainError::NotAnAuthority { position: 2 }));
    assert_eq!(verified(at, &key, &["leaf.csr"], NOW), Err(ChainError::Empty));
    assert_eq!(verified(at, &key, &["leaf.pem"; 11], NOW), Err(ChainError::TooLong));
    let der = verify_chain(vec![vec![0x30, 0x03, 1, 1, 0]], key.public_key(), NOW);
    assert_eq!(der, Err(ChainError::Unreadable { position: 1 }));
}

#[test]
fn a_chain_ends_with_the_first_of_its_certificates() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let key = make(at);
    let file = [read(at, "leaf.pem"), read(at, "middle.pem")].concat();
    let issued = verify_chain(read_certificates(&file).unwrap(), key.public_key(), NOW).unwrap();
    let days = issued.not_after.since(issued.not_before).as_secs() / 86_400;
    assert!((999..=1_000).contains(&days), "the authority ends before the leaf: {days}");
    let printed = openssl(at, "x509 -in leaf.pem -noout -fingerprint -sha256");
    let shown: Vec<_> = issued.fingerprint.iter().map(|byte| format!("{byte:02X}")).collect();
    assert!(printed.trim().ends_with(&shown.join(":")), "{printed}");
    let later = issued.not_before.after(Duration::from_secs(86_400 * 1_500));
    let expired = verified(at, &key, &["leaf.pem", "middle.pem"], later);
    assert!(matches!(expired, Err(ChainError::Expired { position: 2, .. })), "{expired:?}");
}
