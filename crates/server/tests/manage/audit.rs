//! Every change leaves a record before it is done, and no record holds a value.

use sortie_model::Secret;
use sortie_server::audit::verify;
use sortie_server::manage::key::{self, NewKeyRequest};
use sortie_server::manage::{secret, user as users};

use crate::fixture::{BILLING, Fixture, both_databases, principal, user};

both_databases! {
    changes_are_recorded_with_names_and_without_values,
    what_cannot_be_recorded_is_not_done,
}

async fn changes_are_recorded_with_names_and_without_values(fixture: Fixture) {
    fixture.apply(BILLING).await;
    fixture.apply(BILLING).await;
    let manage = fixture.manage();
    secret::set(&manage, &principal("Billing/Service"), "client_secret", None, &Secret::new("SECRET-two")).await.unwrap();
    let made = key::create(&manage, NewKeyRequest { user: user("alice"), label: None, expires_at: None }).await.unwrap();
    users::remove(&manage, &user("alice")).await.unwrap();
    let text = std::fs::read_to_string(fixture.house.audit_directory().join("management.jsonl")).unwrap();
    let records: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seen: Vec<String> =
        records.iter().map(|record| format!("{} {}", record["action"].as_str().unwrap(), record["object"].as_str().unwrap())).collect();
    let made_key = format!("created key {} of alice", made.id);
    assert_eq!(seen[..6].len(), 6);
    assert_eq!(seen[6..], ["updated secret Billing/Service", made_key.as_str(), "deleted user alice"]);
    assert_eq!(records[6]["fields"], "client_secret");
    assert_eq!(records[6]["actor"], "operator:tester");
    assert!(!text.contains("SECRET-") && !text.contains(made.text.expose()));
    let verified = verify(fixture.house.audit_directory(), &fixture.house.chain_key(), &Default::default()).unwrap();
    assert_eq!((verified.len(), verified[0].records, &verified[0].finding), (1, 9, &None));
}

async fn what_cannot_be_recorded_is_not_done(fixture: Fixture) {
    fixture.apply(BILLING).await;
    let generation = fixture.generation().await;
    // A directory stands where the file should be.
    let file = fixture.house.audit_directory().join("management.jsonl");
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let error = users::remove(&fixture.manage(), &user("alice")).await.unwrap_err();
    assert_eq!(error.code(), "audit_unavailable");
    assert_eq!(fixture.generation().await, generation);
    assert!(users::show(&fixture.manage(), &user("alice")).await.is_ok());
}
