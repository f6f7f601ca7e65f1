//! Certificates and their versions.

use sortie_model::{
    Certificate, CertificateId, CertificateVersion, CertificateVersionId, Issued, KeyAlgorithm, KeyIdentifier, NamedCredential, Origin,
    Timestamp, VersionState,
};
use sortie_store::{ChangeError, Store};
use uuid::Uuid;

use crate::backend::{Backend, both_backends};
use crate::fixtures::{external_credential, label, name, named_credential};

both_backends! {
    certificates_keep_every_field,
    a_version_moves_on_from_state_to_state,
    names_and_key_identifiers_are_taken_once,
    a_second_renewal_in_the_middle_of_one_is_refused,
    a_removed_certificate_takes_its_keys_along,
    every_change_is_a_generation,
    a_named_credential_presents_one_that_is_there_and_keeps_it_there,
}

fn issued(mark: u8) -> Issued {
    Issued {
        chain: vec![vec![0x30, 2, mark, 1], vec![0x30, 1, mark]],
        not_before: Timestamp::from_millis(1_000 + i64::from(mark)),
        not_after: Timestamp::from_millis(9_000 + i64::from(mark)),
        fingerprint: [mark; 32],
    }
}

fn version(number: u32, kid: &str, state: VersionState) -> CertificateVersion {
    CertificateVersion {
        id: CertificateVersionId::from_uuid(Uuid::now_v7()),
        number,
        kid: KeyIdentifier::parse(kid).unwrap(),
        algorithm: KeyAlgorithm::Rsa3072,
        origin: Origin::Requested,
        state,
        public_key: vec![0x30, 0, 0xFF],
    }
}

fn certificate(text: &str, versions: Vec<CertificateVersion>) -> Certificate {
    Certificate {
        id: CertificateId::from_uuid(Uuid::now_v7()),
        name: name(text),
        label: label("Label — ü"),
        description: "What it is for".to_owned(),
        versions,
    }
}

fn active(mark: u8) -> VersionState {
    VersionState::Active { issued: issued(mark), signs_from: Timestamp::from_millis(77) }
}

async fn insert(store: &Store, certificate: &Certificate) -> Result<(), ChangeError> {
    let mut change = store.change().await?;
    change.certificates().insert(certificate).await?;
    for version in &certificate.versions {
        let sealed = format!("sealed {}", version.kid);
        change.certificates().insert_version(certificate.id, version, sealed.as_bytes()).await?;
    }
    change.commit().await.map(drop)
}

async fn certificates_keep_every_field(backend: Backend) {
    let store = backend.store().await;
    let retiring = VersionState::Retiring { issued: issued(1), until: Timestamp::from_millis(88) };
    let pending = VersionState::Pending { request: b"\x30\0request".to_vec() };
    let signer =
        certificate("Signer", vec![version(1, "Signer", retiring), version(2, "Signer-2", active(2)), version(3, "third", pending)]);
    let imported = CertificateVersion { origin: Origin::Imported, algorithm: KeyAlgorithm::Ed25519, ..version(7, "signer", active(3)) };
    let other = certificate("another", vec![imported]);
    insert(&store, &signer).await.unwrap();
    insert(&store, &other).await.unwrap();
    assert_eq!(store.definitions().await.unwrap().certificates, [other, signer.clone()]);
    let key = store.certificates().private_key(signer.versions[2].id).await.unwrap();
    assert_eq!(key.as_deref(), Some(b"sealed third".as_slice()));
    assert_eq!(store.certificates().private_key(CertificateVersionId::from_uuid(Uuid::nil())).await.unwrap(), None);
}

async fn a_version_moves_on_from_state_to_state(backend: Backend) {
    let store = backend.store().await;
    let mut signer = certificate("Signer", vec![version(1, "Signer", VersionState::Pending { request: vec![0x30, 0] })]);
    insert(&store, &signer).await.unwrap();
    let retiring = VersionState::Retiring { issued: issued(9), until: Timestamp::from_millis(5) };
    for state in [active(9), retiring] {
        signer.versions[0].state = state;
        let mut change = store.change().await.unwrap();
        change.certificates().set_state(&signer.versions[0]).await.unwrap();
        change.commit().await.unwrap();
        assert_eq!(store.definitions().await.unwrap().certificates, [signer.clone()]);
    }
    let mut change = store.change().await.unwrap();
    let missing = change.certificates().set_state(&version(1, "x", active(1))).await.unwrap_err();
    assert!(matches!(missing, ChangeError::Missing { what: "certificate version" }), "{missing}");
}

async fn names_and_key_identifiers_are_taken_once(backend: Backend) {
    let store = backend.store().await;
    insert(&store, &certificate("Signer", vec![version(1, "Signer", active(1))])).await.unwrap();
    let taken = insert(&store, &certificate("SIGNER", vec![version(1, "x", active(1))])).await.unwrap_err();
    assert!(matches!(&taken, ChangeError::Conflict { what: "certificate", name } if name == "SIGNER"), "{taken}");
    let taken = insert(&store, &certificate("Other", vec![version(1, "Signer", active(1))])).await.unwrap_err();
    assert!(matches!(&taken, ChangeError::Conflict { what: "key with kid", name } if name == "Signer"), "{taken}");
    // RFC 7515, section 4.1.4: a `kid` is case-sensitive.
    insert(&store, &certificate("Third", vec![version(1, "sIGNER", active(1))])).await.unwrap();
}

async fn a_second_renewal_in_the_middle_of_one_is_refused(backend: Backend) {
    let store = backend.store().await;
    for state in [VersionState::Pending { request: vec![0x30, 0] }, active(1)] {
        let text = format!("Signer_{}", state.as_str());
        let twice = certificate(&text, vec![version(1, &format!("{text}-1"), state.clone()), version(2, &format!("{text}-2"), state)]);
        let refused = insert(&store, &twice).await.unwrap_err();
        assert!(matches!(refused, ChangeError::Conflict { what: "certificate version", .. }), "{refused}");
    }
}

async fn a_removed_certificate_takes_its_keys_along(backend: Backend) {
    let store = backend.store().await;
    let pending = VersionState::Pending { request: vec![0x30, 0] };
    let signer = certificate("Signer", vec![version(1, "Signer", active(1)), version(2, "Signer-2", pending)]);
    insert(&store, &signer).await.unwrap();
    let mut change = store.change().await.unwrap();
    change.certificates().delete_version(signer.versions[1].id).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(store.definitions().await.unwrap().certificates[0].versions, signer.versions[..1]);
    let mut change = store.change().await.unwrap();
    change.certificates().delete(signer.id).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(backend.query("SELECT COUNT(*) FROM certificate_versions").await, ["0"]);
    let mut change = store.change().await.unwrap();
    let missing = change.certificates().delete(signer.id).await.unwrap_err();
    assert!(matches!(missing, ChangeError::Missing { what: "certificate" }), "{missing}");
}

async fn every_change_is_a_generation(backend: Backend) {
    let store = backend.store().await;
    let before = store.generation().await.unwrap();
    insert(&store, &certificate("Signer", vec![version(1, "Signer", active(1))])).await.unwrap();
    let definitions = store.definitions().await.unwrap();
    assert!(definitions.generation > before, "nodes follow the generation");
    assert_eq!(definitions.certificates.len(), 1);
}

async fn a_named_credential_presents_one_that_is_there_and_keeps_it_there(backend: Backend) {
    let store = backend.store().await;
    let (bank, crm) = (certificate("Bank", vec![version(1, "Bank", active(1))]), external_credential("Crm"));
    insert(&store, &bank).await.unwrap();
    let plain = named_credential(&crm, "My_Crm");
    let presenting = NamedCredential { client_certificate: Some(bank.id), ..plain.clone() };
    let stored = async || store.definitions().await.unwrap().named_credentials;
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    change.named_credentials().insert(&presenting).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(stored().await, std::slice::from_ref(&presenting));
    // The database itself refuses both: to take it away while it is used, and to use what is not there.
    let mut change = store.change().await.unwrap();
    assert!(change.certificates().delete(bank.id).await.is_err());
    drop(change);
    let missing = NamedCredential { client_certificate: Some(CertificateId::from_uuid(Uuid::now_v7())), ..plain.clone() };
    let mut change = store.change().await.unwrap();
    let refused = change.named_credentials().update(&missing).await;
    assert_eq!(refused, Err(ChangeError::Missing { what: "external credential or certificate" }));
    drop(change);
    assert_eq!(stored().await, [presenting]);
    let mut change = store.change().await.unwrap();
    change.named_credentials().update(&plain).await.unwrap();
    change.certificates().delete(bank.id).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(stored().await, [plain]);
}
