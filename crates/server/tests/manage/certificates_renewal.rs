//! Renewal with overlap: both keys are good until the old one retires.

use std::time::Duration;

use sortie_model::{KeyAlgorithm, Timestamp};
use sortie_server::Signers;
use sortie_server::manage::Manage;
use sortie_server::manage::certificate::{self, Handover, NewCertificate, Retirement, Subject, VersionStanding};

use crate::certificates::{create, kid, real_now, show, sign_request};
use crate::fixture::{Fixture, NOW, both_databases, name, say};

both_databases! {
    the_old_key_signs_until_receivers_know_the_new_one,
    a_renewal_in_the_middle_of_another_is_refused,
    a_requested_certificate_is_renewed_through_its_authority,
    an_old_version_can_be_retired_at_once_and_what_it_signed_is_forgotten,
    the_version_that_signs_cannot_be_retired,
    a_renewal_that_waits_can_be_given_up,
    a_signer_that_is_held_goes_on_signing,
}

const HANDOVER: Handover = Handover { delay: Duration::from_secs(600), overlap: Duration::from_secs(3_600) };

fn at(seconds: u64) -> Timestamp {
    NOW.after(Duration::from_secs(seconds))
}

async fn published(fixture: &Fixture, now: Timestamp) -> Vec<String> {
    let certificates = fixture.house.store().definitions().await.unwrap().certificates;
    certificates.iter().flat_map(|certificate| certificate.published_versions(now)).map(|version| version.kid.to_string()).collect()
}

async fn the_old_key_signs_until_receivers_know_the_new_one(fixture: Fixture) {
    // REL-K07 of the fault catalogue.
    let manage = fixture.manage();
    create(&manage, "Signer", KeyAlgorithm::P256).await.unwrap();
    let before = show(&fixture, "Signer").await;
    let renewed = certificate::renew(&manage, &name("Signer"), HANDOVER).await.unwrap();
    assert_eq!((say(&renewed.change).as_str(), renewed.request), ("updated certificate Signer version 2", None));
    let signers = Signers::new(fixture.house.clone());
    for (seconds, signs, known) in [
        (0, "Signer", &["Signer", "Signer-2"][..]),
        (599, "Signer", &["Signer", "Signer-2"]),
        (600, "Signer-2", &["Signer", "Signer-2"]),
        (4_199, "Signer-2", &["Signer", "Signer-2"]),
        (4_200, "Signer-2", &["Signer-2"]),
    ] {
        assert_eq!(kid(&fixture, &signers, "Signer", at(seconds)).await.as_deref(), Ok(signs), "{seconds}");
        let published = published(&fixture, at(seconds)).await;
        assert_eq!(published, known, "{seconds}");
        assert!(published.iter().any(|kid| kid == signs), "what signs is published");
    }
    let after = show(&fixture, "Signer").await;
    let states: Vec<_> = after.versions.iter().map(|version| version.state).collect();
    assert_eq!(states, [VersionStanding::Signing, VersionStanding::Published]);
    assert_ne!(after.versions[1].fingerprint, before.versions[0].fingerprint);
    assert_eq!(after.versions[1].subject, before.versions[0].subject);
}

async fn a_renewal_in_the_middle_of_another_is_refused(fixture: Fixture) {
    create(&fixture.manage(), "Signer", KeyAlgorithm::Ed25519).await.unwrap();
    let renew = async |seconds| {
        let manage = Manage { now: at(seconds), ..fixture.manage() };
        certificate::renew(&manage, &name("Signer"), HANDOVER).await.map(|renewed| say(&renewed.change)).map_err(|error| error.code())
    };
    assert!(renew(0).await.is_ok());
    assert_eq!(renew(599).await, Err("renewal_under_way"));
    assert_eq!(renew(600).await.as_deref(), Ok("updated certificate Signer version 3"));
}

async fn a_requested_certificate_is_renewed_through_its_authority(fixture: Fixture) {
    // OpenSSL signs by the machine's clock.
    let machine = || Manage { now: real_now(), ..fixture.manage() };
    let manage = machine();
    let subject = Subject { organization: Some("Example".to_owned()), ..Subject::named("signer.test") };
    let first = certificate::request(&manage, NewCertificate::named(name("Signer")), KeyAlgorithm::P256, &subject).await.unwrap();
    let directory = fixture.directory.path();
    let chain = sign_request(directory, &first.request);
    certificate::install(&machine(), &name("Signer"), &chain, HANDOVER).await.unwrap();
    let renewed = certificate::renew(&machine(), &name("Signer"), HANDOVER).await.unwrap();
    let request = renewed.request.unwrap();
    assert_ne!(request, first.request, "a key of its own");
    assert_eq!(certificate::renew(&manage, &name("Signer"), HANDOVER).await.unwrap_err().code(), "renewal_under_way");
    assert_eq!(published(&fixture, NOW).await, ["Signer"], "nothing changes until the chain is there");
    // The chain of the first key does not do for the second.
    let refused = certificate::install(&manage, &name("Signer"), &chain, HANDOVER).await.unwrap_err();
    assert_eq!(refused.code(), "certificate_key_mismatch");
    let chain = sign_request(directory, &request);
    certificate::install(&machine(), &name("Signer"), &chain, HANDOVER).await.unwrap();
    assert_eq!(published(&fixture, NOW).await, ["Signer", "Signer-2"]);
    let shown = show(&fixture, "Signer").await;
    assert!(
        shown.versions[1].subject.as_deref().is_some_and(|subject| subject.contains("O=Example") && subject.contains("CN=signer.test"))
    );
}

async fn an_old_version_can_be_retired_at_once_and_what_it_signed_is_forgotten(fixture: Fixture) {
    let manage = fixture.manage();
    create(&manage, "Signer", KeyAlgorithm::P256).await.unwrap();
    let using = "external_credentials: [{name: Erp, protocol: jwt, settings: {signing_certificate: signer, signing_algorithm: ES256}}]";
    fixture.apply(using).await;
    certificate::renew(&manage, &name("Signer"), Handover { delay: Duration::ZERO, ..HANDOVER }).await.unwrap();
    let revision = fixture.revision().await;
    let later = Manage { now: at(60), ..fixture.manage() };
    certificate::retire(&later, &name("Signer"), 1, Retirement::Now).await.unwrap();
    assert_eq!(published(&fixture, at(60)).await, ["Signer-2"]);
    assert!(fixture.revision().await > revision, "kept JWTs of the old key are not used any more");
    let again = certificate::retire(&later, &name("Signer"), 1, Retirement::Now).await.unwrap_err();
    assert_eq!(again.code(), "certificate_version_retired");
    let signers = Signers::new(fixture.house.clone());
    assert_eq!(kid(&fixture, &signers, "Signer", at(60)).await.as_deref(), Ok("Signer-2"));
}

async fn the_version_that_signs_cannot_be_retired(fixture: Fixture) {
    let manage = fixture.manage();
    create(&manage, "Signer", KeyAlgorithm::P256).await.unwrap();
    let retire = async |number, when| {
        certificate::retire(&manage, &name("Signer"), number, when).await.map(|change| say(&change)).map_err(|error| error.code())
    };
    assert_eq!(retire(1, Retirement::Now).await, Err("certificate_version_active"));
    assert_eq!(retire(9, Retirement::Now).await, Err("certificate_version_unknown"));
    certificate::renew(&manage, &name("Signer"), HANDOVER).await.unwrap();
    // The old one still signs, the new one is only published.
    assert_eq!(retire(1, Retirement::Now).await, Err("certificate_version_active"));
    assert_eq!(retire(1, Retirement::At(at(599))).await, Err("certificate_version_active"));
    assert_eq!(retire(2, Retirement::Now).await, Err("certificate_version_active"));
    assert!(retire(1, Retirement::At(at(700))).await.is_ok());
    assert_eq!(published(&fixture, at(700)).await, ["Signer-2"]);
}

async fn a_renewal_that_waits_can_be_given_up(fixture: Fixture) {
    // OpenSSL signs by the machine's clock.
    let machine = || Manage { now: real_now(), ..fixture.manage() };
    let manage = machine();
    let new = NewCertificate::named(name("Signer"));
    let first = certificate::request(&manage, new, KeyAlgorithm::P256, &Subject::named("x")).await.unwrap();
    let only = certificate::retire(&manage, &name("Signer"), 1, Retirement::Now).await.unwrap_err();
    assert_eq!(only.code(), "certificate_version_only");
    let chain = sign_request(fixture.directory.path(), &first.request);
    certificate::install(&machine(), &name("Signer"), &chain, HANDOVER).await.unwrap();
    certificate::renew(&machine(), &name("Signer"), HANDOVER).await.unwrap();
    certificate::retire(&manage, &name("Signer"), 2, Retirement::Now).await.unwrap();
    assert_eq!(show(&fixture, "Signer").await.versions.len(), 1);
    assert!(certificate::renew(&machine(), &name("Signer"), HANDOVER).await.unwrap().request.is_some());
}

async fn a_signer_that_is_held_goes_on_signing(fixture: Fixture) {
    let manage = fixture.manage();
    create(&manage, "Signer", KeyAlgorithm::P256).await.unwrap();
    let signers = Signers::new(fixture.house.clone());
    kid(&fixture, &signers, "Signer", NOW).await.unwrap();
    let held = signers.signer("Signer", NOW).await.unwrap();
    let again = signers.signer("Signer", NOW).await.unwrap();
    assert!(std::sync::Arc::ptr_eq(&held, &again), "it is loaded once");
    certificate::renew(&manage, &name("Signer"), HANDOVER).await.unwrap();
    certificate::remove(&manage, &name("Signer")).await.unwrap();
    assert_eq!(kid(&fixture, &signers, "Signer", NOW).await, Err("certificate_unknown"));
    held.sign(sortie_model::SigningAlgorithm::Es256, b"x").unwrap();
}
