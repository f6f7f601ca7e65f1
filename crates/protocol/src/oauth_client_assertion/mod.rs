#![doc = include_str!("README.md")]

use http::HeaderMap;
use sortie_model::{IdentityType, Settings, Violations};

use crate::shared::assertion::{self, Defaults};
use crate::shared::{oauth, token_endpoint};
use crate::{Field, Grant, Material, Need, ObtainError, Part, Pending, Proof, ProveError, Renewal, World};

#[cfg(test)]
mod tests;

/// The client authenticates as itself, with a signed assertion instead of a secret.
#[derive(Debug)]
pub(crate) struct OAuthClientAssertion;

const CLIENT_ID: Field = Field {
    need: Need::Optional,
    help: "The client's identifier at the authorization server. May be left out if the claims say who the client is, and the server does not want it besides.",
    ..oauth::CLIENT_ID
};

const FIELDS: &[Field] = &[
    oauth::TOKEN_ENDPOINT,
    oauth::SCOPE,
    assertion::SIGNING_CERTIFICATE,
    assertion::SIGNING_ALGORITHM,
    assertion::EXPIRATION_SECONDS,
    assertion::AUDIENCE,
    assertion::CLAIMS,
    assertion::token_id("random"),
    CLIENT_ID,
];

/// Whether the claims say who the client is.
fn claims_identify(settings: &Settings) -> bool {
    assertion::claims(settings).is_ok_and(|claims| claims.has(Part::Body, "iss") && claims.has(Part::Body, "sub"))
}

impl crate::Protocol for OAuthClientAssertion {
    fn name(&self) -> &'static str {
        "oauth_client_assertion"
    }

    fn title(&self) -> &'static str {
        "OAuth 2.0: Client Credentials with JWT Assertion"
    }

    fn identity_types(&self) -> &'static [IdentityType] {
        &[IdentityType::Named]
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn need(&self, field: &Field, settings: &Settings) -> Need {
        if field.name == CLIENT_ID.name && !claims_identify(settings) { Need::Required } else { field.need }
    }

    fn check_together(&self, settings: &Settings) -> Result<(), Violations> {
        assertion::check_identity(settings, &["iss", "sub", "aud"])
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
            let client_id = match material.value(CLIENT_ID.name) {
                Ok(client_id) => Some(client_id.expose()),
                Err(_) if claims_identify(material.settings) => None,
                Err(missing) => return Err(missing.into()),
            };
            let token_endpoint = url.to_string();
            // RFC 7523, section 3: issuer and subject are the client, the audience is the server. Both defaults give way to claims.
            let audience = material.setting(assertion::AUDIENCE.name).unwrap_or(&token_endpoint);
            let defaults = Defaults { identity: client_id, audience: Some(audience), has_token_id: true };
            let assertion = assertion::sign(world, material, defaults).await?.token;
            // RFC 7523, section 2.2.
            let mut form = oauth::form("client_credentials", material);
            if let Some(client_id) = client_id {
                form = form.with("client_id", client_id);
            }
            let form = form
                .with("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
                .with("client_assertion", assertion.expose());
            token_endpoint::request(world, url, HeaderMap::new(), form, &[&assertion]).await
        })
    }

    fn prove(&self, material: Material<'_>) -> Result<Proof, ProveError> {
        oauth::bearer(material)
    }
}
