//! External auth identity providers and their stored values.

use sortie_model::{
    AuthenticationFlow, AuthorizationServer, ClientAuthentication, ExternalAuthIdentityProvider, ExternalAuthIdentityProviderId, Issuer,
    ParameterKind, RequestParameter, Scopes, ServiceUrl,
};
use sortie_store::{ChangeError, Store};
use uuid::Uuid;

use crate::backend::{Backend, both_backends};
use crate::fixtures::{label, name};

both_backends! {
    providers_keep_every_field,
    a_name_is_taken_once,
    values_are_kept_replaced_and_removed,
    a_removed_provider_takes_its_values_along,
    every_change_is_a_generation,
}

fn provider(text: &str) -> ExternalAuthIdentityProvider {
    let url = |text: &str| ServiceUrl::parse(text).unwrap();
    ExternalAuthIdentityProvider {
        id: ExternalAuthIdentityProviderId::from_uuid(Uuid::now_v7()),
        name: name(text),
        label: label("Label — ü"),
        description: "What it is for".to_owned(),
        flow: AuthenticationFlow::AuthorizationCode,
        server: AuthorizationServer {
            client_authentication: ClientAuthentication::PlainBasicHeader,
            authorize_endpoint: Some(url("https://idp.test/authorize?a=b")),
            token_endpoint: url("https://idp.test/token/"),
            user_info_endpoint: Some(url("https://idp.test/me")),
            uses_pkce: true,
            issuer: Some(Issuer::parse("https://IDP.test/tenant/").unwrap()),
            default_scopes: Scopes::parse("read write").unwrap(),
            parameters: ParameterKind::ALL
                .into_iter()
                .zip(1..)
                .map(|(kind, number)| RequestParameter::parse(kind, &format!("x-{number}"), "a & b", number, "why — ü").unwrap())
                .collect(),
            revocation_endpoint: Some(url("https://idp.test/revoke")),
            key_set_endpoint: Some(url("https://idp.test/keys")),
            issuer_in_response: true,
        },
    }
}

async fn insert(store: &Store, provider: &ExternalAuthIdentityProvider) -> Result<(), ChangeError> {
    let mut change = store.change().await?;
    change.external_auth_identity_providers().insert(provider).await?;
    change.commit().await.map(drop)
}

async fn stored(store: &Store) -> Vec<ExternalAuthIdentityProvider> {
    store.definitions().await.unwrap().external_auth_identity_providers
}

async fn providers_keep_every_field(backend: Backend) {
    let store = backend.store().await;
    let (full, sparse) = (
        provider("Okta"),
        ExternalAuthIdentityProvider {
            flow: AuthenticationFlow::ClientCredentials,
            server: AuthorizationServer {
                client_authentication: ClientAuthentication::Body,
                authorize_endpoint: None,
                user_info_endpoint: None,
                uses_pkce: false,
                issuer: None,
                default_scopes: Scopes::default(),
                parameters: Vec::new(),
                revocation_endpoint: None,
                key_set_endpoint: None,
                issuer_in_response: false,
                ..provider("entra").server
            },
            ..provider("entra")
        },
    );
    insert(&store, &full).await.unwrap();
    insert(&store, &sparse).await.unwrap();
    assert_eq!(stored(&store).await, [sparse.clone(), full.clone()]);
    let becomes = ExternalAuthIdentityProvider { id: sparse.id, name: sparse.name.clone(), ..full.clone() };
    let mut change = store.change().await.unwrap();
    change.external_auth_identity_providers().update(&becomes).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(stored(&store).await, [becomes, full]);
}

async fn a_name_is_taken_once(backend: Backend) {
    let store = backend.store().await;
    insert(&store, &provider("Okta")).await.unwrap();
    let taken = insert(&store, &provider("OKTA")).await.unwrap_err();
    assert!(matches!(&taken, ChangeError::Conflict { what: "external auth identity provider", name } if name == "OKTA"), "{taken}");
    let mut change = store.change().await.unwrap();
    let missing = change.external_auth_identity_providers().update(&provider("Nobody")).await.unwrap_err();
    assert!(matches!(missing, ChangeError::Missing { .. }), "{missing}");
}

async fn values_are_kept_replaced_and_removed(backend: Backend) {
    let store = backend.store().await;
    let okta = provider("Okta");
    insert(&store, &okta).await.unwrap();
    let mut change = store.change().await.unwrap();
    let mut providers = change.external_auth_identity_providers();
    for (id, text) in [(Uuid::from_u128(1), "client_secret"), (Uuid::from_u128(2), "client_id")] {
        providers.insert_value(okta.id, id, text, b"sealed").await.unwrap();
    }
    assert_eq!(providers.values(okta.id).await.unwrap().len(), 2);
    change.commit().await.unwrap();
    let read = store.external_auth_identity_providers();
    let heads = read.heads(okta.id).await.unwrap();
    let seen: Vec<_> = heads.iter().map(|head| (head.id.as_u128(), head.name.as_str(), head.version)).collect();
    assert_eq!(seen, [(2, "client_id", 1), (1, "client_secret", 1)]);
    assert_eq!(read.summary().await.unwrap()[&okta.id], ["client_id".to_owned(), "client_secret".to_owned()].into());

    let mut change = store.change().await.unwrap();
    change.external_auth_identity_providers().replace_value(&heads[1], b"\0resealed\xFE").await.unwrap();
    change.commit().await.unwrap();
    let values = read.load(okta.id).await.unwrap();
    assert_eq!((values[1].head.version, values[1].sealed.as_slice()), (2, b"\0resealed\xFE".as_slice()));
    let mut change = store.change().await.unwrap();
    let stale = change.external_auth_identity_providers().replace_value(&heads[1], b"older").await.unwrap_err();
    assert!(matches!(stale, ChangeError::Stale { .. }), "{stale}");
    drop(change);

    let mut change = store.change().await.unwrap();
    let twice = change.external_auth_identity_providers().insert_value(okta.id, Uuid::now_v7(), "client_id", b"x").await.unwrap_err();
    assert!(matches!(twice, ChangeError::Conflict { .. }), "{twice}");
    drop(change);

    let mut change = store.change().await.unwrap();
    change.external_auth_identity_providers().delete_value(okta.id, "client_id").await.unwrap();
    change.commit().await.unwrap();
    let mut change = store.change().await.unwrap();
    let gone = change.external_auth_identity_providers().delete_value(okta.id, "client_id").await.unwrap_err();
    assert!(matches!(gone, ChangeError::Missing { .. }), "{gone}");
}

async fn a_removed_provider_takes_its_values_along(backend: Backend) {
    let store = backend.store().await;
    let okta = provider("Okta");
    insert(&store, &okta).await.unwrap();
    let mut change = store.change().await.unwrap();
    change.external_auth_identity_providers().insert_value(okta.id, Uuid::now_v7(), "client_id", b"sealed").await.unwrap();
    change.external_auth_identity_providers().delete(okta.id).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(backend.query("SELECT COUNT(*) FROM external_auth_identity_provider_values").await, ["0"]);
    let mut change = store.change().await.unwrap();
    let orphan = change.external_auth_identity_providers().insert_value(okta.id, Uuid::now_v7(), "client_id", b"x").await.unwrap_err();
    assert!(matches!(orphan, ChangeError::Missing { what: "external auth identity provider" }), "{orphan}");
    drop(change);
    let mut change = store.change().await.unwrap();
    let gone = change.external_auth_identity_providers().delete(okta.id).await.unwrap_err();
    assert!(matches!(gone, ChangeError::Missing { what: "external auth identity provider" }), "{gone}");
}

async fn every_change_is_a_generation(backend: Backend) {
    let store = backend.store().await;
    let before = store.generation().await.unwrap();
    insert(&store, &provider("Okta")).await.unwrap();
    assert!(store.generation().await.unwrap() > before);
}
