//! What is stored for principals.

use std::collections::BTreeMap;

use sortie_client::{Action, AuthenticationStatus, CredentialPlace, CredentialValues, LoginStanding, PrincipalType, ProviderTold, Secret};

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

pub(crate) async fn one_by_one(witness: &Witness) {
    let values = witness.client.values();
    let secret = |text: &str| Secret::new(text);
    let made = values.set("Own", "Main", "Single", &secret("SECRET-single")).await.unwrap();
    witness.is_whole(&made);
    assert_eq!((made.action, made.fields.as_slice()), (Action::Created, ["Single".to_owned()].as_slice()));
    assert_eq!(values.set("own", "main", "Single", &secret("SECRET-again")).await.unwrap().action, Action::Updated);
    let listed = values.list("Own", "Main").await.unwrap();
    witness.is_whole_at("values", &listed);
    assert!(listed.iter().any(|value| value.name == "Single" && value.set && value.version == Some(2)), "{listed:?}");
    witness.is_whole(&values.remove("Own", "Main", "Single").await.unwrap());
    assert_eq!(code(values.remove("Own", "Main", "Single").await), "value_unknown");
    let providers = witness.client.providers();
    witness.is_whole(&providers.set_value("Idp", "client_secret", &secret("SECRET-idp")).await.unwrap());
    witness.is_whole_at("values", &providers.values("Idp").await.unwrap());
    witness.is_whole(&providers.remove_value("Idp", "client_secret").await.unwrap());
    assert_eq!(providers.set_value("Idp", "client_secret", &secret("SECRET-idp")).await.unwrap().action, Action::Created);
    // What is hers, for her.
    let hers = witness.client.on_behalf_of("alice").unwrap();
    witness.is_whole_at("values", &hers.values().list("Pay", "Each").await.unwrap());
    assert_eq!(code(hers.values().list("Pay", "Main").await), "principal_unknown");
    let logins = witness.client.logins();
    let login = logins.show("calendar", "service").await.unwrap();
    witness.is_whole(&login);
    assert_eq!((login.state, login.principal.as_str()), (LoginStanding::NotAuthenticated, "Service"));
    let done = logins.revoke("Calendar", "Service").await.unwrap();
    witness.is_whole(&done);
    assert_eq!(done.provider, ProviderTold::NotAsked);
    assert_eq!(code(logins.show("Pay", "Main").await), "no_login");
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
