//! The callback URLs that providers have accepted.

use sortie_model::{AuthProviderKind, IdentityProviderId};
use sortie_store::WriteError;

use crate::auth_providers::provider;
use crate::backend::{Backend, both_backends};

both_backends! {
    the_last_callback_url_is_kept_until_its_provider_goes,
}

async fn the_last_callback_url_is_kept_until_its_provider_goes(backend: Backend) {
    let store = backend.store().await;
    let github = provider("GitHub", AuthProviderKind::GitHub);
    let id = IdentityProviderId::Auth(github.id);
    let urls = store.callback_urls();
    assert!(matches!(urls.accept(id, "https://a.test/x").await, Err(WriteError::Gone)));
    let mut change = store.change().await.unwrap();
    change.auth_providers().insert(&github).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(urls.of(id).await.unwrap(), None);
    for url in ["https://a.test/x", "https://b.test/x"] {
        urls.accept(id, url).await.unwrap();
        assert_eq!(urls.of(id).await.unwrap().unwrap().url, url);
    }
    let all = urls.all().await.unwrap();
    assert_eq!((all.len(), all[&id].url.as_str()), (1, "https://b.test/x"));
    let mut change = store.change().await.unwrap();
    change.auth_providers().delete(github.id).await.unwrap();
    change.commit().await.unwrap();
    assert!(urls.all().await.unwrap().is_empty());
}
