//! Callback URLs: what is registered at a provider, and what is when `public_url` or the provider's definition is not what it was.

use sortie_model::{ApiName, IdentityProvider, IdentityProviderKind};
use sortie_store::{ReadError, Store};

/// Where providers of a kind send browsers back, below the public address. One for each provider, so that an answer of one is not taken for another's (OAU-09).
pub const fn callback_path(kind: IdentityProviderKind) -> &'static str {
    match kind {
        IdentityProviderKind::ExternalAuth => "/services/externalauthcallback/",
        IdentityProviderKind::Auth => "/services/authcallback/",
    }
}

/// The address that is to be registered at a provider, below `base` (`https://sortie.example.com`). Compared exactly there, so it is made in one place only.
pub fn callback_url(base: &str, kind: IdentityProviderKind, provider: &ApiName) -> String {
    format!("{}{}{provider}", base.trim_end_matches('/'), callback_path(kind))
}

/// A provider has accepted another callback URL than it gets now: unless the new one is registered there too, nobody can log in any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackChange {
    /// The provider, by name.
    pub provider: String,
    /// With which the last login worked.
    pub before: String,
    /// What is sent now.
    pub now: String,
}

impl CallbackChange {
    /// Whether the URL of a provider is another one than the last that worked. Logins at the command line have a callback of their own, and do not count.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn of(store: &Store, provider: &IdentityProvider, base: &str) -> Result<Option<Self>, ReadError> {
        let accepted = store.callback_urls().of(provider.id()).await?;
        Ok(accepted.and_then(|accepted| Self::between(provider, accepted.url, base)))
    }

    fn between(provider: &IdentityProvider, before: String, base: &str) -> Option<Self> {
        let now = callback_url(base, provider.kind(), provider.name());
        (before != now).then(|| Self { provider: provider.name().to_string(), before, now })
    }
}

/// All providers whose callback URL has changed since the last login.
///
/// # Errors
/// A [`ReadError`].
pub async fn changed_callbacks(store: &Store, base: &str) -> Result<Vec<CallbackChange>, ReadError> {
    let mut accepted = store.callback_urls().all().await?;
    if accepted.is_empty() {
        return Ok(Vec::new());
    }
    let providers = store.definitions().await?.identity_providers();
    let changed = providers.iter().filter_map(|provider| CallbackChange::between(provider, accepted.remove(&provider.id())?.url, base));
    Ok(changed.collect())
}
