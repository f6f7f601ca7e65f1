#![doc = include_str!("README.md")]

use http::HeaderMap;
use sortie_model::IdentityType;

use crate::shared::client_auth::{self, ClientAuthentication};
use crate::shared::{oauth, token_endpoint};
use crate::{Field, Grant, Kind, Material, Need, ObtainError, Pending, Place, Proof, ProveError, Renewal, Secrecy, World};

#[cfg(test)]
mod tests;

/// The client authenticates as itself.
#[derive(Debug)]
pub(crate) struct OAuthClientCredentials;

const FIELDS: &[Field] = &[
    oauth::TOKEN_ENDPOINT,
    oauth::SCOPE,
    Field {
        name: "client_authentication",
        label: "Pass client credentials in",
        place: Place::Settings,
        secrecy: Secrecy::Public,
        need: Need::Default(ClientAuthentication::WORDS[0]),
        kind: Kind::Choice(ClientAuthentication::WORDS),
        help: "Where client id and secret stand in the token request.",
    },
    oauth::CLIENT_ID,
    oauth::CLIENT_SECRET,
];

impl crate::Protocol for OAuthClientCredentials {
    fn name(&self) -> &'static str {
        "oauth_client_credentials"
    }

    fn title(&self) -> &'static str {
        "OAuth 2.0: Client Credentials with Client Secret"
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

    fn obtain<'a>(&'a self, world: &'a dyn World, material: Material<'a>) -> Pending<'a, Result<Grant, ObtainError>> {
        Box::pin(async move {
            let url = oauth::token_endpoint(material)?;
            let authentication =
                ClientAuthentication::parse(material.setting("client_authentication").unwrap_or(ClientAuthentication::WORDS[0]))
                    .ok_or_else(|| client_auth::unknown("client_authentication"))?;
            let (client_id, client_secret) = (material.value("client_id")?, material.value("client_secret")?);
            // RFC 6749, section 4.4.2.
            let form = oauth::form("client_credentials", material);
            let mut headers = HeaderMap::new();
            let form = client_auth::apply(authentication, client_id, client_secret, &mut headers, form)?;
            token_endpoint::request(world, url, headers, form, &[client_secret]).await
        })
    }

    fn prove(&self, material: Material<'_>) -> Result<Proof, ProveError> {
        oauth::bearer(material)
    }
}
