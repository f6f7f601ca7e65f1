//! Providers of tokens.

use sortie_client::{Provider, ProviderSummary};
use sortie_model::{ApiName, AuthenticationFlow, IdentityProviderKind};
use sortie_server::connect;
use sortie_server::manage::provider::{self, ProviderView};

use super::{Site, shown};
use crate::failure::Failure;
use crate::setup::Opened;

impl Site {
    pub(crate) async fn providers(&self) -> Result<Vec<ProviderSummary>, Failure> {
        match self {
            Self::House(opened) => shown(&provider::list(&opened.manage()).await?),
            Self::Server(client) => Ok(client.providers().list().await?),
        }
    }

    pub(crate) async fn provider(&self, name: &ApiName) -> Result<Provider, Failure> {
        match self {
            Self::House(opened) => {
                let mut view = provider::show(&opened.manage(), name).await?;
                view.callback_url = callback_url(opened, &view)?;
                shown(&view)
            }
            Self::Server(client) => {
                let provider = client.providers().show(name.as_str()).await?;
                // As in the house: where nobody logs in, nobody comes back.
                let callback_url = provider.callback_url.filter(|_| provider.flow == AuthenticationFlow::AuthorizationCode.as_str());
                Ok(Provider { callback_url, ..provider })
            }
        }
    }
}

/// Where people come back to who log in on the console.
fn callback_url(opened: &Opened, view: &ProviderView) -> Result<Option<String>, Failure> {
    let is_for_logins = view.flow == AuthenticationFlow::AuthorizationCode.as_str();
    let kind = if view.auth_provider.is_some() { IdentityProviderKind::Auth } else { IdentityProviderKind::ExternalAuth };
    let console = opened.config.console_url()?.filter(|_| is_for_logins);
    Ok(console.and_then(|console| Some(connect::callback_url(&console.origin(), kind, &ApiName::parse(&view.name).ok()?))))
}
