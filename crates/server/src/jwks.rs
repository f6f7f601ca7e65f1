//! The JWK Set (RFC 7517, section 5): the public keys by which receivers check what our certificates sign.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde_json::{Map, Value};
use sortie_model::{Certificate, CertificateVersion, Timestamp, VersionState};
use sortie_vault::signing::PublicKey;

/// 5 minutes: how long receivers may keep a set. A new key is published twice as long before it signs, see `manage::certificate::Handover`.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(300);

/// The sets of one generation of the definitions.
#[derive(Debug, Default)]
pub(crate) struct KeySets {
    all: KeySet,
    /// By the folded name of the certificate.
    by_name: HashMap<String, KeySet>,
}

/// One set. Keys retire by the clock, not by a change of the definitions, so it is written anew when the first of them does.
#[derive(Debug, Default)]
struct KeySet {
    /// Each key, with the moment from which on it is published no more.
    keys: Vec<(Option<Timestamp>, String)>,
    written: ArcSwap<Written>,
}

/// A set as sent.
#[derive(Debug, Default)]
struct Written {
    bytes: Bytes,
    /// From then on it is wrong.
    until: Option<Timestamp>,
}

// === impl KeySets ===

impl KeySets {
    /// Writes the sets for these certificates, from `now` on.
    pub(crate) fn new(certificates: &[Certificate], now: Timestamp) -> Self {
        let named = |certificate: &Certificate| (certificate.name.folded(), KeySet::new(std::slice::from_ref(certificate), now));
        Self { all: KeySet::new(certificates, now), by_name: certificates.iter().map(named).collect() }
    }

    /// The answer to a path below `/.well-known/`: `jwks.json` has all keys, `jwks/<certificate>.json` those of one certificate. `None` if there is nothing.
    pub(crate) fn find(&self, path: &str, now: Timestamp) -> Option<Bytes> {
        if path == "jwks.json" {
            return Some(self.all.at(now));
        }
        let name = path.strip_prefix("jwks/")?.strip_suffix(".json")?;
        self.by_name.get(&name.to_ascii_lowercase()).map(|set| set.at(now))
    }
}

impl KeySet {
    fn new(certificates: &[Certificate], now: Timestamp) -> Self {
        let versions = certificates.iter().flat_map(|certificate| certificate.published_versions(now));
        let keys: Vec<_> = versions.filter_map(|version| Some((end(version), key(version)?.to_string()))).collect();
        let written = ArcSwap::from_pointee(write(&keys, now));
        Self { keys, written }
    }

    fn at(&self, now: Timestamp) -> Bytes {
        let written = self.written.load();
        if written.until.is_none_or(|until| now < until) {
            return written.bytes.clone();
        }
        let anew = write(&self.keys, now);
        let bytes = anew.bytes.clone();
        self.written.store(Arc::new(anew));
        bytes
    }
}

fn write(keys: &[(Option<Timestamp>, String)], now: Timestamp) -> Written {
    let live = || keys.iter().filter(|(end, _)| end.is_none_or(|end| now < end));
    let texts: Vec<&str> = live().map(|(_, key)| key.as_str()).collect();
    let bytes = format!("{{\"keys\":[{}]}}", texts.join(",")).into();
    Written { bytes, until: live().filter_map(|(end, _)| *end).min() }
}

fn end(version: &CertificateVersion) -> Option<Timestamp> {
    match &version.state {
        VersionState::Retiring { until, .. } => Some(*until),
        VersionState::Pending { .. } | VersionState::Active { .. } => None,
    }
}

/// One key; `None` if its public key cannot be read, which a stored one always can.
fn key(version: &CertificateVersion) -> Option<Value> {
    let mut members = Map::new();
    let number = |bytes: &[u8]| Value::from(URL_SAFE_NO_PAD.encode(bytes));
    match PublicKey::read(&version.public_key)? {
        // RFC 7517, section 4.4: `alg` is optional. An RSA key has several here, and naming one would have receivers refuse the others.
        PublicKey::Rsa { modulus, exponent } => {
            members.insert("kty".to_owned(), "RSA".into());
            members.insert("n".to_owned(), number(&modulus));
            members.insert("e".to_owned(), number(&exponent));
        }
        PublicKey::P256 { x, y } => {
            members.insert("kty".to_owned(), "EC".into());
            members.insert("crv".to_owned(), "P-256".into());
            members.insert("x".to_owned(), number(&x));
            members.insert("y".to_owned(), number(&y));
            members.insert("alg".to_owned(), "ES256".into());
        }
        // RFC 8037, section 2.
        PublicKey::Ed25519 { x } => {
            members.insert("kty".to_owned(), "OKP".into());
            members.insert("crv".to_owned(), "Ed25519".into());
            members.insert("x".to_owned(), number(&x));
            members.insert("alg".to_owned(), "EdDSA".into());
        }
    }
    members.insert("kid".to_owned(), version.kid.as_str().into());
    members.insert("use".to_owned(), "sig".into());
    let issued = version.state.issued()?;
    // RFC 7517, section 4.7: in base64 as it is, not in the form for URLs.
    members.insert("x5c".to_owned(), issued.chain.iter().map(|der| STANDARD.encode(der)).collect());
    members.insert("x5t#S256".to_owned(), number(&issued.fingerprint));
    Some(Value::Object(members))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use sortie_model::{ApiName, CertificateId, CertificateVersionId, Issued, KeyAlgorithm, KeyIdentifier, Label, Origin};
    use sortie_vault::signing::{SigningKey, Subject, self_sign, verify_chain};
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_328_676_000);

    fn at(seconds: u64) -> Timestamp {
        NOW.after(Duration::from_secs(seconds))
    }

    fn version(number: u32, algorithm: KeyAlgorithm, state: impl FnOnce(Issued) -> VersionState) -> CertificateVersion {
        let key = SigningKey::generate(algorithm).unwrap();
        let der = self_sign(&key, &Subject::named("x"), NOW, algorithm.default_lifetime()).unwrap();
        CertificateVersion {
            id: CertificateVersionId::from_uuid(Uuid::nil()),
            number,
            kid: KeyIdentifier::of_version(&ApiName::parse("Signer").unwrap(), number),
            algorithm,
            origin: Origin::SelfSigned,
            state: state(verify_chain(vec![der], key.public_key(), NOW).unwrap()),
            public_key: key.public_key().to_vec(),
        }
    }

    fn certificate(versions: Vec<CertificateVersion>) -> Certificate {
        let (id, name) = (CertificateId::from_uuid(Uuid::nil()), ApiName::parse("Signer").unwrap());
        Certificate { id, name, label: Label::parse("Signer").unwrap(), description: String::new(), versions }
    }

    fn kids(sets: &KeySets, now: Timestamp) -> Vec<String> {
        let set: Value = serde_json::from_slice(&sets.find("jwks.json", now).unwrap()).unwrap();
        assert_eq!(sets.find("jwks.json", now), sets.find("jwks/SIGNER.json", now));
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_key_leaves_the_set_when_it_retires_without_a_change_of_the_definitions() {
        let retiring = |seconds| move |issued| VersionState::Retiring { issued, until: at(seconds) };
        let versions = vec![
            version(1, KeyAlgorithm::P256, retiring(10)),
            version(2, KeyAlgorithm::Ed25519, retiring(20)),
            version(3, KeyAlgorithm::P256, |issued| VersionState::Active { issued, signs_from: at(5) }),
            version(4, KeyAlgorithm::P256, |_| VersionState::Pending { request: Vec::new() }),
        ];
        let sets = KeySets::new(&[certificate(versions)], NOW);
        assert_eq!(kids(&sets, NOW), ["Signer", "Signer-2", "Signer-3"]);
        assert_eq!(kids(&sets, at(9)), ["Signer", "Signer-2", "Signer-3"]);
        assert_eq!(kids(&sets, at(10)), ["Signer-2", "Signer-3"]);
        assert_eq!(kids(&sets, at(1_000)), ["Signer-3"]);
    }

    #[test]
    fn a_number_of_a_curve_keeps_its_leading_zeros() {
        // RFC 7518, section 6.2.1.2. One key in 128 has a leading zero in x or y.
        for _ in 0..600 {
            let key = version(1, KeyAlgorithm::P256, |issued| VersionState::Active { issued, signs_from: NOW });
            let jwk = super::key(&key).unwrap();
            assert_eq!((jwk["x"].as_str().unwrap().len(), jwk["y"].as_str().unwrap().len()), (43, 43));
        }
    }
}
