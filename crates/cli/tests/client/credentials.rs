//! What is stored for principals.

use std::collections::BTreeMap;

use sortie_client::{AuthenticationStatus, CredentialPlace, CredentialValues, PrincipalType, Secret};

use crate::witness::{Witness, code};

fn place(external_credential: &str, principal: &str) -> CredentialPlace {
    CredentialPlace {
        external_credential: external_credential.to_owned(),
        principal_name: Some(principal.to_owned()),
        principal_type: PrincipalType::Named,
    }
}

fn values<const COUNT: usize>(values: [(&str, &str); COUNT]) -> CredentialValues {
    CredentialValues::from(values.map(|(name, value)| (name, Secret::new(value))))
}

pub(crate) async fn basic(witness: &Witness) {
    let (credentials, place) = (witness.client.credentials(), place("Pay", "Main"));
    assert_eq!(credentials.show(&place).await.unwrap().authentication_status, AuthenticationStatus::NotConfigured);
    let both = values([("username", "robot"), ("password", "SECRET-first")]);
    assert!(!format!("{both:?}").contains("SECRET-"));
    let made = credentials.create(&place, &both).await.unwrap();
    witness.is_whole(&made);
    assert_eq!(made.authentication_status, AuthenticationStatus::Configured);
    assert_eq!(made.credentials["username"].value.as_deref(), Some("robot"));
    assert!(made.credentials["password"].encrypted && made.credentials["password"].value.is_none());
    assert_eq!(code(credentials.create(&place, &both).await), "already_exists");
    // What is mentioned without a value stays.
    let mut wanted = values([("password", "SECRET-second")]);
    wanted.0.insert("username".to_owned(), None);
    let replaced = credentials.replace(&place, &wanted).await.unwrap();
    assert_eq!(replaced.credentials["username"], made.credentials["username"]);
    assert_eq!(replaced.credentials["password"].revision, Some(2));
    assert_eq!(code(credentials.refresh(&place).await), "not_renewable");
    let answer = witness.client.get("callout:Pay/invoices").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let received = witness.upstream.requests();
    // robot:SECRET-second
    assert_eq!(received.last().unwrap().header("authorization"), Some("Basic cm9ib3Q6U0VDUkVULXNlY29uZA=="));
    credentials.remove(&place).await.unwrap();
    assert!(credentials.show(&place).await.unwrap().credentials.is_empty());
}

pub(crate) async fn custom(witness: &Witness) {
    let (credentials, place) = (witness.client.credentials(), place("Own", "Main"));
    credentials.create(&place, &values([("Key", "SECRET-a")])).await.unwrap();
    let amended = credentials.amend(&place, &values([("Other", "SECRET-b")])).await.unwrap();
    witness.is_whole(&amended);
    assert_eq!(amended.credentials.keys().collect::<Vec<_>>(), ["Key", "Other"]);
    credentials.remove_some(&place, &["Key"]).await.unwrap();
    assert_eq!(credentials.show(&place).await.unwrap().credentials.keys().collect::<Vec<_>>(), ["Other"]);
    assert_eq!(
        code(credentials.amend(&self::place("Pay", "Main"), &values([("username", "x"), ("password", "SECRET-x")])).await),
        "custom_only"
    );
}

pub(crate) async fn logins(witness: &Witness) {
    let credentials = witness.client.credentials();
    let url = credentials.auth_url(&place("Calendar", "Service")).await.unwrap();
    witness.is_whole(&url);
    assert!(url.authentication_url.starts_with("http://"), "{url:?}");
    let own = CredentialPlace { principal_type: PrincipalType::PerUser, ..place("Calendar", "Service") };
    assert_eq!(code(credentials.auth_url(&own).await), "principal_unknown");
    assert_eq!(CredentialValues(BTreeMap::new()), CredentialValues::default());
}

pub(crate) async fn for_somebody_else(witness: &Witness) {
    let own = CredentialPlace { principal_type: PrincipalType::PerUser, ..place("Pay", "Each") };
    let values = values([("username", "alice"), ("password", "SECRET-hers")]);
    let deputy = witness.client.on_behalf_of("alice").unwrap();
    witness.is_whole(&deputy.credentials().create(&own, &values).await.unwrap());
    assert_eq!(deputy.credentials().show(&own).await.unwrap().credentials.len(), 2);
    assert!(witness.client.credentials().show(&own).await.unwrap().credentials.is_empty(), "it is hers alone");
    assert_eq!(code(deputy.users().all().await), "permission_missing", "with her permissions");
    assert_eq!(code(witness.client.on_behalf_of("eve").unwrap().credentials().show(&own).await), "user_unknown");
}
