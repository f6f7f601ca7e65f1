#![doc = include_str!("README.md")]

use sortie_model::{IdentityType, Settings, Violations};

use crate::shared::assertion::{self, Assertion, Defaults};
use crate::{Field, Grant, Material, ObtainError, Pending, Proof, ProveError, Renewal, Values, World};

#[cfg(test)]
mod tests;

/// The signed token is the bearer token.
#[derive(Debug)]
pub(crate) struct Jwt;

const FIELDS: &[Field] = &[
    assertion::SIGNING_CERTIFICATE,
    assertion::SIGNING_ALGORITHM,
    assertion::EXPIRATION_SECONDS,
    assertion::CLAIMS,
    assertion::token_id("none"),
];

impl crate::Protocol for Jwt {
    fn name(&self) -> &'static str {
        "jwt"
    }

    fn title(&self) -> &'static str {
        "JWT"
    }

    fn identity_types(&self) -> &'static [IdentityType] {
        &[IdentityType::Named, IdentityType::PerUser]
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn check_together(&self, settings: &Settings) -> Result<(), Violations> {
        assertion::check_identity(settings, &[])
    }

    fn header_names(&self) -> &'static [&'static str] {
        &["authorization"]
    }

    /// A signature costs a millisecond: a token is signed once, and used until shortly before its end.
    fn renewal(&self) -> Renewal {
        Renewal::Renewable
    }

    fn obtain<'a>(&'a self, world: &'a dyn World, material: Material<'a>) -> Pending<'a, Result<Grant, ObtainError>> {
        Box::pin(async move {
            let Assertion { token, lifetime } = assertion::sign(world, material, Defaults::default()).await?;
            Ok(Grant { parts: Values::from([("jwt".to_owned(), token)]), lifetime: Some(lifetime) })
        })
    }

    fn prove(&self, material: Material<'_>) -> Result<Proof, ProveError> {
        Proof::authorization("Bearer", material.granted("jwt")?)
    }
}
