//! PKCS#12 (RFC 7292): a key with its chain under a password, as Windows, macOS and Java write them.

use p12_keystore::Pkcs12Archive;
use sortie_model::{Secret, SecretBytes};

use super::chain::{is_for, parse};
use super::{ImportError, MAX_IMPORT_BYTES, SigningKey};

/// The key of the file and its certificates in DER, leaf first, each followed by its issuer as far as the file holds them.
///
/// # Errors
/// An [`ImportError`].
pub fn read_pkcs12(file: &SecretBytes, password: &Secret) -> Result<(SigningKey, Vec<Vec<u8>>), ImportError> {
    if file.expose().len() > MAX_IMPORT_BYTES {
        return Err(ImportError::TooLong);
    }
    let archive = Pkcs12Archive::from_pkcs12(file.expose(), password.expose()).map_err(|_| ImportError::Pkcs12)?;
    let [bag] = archive.keys.as_slice() else { return Err(ImportError::Pkcs12Keys(archive.keys.len())) };
    let key = SigningKey::import(&SecretBytes::new(bag.key.as_der()))?;
    let certificates: Vec<&[u8]> = archive.certs.iter().map(|bag| bag.cert.as_der()).collect();
    let chain = order(&key, &certificates).ok_or(ImportError::Pkcs12NoCertificate)?;
    Ok((key, chain))
}

/// The bags are in any order: begin with the certificate of the key and go on with its issuer, until one is its own or none is there.
fn order(key: &SigningKey, certificates: &[&[u8]]) -> Option<Vec<Vec<u8>>> {
    let parsed: Vec<_> = certificates.iter().filter_map(|der| parse(der, 1).ok().map(|certificate| (*der, certificate))).collect();
    let mut last = parsed.iter().find(|(_, certificate)| is_for(certificate, key.public_key()))?;
    let mut chain = vec![last.0.to_vec()];
    // As many steps as there are certificates: two that issue each other do not go round for ever.
    for _ in 1..parsed.len() {
        let issuer = last.1.issuer();
        let next = parsed.iter().find(|(der, certificate)| certificate.subject() == issuer && !chain.iter().any(|known| known == der));
        let Some(next) = next else { break };
        chain.push(next.0.to_vec());
        last = next;
    }
    Some(chain)
}
