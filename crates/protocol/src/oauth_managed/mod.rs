#![doc = include_str!("README.md")]

use std::borrow::Cow;

use http::HeaderMap;
use sortie_model::{AuthenticationFlow, ClientAuthentication, IdentityType};

use crate::shared::request_parameters::{self, Purpose};
use crate::shared::{client_auth, oauth, token_endpoint};
use crate::{Field, Grant, Kind, Material, Need, ObtainError, Pending, Place, Proof, ProveError, Renewal, Secrecy, World, usable_provider};

#[cfg(test)]
mod tests;

/// The client authenticates as itself, as an external auth identity provider says.
#[derive(Debug)]
pub(crate) struct OAuthManaged;

const CLIENT_AUTHENTICATION: &str = "client_authentication";

const FIELDS: &[Field] = &[
    Field {
        name: "external_auth_identity_provider",
        label: "External Auth Identity Provider",
        place: Place::Settings,
        secrecy: Secrecy::Public,
        need: Need::Required,
        kind: Kind::IdentityProvider(AuthenticationFlow::ClientCredentials),
        help: "The provider whose endpoint, client and parameters are used.",
    },
    oauth::SCOPE,
    Field {
        name: CLIENT_AUTHENTICATION,
        label: "Pass client credentials in",
        place: Place::Settings,
        secrecy: Secrecy::Public,
        need: Need::Optional,
        kind: Kind::Choice(ClientAuthentication::WORDS),
        help: "Where client id and secret stand in the token request; left out, what the provider says.",
    },
];

impl crate::Protocol for OAuthManaged {
    fn name(&self) -> &'static str {
        "oauth_managed"
    }

    fn title(&self) -> &'static str {
        "OAuth 2.0: Client Credentials Managed by an External Identity Provider"
    }

    fn identity_types(&self) -> &'static [IdentityType] {
        &[IdentityType::Named]
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

    fn asks<'a>(&self, material: Material<'a>) -> Option<Cow<'a, str>> {
        material.provider.map(|provider| Cow::Owned(provider.server.token_endpoint.to_string()))
    }

    fn obtain<'a>(&'a self, world: &'a dyn World, material: Material<'a>) -> Pending<'a, Result<Grant, ObtainError>> {
        Box::pin(async move {
            let provider = usable_provider(self, material)?;
            let authentication = match material.setting(CLIENT_AUTHENTICATION) {
                None => provider.server.client_authentication,
                Some(word) => ClientAuthentication::parse(word).ok_or_else(|| client_auth::unknown(CLIENT_AUTHENTICATION))?,
            };
            let (client_id, client_secret) = (provider.value("client_id")?, provider.value("client_secret")?);
            // RFC 6749, section 4.4.2.
            let form = oauth::form_or("client_credentials", material, provider.server.default_scopes.as_text());
            let mut headers = HeaderMap::new();
            let form = client_auth::apply(authentication, client_id, client_secret, &mut headers, form)?;
            let (parameters, endpoint) = (&provider.server.parameters, &provider.server.token_endpoint);
            let (url, form) = request_parameters::add_to_request(parameters, Purpose::Token, endpoint, &mut headers, form)?;
            token_endpoint::request(world, url, headers, form, &[client_secret]).await
        })
    }

    fn prove(&self, material: Material<'_>) -> Result<Proof, ProveError> {
        oauth::bearer(material)
    }
}
