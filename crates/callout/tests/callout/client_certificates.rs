//! Which version of a client certificate a callout presents, and that it sends nothing when it should present one and cannot.

use std::sync::Arc;
use std::time::Duration;

use sortie_callout::{ClientCertificate, ClientIdentity, Refused, Turn};
use sortie_model::{
    ApiName, Certificate, CertificateId, CertificateVersion, CertificateVersionId, Issued, KeyAlgorithm, KeyIdentifier, Label, Origin,
    Timestamp, VersionState,
};
use sortie_protocol::{Signer, SignerError, SigningAlgorithm};
use uuid::Uuid;

use crate::support::{Scene, advance, answer, outcome, refusal};

/// Nothing is signed here.
struct Unused;

impl Signer for Unused {
    fn key_id(&self) -> &str {
        "SECRET-kid"
    }

    fn chain(&self) -> &[Vec<u8>] {
        &[]
    }

    fn sign(&self, _: SigningAlgorithm, _: &[u8]) -> Result<Vec<u8>, SignerError> {
        Err(SignerError::Unavailable)
    }
}

fn version_id(number: u32) -> CertificateVersionId {
    CertificateVersionId::from_uuid(Uuid::from_u128(number.into()))
}

/// Seconds after the scene's beginning, as a moment.
fn at(scene: &Scene, seconds: u64) -> Timestamp {
    scene.clock.now().after(Duration::from_secs(seconds))
}

/// What a version of the certificate is, good from `from` to `to` in seconds.
fn issued(scene: &Scene, (from, to): (u64, u64)) -> Issued {
    Issued { chain: vec![vec![0x30, 0]], not_before: at(scene, from), not_after: at(scene, to), fingerprint: [0; 32] }
}

/// Has `Pay` present a certificate with these versions, of which those in `keys` have keys that open.
fn present(scene: &mut Scene, states: Vec<VersionState>, keys: &[u32]) {
    let name = ApiName::parse("Bank").unwrap();
    let id = CertificateId::from_uuid(Uuid::from_u128(0xCE47));
    let version = |(number, state)| CertificateVersion {
        id: version_id(number),
        number,
        kid: KeyIdentifier::of_version(&name, number),
        algorithm: KeyAlgorithm::P256,
        origin: Origin::SelfSigned,
        state,
        public_key: Vec::new(),
    };
    let versions = (1..).zip(states).map(version).collect();
    let certificate = Certificate { id, name: name.clone(), label: Label::parse("Bank").unwrap(), description: String::new(), versions };
    let identities = keys
        .iter()
        .map(|number| Arc::new(ClientIdentity { version: version_id(*number), algorithm: KeyAlgorithm::P256, signer: Arc::new(Unused) }));
    scene.definitions.client_certificates.insert(id, Arc::new(ClientCertificate::new(certificate, identities)));
    scene.last_named().client_certificate = Some(id);
}

fn active(issued: Issued, signs_from: Timestamp) -> VersionState {
    VersionState::Active { issued, signs_from }
}

#[tokio::test(start_paused = true)]
async fn a_renewed_certificate_is_presented_from_its_moment_on() {
    let (mut scene, _) = Scene::of("basic", &[("username", "u"), ("password", "SECRET-p")]);
    let alice = scene.user("alice");
    let old = VersionState::Retiring { issued: issued(&scene, (0, 5_000)), until: at(&scene, 1_000) };
    let new = active(issued(&scene, (0, 9_000)), at(&scene, 600));
    present(&mut scene, vec![old, new], &[1, 2]);
    let node = scene.node();
    for expected in [1, 2] {
        assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
        assert_eq!(node.upstream.last().presented, Some(version_id(expected)));
        let plan = node.explain(&alice, "callout:Pay/x").await;
        let planned = plan.client_certificate.unwrap();
        assert_eq!((planned.name.as_str(), planned.version, plan.refusal), ("Bank", Some(expected), None));
        advance(600).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_without_one_presents_nothing() {
    let (mut scene, _) = Scene::of("basic", &[("username", "u"), ("password", "SECRET-p")]);
    let alice = scene.user("alice");
    let node = scene.node();
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    assert_eq!((node.upstream.last().presented, node.explain(&alice, "callout:Pay/x").await.client_certificate), (None, None));
}

#[tokio::test(start_paused = true)]
async fn without_a_certificate_that_can_be_presented_nothing_is_asked_or_sent() {
    // An upstream that does not insist would take the request for one of nobody.
    type States = fn(&Scene) -> Vec<VersionState>;
    let cases: [(&str, Turn, States, &[u32]); 6] = [
        ("client_certificate_not_usable", Turn::Admin, |_| vec![VersionState::Pending { request: vec![1] }], &[]),
        ("client_certificate_not_usable", Turn::Admin, |scene| vec![active(issued(scene, (60, 90)), at(scene, 0))], &[1]),
        ("client_certificate_not_usable", Turn::Admin, |scene| vec![active(issued(scene, (0, 90)), at(scene, 60))], &[1]),
        (
            "client_certificate_not_usable",
            Turn::Admin,
            |scene| vec![VersionState::Retiring { issued: issued(scene, (0, 90)), until: at(scene, 0) }],
            &[1],
        ),
        ("client_certificate_expired", Turn::Admin, |scene| vec![active(issued(scene, (0, 0)), at(scene, 0))], &[1]),
        ("client_certificate_key_unusable", Turn::Operator, |scene| vec![active(issued(scene, (0, 90)), at(scene, 0))], &[]),
    ];
    for (code, turn, states, keys) in cases {
        let (mut scene, _) = Scene::oauth();
        let alice = scene.user("alice");
        let states = states(&scene);
        present(&mut scene, states, keys);
        let node = scene.node();
        let failed = refusal(node.get(&alice, "callout:Pay/x").await);
        assert_eq!((failed.refused.code(), failed.refused.turn()), (code, turn));
        assert!(failed.intent.is_some() && !failed.refused.next_step().is_empty());
        assert_eq!((scene.provider.asked(), node.upstream.count()), (0, 0), "{code}");
        let plan = node.explain(&alice, "callout:Pay/x").await;
        assert_eq!(plan.refusal.map(|refusal| refusal.code), Some(code));
        assert_eq!(plan.client_certificate.map(|planned| planned.name), Some("Bank".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_sent_twice_presents_the_same_both_times() {
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let old = VersionState::Retiring { issued: issued(&scene, (0, 5_000)), until: at(&scene, 3_000) };
    // In force while the first answer is awaited.
    let new = active(issued(&scene, (0, 9_000)), at(&scene, 2));
    present(&mut scene, vec![old, new], &[1, 2]);
    let node = scene.node();
    node.upstream.takes(Duration::from_secs(5));
    let upstream = node.upstream.clone();
    node.upstream.answers(move |_| answer(if upstream.count() == 1 { 401 } else { 200 }));
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    let presented: Vec<_> = node.upstream.received().into_iter().map(|received| received.presented).collect();
    assert_eq!(presented, [Some(version_id(1)); 2]);
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    assert_eq!(node.upstream.last().presented, Some(version_id(2)));
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_is_not_there_takes_the_name_away() {
    // The database refuses it; should it ever happen, callouts do not go out as those of nobody.
    let (mut scene, _) = Scene::of("basic", &[("username", "u"), ("password", "SECRET-p")]);
    let alice = scene.user("alice");
    scene.last_named().client_certificate = Some(CertificateId::from_uuid(Uuid::from_u128(1)));
    let node = scene.node();
    assert!(matches!(refusal(node.get(&alice, "callout:Pay/x").await).refused, Refused::NotPermitted { .. }));
}
