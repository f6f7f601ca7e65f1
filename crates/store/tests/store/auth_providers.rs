//! Auth providers.

use sortie_model::{
    AuthProvider, AuthProviderId, AuthProviderKind, AuthProviderWishes, AuthorizationServer, ParameterKind, Plugin, RequestParameter,
    Scopes, ServiceUrl,
};
use sortie_store::{ChangeError, Store};
use uuid::Uuid;

use crate::backend::{Backend, both_backends};
use crate::fixtures::{label, name};

both_backends! {
    auth_providers_keep_every_field,
    every_kind_is_kept_as_it_was_made,
    a_name_is_taken_once_and_never_changes,
    a_removed_auth_provider_is_gone,
}

pub(crate) fn provider(text: &str, kind: AuthProviderKind) -> AuthProvider {
    let url = |text: &str| ServiceUrl::parse(text).unwrap();
    let settings = kind.preset().settings.iter().filter(|setting| setting.default.is_none());
    let settings = settings.map(|setting| {
        let value = if setting.name == "endpoint" { "https://plugin.test/ask" } else { "ABC123" };
        (setting.name.to_owned(), value.to_owned())
    });
    let wishes = AuthProviderWishes {
        settings: settings.collect(),
        authorize_endpoint: (kind == AuthProviderKind::OpenIdConnect).then(|| url("https://idp.test/authorize?a=b")),
        token_endpoint: (kind == AuthProviderKind::OpenIdConnect).then(|| url("https://idp.test/token/")),
        ..AuthProviderWishes::default()
    };
    AuthProvider {
        id: AuthProviderId::from_uuid(Uuid::now_v7()),
        name: name(text),
        label: label("Label — ü"),
        description: "What it is for".to_owned(),
        kind,
        server: kind.preset().server(&wishes).unwrap(),
        settings: wishes.settings,
        error_url: Some(url("https://portal.test/failed?why=login")),
        logout_url: Some(url("https://portal.test/out")),
        icon_url: Some(url("https://portal.test/icon.svg")),
        salesforce: [("registrationHandler".to_owned(), "Handler — ü".to_owned())].into(),
    }
}

async fn insert(store: &Store, provider: &AuthProvider) -> Result<(), ChangeError> {
    let mut change = store.change().await?;
    change.auth_providers().insert(provider).await?;
    change.commit().await.map(drop)
}

async fn stored(store: &Store) -> Vec<AuthProvider> {
    store.definitions().await.unwrap().auth_providers
}

async fn auth_providers_keep_every_field(backend: Backend) {
    let store = backend.store().await;
    let full = provider("My_Google", AuthProviderKind::Google);
    let sparse = AuthProvider {
        error_url: None,
        logout_url: None,
        icon_url: None,
        salesforce: std::collections::BTreeMap::new(),
        description: String::new(),
        ..provider("custom", AuthProviderKind::Custom)
    };
    insert(&store, &full).await.unwrap();
    insert(&store, &sparse).await.unwrap();
    assert_eq!(stored(&store).await, [sparse.clone(), full.clone()]);
    let server = AuthorizationServer {
        refresh_token_scope: Some(Scopes::parse("offline").unwrap()),
        parameters: vec![RequestParameter::parse(ParameterKind::TokenHeader, "X-A", "b", 3, "why — ü").unwrap()],
        plugin: Some(Plugin { configuration: [("a".to_owned(), "b".to_owned())].into() }),
        ..full.server.clone()
    };
    let becomes = AuthProvider { id: sparse.id, name: sparse.name, server, ..full.clone() };
    let mut change = store.change().await.unwrap();
    change.auth_providers().update(&becomes).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(stored(&store).await, [becomes, full]);
}

async fn every_kind_is_kept_as_it_was_made(backend: Backend) {
    let store = backend.store().await;
    let mut all: Vec<AuthProvider> =
        AuthProviderKind::ALL.into_iter().map(|kind| provider(&format!("A_{}", kind.as_str()), kind)).collect();
    for provider in &all {
        insert(&store, provider).await.unwrap();
    }
    all.sort_by_key(|provider| provider.name.folded());
    assert_eq!(stored(&store).await, all);
}

async fn a_name_is_taken_once_and_never_changes(backend: Backend) {
    let store = backend.store().await;
    let google = provider("Google", AuthProviderKind::Google);
    insert(&store, &google).await.unwrap();
    let taken = insert(&store, &provider("GOOGLE", AuthProviderKind::Slack)).await.unwrap_err();
    assert!(matches!(&taken, ChangeError::Conflict { what: "auth provider", name } if name == "GOOGLE"), "{taken}");
    let mut change = store.change().await.unwrap();
    let missing = change.auth_providers().update(&provider("Nobody", AuthProviderKind::Slack)).await.unwrap_err();
    assert!(matches!(missing, ChangeError::Missing { .. }), "{missing}");
    drop(change);
    let mut change = store.change().await.unwrap();
    // The callback URL that is registered over there ends with it.
    let renamed = AuthProvider { name: name("Google2"), ..google };
    let refused = change.auth_providers().update(&renamed).await.unwrap_err();
    assert!(matches!(refused, ChangeError::Immutable { what: "auth provider", field: "name" }), "{refused}");
}

async fn a_removed_auth_provider_is_gone(backend: Backend) {
    let store = backend.store().await;
    let google = provider("Google", AuthProviderKind::Google);
    insert(&store, &google).await.unwrap();
    let before = store.generation().await.unwrap();
    let mut change = store.change().await.unwrap();
    change.auth_providers().delete(google.id).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(stored(&store).await, []);
    assert!(store.generation().await.unwrap() > before);
    let mut change = store.change().await.unwrap();
    let gone = change.auth_providers().delete(google.id).await.unwrap_err();
    assert!(matches!(gone, ChangeError::Missing { what: "auth provider" }), "{gone}");
}
