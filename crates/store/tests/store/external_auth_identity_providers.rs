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
    a_removed_provider_is_gone,
    every_change_is_a_generation,
}

pub(crate) fn provider(text: &str) -> ExternalAuthIdentityProvider {
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
            user_info_endpoint: Some(url("https://idp.test/me")),
            uses_pkce: true,
            issuer: Some(Issuer::parse("https://IDP.test/tenant/").unwrap()),
            default_scopes: Scopes::parse("read write").unwrap(),
            parameters: ParameterKind::ALL
                .into_iter()
                .zip(1..)
                .map(|(kind, number)| RequestParameter::parse(kind, &format!("x-{number}"), "a & b", number, "why — ü").unwrap())
                .collect(),
            pushed_authorization_endpoint: Some(url("https://idp.test/par?a=b")),
            revocation_endpoint: Some(url("https://idp.test/revoke")),
            key_set_endpoint: Some(url("https://idp.test/keys")),
            issuer_in_response: true,
            ..AuthorizationServer::at(url("https://idp.test/token/"))
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
                pushed_authorization_endpoint: None,
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

async fn a_removed_provider_is_gone(backend: Backend) {
    let store = backend.store().await;
    let okta = provider("Okta");
    insert(&store, &okta).await.unwrap();
    let mut change = store.change().await.unwrap();
    change.external_auth_identity_providers().delete(okta.id).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(stored(&store).await, []);
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
