//! Authentication status, by the table of the reference.

use std::collections::BTreeMap;
use std::time::Duration;

use sortie_model::{AuthenticationStatus, Health, KeyAlgorithm, Secret, Timestamp};
use sortie_server::manage::certificate::{self, NewCertificate, Subject};
use sortie_server::manage::status::{CredentialReport, status};
use sortie_server::manage::{Manage, secret};
use sortie_store::Identity;

use crate::certificates::create;
use crate::fixture::{Fixture, NOW, both_databases, name, principal, user};

both_databases! {
    status_goes_from_missing_steps_to_configured,
    a_per_user_principal_needs_access_and_one_user_with_all_values,
    a_per_user_principal_of_a_signed_token_needs_access_and_nothing_stored,
    a_certificate_that_cannot_sign_so_is_told,
    custom_is_unknown_once_it_has_a_principal,
    a_client_certificate_that_cannot_be_presented_is_told,
    health_stands_beside_the_status,
}

async fn report(fixture: &Fixture, credential: &str) -> CredentialReport {
    status(&fixture.manage(), Some(&name(credential))).await.unwrap().remove(0)
}

fn codes(missing: &[sortie_model::MissingStep]) -> Vec<&str> {
    missing.iter().map(|step| step.code).collect()
}

async fn set(fixture: &Fixture, target: &str, value: &str, owner: Option<&str>) {
    let owner = owner.map(user);
    secret::set(&fixture.manage(), &principal(target), value, owner.as_ref(), &Secret::new("SECRET-x")).await.unwrap();
}

async fn status_goes_from_missing_steps_to_configured(fixture: Fixture) {
    let text = "external_credentials:\n- name: Billing\n  protocol: oauth_client_credentials\n";
    fixture.apply(text).await;
    let bare = report(&fixture, "Billing").await;
    assert_eq!((bare.status, codes(&bare.missing)), (AuthenticationStatus::NotConfigured, vec!["setting_missing", "principal_missing"]));

    let text =
        format!("{text}  settings: {{token_endpoint: https://id.test/token}}\n  principals: [{{name: Service, sequence_number: 1}}]\n");
    fixture.apply(&text).await;
    let empty = report(&fixture, "Billing").await;
    assert_eq!((empty.status, codes(&empty.missing)), (AuthenticationStatus::NotConfigured, vec![]));
    assert_eq!(codes(&empty.principals[0].missing), ["value_missing", "value_missing"]);
    assert!(empty.principals[0].missing[1].message.contains("sortie secret set Billing/Service client_secret"));

    set(&fixture, "Billing/Service", "client_id", None).await;
    assert_eq!(codes(&report(&fixture, "Billing").await.principals[0].missing), ["value_missing"]);
    set(&fixture, "Billing/Service", "client_secret", None).await;
    let done = report(&fixture, "Billing").await;
    assert_eq!((done.status, done.principals[0].status), (AuthenticationStatus::Configured, AuthenticationStatus::Configured));
    assert_eq!(done.principals[0].values, ["client_id", "client_secret"]);
    assert!(!serde_json::to_string(&done).unwrap().contains("SECRET-"));
}

async fn a_per_user_principal_needs_access_and_one_user_with_all_values(fixture: Fixture) {
    let text = "
permission_sets: [{name: Readers}]
users: [{name: alice}, {name: bob}]
external_credentials:
- name: Crm
  protocol: basic
  principals:
  - {name: Each, sequence_number: 1, identity_type: per_user}
";
    fixture.apply(text).await;
    assert_eq!(codes(&report(&fixture, "Crm").await.principals[0].missing), ["access_missing", "user_values_missing"]);
    fixture.apply(&text.replace("per_user}", "per_user, enabled_for: {permission_sets: [Readers]}}")).await;
    assert_eq!(codes(&report(&fixture, "Crm").await.principals[0].missing), ["user_missing", "user_values_missing"]);
    fixture.apply("users: [{name: alice, permission_sets: [Readers]}]").await;
    assert_eq!(codes(&report(&fixture, "Crm").await.principals[0].missing), ["user_values_missing"]);
    // Half of alice's and half of bob's do not make a whole.
    set(&fixture, "Crm/Each", "username", Some("alice")).await;
    set(&fixture, "Crm/Each", "password", Some("bob")).await;
    let half = report(&fixture, "Crm").await;
    assert_eq!((half.status, half.principals[0].users_with_values), (AuthenticationStatus::NotConfigured, 0));
    set(&fixture, "Crm/Each", "password", Some("alice")).await;
    let done = report(&fixture, "Crm").await;
    assert_eq!((done.status, done.principals[0].users_with_values), (AuthenticationStatus::Configured, 1));
    assert_eq!(done.principals[0].permission_sets, ["Readers"]);
}

async fn a_per_user_principal_of_a_signed_token_needs_access_and_nothing_stored(fixture: Fixture) {
    let claims = "claims: {body: {iss: a, sub: '{!$User.Email}', aud: b}}";
    for (name, protocol, endpoint) in [("One", "jwt", ""), ("Two", "oauth_jwt_bearer", "token_endpoint: https://id.test/token, ")] {
        let text = format!(
            "permission_sets: [{{name: Readers}}]\nprofiles: [{{name: Staff}}]\nexternal_credentials:\n- name: {name}\n  protocol: {protocol}\n  settings: {{{endpoint}{claims}}}\n  principals: [{{name: Each, sequence_number: 1, identity_type: per_user}}]\n"
        );
        fixture.apply(&text).await;
        let bare = report(&fixture, name).await;
        assert_eq!((bare.status, codes(&bare.missing)), (AuthenticationStatus::NotConfigured, vec!["setting_missing"]));
        assert!(bare.missing[0].message.contains("`signing_certificate` (Signing Certificate)"));
        let text = text.replace("claims:", "signing_certificate: Key, claims:");
        fixture.apply(&text).await;
        let steps = report(&fixture, name).await.principals[0].missing.clone();
        if name == "One" {
            assert_eq!(codes(&steps), ["certificate_missing", "access_missing"]);
            assert!(steps[0].message.contains("sortie certificate create Key"), "{steps:?}");
            create(&fixture.manage(), "key", KeyAlgorithm::Rsa2048).await.unwrap();
        }
        assert_eq!(codes(&report(&fixture, name).await.principals[0].missing), ["access_missing"]);
        let text = text.replace("per_user}", "per_user, enabled_for: {permission_sets: [Readers], profiles: [Staff]}}");
        fixture.apply(&text).await;
        let unassigned = report(&fixture, name).await;
        assert_eq!(
            (unassigned.status, codes(&unassigned.principals[0].missing)),
            (AuthenticationStatus::NotConfigured, vec!["user_missing"])
        );
        // Somebody who cannot call does not count.
        fixture.apply("users: [{name: carol, active: false, permission_sets: [Readers], profile: Staff}]").await;
        assert_eq!(codes(&report(&fixture, name).await.principals[0].missing), ["user_missing"]);
        let assigned = if name == "One" { "permission_sets: [Readers]" } else { "profile: Staff" };
        fixture.apply(&format!("users: [{{name: dave, {assigned}}}]")).await;
        let done = report(&fixture, name).await;
        fixture.apply("users: [{name: dave, permission_sets: [], profile: null}]").await;
        assert_eq!((done.status, codes(&done.principals[0].missing)), (AuthenticationStatus::Configured, vec![]));
    }
}

async fn a_certificate_that_cannot_sign_so_is_told(fixture: Fixture) {
    let text = |algorithm: &str| {
        format!(
            "external_credentials:\n- name: Jwt\n  protocol: jwt\n  settings: {{signing_certificate: Key{algorithm}}}\n  principals: [{{name: P, sequence_number: 1}}]\n"
        )
    };
    fixture.apply(&text("")).await;
    let subject = Subject::named("Key");
    certificate::request(&fixture.manage(), NewCertificate::named(name("Key")), KeyAlgorithm::P256, &subject).await.unwrap();
    let waiting = report(&fixture, "Jwt").await;
    assert_eq!((waiting.status, codes(&waiting.missing)), (AuthenticationStatus::NotConfigured, vec!["certificate_pending"]));
    certificate::remove(&fixture.manage(), &name("Key")).await.unwrap_err();
    // It was named before it was there: nobody could judge the two together.
    let store = fixture.house.store();
    let waits = store.definitions().await.unwrap().certificates.remove(0);
    let mut change = store.change().await.unwrap();
    change.certificates().delete(waits.id).await.unwrap();
    change.commit().await.unwrap();
    create(&fixture.manage(), "Key", KeyAlgorithm::P256).await.unwrap();
    let unfit = report(&fixture, "Jwt").await;
    assert_eq!(codes(&unfit.missing), ["certificate_algorithm"]);
    assert!(unfit.missing[0].message.contains("ES256 (it is RS256)"), "{unfit:?}");
    // Now that it is there, a definition that does not fit it is refused.
    let place = "external_credentials[0].settings.signing_algorithm signing_algorithm_mismatch";
    assert_eq!(fixture.refused(&text(", signing_algorithm: RS512")).await, [format!("4:59 {place}")]);
    assert_eq!(fixture.refused(&text("")).await, [format!("4:13 {place}")]);
    fixture.apply(&text(", signing_algorithm: ES256")).await;
    assert_eq!(report(&fixture, "Jwt").await.status, AuthenticationStatus::Configured);
}

async fn custom_is_unknown_once_it_has_a_principal(fixture: Fixture) {
    let text = "external_credentials:\n- name: Search\n  protocol: custom\n";
    fixture.apply(text).await;
    assert_eq!(report(&fixture, "Search").await.status, AuthenticationStatus::NotConfigured);
    fixture.apply(&format!("{text}  principals: [{{name: Key, sequence_number: 1}}]\n")).await;
    assert_eq!(report(&fixture, "Search").await.status, AuthenticationStatus::Unknown);
    let open = "external_credentials:\n- name: Open\n  protocol: no_authentication\n  principals: [{name: Any, sequence_number: 1}]\n";
    fixture.apply(open).await;
    assert_eq!(report(&fixture, "Open").await.status, AuthenticationStatus::Configured);
    let all = status(&fixture.manage(), None).await.unwrap();
    assert_eq!(all.iter().map(|report| report.name.as_str()).collect::<Vec<_>>(), ["Open", "Search"]);
    assert_eq!(status(&fixture.manage(), Some(&name("Other"))).await.unwrap_err().code(), "external_credential_unknown");
}

async fn a_client_certificate_that_cannot_be_presented_is_told(fixture: Fixture) {
    let manage = fixture.manage();
    let subject = Subject::named("Bank");
    certificate::request(&manage, NewCertificate::named(name("Waiting")), KeyAlgorithm::P256, &subject).await.unwrap();
    create(&manage, "Own", KeyAlgorithm::P256).await.unwrap();
    create(&manage, "Broken", KeyAlgorithm::P256).await.unwrap();
    fixture
        .apply(
            "external_credentials: [{name: Open, protocol: no_authentication}]
named_credentials:
- {name: A, url: 'https://up.test', external_credential: Open, client_certificate: Waiting}
- {name: B, url: 'https://up.test', external_credential: Open, client_certificate: Own}
- {name: C, url: 'https://up.test', external_credential: Open, client_certificate: Broken}
- {name: D, url: 'https://up.test', external_credential: Open}",
        )
        .await;
    let at = async |now: Timestamp| {
        let places = status(&Manage { now, ..fixture.manage() }, None).await.unwrap().remove(0).named_credentials;
        let told = places.into_iter().map(|place| {
            place.client_certificate.map(|presented| {
                assert!(presented.missing.iter().all(|step| step.message.contains(&presented.name)), "{presented:?}");
                (presented.name, presented.expires_at.is_some(), presented.missing.iter().map(|step| step.code).collect::<Vec<_>>())
            })
        });
        told.collect::<Vec<_>>()
    };
    let all = |own: Vec<&'static str>, broken: Vec<&'static str>, is_in_force: bool| {
        vec![
            Some(("Waiting".to_owned(), false, vec!["client_certificate_pending"])),
            Some(("Own".to_owned(), is_in_force, own)),
            Some(("Broken".to_owned(), is_in_force, broken)),
            None,
        ]
    };
    assert_eq!(at(NOW).await, all(vec![], vec![], true));
    let expired = vec!["client_certificate_expired"];
    assert_eq!(at(NOW.after(Duration::from_secs(365 * 86_400))).await, all(expired.clone(), expired, true));
    let early = vec!["client_certificate_not_usable"];
    assert_eq!(at(NOW.before(Duration::from_secs(60))).await, all(early.clone(), early, false));
    // Another row's key in the place of its own: CRY-03 of the attack catalogue.
    let store = fixture.house.store();
    let certificates = store.definitions().await.unwrap().certificates;
    let of = |text: &str| certificates.iter().find(|certificate| certificate.name == name(text)).unwrap();
    let sealed = store.certificates().private_key(of("Own").versions[0].id).await.unwrap().unwrap();
    let broken = of("Broken");
    let mut change = store.change().await.unwrap();
    change.certificates().delete_version(broken.versions[0].id).await.unwrap();
    change.certificates().insert_version(broken.id, &broken.versions[0], &sealed).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(at(NOW).await, all(vec![], vec!["client_certificate_key_unusable"], true));
}

async fn health_stands_beside_the_status(fixture: Fixture) {
    fixture.apply(crate::fixture::BILLING).await;
    let service = fixture.house.store().definitions().await.unwrap().principals[0].id;
    let health = Health {
        last_success: Some(Timestamp::from_millis(0)),
        last_failure: Some(Timestamp::from_millis(1)),
        last_failure_code: Some("token_refused".to_owned()),
        token_expires_at: None,
    };
    fixture.house.store().health().record(&BTreeMap::from([(Identity::shared(service), health)])).await.unwrap();
    let report = report(&fixture, "Billing").await;
    let health = &report.principals[0].health;
    assert_eq!(report.status, AuthenticationStatus::Configured, "a failure does not make it incomplete");
    assert_eq!(health.last_success.as_deref(), Some("1970-01-01T00:00:00.000Z"));
    assert_eq!(health.last_failure_code.as_deref(), Some("token_refused"));
    assert_eq!(report.named_credentials[0].url, "https://api.test/v1");
}
