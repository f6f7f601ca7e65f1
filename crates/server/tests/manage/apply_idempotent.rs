//! Applying twice is applying once, and a look changes nothing.

use sortie_server::manage::apply::{Mode, Unlisted};

use crate::fixture::{BILLING, Fixture, both_databases, is_quiet, said};

both_databases! {
    the_second_time_changes_nothing,
    a_dry_run_says_the_same_and_stores_nothing,
    only_what_is_other_is_updated_and_named,
    several_files_live_beside_each_other,
    of_two_at_once_one_creates_and_one_finds_it_done,
}

const ALL_CREATED: [&str; 6] = [
    "created profile Staff",
    "created permission_set Readers",
    "created user alice",
    "created external_credential Billing",
    "created principal Billing/Service enabled_for.permission_sets values.client_id values.client_secret",
    "created named_credential Billing",
];

async fn the_second_time_changes_nothing(fixture: Fixture) {
    assert_eq!(fixture.apply(BILLING).await, ALL_CREATED);
    let (generation, revision) = (fixture.generation().await, fixture.revision().await);
    let again = fixture.try_apply(BILLING, Mode::Store, Unlisted::Leave).await.unwrap();
    assert_eq!(again.len(), 6);
    assert!(is_quiet(&again), "{again:?}");
    assert_eq!((fixture.generation().await, fixture.revision().await), (generation, revision), "no node has anything to read again");
}

async fn a_dry_run_says_the_same_and_stores_nothing(fixture: Fixture) {
    let would = fixture.try_apply(BILLING, Mode::DryRun, Unlisted::Leave).await.unwrap();
    assert_eq!(said(&would), ALL_CREATED);
    assert_eq!(fixture.generation().await, 0);
    let definitions = fixture.house.store().definitions().await.unwrap();
    assert!(definitions.external_credentials.is_empty() && definitions.profiles.is_empty());
    assert!(!fixture.house.audit_directory().join("management.jsonl").exists(), "nothing was done, so nothing is recorded");
    assert_eq!(fixture.apply(BILLING).await, ALL_CREATED);
}

async fn only_what_is_other_is_updated_and_named(fixture: Fixture) {
    fixture.apply(BILLING).await;
    let changed = BILLING
        .replace("- name: Readers", "- name: Readers\n    label: All who read")
        .replace("scope: read", "scope: write")
        .replace("https://api.test/v1", "https://api.test/v2")
        .replace("alice@example.test", "alice@other.test");
    assert_eq!(
        fixture.apply(&changed).await,
        [
            "unchanged profile Staff",
            "updated permission_set Readers label",
            "updated user alice attributes",
            "updated external_credential Billing settings",
            "unchanged principal Billing/Service",
            "updated named_credential Billing url",
        ]
    );
    let definitions = fixture.house.store().definitions().await.unwrap();
    assert_eq!(definitions.external_credentials[0].settings["scope"], "write");
    assert_eq!(definitions.named_credentials[0].url.to_string(), "https://api.test/v2");
}

async fn several_files_live_beside_each_other(fixture: Fixture) {
    fixture.apply(BILLING).await;
    let other = "named_credentials: [{name: Archive, url: https://archive.test, external_credential: billing}]";
    assert_eq!(fixture.apply(other).await, ["created named_credential Archive"]);
    let definitions = fixture.house.store().definitions().await.unwrap();
    assert_eq!(definitions.named_credentials.len(), 2);
}

async fn of_two_at_once_one_creates_and_one_finds_it_done(fixture: Fixture) {
    let apply = || fixture.try_apply(BILLING, Mode::Store, Unlisted::Leave);
    let (one, other) = tokio::join!(apply(), apply());
    let (one, other) = (one.unwrap(), other.unwrap());
    assert!(is_quiet(&one) != is_quiet(&other), "{one:?}\n{other:?}");
}
