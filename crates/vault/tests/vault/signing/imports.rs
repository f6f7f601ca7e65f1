//! Keys as OpenSSL writes them.

use sortie_model::{KeyAlgorithm, Secret, SecretBytes};
use sortie_vault::signing::{ImportError, SigningKey, read_pkcs12, verify_chain};

use super::tools::{NOW, openssl, read, secret};

fn import(directory: &std::path::Path, name: &str) -> Result<KeyAlgorithm, ImportError> {
    SigningKey::import(&secret(directory, name)).map(|key| key.algorithm())
}

#[test]
fn pkcs8_pkcs1_and_sec1_are_read_in_pem_and_der() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    // What Ed25519 looked like before PKCS#8 is: nothing.
    let (both, new): (&[&str], &[&str]) = (&["pem", "der", "old.pem", "old.der"], &["pem", "der"]);
    for (name, make, kind, files) in [
        ("rsa2048", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048", KeyAlgorithm::Rsa2048, both),
        ("rsa3072", "-algorithm RSA -pkeyopt rsa_keygen_bits:3072", KeyAlgorithm::Rsa3072, both),
        ("p256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", KeyAlgorithm::P256, both),
        ("ed25519", "-algorithm ED25519", KeyAlgorithm::Ed25519, new),
    ] {
        openssl(at, &format!("genpkey -quiet {make} -out {name}.pem"));
        openssl(at, &format!("pkey -in {name}.pem -outform DER -out {name}.der"));
        if files.contains(&"old.pem") {
            openssl(at, &format!("pkey -in {name}.pem -traditional -out {name}.old.pem"));
            openssl(at, &format!("pkey -in {name}.pem -traditional -outform DER -out {name}.old.der"));
        }
        openssl(at, &format!("pkey -in {name}.pem -pubout -outform DER -out {name}.pub"));
        for file in files {
            let key = SigningKey::import(&secret(at, &format!("{name}.{file}"))).unwrap_or_else(|error| panic!("{name}.{file}: {error}"));
            assert_eq!(key.algorithm(), kind);
            assert_eq!(key.public_key(), read(at, &format!("{name}.pub")), "{name}.{file}");
        }
    }
}

#[test]
fn what_is_no_usable_key_is_refused_with_its_own_reason() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    openssl(at, "genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out short.pem");
    openssl(at, "genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384.pem");
    openssl(at, "genpkey -quiet -algorithm ED25519 -out good.pem");
    openssl(at, "pkey -in good.pem -aes256 -passout pass:SECRET-p -out encrypted.pem");
    openssl(at, "pkey -in good.pem -pubout -out public.pem");
    assert_eq!(import(at, "short.pem"), Err(ImportError::Unsupported));
    assert_eq!(import(at, "p384.pem"), Err(ImportError::Unsupported));
    assert_eq!(import(at, "encrypted.pem"), Err(ImportError::Encrypted));
    assert_eq!(import(at, "public.pem"), Err(ImportError::NotAKey));
    let refused = |bytes: Vec<u8>| SigningKey::import(&SecretBytes::new(bytes)).map(|key| key.algorithm());
    let mut damaged = read(at, "good.pem");
    damaged[40] ^= 1;
    assert_eq!(refused(damaged), Err(ImportError::NotAKey));
    assert_eq!(refused(Vec::new()), Err(ImportError::NotAKey));
    // DOS-18 of the attack catalogue.
    assert_eq!(refused(vec![0x30; 65 * 1024]), Err(ImportError::TooLong));
}

#[test]
fn pkcs12_gives_the_key_and_its_chain_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    openssl(
        at,
        "req -x509 -newkey rsa:2048 -noenc -keyout ca.key -out ca.pem -days 30 -subj /CN=Authority -addext basicConstraints=critical,CA:TRUE",
    );
    openssl(at, "req -newkey rsa:2048 -noenc -keyout leaf.key -out leaf.csr -subj /CN=Leaf");
    openssl(at, "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -days 20 -out leaf.pem");
    openssl(at, "pkcs12 -export -inkey leaf.key -in leaf.pem -certfile ca.pem -passout pass:SECRET-p -out new.p12");
    openssl(at, "pkcs12 -export -legacy -inkey leaf.key -in leaf.pem -certfile ca.pem -passout pass:SECRET-p -out old.p12");
    for file in ["new.p12", "old.p12"] {
        let (key, chain) = read_pkcs12(&secret(at, file), &Secret::new("SECRET-p")).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(key.algorithm(), KeyAlgorithm::Rsa2048);
        assert_eq!(chain.len(), 2);
        // OpenSSL's clock made them; it is not far from the day this was written, nor before it.
        verify_chain(chain, key.public_key(), NOW).unwrap();
        let wrong = read_pkcs12(&secret(at, file), &Secret::new("SECRET-q")).map(|(key, _)| key.algorithm());
        assert_eq!(wrong, Err(ImportError::Pkcs12), "{file}");
    }
    openssl(at, "pkcs12 -export -nokeys -in leaf.pem -passout pass:SECRET-p -out none.p12");
    openssl(at, "pkcs12 -export -nocerts -inkey leaf.key -passout pass:SECRET-p -out bare.p12");
    let refused = |file| read_pkcs12(&secret(at, file), &Secret::new("SECRET-p")).map(|(key, _)| key.algorithm());
    assert_eq!(refused("none.p12"), Err(ImportError::Pkcs12Keys(0)));
    assert_eq!(refused("bare.p12"), Err(ImportError::Pkcs12NoCertificate));
    assert_eq!(refused("leaf.pem"), Err(ImportError::Pkcs12));
}
