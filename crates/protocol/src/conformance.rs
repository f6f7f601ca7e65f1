//! What every entry of the catalogue must fulfil.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;

use serde_json::json;
use sortie_model::{ApiName, AuthenticationStatus, IdentityType, Secret, Settings};

use crate::*;

fn complete_settings(protocol: &dyn Protocol) -> Settings {
    let example = |field: &Field| match field.kind {
        Kind::Text | Kind::Template | Kind::Certificate | Kind::IdentityProvider(_) | Kind::AuthProvider => json!("x"),
        Kind::Url => json!("https://idp.test/token"),
        Kind::Choice(words) => json!(words[0]),
        Kind::Seconds { least, .. } | Kind::Bytes { least, .. } => json!(least),
        Kind::Claims => json!({}),
        Kind::Tags => json!({ "x": "x" }),
    };
    // Of several settings that can name a provider only one is set.
    let is_another = |field: &&Field| provider_fields(protocol).skip(1).any(|other| other.field.name == field.name);
    let fields = protocol.fields().iter().filter(|field| field.place.is_setting() && !is_another(field));
    fields.map(|field| (field.name.to_owned(), example(field))).collect()
}

static NO_SETTINGS: std::sync::LazyLock<Settings> = std::sync::LazyLock::new(Settings::new);

/// A principal, and the one that lends it its values where that is how it is done: the values are on the last.
fn principals(protocol: &dyn Protocol, identity_type: IdentityType) -> Vec<PrincipalFacts<'static>> {
    let values = protocol.fields().iter().filter(|field| field.place == Place::Values);
    let stored_values = values.map(|field| field.name.to_owned()).collect();
    let named = |name, stored_values| PrincipalFacts {
        name,
        identity_type,
        settings: &NO_SETTINGS,
        stored_values,
        reach: crate::Reach::Users,
        users_with_values: 1,
        logins: 1,
    };
    match protocol.lender() {
        None => vec![named("P", stored_values)],
        Some(lender) => vec![named("P", Vec::new()), named(lender, stored_values)],
    }
}

/// Everything that a provider of this protocol must have.
fn provider(protocol: &dyn Protocol) -> Option<ProviderFacts> {
    let stored_values = PROVIDER_FIELDS.iter().map(|field| field.name.to_owned()).collect();
    let client_values = sortie_model::ClientValues::Secret;
    provider_fields(protocol).next().map(|first| ProviderFacts { flow: first.flow, client_values, stored_values })
}

/// A certificate of the name that complete settings hold.
fn certificates() -> Vec<CertificateFacts> {
    vec![CertificateFacts { name: "X".to_owned(), signs_with: sortie_model::KeyAlgorithm::Rsa2048.signing_algorithms() }]
}

#[test]
fn names_are_unique_and_stable_words() {
    let names: HashSet<_> = CATALOGUE.iter().map(|protocol| protocol.name()).collect();
    assert_eq!(names.len(), CATALOGUE.len());
    for protocol in CATALOGUE {
        assert!(ApiName::parse(protocol.name()).is_ok());
        assert!(std::ptr::addr_eq(find(protocol.name()).unwrap(), *protocol) || find(protocol.name()).unwrap().name() == protocol.name());
        assert!(!protocol.identity_types().is_empty(), "{}", protocol.name());
    }
}

#[test]
fn every_field_is_described_and_a_secret_is_never_a_setting() {
    for protocol in CATALOGUE {
        let mut seen = HashSet::new();
        for field in protocol.fields() {
            assert!(seen.insert(field.name), "{}: {}", protocol.name(), field.name);
            assert!(ApiName::parse(field.name).is_ok() && !field.label.is_empty() && field.help.ends_with('.'), "{}", field.name);
            assert!(field.place == Place::Values || field.secrecy == Secrecy::Public, "{}", field.name);
        }
    }
}

#[test]
fn settings_made_of_the_fields_are_accepted_and_any_other_is_refused() {
    for protocol in CATALOGUE {
        let mut settings = complete_settings(*protocol);
        assert!(check_settings(*protocol, &settings).is_ok(), "{}", protocol.name());
        settings.insert("tokenEndpoint".to_owned(), "x".into());
        let violations = check_settings(*protocol, &settings).unwrap_err();
        assert_eq!(violations.0[0].rule, "setting_unknown");
        for field in protocol.fields().iter().filter(|field| field.place == Place::Values) {
            let misplaced = Settings::from_iter([(field.name.to_owned(), "SECRET-x".into())]);
            let violations = check_settings(*protocol, &misplaced).unwrap_err();
            assert_eq!(violations.0[0].rule, "setting_is_a_value");
            assert!(!violations.to_string().contains("SECRET"));
        }
    }
}

#[test]
fn the_status_is_configured_exactly_when_nothing_is_missing() {
    for protocol in CATALOGUE {
        for identity_type in protocol.identity_types() {
            let settings = complete_settings(*protocol);
            let principals = principals(*protocol, *identity_type);
            let facts =
                CredentialFacts { name: "C", settings: &settings, provider: provider(*protocol), certificates: certificates(), principals };
            let expected = match protocol.completeness() {
                Completeness::ByFields => AuthenticationStatus::Configured,
                Completeness::Unknowable => AuthenticationStatus::Unknown,
            };
            assert_eq!(credential_status(*protocol, &facts).status, expected, "{}", protocol.name());
            assert_eq!(
                credential_status(*protocol, &CredentialFacts { principals: Vec::new(), ..facts }).status,
                AuthenticationStatus::NotConfigured
            );
        }
    }
}

#[test]
fn each_missing_item_is_named() {
    for protocol in CATALOGUE.iter().filter(|protocol| protocol.completeness() == Completeness::ByFields) {
        let settings = complete_settings(*protocol);
        for field in protocol.fields().iter().filter(|field| protocol.need(field, &settings) == Need::Required) {
            let mut settings = settings.clone();
            let mut principals = principals(*protocol, IdentityType::Named);
            settings.remove(field.name);
            principals.iter_mut().for_each(|principal| principal.stored_values.retain(|name| name != field.name));
            let facts =
                CredentialFacts { name: "C", settings: &settings, provider: provider(*protocol), certificates: certificates(), principals };
            let status = principal_status(*protocol, &facts, &facts.principals[0]);
            assert_eq!(status.status, AuthenticationStatus::NotConfigured);
            assert_eq!(status.missing.len(), 1);
            assert!(status.missing[0].message.contains(field.name));
        }
    }
}

#[test]
fn nothing_is_proven_without_the_required_values() {
    for protocol in CATALOGUE
        .iter()
        .filter(|protocol| protocol.fields().iter().any(|field| field.place == Place::Values && field.need == Need::Required))
    {
        let nothing = Material { settings: &Settings::new(), values: &Values::new(), grant: None, provider: None };
        assert!(protocol.prove(nothing).is_err(), "{}", protocol.name());
    }
}

#[test]
fn a_static_proof_places_the_headers_that_it_announces() {
    for protocol in CATALOGUE.iter().filter(|protocol| protocol.renewal() == Renewal::Static) {
        let fields = protocol.fields().iter().filter(|field| field.place == Place::Values);
        let values: Values = fields.map(|field| (field.name.to_owned(), Secret::new("SECRET-x"))).collect();
        let proof =
            protocol.prove(Material { settings: &complete_settings(*protocol), values: &values, grant: None, provider: None }).unwrap();
        let headers = match proof {
            Proof::Place(headers) => headers,
            Proof::Possess(bound) => bound.placed().to_vec(),
            Proof::Sign(signer) => {
                let mut headers = http::HeaderMap::new();
                let payload = crate::shared::sigv4::Payload::Unsigned;
                signer.sign(&http::Method::GET, "/", &mut headers, payload, sortie_model::Timestamp::from_millis(0));
                headers.into_iter().filter_map(|(name, value)| Some((name?, value))).collect()
            }
        };
        let names: HashSet<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, HashSet::from_iter(protocol.header_names().iter().copied()), "{}", protocol.name());
        assert!(headers.iter().all(|(_, value)| value.is_sensitive() || !format!("{value:?}").contains("SECRET")));
    }
}

#[test]
fn a_proof_does_not_print() {
    let values = Values::from([("username".to_owned(), Secret::new("u")), ("password".to_owned(), Secret::new("SECRET-p"))]);
    let proof =
        find("basic").unwrap().prove(Material { settings: &Settings::new(), values: &values, grant: None, provider: None }).unwrap();
    assert_eq!(format!("{proof:?}"), r#"["authorization"]"#);
}
