//! Providers of tokens.

use sortie_client::{DiscoveredProvider, Provider, ProviderSummary, ProviderToDiscover};
use sortie_model::{ApiName, AuthenticationFlow, IdentityProviderKind, Issuer};
use sortie_server::manage::provider::{self, ProviderView};
use sortie_server::{connect, outside_world};

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

/// What is to be discovered.
pub(crate) struct Discovery {
    pub(crate) issuer: Issuer,
    pub(crate) name: Option<ApiName>,
    pub(crate) flow: Option<AuthenticationFlow>,
}

impl Site {
    /// Asked from here, or by the server.
    pub(crate) async fn discover(&self, Discovery { issuer, name, flow }: Discovery) -> Result<DiscoveredProvider, Failure> {
        match self {
            Self::House(opened) => shown(&provider::discover(&outside_world(&opened.config)?, &issuer, name, flow).await?),
            Self::Server(client) => {
                let (name, flow) = (name.map(|name| name.to_string()), flow.map(|flow| flow.as_str().to_owned()));
                Ok(client.providers().discover(&ProviderToDiscover { issuer: issuer.to_string(), name, flow }).await?)
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
