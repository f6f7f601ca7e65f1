//! Auth providers: applied, shown, given their secrets, removed; and their names, which are those of the other kind of providers too.

use sortie_model::{AuthProviderKind, IdentityProvider, Secret, ServiceUrl};
use sortie_server::manage::apply::{Mode, Unlisted};
use sortie_server::manage::definition::{Defined, remove};
use sortie_server::manage::provider::{list, list_values, open, set_value, show, types};
use sortie_server::{Config, outside_world};
use sortie_testkit::peers::OidcProvider;

use crate::fixture::{Fixture, both_databases, is_quiet, name, said, say};

both_databases! {
    every_type_is_applied_and_applying_twice_changes_nothing,
    what_is_written_counts_and_is_named_when_it_changes,
    an_issuer_fills_in_what_the_file_leaves_to_it,
    the_two_kinds_of_providers_share_their_names,
    values_are_those_of_the_type,
    a_moved_endpoint_takes_the_secret_along,
    what_cannot_be_is_refused_at_its_place,
    a_removed_auth_provider_takes_its_values_along,
}

const ALL: &str = r#"
auth_providers:
- {name: My_Salesforce, type: salesforce, settings: {login_host: example.my.salesforce.com}}
- {name: Any, type: openid_connect, authorize_endpoint: https://idp.test/authorize?resource=a, token_endpoint: https://idp.test/token}
- {name: My_Google, type: google, default_scopes: https://www.googleapis.com/auth/calendar, error_url: https://portal.test/failed}
- {name: Entra, type: microsoft, settings: {tenant: organizations}}
- {name: Git_Hub, type: github}
- {name: Git_Lab, type: gitlab, settings: {host: code.test}}
- {name: Team_Slack, type: slack}
- {name: Linked_In, type: linkedin}
- {name: Face_Book, type: facebook}
- {name: App_Le, type: apple, settings: {team_id: TEAM123456, key_id: KEY1234567}}
- {name: Bit_Bucket, type: bitbucket}
- {name: Jira, type: atlassian}
- {name: Hub_Spot, type: hubspot}
- name: Ours
  type: custom
  label: Our own
  settings: {endpoint: https://plugin.test/ask}
  configuration: {region: eu}
  salesforce: {plugin: OurPlugin, customMetadataTypeRecord: Settings__mdt.Ours}
"#;

async fn every_type_is_applied_and_applying_twice_changes_nothing(fixture: Fixture) {
    let made = fixture.apply(ALL).await;
    assert_eq!(made.len(), AuthProviderKind::ALL.len(), "every type is in the file");
    assert!(made.iter().all(|line| line.starts_with("created auth_provider ")), "{made:#?}");
    let again = fixture.try_apply(ALL, Mode::Store, Unlisted::Leave).await.unwrap();
    assert!(is_quiet(&again), "{:#?}", said(&again));
    let listed = list(&fixture.manage()).await.unwrap();
    let types_seen: std::collections::BTreeSet<_> = listed.iter().filter_map(|one| one.auth_provider_type).collect();
    assert_eq!(types_seen.len(), AuthProviderKind::ALL.len());
    assert!(listed.iter().all(|one| one.kind == "auth_provider" && one.flow == "authorization_code" && !one.missing_values.is_empty()));
    let shown = show(&fixture.manage(), &name("ours")).await.unwrap();
    let of_type = shown.auth_provider.unwrap();
    assert_eq!((shown.token_endpoint.as_str(), shown.missing_values), ("https://plugin.test/ask", vec!["plugin_secret"]));
    assert_eq!(
        (of_type.kind, of_type.configuration["region"].as_str(), of_type.salesforce["plugin"].as_str()),
        ("custom", "eu", "OurPlugin")
    );
    let json = serde_json::to_value(show(&fixture.manage(), &name("My_Google")).await.unwrap()).unwrap();
    assert_eq!(
        (&json["type"], &json["error_url"], &json["kind"]),
        (&"google".into(), &"https://portal.test/failed".into(), &"auth_provider".into())
    );
    assert_eq!(json["request_parameters"].as_array().unwrap().len(), 2);
}

async fn what_is_written_counts_and_is_named_when_it_changes(fixture: Fixture) {
    fixture.apply(ALL).await;
    for (from, to, fields) in [
        (
            "host: code.test",
            "host: code2.test",
            "settings authorize_endpoint token_endpoint user_info_endpoint revocation_endpoint key_set_endpoint issuer",
        ),
        ("type: slack", "type: slack, pkce: true", "pkce preset"),
        ("type: facebook", "type: facebook, access_token_in_header: true", "preset"),
        ("type: hubspot", "type: hubspot, client_authentication: basic", "client_authentication"),
        ("region: eu", "region: us", "configuration"),
        ("type: atlassian", "type: atlassian, preset_parameters: false", "request_parameters"),
        ("label: Our own", "label: Ours", "label"),
    ] {
        let changed = fixture.try_apply(&ALL.replace(from, to), Mode::DryRun, Unlisted::Leave).await.unwrap();
        let updated: Vec<String> = said(&changed).into_iter().filter(|line| line.starts_with("updated")).collect();
        assert!(updated.len() == 1 && updated[0].ends_with(&format!(" {fields}")), "{to}: {updated:#?}");
    }
    let spelled = ALL.replace("name: My_Google", "name: MY_GOOGLE");
    assert_eq!(fixture.refused(&spelled).await, ["5:10 auth_providers[2].name immutable"]);
}

async fn an_issuer_fills_in_what_the_file_leaves_to_it(fixture: Fixture) {
    let provider = OidcProvider::start();
    let mut config = Config::default();
    config.egress.allow = vec!["127.0.0.0/8".parse().unwrap()];
    let world = outside_world(&config).unwrap();
    let text = format!("auth_providers: [{{name: Found, type: openid_connect, issuer: '{}'}}]", provider.issuer());
    let done = fixture.try_apply_asking(Some(&world), &text, Mode::Store, Unlisted::Leave).await.unwrap();
    assert_eq!(said(&done), ["created auth_provider Found"]);
    let shown = show(&fixture.manage(), &name("Found")).await.unwrap();
    assert_eq!(shown.token_endpoint, provider.token_endpoint());
    assert_eq!(shown.key_set_endpoint, Some(format!("{}/jwks", provider.issuer())));
    assert_eq!(shown.pushed_authorization_endpoint, Some(format!("{}/request", provider.issuer())));
    assert!(shown.issuer_in_response && shown.pkce);
    assert_eq!(fixture.refused(&text).await, ["1:62 auth_providers[0].issuer discovery_impossible"]);
}

async fn the_two_kinds_of_providers_share_their_names(fixture: Fixture) {
    let external = "external_auth_identity_providers: [{name: One, flow: client_credentials, token_endpoint: https://a.test/token}]";
    fixture.apply(external).await;
    let taken = fixture.refused("auth_providers: [{name: ONE, type: google}]").await;
    assert_eq!(taken, ["1:25 auth_providers[0].name provider_name_taken"]);
    fixture.apply("auth_providers: [{name: Two, type: google}]").await;
    let other_way = fixture.refused(&external.replace("name: One", "name: two")).await;
    assert_eq!(other_way, ["1:43 external_auth_identity_providers[0].name provider_name_taken"]);
    let both = format!("{}\nauth_providers: [{{name: new, type: google}}]", external.replace("name: One", "name: New"));
    assert_eq!(fixture.refused(&both).await, ["2:25 auth_providers[0].name provider_name_taken"]);
    let manage = fixture.manage();
    let kinds: Vec<_> = list(&manage).await.unwrap().into_iter().map(|one| (one.name, one.kind)).collect();
    assert_eq!(kinds, [("One".to_owned(), "external_auth_identity_provider"), ("Two".to_owned(), "auth_provider")]);
}

async fn values_are_those_of_the_type(fixture: Fixture) {
    fixture.apply(ALL).await;
    let manage = fixture.manage();
    let names = async |provider: &str| -> Vec<String> {
        list_values(&manage, &name(provider)).await.unwrap().into_iter().map(|value| value.name).collect()
    };
    assert_eq!(names("My_Google").await, ["client_id", "client_secret"]);
    assert_eq!(names("App_Le").await, ["client_id", "private_key"]);
    assert_eq!(names("Ours").await, ["plugin_secret"]);
    let set = async |provider: &str, field: &str, value: &str| set_value(&manage, &name(provider), field, &Secret::new(value)).await;
    assert_eq!(say(&set("My_Google", "client_secret", "SECRET-one").await.unwrap()), "created secret provider:My_Google client_secret");
    for (provider, field, value, rule) in [
        ("App_Le", "client_secret", "SECRET-x", "value_unknown"),
        ("App_Le", "private_key", "SECRET-x", "private_key_format"),
        ("Ours", "client_id", "SECRET-x", "value_unknown"),
        ("Ours", "plugin_secret", "SECRET-x", "plugin_secret_format"),
    ] {
        let refused = set(provider, field, value).await.unwrap_err();
        assert_eq!(refused.code(), rule);
        assert!(!format!("{refused} {refused:?}").contains("SECRET-"), "{refused}");
    }
    let in_file = "auth_providers: [{name: My_Google, type: google, default_scopes: https://www.googleapis.com/auth/calendar, error_url: https://portal.test/failed, values: {client_id: mine, client_secret: {from_environment: SECRET_TWO}}}]";
    assert_eq!(fixture.apply(in_file).await, ["updated auth_provider My_Google values.client_id values.client_secret"]);
    assert_eq!(show(&manage, &name("my_google")).await.unwrap().stored_values, ["client_id", "client_secret"]);
    let clear = in_file.replace("{from_environment: SECRET_TWO}", "SECRET-clear");
    assert_eq!(fixture.refused(&clear).await, ["1:188 auth_providers[0].values.client_secret secret_in_clear"]);
    let record = std::fs::read_to_string(fixture.house.audit_directory().join("management.jsonl")).unwrap();
    assert!(record.contains("auth_provider My_Google") && !record.contains("SECRET-"), "{record}");
    // Each type says what it needs, and the table is the one that is applied.
    let apple = types().into_iter().find(|one| one.name == "apple").unwrap();
    assert_eq!((apple.values, apple.settings.len()), (vec!["client_id", "private_key"], 2));
}

async fn a_moved_endpoint_takes_the_secret_along(fixture: Fixture) {
    fixture.apply(ALL).await;
    let manage = fixture.manage();
    set_value(&manage, &name("Git_Lab"), "client_secret", &Secret::new("SECRET-one")).await.unwrap();
    fixture.apply(&ALL.replace("host: code.test", "host: new.test")).await;
    let store = fixture.house.store();
    let stored = async || store.definitions().await.unwrap().identity_provider("Git_Lab").unwrap();
    let moved = stored().await;
    let row = store.provider_values().load(moved.id()).await.unwrap().remove(0);
    assert_eq!((open(fixture.house.vault(), &moved, &row).unwrap().expose(), row.head.version), (b"SECRET-one".as_slice(), 2));
    nothing_is_sent_to_an_endpoint_that_was_edited_in_the_database(&fixture, &moved).await;
    let external = "external_auth_identity_providers: [{name: Ext, flow: authorization_code, authorize_endpoint: 'https://i.test/a',
        token_endpoint: 'https://i.test/t', revocation_endpoint: 'https://i.test/r', user_info_endpoint: 'https://i.test/u'}]";
    fixture.apply(external).await;
    set_value(&manage, &name("Ext"), "client_secret", &Secret::new("SECRET-two")).await.unwrap();
    let external = store.definitions().await.unwrap().identity_provider("Ext").unwrap();
    nothing_is_sent_to_an_endpoint_that_was_edited_in_the_database(&fixture, &external).await;
}

/// CRY of the attack catalogue: each endpoint that is told a secret.
async fn nothing_is_sent_to_an_endpoint_that_was_edited_in_the_database(fixture: &Fixture, provider: &IdentityProvider) {
    let row = fixture.house.store().provider_values().load(provider.id()).await.unwrap().remove(0);
    assert!(open(fixture.house.vault(), provider, &row).is_ok());
    let evil = || Some(ServiceUrl::parse("https://evil.test/x").unwrap());
    for edit in [0, 1, 2, 3] {
        let mut edited = provider.clone();
        let server = match &mut edited {
            IdentityProvider::Auth(one) => &mut one.server,
            IdentityProvider::ExternalAuth(one) => &mut one.server,
        };
        match edit {
            0 => server.token_endpoint = evil().unwrap(),
            1 => server.revocation_endpoint = evil(),
            2 => server.pushed_authorization_endpoint = evil(),
            _ => server.user_info_endpoint = evil(),
        }
        assert_eq!(open(fixture.house.vault(), &edited, &row).unwrap_err().code(), "sealed_value_tampered");
    }
}

async fn what_cannot_be_is_refused_at_its_place(fixture: Fixture) {
    for (text, found) in [
        ("{name: A, type: twitter}", "1:34 auth_providers[0].type provider_type"),
        ("{name: A, type: openid_connect}", "1:18 auth_providers[0].token_endpoint required"),
        ("{name: A, type: microsoft}", "1:18 auth_providers[0].settings.tenant required"),
        ("{name: A, type: google, settings: {tenant: x}}", "1:60 auth_providers[0].settings.tenant setting_unknown"),
        ("{name: A, type: gitlab, settings: {host: 'https://x.test'}}", "1:59 auth_providers[0].settings.host setting_format"),
        (
            "{name: A, type: custom, settings: {endpoint: 'https://p.test'}, pkce: true, token_endpoint: 'https://x.test'}",
            "1:110 auth_providers[0].token_endpoint not_for_custom",
        ),
        (
            "{name: A, type: google, request_parameters: [{request: authorize, place: query, name: hd, value: a}, {request: authorize, place: query, name: hd, value: b}]}",
            "1:118 auth_providers[0].request_parameters[3].name parameter_duplicate",
        ),
    ] {
        let text = format!("auth_providers: [{text}]");
        let refused = match sortie_metadata::Definition::parse("x", &text) {
            Err(problems) => {
                problems.iter().map(|one| format!("{}:{} {} {}", one.place.line, one.place.column, one.path, one.rule)).collect()
            }
            Ok(_) => fixture.refused(&text).await,
        };
        let words = |line: &str| line.split_once(' ').map(|(_, rest)| rest.to_owned());
        assert_eq!(refused.iter().filter_map(|line| words(line)).collect::<Vec<_>>(), [words(found).unwrap()], "{text}");
    }
    assert!(fixture.house.store().definitions().await.unwrap().auth_providers.is_empty());
}

async fn a_removed_auth_provider_takes_its_values_along(fixture: Fixture) {
    fixture.apply(ALL).await;
    let manage = fixture.manage();
    set_value(&manage, &name("My_Google"), "client_secret", &Secret::new("SECRET-one")).await.unwrap();
    assert_eq!(say(&remove(&manage, &Defined::Provider(name("my_google"))).await.unwrap()), "deleted auth_provider My_Google");
    assert_eq!(show(&manage, &name("My_Google")).await.unwrap_err().code(), "provider_unknown");
    assert!(fixture.house.store().provider_values().summary().await.unwrap().is_empty());
}
