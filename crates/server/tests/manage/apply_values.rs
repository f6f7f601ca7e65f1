//! Values of a definition: where they come from, what they are bound to, and that they are never shown.

use sortie_model::Secret;
use sortie_protocol::Values;
use sortie_server::manage::apply::{Mode, Unlisted};
use sortie_server::manage::secret::{self, destination};
use sortie_server::manage::user::{self as users, NewUser};
use sortie_store::Identity;
use sortie_vault::{OpenError, SealContext};

use crate::fixture::{BILLING, Fixture, both_databases, principal, user, write};

both_databases! {
    values_come_from_the_environment_and_from_files,
    only_what_may_be_seen_may_stand_in_the_file,
    a_value_that_cannot_be_had_or_stored_is_refused,
    a_value_that_is_the_same_is_not_stored_again,
    moving_the_token_endpoint_seals_all_values_for_the_new_one,
    tokens_are_dropped_only_where_they_depend_on_the_change,
}

/// What custody would find for `Billing/Service`, bound to where the stored definition sends it.
async fn stored(fixture: &Fixture) -> Result<Values, OpenError> {
    let definitions = fixture.house.store().definitions().await.unwrap();
    let credential = &definitions.external_credentials[0];
    let identity = Identity::shared(definitions.principals[0].id);
    let destination = destination(&credential.protocol, &credential.settings);
    let rows = fixture.house.store().credential_values().load(identity).await.unwrap();
    let open = |row: sortie_store::StoredValue| {
        let (row_id, version) = (row.head.id, row.head.version);
        let context = SealContext { table: "credential_values", row: row_id, field: &row.head.name, owner: None, version, destination };
        let plain = fixture.house.vault().open(&context, &row.sealed)?;
        Ok((row.head.name.clone(), Secret::new(std::str::from_utf8(plain.expose()).unwrap())))
    };
    rows.into_iter().map(open).collect()
}

fn values(pairs: &[(&str, &str)]) -> Values {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect()
}

async fn values_come_from_the_environment_and_from_files(fixture: Fixture) {
    write(&fixture.directory.path().join("id"), "from-a-file\r\n");
    write(&fixture.directory.path().join("secret"), "SECRET-with trailing space \n");
    let text = BILLING
        .replace("client_id: billing", "client_id: {from_file: id}")
        .replace("{from_environment: SECRET_ONE}", &format!("{{from_file: {}/secret}}", fixture.directory.path().display()));
    fixture.apply(&text).await;
    assert_eq!(stored(&fixture).await.unwrap(), values(&[("client_id", "from-a-file"), ("client_secret", "SECRET-with trailing space ")]));
    fixture.apply(BILLING).await;
    assert_eq!(stored(&fixture).await.unwrap(), values(&[("client_id", "billing"), ("client_secret", "SECRET-one")]));
}

async fn only_what_may_be_seen_may_stand_in_the_file(fixture: Fixture) {
    let with = |protocol: &str, values: &str| {
        format!(
            "external_credentials:\n- name: A\n  protocol: {protocol}\n  principals:\n  - {{name: P, sequence_number: 1, values: {values}}}\n"
        )
    };
    fixture.apply(&with("basic", "{username: alice}")).await;
    for (protocol, written, path) in [
        ("basic", "{password: SECRET-x}", "password"),
        ("oauth_client_credentials", "{client_id: id, client_secret: SECRET-x}", "client_secret"),
        ("custom", "{Key: SECRET-x}", "Key"),
        ("no_authentication", "{Key: SECRET-x}", "Key"),
    ] {
        let text = with(protocol, written).replace("name: A", &format!("name: {}", protocol.replace('_', "")));
        let error = fixture.try_apply(&text, Mode::Store, Unlisted::Leave).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(&format!("values.{path}")) && shown.contains("secret_in_clear"), "{shown}");
        assert!(!shown.contains("SECRET-"), "{shown}");
    }
}

async fn a_value_that_cannot_be_had_or_stored_is_refused(fixture: Fixture) {
    let with = |values: &str| {
        format!(
            "external_credentials:\n- name: A\n  protocol: basic\n  principals:\n  - {{name: P, sequence_number: 1, values: {{{values}}}}}\n"
        )
    };
    write(&fixture.directory.path().join("long"), &"SECRET-x".repeat(10_000));
    std::fs::write(fixture.directory.path().join("binary"), b"SECRET-\xFF").unwrap();
    for (written, rule) in [
        ("password: {from_environment: NOT_SET}", "variable_unset"),
        ("password: {from_environment: EMPTY}", "value_empty"),
        ("password: {from_file: absent}", "file_unreadable"),
        ("password: {from_file: binary}", "file_unreadable"),
        ("password: {from_file: .}", "file_unreadable"),
        ("password: {from_file: long}", "value_too_long"),
        ("username: {from_environment: WITH_COLON}", "username_format"),
        ("passwort: {from_environment: SECRET_ONE}", "value_unknown"),
    ] {
        let error = fixture.try_apply(&with(written), Mode::Store, Unlisted::Leave).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(&format!("rule: \"{rule}\"")) && !shown.contains("SECRET-"), "{written}: {shown}");
    }
    let setting = "external_credentials:\n- name: A\n  protocol: oauth_client_credentials\n  principals:\n  - {name: P, sequence_number: 1, values: {scope: read}}\n";
    assert_eq!(fixture.refused(setting).await, ["5:51 external_credentials[0].principals[0].values.scope value_is_a_setting"]);
    assert_eq!(fixture.generation().await, 0);
}

async fn a_value_that_is_the_same_is_not_stored_again(fixture: Fixture) {
    fixture.apply(BILLING).await;
    let other = BILLING.replace("SECRET_ONE", "SECRET_TWO");
    assert!(fixture.apply(&other).await.contains(&"updated principal Billing/Service values.client_secret".to_owned()));
    let listed = secret::list(&fixture.manage(), &principal("Billing/Service"), None).await.unwrap();
    let versions: Vec<_> = listed.iter().map(|value| (value.name.as_str(), value.version)).collect();
    assert_eq!(versions, [("client_id", Some(1)), ("client_secret", Some(2))]);
    assert_eq!(stored(&fixture).await.unwrap(), values(&[("client_id", "billing"), ("client_secret", "SECRET-two")]));
}

async fn moving_the_token_endpoint_seals_all_values_for_the_new_one(fixture: Fixture) {
    fixture.apply(BILLING).await;
    // One value that the file does not give stays what it was, and moves too.
    let silent = BILLING.replace(", client_secret: {from_environment: SECRET_ONE}", "");
    let moved = silent.replace("https://id.test/token", "https://new.test/token");
    let said = fixture.apply(&moved).await;
    assert!(said.contains(&"updated external_credential Billing settings".to_owned()), "{said:?}");
    assert!(said.contains(&"unchanged principal Billing/Service".to_owned()), "the values themselves are the same: {said:?}");
    assert_eq!(stored(&fixture).await.unwrap(), values(&[("client_id", "billing"), ("client_secret", "SECRET-one")]));
}

async fn tokens_are_dropped_only_where_they_depend_on_the_change(fixture: Fixture) {
    fixture.apply(BILLING).await;
    let before = fixture.revision().await;
    fixture.apply(&BILLING.replace("  - name: Billing\n    protocol", "  - name: Billing\n    label: Bills\n    protocol")).await;
    assert_eq!(fixture.revision().await, before, "a label");
    fixture.apply(&BILLING.replace("scope: read", "scope: write")).await;
    let after_scope = fixture.revision().await;
    assert!(after_scope > before, "a setting");
    fixture.apply(&BILLING.replace("scope: read", "scope: write").replace("SECRET_ONE", "SECRET_TWO")).await;
    assert!(fixture.revision().await > after_scope, "a value");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_was_edited_in_the_database_gets_no_secret_and_is_mended_by_the_file() {
    let fixture = Fixture::postgres().await;
    fixture.apply(BILLING).await;
    let database = fixture.database.as_ref().unwrap();
    database.query("UPDATE external_credentials SET settings = replace(settings, 'id.test', 'evil.test')");
    assert_eq!(stored(&fixture).await, Err(OpenError::Tampered));
    fixture.apply(&BILLING.replace(", client_secret: {from_environment: SECRET_ONE}", "")).await;
    assert_eq!(stored(&fixture).await.unwrap(), values(&[("client_id", "billing"), ("client_secret", "SECRET-one")]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_does_not_open_is_not_carried_to_another_endpoint() {
    let fixture = Fixture::postgres().await;
    fixture.apply(BILLING).await;
    let database = fixture.database.as_ref().unwrap();
    database.query("UPDATE credential_values SET sealed = set_byte(sealed, 90, get_byte(sealed, 90) # 1) WHERE name = 'client_secret'");
    let moved = BILLING.replace(", client_secret: {from_environment: SECRET_ONE}", "").replace("id.test", "new.test");
    let error = fixture.try_apply(&moved, Mode::Store, Unlisted::Leave).await.unwrap_err();
    assert_eq!(
        (error.code(), error.next_step().as_str()),
        ("sealed_value_tampered", "store it again: sortie secret set 'Billing/Service' client_secret")
    );
    // The file that gives the value anew mends it.
    fixture.apply(&BILLING.replace("id.test", "new.test")).await;
    assert_eq!(stored(&fixture).await.unwrap(), values(&[("client_id", "billing"), ("client_secret", "SECRET-one")]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_own_values_are_kept_by_applying() {
    let fixture = Fixture::sqlite().await;
    let text = "external_credentials:\n- name: Crm\n  protocol: basic\n  principals:\n  - {name: Each, sequence_number: 1, identity_type: per_user}\n";
    fixture.apply(text).await;
    let alice = NewUser { name: user("alice"), profile: None, permission_sets: Vec::new(), attributes: Default::default() };
    users::add(&fixture.manage(), alice).await.unwrap();
    secret::set(&fixture.manage(), &principal("Crm/Each"), "password", Some(&user("alice")), &Secret::new("SECRET-own")).await.unwrap();
    fixture.apply(&text.replace("sequence_number: 1", "sequence_number: 5")).await;
    let listed = secret::list(&fixture.manage(), &principal("Crm/Each"), Some(&user("alice"))).await.unwrap();
    let set: Vec<_> = listed.iter().map(|value| (value.name.as_str(), value.set)).collect();
    assert_eq!(set, [("username", false), ("password", true)]);
}
