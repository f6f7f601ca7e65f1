//! External auth identity providers: applied, shown, used, removed; their secret goes nowhere, and every change that a token depends on ends the tokens.

use sortie_model::{AuthenticationStatus, ExternalAuthIdentityProvider, IdentityProviderId, Secret, ServiceUrl};
use sortie_server::manage::definition::{Defined, remove};
use sortie_server::manage::provider::{list, list_values, open, remove_value, set_value, show};
use sortie_server::manage::secret;
use sortie_server::manage::status::status;
use sortie_store::StoredValue;

use crate::fixture::{BILLING, Fixture, both_databases, name, principal, say};

both_databases! {
    a_provider_becomes_what_the_file_says_and_applying_twice_changes_nothing,
    what_a_token_depends_on_ends_the_tokens_of_those_that_name_it,
    a_moved_token_endpoint_takes_the_secret_along,
    names_of_nothing_and_of_the_wrong_flow_are_refused,
    what_a_request_cannot_hold_is_refused_at_its_place,
    a_used_provider_is_not_removed,
    values_are_stored_listed_and_removed,
    the_status_tells_what_is_missing_and_what_comes_from_the_provider,
    neither_answers_nor_records_nor_files_hold_the_secret,
}

const PROVIDERS: &str = r#"
permission_sets: [{name: Callers}]
external_auth_identity_providers:
- name: Okta
  flow: client_credentials
  token_endpoint: https://idp.test/token
  default_scopes: read
  request_parameters:
  - {request: token, place: body, name: audience, value: api}
  values: {client_id: my-client, client_secret: {from_environment: SECRET_ONE}}
- name: Login
  flow: authorization_code
  authorize_endpoint: https://login.test/authorize
  token_endpoint: https://login.test/token
external_credentials:
- name: First
  protocol: oauth_managed
  settings: {external_auth_identity_provider: okta}
  principals: [{name: Main, sequence_number: 1, enabled_for: {permission_sets: [Callers]}}]
- name: Second
  protocol: oauth_managed
  settings: {external_auth_identity_provider: Okta, scope: "write {!$User.UserName}", client_authentication: body}
- name: Other
  protocol: oauth_client_credentials
  settings: {token_endpoint: https://idp.test/token}
"#;

/// The revisions of `First`, `Second` and `Other`.
async fn revisions(fixture: &Fixture) -> [i64; 3] {
    let credentials = fixture.house.store().definitions().await.unwrap().external_credentials;
    ["First", "Second", "Other"].map(|wanted| credentials.iter().find(|one| one.name == name(wanted)).unwrap().revision)
}

async fn a_provider_becomes_what_the_file_says_and_applying_twice_changes_nothing(fixture: Fixture) {
    let said = fixture.apply(PROVIDERS).await;
    assert!(said.contains(&"created external_auth_identity_provider Okta values.client_id values.client_secret".to_owned()), "{said:#?}");
    assert!(said.contains(&"created external_auth_identity_provider Login".to_owned()), "{said:#?}");
    let generation = fixture.generation().await;
    let again = fixture.apply(PROVIDERS).await;
    assert!(again.iter().all(|line| line.starts_with("unchanged")), "{again:#?}");
    assert_eq!(fixture.generation().await, generation);
    let changed = PROVIDERS.replace("default_scopes: read", "default_scopes: read write\n  label: Our Okta\n  issuer: https://idp.test");
    let changed = changed.replace("value: api}", "value: other, sequence_number: 4, description: whose}");
    let said = fixture.apply(&changed).await;
    assert!(
        said.contains(&"updated external_auth_identity_provider Okta label issuer default_scopes request_parameters".to_owned()),
        "{said:#?}"
    );
    let shown = show(&fixture.manage(), &name("oKTA")).await.unwrap();
    assert_eq!((shown.name.as_str(), shown.label.as_str(), shown.flow), ("Okta", "Our Okta", "client_credentials"));
    assert_eq!((shown.issuer.as_deref(), shown.default_scopes.as_deref()), (Some("https://idp.test"), Some("read write")));
    let parameter = &shown.request_parameters[0];
    assert_eq!(
        (parameter.request, parameter.place, parameter.name.as_str(), parameter.value.as_str()),
        ("token", "body", "audience", "other")
    );
    assert_eq!((shown.stored_values, shown.missing_values), (vec!["client_id", "client_secret"], vec![]));
    assert_eq!(shown.external_credentials, ["First", "Second"]);
    let listed = list(&fixture.manage()).await.unwrap();
    let seen: Vec<_> =
        listed.iter().map(|one| (one.name.as_str(), one.flow, one.missing_values.len(), one.external_credentials.len())).collect();
    assert_eq!(seen, [("Login", "authorization_code", 2, 0), ("Okta", "client_credentials", 0, 2)]);
    assert_eq!(show(&fixture.manage(), &name("Nobody")).await.unwrap_err().code(), "provider_unknown");
    let spelled = PROVIDERS.replace("name: Okta", "name: OKTA");
    assert_eq!(fixture.refused(&spelled).await, ["4:9 external_auth_identity_providers[0].name immutable"]);
}

async fn what_a_token_depends_on_ends_the_tokens_of_those_that_name_it(fixture: Fixture) {
    fixture.apply(PROVIDERS).await;
    let mut before = revisions(&fixture).await;
    let only_words = PROVIDERS.replace("default_scopes: read", "default_scopes: read\n  label: Our Okta\n  description: Words");
    fixture.apply(&only_words).await;
    assert_eq!(revisions(&fixture).await, before, "a label tells a server nothing");
    for (from, to) in [
        ("default_scopes: read", "default_scopes: write"),
        ("value: api", "value: other"),
        ("https://idp.test/token\n  default", "https://idp.test/token2\n  default"),
        ("flow: client_credentials", "flow: client_credentials\n  client_authentication: body"),
        ("SECRET_ONE", "SECRET_TWO"),
    ] {
        fixture.apply(&PROVIDERS.replace(from, to)).await;
        let after = revisions(&fixture).await;
        assert!(after[0] > before[0] && after[1] > before[1] && after[2] == before[2], "{to}: {before:?} {after:?}");
        before = after;
    }
    set_value(&fixture.manage(), &name("okta"), "client_secret", &Secret::new("SECRET-three")).await.unwrap();
    let after = revisions(&fixture).await;
    assert!(after[0] > before[0] && after[1] > before[1] && after[2] == before[2]);
    remove_value(&fixture.manage(), &name("Okta"), "client_id").await.unwrap();
    assert!(revisions(&fixture).await[0] > after[0]);
}

async fn a_moved_token_endpoint_takes_the_secret_along(fixture: Fixture) {
    fixture.apply(PROVIDERS).await;
    let moved = PROVIDERS.replace("https://idp.test/token\n  default", "https://new.test/token\n  default");
    let moved = moved.replace(", client_secret: {from_environment: SECRET_ONE}", "");
    let said = fixture.apply(&moved).await;
    assert!(said.contains(&"updated external_auth_identity_provider Okta token_endpoint".to_owned()), "{said:#?}");
    let store = fixture.house.store();
    let mut okta = store.definitions().await.unwrap().external_auth_identity_providers.remove(1);
    let opens = |okta: &ExternalAuthIdentityProvider, row: &StoredValue| open(fixture.house.vault(), &okta.clone().into(), row);
    let rows = store.provider_values().load(IdentityProviderId::ExternalAuth(okta.id)).await.unwrap();
    let opened: Vec<_> = rows.iter().map(|row| opens(&okta, row).unwrap().expose().to_vec()).collect();
    assert_eq!(opened, [b"my-client".to_vec(), b"SECRET-one".to_vec()]);
    assert!(rows.iter().all(|row| row.head.version == 2));
    // Whoever edits the database instead gets nothing sent there (CRY of the attack catalogue).
    okta.server.token_endpoint = ServiceUrl::parse("https://evil.test/token").unwrap();
    assert_eq!(opens(&okta, &rows[1]).unwrap_err().code(), "sealed_value_tampered");
    let mut change = store.change().await.unwrap();
    change.external_auth_identity_providers().update(&okta).await.unwrap();
    change.commit().await.unwrap();
    // Writing the right one again mends it, and so does the secret itself.
    fixture.apply(&moved).await;
    fixture.apply(PROVIDERS).await;
    let okta = store.definitions().await.unwrap().external_auth_identity_providers.remove(1);
    let rows = store.provider_values().load(IdentityProviderId::ExternalAuth(okta.id)).await.unwrap();
    assert_eq!(opens(&okta, &rows[1]).unwrap().expose(), b"SECRET-one");
}

async fn names_of_nothing_and_of_the_wrong_flow_are_refused(fixture: Fixture) {
    let unknown = PROVIDERS.replace("provider: okta}", "provider: Nobody}");
    let place = "external_credentials[0].settings.external_auth_identity_provider";
    assert_eq!(fixture.refused(&unknown).await, [format!("18:47 {place} external_auth_identity_provider_unknown")]);
    let wrong = PROVIDERS.replace("provider: okta}", "provider: Login}");
    assert_eq!(fixture.refused(&wrong).await, [format!("18:47 {place} provider_flow")]);
    fixture.apply(PROVIDERS).await;
    let turned = "
external_auth_identity_providers:
- name: Okta
  flow: authorization_code
  authorize_endpoint: https://idp.test/authorize
  token_endpoint: https://idp.test/token
";
    assert_eq!(fixture.refused(turned).await, ["4:9 external_auth_identity_providers[0].flow provider_flow"]);
    let nobody = "external_auth_identity_providers: [{name: A, flow: authorization_code, token_endpoint: https://a.test}]";
    assert_eq!(fixture.refused(nobody).await, ["1:36 external_auth_identity_providers[0].authorize_endpoint required"]);
}

async fn what_a_request_cannot_hold_is_refused_at_its_place(fixture: Fixture) {
    let with = |more: &str| PROVIDERS.replace("  values: {client_id", &format!("{more}\n  values: {{client_id"));
    let parameter = |text: &str| with(&format!("  - {{request: token, {text}, sequence_number: 0}}"));
    for place in ["body", "query"] {
        let found = fixture.refused(&parameter(&format!("place: {place}, name: audience, value: x"))).await;
        assert!(found.len() == 1 && found[0].ends_with("request_parameters[1].name parameter_duplicate"), "{found:?}");
    }
    let in_url = PROVIDERS.replace("https://idp.test/token\n  default", "https://idp.test/token?audience=x\n  default");
    let found = fixture.refused(&in_url).await;
    assert_eq!(found, ["9:41 external_auth_identity_providers[0].request_parameters[0].name parameter_duplicate"]);
    fixture.apply(&parameter("place: header, name: Audience, value: x")).await;
    let clear = PROVIDERS.replace("{from_environment: SECRET_ONE}", "SECRET-clear");
    assert_eq!(fixture.refused(&clear).await, ["10:49 external_auth_identity_providers[0].values.client_secret secret_in_clear"]);
    let unknown = PROVIDERS.replace("client_id: my-client", "password: {from_environment: SECRET_TWO}");
    assert_eq!(fixture.refused(&unknown).await, ["10:22 external_auth_identity_providers[0].values.password value_unknown"]);
    let unset = PROVIDERS.replace("SECRET_ONE", "NOBODY_SET_IT");
    assert_eq!(fixture.refused(&unset).await, ["10:49 external_auth_identity_providers[0].values.client_secret variable_unset"]);
}

async fn a_used_provider_is_not_removed(fixture: Fixture) {
    fixture.apply(PROVIDERS).await;
    let manage = fixture.manage();
    let gone = async |text: &str| remove(&manage, &Defined::Provider(name(text))).await;
    let refused = gone("okta").await.unwrap_err();
    assert_eq!(refused.code(), "in_use");
    assert!(refused.to_string().contains("external credential `First`") && refused.to_string().contains("`Second`"), "{refused}");
    for credential in ["First", "Second"] {
        remove(&manage, &Defined::ExternalCredential(name(credential))).await.unwrap();
    }
    assert_eq!(say(&gone("okta").await.unwrap()), "deleted external_auth_identity_provider Okta");
    assert_eq!(gone("Okta").await.unwrap_err().code(), "provider_unknown");
    assert_eq!(list(&manage).await.unwrap().len(), 1);
}

async fn values_are_stored_listed_and_removed(fixture: Fixture) {
    fixture.apply(PROVIDERS).await;
    let (manage, login) = (fixture.manage(), name("Login"));
    let set = set_value(&manage, &login, "client_secret", &Secret::new("SECRET-one")).await.unwrap();
    assert_eq!(say(&set), "created secret provider:Login client_secret");
    let again = set_value(&manage, &login, "client_secret", &Secret::new("SECRET-two")).await.unwrap();
    assert_eq!(say(&again), "updated secret provider:Login client_secret");
    let listed = list_values(&manage, &login).await.unwrap();
    let seen: Vec<_> = listed.iter().map(|value| (value.name.as_str(), value.required, value.set, value.version)).collect();
    assert_eq!(seen, [("client_id", true, false, None), ("client_secret", true, true, Some(2))]);
    assert_eq!(say(&remove_value(&manage, &login, "client_secret").await.unwrap()), "deleted secret provider:Login client_secret");
    assert_eq!(remove_value(&manage, &login, "client_secret").await.unwrap_err().code(), "value_unknown");
    assert_eq!(list_values(&manage, &name("Nobody")).await.unwrap_err().code(), "provider_unknown");
    let long = "SECRET-x".repeat(10_000);
    for (field, text, rule) in
        [("client_secret", "", "value_empty"), ("client_secret", long.as_str(), "value_too_long"), ("\x1b[2J", "SECRET-x", "value_unknown")]
    {
        let error = set_value(&manage, &login, field, &Secret::new(text)).await.unwrap_err();
        let shown = format!("{error} {error:?} {}", error.next_step());
        assert_eq!(error.code(), rule, "{shown}");
        assert!(!shown.contains("SECRET-") && !shown.contains('\x1b'), "{shown}");
    }
    // A principal has nothing of its own, and sees where it comes from.
    let listed = secret::list(&manage, &principal("First/Main"), None).await.unwrap();
    let seen: Vec<_> = listed.iter().map(|value| (value.name.as_str(), value.set, value.from.as_deref())).collect();
    assert_eq!(seen, [("client_id", true, Some("provider:Okta")), ("client_secret", true, Some("provider:Okta"))]);
    let own = secret::set(&manage, &principal("First/Main"), "client_secret", None, &Secret::new("SECRET-x")).await.unwrap_err();
    assert_eq!(own.code(), "value_of_the_provider");
    assert!(own.to_string().contains("sortie secret set provider:NAME client_secret"), "{own}");
}

async fn the_status_tells_what_is_missing_and_what_comes_from_the_provider(fixture: Fixture) {
    fixture.apply(&PROVIDERS.replace(", client_secret: {from_environment: SECRET_ONE}", "")).await;
    let report = async || status(&fixture.manage(), Some(&name("First"))).await.unwrap().remove(0);
    let missing = report().await;
    assert_eq!(missing.status, AuthenticationStatus::NotConfigured);
    assert_eq!(missing.missing[0].code, "provider_value_missing");
    assert!(missing.missing[0].message.contains("sortie secret set provider:okta client_secret"), "{missing:?}");
    set_value(&fixture.manage(), &name("Okta"), "client_secret", &Secret::new("SECRET-x")).await.unwrap();
    let done = report().await;
    assert_eq!((done.status, done.principals[0].status), (AuthenticationStatus::Configured, AuthenticationStatus::Configured));
    let manager = done.managed_by.unwrap();
    assert_eq!((manager.name.as_str(), manager.values), ("Okta", vec!["client_id", "client_secret"]));
    // What only an edit of the database can bring about.
    let store = fixture.house.store();
    let okta = store.definitions().await.unwrap().external_auth_identity_providers.remove(1);
    let mut change = store.change().await.unwrap();
    change.external_auth_identity_providers().delete(okta.id).await.unwrap();
    change.commit().await.unwrap();
    let lost = report().await;
    assert_eq!((lost.status, lost.missing[0].code, lost.managed_by), (AuthenticationStatus::NotConfigured, "provider_missing", None));
}

async fn neither_answers_nor_records_nor_files_hold_the_secret(fixture: Fixture) {
    fixture.apply(BILLING).await;
    fixture.apply(PROVIDERS).await;
    let manage = fixture.manage();
    set_value(&manage, &name("Okta"), "client_secret", &Secret::new("SECRET-two")).await.unwrap();
    let said = format!(
        "{:?} {:?} {:?} {:?}",
        show(&manage, &name("Okta")).await.unwrap(),
        list_values(&manage, &name("Okta")).await.unwrap(),
        status(&manage, None).await.unwrap(),
        fixture.house.store().definitions().await.unwrap(),
    );
    let record = std::fs::read_to_string(fixture.house.audit_directory().join("management.jsonl")).unwrap();
    assert!(record.contains("secret provider:Okta") && record.contains("external_auth_identity_provider Okta"), "{record}");
    assert!(!said.contains("SECRET-") && !record.contains("SECRET-"));
    let mut files = 0;
    for file in
        std::fs::read_dir(fixture.directory.path().join("data")).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
    {
        let content = std::fs::read(&file).unwrap();
        files += 1;
        for mark in [b"SECRET-".as_slice(), b"my-client"] {
            assert!(!content.windows(mark.len()).any(|window| window == mark), "{}", file.display());
        }
    }
    assert!(files > 0);
}
