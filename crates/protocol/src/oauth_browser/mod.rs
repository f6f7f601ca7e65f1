#![doc = include_str!("README.md")]

mod account;
mod authorize;
mod binding;
#[cfg(test)]
mod binding_tests;
mod client;
mod plugin;
mod push;
#[cfg(test)]
mod push_tests;
#[cfg(test)]
mod quirks_tests;
mod redeem;
mod refresh;
mod revoke;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use sortie_model::{AuthenticationFlow, IdentityType, Secret, ServiceUrl, TokenRenewal};

use client::Client;

use crate::grant::LOGIN_RENEWAL;
use crate::login::SCOPE_ASKED;
use crate::shared::oauth;
use crate::{
    Account, Brought, Field, Grant, Kind, Login, LoginRequest, Material, Need, NoLogin, ObtainError, Pending, Proof, ProveError, Provider,
    Renewal, Revoked, World, usable_provider,
};

/// A person logs in with a browser, once; tokens are renewed from then on.
#[derive(Debug)]
pub(crate) struct OAuthBrowser;

const CLIENT_AUTHENTICATION: &str = "client_authentication";

const PROVIDER: Field = Field::setting(
    "auth_provider",
    "Auth Provider",
    Need::Optional,
    Kind::AuthProvider,
    "The provider at which people log in, by the type of service that it is.",
);

const FIELDS: &[Field] = &[
    PROVIDER,
    Field::setting(
        "external_auth_identity_provider",
        "External Auth Identity Provider",
        Need::Optional,
        Kind::IdentityProvider(AuthenticationFlow::AuthorizationCode),
        "The provider at which people log in, in the place of an auth provider.",
    ),
    oauth::SCOPE,
    Field::setting(
        CLIENT_AUTHENTICATION,
        "Pass client credentials in",
        Need::Optional,
        Kind::Choice(sortie_model::ClientAuthentication::WORDS),
        "Where client id and secret stand in a token request; left out, what the provider says.",
    ),
    binding::SETTING,
];

/// Parts of a grant that say what it was asked for, so that a change of the definition is noticed: a token goes to nobody but who gave it.
const LOGIN_ENDPOINT: &str = "login_token_endpoint";
const LOGIN_CLIENT: &str = "login_client_id";

/// What else a renewal needs to know of the login.
const LOGIN_REDIRECT_URI: &str = "login_redirect_uri";

impl crate::Protocol for OAuthBrowser {
    fn name(&self) -> &'static str {
        "oauth_browser"
    }

    fn title(&self) -> &'static str {
        "OAuth 2.0: Browser Flow"
    }

    fn identity_types(&self) -> &'static [IdentityType] {
        &[IdentityType::Named, IdentityType::PerUser]
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn header_names(&self) -> &'static [&'static str] {
        &["authorization"]
    }

    fn renewal(&self) -> Renewal {
        Renewal::Renewable
    }

    fn login(&self) -> Option<&dyn Login> {
        Some(self)
    }

    fn asks<'a>(&self, material: Material<'a>) -> Option<Cow<'a, str>> {
        material.provider.map(|provider| Cow::Owned(provider.server.token_endpoint.to_string()))
    }

    fn obtain<'a>(&'a self, world: &'a dyn World, material: Material<'a>) -> Pending<'a, Result<Grant, ObtainError>> {
        Box::pin(async move {
            let provider = usable_provider(self, material)?;
            let before = material.grant.ok_or(ObtainError::NotLoggedIn(NoLogin::Never))?;
            fits(&origin(material, provider)?, before).map_err(ObtainError::NotLoggedIn)?;
            match provider.server.plugin {
                Some(_) => plugin::refresh(world, material, provider, before).await,
                None => refresh::refresh(world, material, provider, before).await,
            }
        })
    }

    fn prove(&self, material: Material<'_>) -> Result<Proof, ProveError> {
        binding::proof(material)
    }
}

impl Login for OAuthBrowser {
    fn authorize_url<'a>(
        &'a self,
        world: &'a dyn World,
        material: Material<'a>,
        request: &'a LoginRequest<'a>,
    ) -> Pending<'a, Result<ServiceUrl, ObtainError>> {
        Box::pin(async move {
            let provider = usable_provider(self, material)?;
            binding::of_login(material, provider, request)?;
            match provider.server.plugin {
                Some(_) => plugin::authorize_url(world, material, provider, request).await,
                None => authorize::url(world, material, provider, request).await,
            }
        })
    }

    fn redeem<'a>(
        &'a self,
        world: &'a dyn World,
        material: Material<'a>,
        request: &'a LoginRequest<'a>,
        brought: &'a Brought,
    ) -> Pending<'a, Result<Grant, ObtainError>> {
        Box::pin(async move {
            let provider = usable_provider(self, material)?;
            match provider.server.plugin {
                Some(_) => plugin::redeem(world, material, provider, request, brought).await,
                None => redeem::redeem(world, material, provider, request, brought).await,
            }
        })
    }

    fn account<'a>(&'a self, world: &'a dyn World, material: Material<'a>, grant: &'a Grant) -> Pending<'a, Option<Account>> {
        Box::pin(async move {
            let provider = usable_provider(self, material).ok()?;
            match provider.server.plugin {
                Some(_) => plugin::account(world, provider, grant).await,
                None => {
                    let (client, key) = (Client::of(world, material, provider).ok()?, binding::of_grant(grant).ok()?);
                    account::asked(world, provider.server, &client, grant, key.as_ref()).await
                }
            }
        })
    }

    fn still_fits(&self, material: Material<'_>, grant: &Grant) -> Result<(), NoLogin> {
        let provider = usable_provider(self, material).map_err(|_| NoLogin::OtherProvider)?;
        fits(&origin(material, provider).map_err(|_| NoLogin::OtherProvider)?, grant)
    }

    fn revoke<'a>(&'a self, world: &'a dyn World, material: Material<'a>, grant: &'a Grant) -> Pending<'a, Result<Revoked, ObtainError>> {
        Box::pin(async move {
            let provider = usable_provider(self, material)?;
            // A token goes to nobody but who gave it.
            if fits(&origin(material, provider)?, grant) == Err(NoLogin::OtherProvider) {
                return Err(ObtainError::NotLoggedIn(NoLogin::OtherProvider));
            }
            match provider.server.plugin {
                Some(_) => plugin::revoke(world, provider, grant).await,
                None => revoke::revoke(world, material, provider, grant).await,
            }
        })
    }
}

/// What a grant is asked for, to be kept with it.
struct Origin<'a> {
    endpoint: String,
    /// Of a plug-in, which knows no clients: what it is told to tell one provider from another.
    client_id: Cow<'a, Secret>,
    scope: &'a str,
    is_bound: bool,
}

fn origin<'a>(material: Material<'a>, provider: Provider<'a>) -> Result<Origin<'a>, ObtainError> {
    let client_id = match &provider.server.plugin {
        Some(plugin) => Cow::Owned(Secret::new(serde_json::to_string(&plugin.configuration).unwrap_or_default())),
        None => Cow::Borrowed(provider.value("client_id")?),
    };
    Ok(Origin {
        endpoint: provider.server.token_endpoint.to_string(),
        client_id,
        scope: oauth::scope_or(material, provider.server.default_scopes.as_text()).unwrap_or_default(),
        is_bound: binding::is_wanted(material),
    })
}

impl Origin<'_> {
    fn keep(&self, grant: &mut Grant) {
        grant.parts.insert(LOGIN_ENDPOINT.to_owned(), Secret::new(self.endpoint.as_str()));
        grant.parts.insert(LOGIN_CLIENT.to_owned(), self.client_id.as_ref().clone());
        grant.parts.insert(SCOPE_ASKED.to_owned(), Secret::new(self.scope));
    }
}

fn fits(origin: &Origin<'_>, grant: &Grant) -> Result<(), NoLogin> {
    let is = |name: &str, text: &str| grant.parts.get(name).is_some_and(|part| part.expose() == text);
    if !is(LOGIN_ENDPOINT, &origin.endpoint) || !is(LOGIN_CLIENT, origin.client_id.expose()) {
        return Err(NoLogin::OtherProvider);
    }
    if !is(SCOPE_ASKED, origin.scope) {
        return Err(NoLogin::OtherScope);
    }
    // A token that is bound is of no use without proofs, and one that is not would be sent without the protection that the definition asks for.
    if origin.is_bound == binding::is_bound(grant) { Ok(()) } else { Err(NoLogin::OtherBinding) }
}

/// Notes that a grant is renewed although it has no refresh token.
fn note_renewal(renewal: &TokenRenewal, grant: &mut Grant) {
    if let TokenRenewal::AccessToken { grant_type } = renewal {
        grant.parts.insert(LOGIN_RENEWAL.to_owned(), Secret::new(&**grant_type));
    }
}
