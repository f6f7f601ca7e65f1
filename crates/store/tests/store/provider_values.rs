//! Stored values of providers of both kinds.

use sortie_model::{AuthProviderKind, IdentityProvider, IdentityProviderId};
use sortie_store::{ChangeError, Store};
use uuid::Uuid;

use crate::backend::{Backend, both_backends};
use crate::{auth_providers, external_auth_identity_providers};

both_backends! {
    values_are_kept_replaced_and_removed,
    each_provider_has_its_own,
    a_removed_provider_takes_its_values_along,
}

/// One of each kind, stored.
async fn providers(store: &Store) -> [IdentityProvider; 2] {
    let (okta, google) = (external_auth_identity_providers::provider("Okta"), auth_providers::provider("Google", AuthProviderKind::Google));
    let mut change = store.change().await.unwrap();
    change.external_auth_identity_providers().insert(&okta).await.unwrap();
    change.auth_providers().insert(&google).await.unwrap();
    change.commit().await.unwrap();
    [okta.into(), google.into()]
}

async fn insert(store: &Store, provider: IdentityProviderId, name: &str, sealed: &[u8]) -> Result<(), ChangeError> {
    let mut change = store.change().await?;
    change.provider_values().insert(provider, Uuid::now_v7(), name, sealed).await?;
    change.commit().await.map(drop)
}

async fn values_are_kept_replaced_and_removed(backend: Backend) {
    let store = backend.store().await;
    for provider in providers(&store).await.map(|provider| provider.id()) {
        for name in ["client_secret", "client_id"] {
            insert(&store, provider, name, b"sealed").await.unwrap();
        }
        let read = store.provider_values();
        let heads = read.heads(provider).await.unwrap();
        let seen: Vec<_> = heads.iter().map(|head| (head.name.as_str(), head.version)).collect();
        assert_eq!(seen, [("client_id", 1), ("client_secret", 1)]);
        let mut change = store.change().await.unwrap();
        change.provider_values().replace(&heads[1], b"\0resealed\xFE").await.unwrap();
        assert_eq!(change.provider_values().load(provider).await.unwrap().len(), 2);
        change.commit().await.unwrap();
        let values = read.load(provider).await.unwrap();
        assert_eq!((values[1].head.version, values[1].sealed.as_slice()), (2, b"\0resealed\xFE".as_slice()));
        let mut change = store.change().await.unwrap();
        let stale = change.provider_values().replace(&heads[1], b"older").await.unwrap_err();
        assert!(matches!(stale, ChangeError::Stale { .. }), "{stale}");
        drop(change);
        let twice = insert(&store, provider, "client_id", b"x").await.unwrap_err();
        assert!(matches!(twice, ChangeError::Conflict { .. }), "{twice}");
        let mut change = store.change().await.unwrap();
        change.provider_values().delete(provider, "client_id").await.unwrap();
        change.commit().await.unwrap();
        let mut change = store.change().await.unwrap();
        let gone = change.provider_values().delete(provider, "client_id").await.unwrap_err();
        assert!(matches!(gone, ChangeError::Missing { .. }), "{gone}");
    }
}

async fn each_provider_has_its_own(backend: Backend) {
    let store = backend.store().await;
    let [okta, google] = providers(&store).await;
    insert(&store, okta.id(), "client_id", b"okta").await.unwrap();
    insert(&store, google.id(), "client_id", b"google").await.unwrap();
    insert(&store, google.id(), "client_secret", b"google").await.unwrap();
    let summary = store.provider_values().summary().await.unwrap();
    assert_eq!(summary[&okta.id()], ["client_id".to_owned()].into());
    assert_eq!(summary[&google.id()], ["client_id".to_owned(), "client_secret".to_owned()].into());
    assert_eq!(store.provider_values().load(okta.id()).await.unwrap()[0].sealed, b"okta");
    let definitions = store.definitions().await.unwrap();
    assert_eq!(definitions.identity_providers(), [google.clone(), okta.clone()]);
    assert_eq!(definitions.identity_provider("OKTA"), Some(okta));
    assert_eq!(definitions.identity_provider("gOOGLE"), Some(google));
    assert_eq!(definitions.identity_provider("Nobody"), None);
}

async fn a_removed_provider_takes_its_values_along(backend: Backend) {
    let store = backend.store().await;
    let [okta, google] = providers(&store).await;
    for provider in [&okta, &google] {
        insert(&store, provider.id(), "client_id", b"sealed").await.unwrap();
    }
    let mut change = store.change().await.unwrap();
    let (IdentityProvider::ExternalAuth(external), IdentityProvider::Auth(auth)) = (&okta, &google) else { unreachable!() };
    change.external_auth_identity_providers().delete(external.id).await.unwrap();
    change.auth_providers().delete(auth.id).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(backend.query("SELECT COUNT(*) FROM provider_values").await, ["0"]);
    for provider in [okta, google] {
        let orphan = insert(&store, provider.id(), "client_id", b"x").await.unwrap_err();
        assert!(matches!(orphan, ChangeError::Missing { what: "provider" }), "{orphan}");
    }
}
