#![doc = include_str!("README.md")]

use http::HeaderMap;
use sortie_model::{IdentityType, Settings, Violations};

use crate::shared::assertion::{self, Defaults};
use crate::shared::{oauth, token_endpoint};
use crate::{Field, Grant, Material, ObtainError, Pending, Proof, ProveError, Renewal, World};

#[cfg(test)]
mod tests;

/// A signed assertion is exchanged for an access token of whom it names.
#[derive(Debug)]
pub(crate) struct OAuthJwtBearer;

const FIELDS: &[Field] = &[
    oauth::TOKEN_ENDPOINT,
    oauth::SCOPE,
    assertion::SIGNING_CERTIFICATE,
    assertion::SIGNING_ALGORITHM,
    assertion::EXPIRATION_SECONDS,
    assertion::AUDIENCE,
    assertion::CLAIMS,
    assertion::token_id("random"),
];

impl crate::Protocol for OAuthJwtBearer {
    fn name(&self) -> &'static str {
        "oauth_jwt_bearer"
    }

    fn title(&self) -> &'static str {
        "OAuth 2.0: JWT Bearer"
    }

    fn identity_types(&self) -> &'static [IdentityType] {
        &[IdentityType::Named, IdentityType::PerUser]
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn check_together(&self, settings: &Settings) -> Result<(), Violations> {
        assertion::check_identity(settings, &["aud"])
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
            let token_endpoint = url.to_string();
            // RFC 7523, section 3: the audience is the server, and may be named by its token endpoint.
            let audience = material.setting(assertion::AUDIENCE.name).unwrap_or(&token_endpoint);
            let defaults = Defaults { identity: None, audience: Some(audience), has_token_id: true };
            let assertion = assertion::sign(world, material, defaults).await?.token;
            // RFC 7523, section 2.1.
            let form = oauth::form("urn:ietf:params:oauth:grant-type:jwt-bearer", material).with("assertion", assertion.expose());
            token_endpoint::request(world, url, HeaderMap::new(), form, &[&assertion]).await.map_err(refusal)
        })
    }

    fn prove(&self, material: Material<'_>) -> Result<Proof, ProveError> {
        oauth::bearer(material)
    }
}

/// Here the assertion is the grant (RFC 7523, section 3.1), which we have made ourselves: nobody can authenticate anew, but an admin can correct it.
fn refusal(error: ObtainError) -> ObtainError {
    match error {
        ObtainError::InvalidGrant(said) => ObtainError::Refused(said),
        other => other,
    }
}
