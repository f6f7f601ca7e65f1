#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};
use sortie_model::{AuthProviderKind, ClientValues, IdentityType};

use super::*;
use crate::testing::settings;
use crate::{CredentialFacts, PrincipalFacts, Proof, ProveError, ProviderFacts, Reach, Renewal, check_settings, credential_status};

/// A protocol whose provider may be of either kind.
struct Either;

impl Protocol for Either {
    fn name(&self) -> &'static str {
        "either"
    }

    fn title(&self) -> &'static str {
        "Either"
    }

    fn identity_types(&self) -> &'static [IdentityType] {
        &[IdentityType::Named]
    }

    fn fields(&self) -> &'static [Field] {
        const EITHER: &[Field] = &[
            Field::setting("auth_provider", "Auth Provider", Need::Optional, Kind::AuthProvider, ""),
            Field::setting(
                "external_auth_identity_provider",
                "External Auth Identity Provider",
                Need::Optional,
                Kind::IdentityProvider(AuthenticationFlow::AuthorizationCode),
                "",
            ),
        ];
        EITHER
    }

    fn renewal(&self) -> Renewal {
        Renewal::Renewable
    }

    fn prove(&self, material: Material<'_>) -> Result<Proof, ProveError> {
        crate::shared::oauth::bearer(material)
    }
}

fn named(value: Value) -> Option<(&'static str, IdentityProviderKind, String)> {
    let settings = settings(value);
    provider_setting(&Either, &settings).map(|setting| (setting.field, setting.kind, setting.name.to_owned()))
}

#[test]
fn a_provider_of_either_kind_is_named_by_its_own_setting() {
    assert_eq!(named(json!({})), None);
    assert_eq!(named(json!({ "auth_provider": "" })), None);
    assert_eq!(named(json!({ "auth_provider": "Google" })), Some(("auth_provider", IdentityProviderKind::Auth, "Google".to_owned())));
    let external = named(json!({ "external_auth_identity_provider": "Okta" }));
    assert_eq!(external, Some(("external_auth_identity_provider", IdentityProviderKind::ExternalAuth, "Okta".to_owned())));
    assert!(needs_provider(&Either));
}

#[test]
fn tokens_come_from_one_provider() {
    let rules = |value| check_settings(&Either, &settings(value)).err().map(|found| found.0[0].clone());
    assert_eq!(rules(json!({ "auth_provider": "Google" })), None);
    let both = rules(json!({ "auth_provider": "Google", "external_auth_identity_provider": "Okta" })).unwrap();
    assert_eq!((both.field.as_str(), both.rule), ("settings.external_auth_identity_provider", "provider_ambiguous"));
    assert_eq!(rules(json!({ "auth_provider": "a b" })).unwrap().rule, "name_format");
}

#[test]
fn the_status_says_what_each_kind_of_provider_lacks() {
    let missing = |value: Value, provider: Option<ProviderFacts>| {
        let (settings, own) = (settings(value), Settings::new());
        let principal = PrincipalFacts {
            name: "Main",
            identity_type: IdentityType::Named,
            settings: &own,
            stored_values: Vec::new(),
            reach: Reach::Users,
            users_with_values: 0,
            logins: 1,
        };
        let facts = CredentialFacts { name: "C", settings: &settings, provider, certificates: Vec::new(), principals: vec![principal] };
        credential_status(&Either, &facts).missing.into_iter().map(|step| format!("{}: {}", step.code, step.message)).collect::<Vec<_>>()
    };
    assert_eq!(missing(json!({}), None), ["setting_missing: set `auth_provider` or `external_auth_identity_provider` of `C`"]);
    let undefined = ["provider_missing: define the auth provider `Google`, which `auth_provider` of `C` names: sortie apply -f FILE"];
    assert_eq!(missing(json!({ "auth_provider": "Google" }), None), undefined);
    let facts = |client_values, stored: &[&str]| {
        let stored_values = stored.iter().map(ToString::to_string).collect();
        Some(ProviderFacts { flow: AuthenticationFlow::AuthorizationCode, client_values, stored_values })
    };
    let plugin = missing(json!({ "auth_provider": "Ours" }), facts(ClientValues::Plugin, &[]));
    assert_eq!(
        plugin,
        ["provider_value_missing: store plugin_secret (Plug-in Secret) of the provider: sortie secret set provider:Ours plugin_secret"]
    );
    let apple = missing(json!({ "auth_provider": "Apple" }), facts(ClientValues::PrivateKey, &["client_id"]));
    assert_eq!(
        apple,
        ["provider_value_missing: store private_key (Private Key) of the provider: sortie secret set provider:Apple private_key"]
    );
    assert!(missing(json!({ "auth_provider": "Google" }), facts(ClientValues::Secret, &["client_id", "client_secret"])).is_empty());
}

#[test]
fn a_provider_is_usable_once_all_that_its_type_needs_is_stored() {
    let settings = settings(json!({ "auth_provider": "Apple" }));
    let wishes = sortie_model::AuthProviderWishes {
        settings: [("team_id".to_owned(), "T".to_owned()), ("key_id".to_owned(), "K".to_owned())].into(),
        ..Default::default()
    };
    let server = AuthProviderKind::Apple.preset().server(&wishes).unwrap();
    let usable = |stored: &[&str]| {
        let values: Values = stored.iter().map(|name| ((*name).to_owned(), Secret::new("SECRET-x"))).collect();
        let provider = Provider { flow: AuthenticationFlow::AuthorizationCode, server: &server, values: &values };
        let material = Material { settings: &settings, values: &Values::new(), grant: None, provider: Some(provider) };
        usable_provider(&Either, material).map(|_| ())
    };
    assert_eq!(usable(&["client_id", "client_secret"]), Err(ObtainError::NotConfigured { field: "private_key of the provider" }));
    assert_eq!(usable(&["client_id", "private_key"]), Ok(()));
}
