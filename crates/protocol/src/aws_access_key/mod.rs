#![doc = include_str!("README.md")]

use std::sync::Arc;

use sortie_model::{IdentityType, Secret, Settings, Violation, Violations};

use crate::shared::aws;
use crate::shared::sigv4::RequestSigner;
use crate::{Field, Kind, Material, Need, Place, Proof, ProveError, Renewal, Secrecy};

#[cfg(test)]
mod tests;

/// Requests are signed with a stored key.
#[derive(Debug)]
pub(crate) struct AwsAccessKey;

const SESSION_TOKEN: Field = Field {
    name: "session_token",
    label: "Session Token",
    place: Place::Values,
    secrecy: Secrecy::Secret,
    need: Need::Optional,
    kind: Kind::Text,
    help: "The token that belongs to a temporary key; it is not renewed.",
};

const FIELDS: &[Field] = &[
    aws::REGION,
    aws::SERVICE,
    aws::ACCOUNT_ID,
    aws::PAYLOAD,
    aws::MAX_HASHED_BYTES,
    aws::PATHS,
    aws::SESSION_TOKEN_PLACE,
    aws::ACCESS_KEY_ID,
    aws::SECRET_ACCESS_KEY,
    SESSION_TOKEN,
];

impl crate::Protocol for AwsAccessKey {
    fn name(&self) -> &'static str {
        "aws_access_key"
    }

    fn title(&self) -> &'static str {
        "AWS Signature Version 4"
    }

    fn identity_types(&self) -> &'static [IdentityType] {
        &[IdentityType::Named]
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn check_together(&self, settings: &Settings) -> Result<(), Violations> {
        aws::check_scope(settings)
    }

    fn header_names(&self) -> &'static [&'static str] {
        aws::HEADER_NAMES
    }

    fn forwarded_prefixes(&self) -> &'static [&'static str] {
        aws::FORWARDED_PREFIXES
    }

    fn signs_requests(&self) -> bool {
        true
    }

    fn renewal(&self) -> Renewal {
        Renewal::Static
    }

    fn check_value(&self, name: &str, value: &Secret) -> Result<(), Violation> {
        aws::check_key_value(name, value)
    }

    fn prove(&self, material: Material<'_>) -> Result<Proof, ProveError> {
        let (id, secret) = (material.value(aws::ACCESS_KEY_ID.name)?, material.value(aws::SECRET_ACCESS_KEY.name)?);
        let token = material.value(SESSION_TOKEN.name).ok();
        let signer = RequestSigner::new(id, secret, token, aws::signing_options(material)?)?;
        Ok(Proof::Sign(Arc::new(signer)))
    }
}
