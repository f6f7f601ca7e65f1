#![doc = include_str!("README.md")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sortie_model::{IdentityType, Secret, Violation};
use zeroize::Zeroizing;

use crate::{Field, Kind, Material, Need, Place, Proof, ProveError, Renewal, Secrecy};

#[cfg(test)]
mod tests;

/// User name and password.
#[derive(Debug)]
pub(crate) struct Basic;

const FIELDS: &[Field] = &[
    Field {
        name: "username",
        label: "Username",
        place: Place::Values,
        secrecy: Secrecy::Public,
        need: Need::Required,
        kind: Kind::Text,
        help: "Who signs in there; without a colon.",
    },
    Field {
        name: "password",
        label: "Password",
        place: Place::Values,
        secrecy: Secrecy::Secret,
        need: Need::Required,
        kind: Kind::Text,
        help: "The password of that user.",
    },
];

impl crate::Protocol for Basic {
    fn name(&self) -> &'static str {
        "basic"
    }

    fn title(&self) -> &'static str {
        "Basic"
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
        Renewal::Static
    }

    fn check_value(&self, name: &str, value: &Secret) -> Result<(), Violation> {
        // FRM-10: `a:b` as a user name would be read as user `a` with another password.
        if name == "username" && value.expose().contains(':') {
            return Err(Violation::new(name, "username_format", "must not hold a colon (RFC 7617, section 2)"));
        }
        Ok(())
    }

    fn prove(&self, material: Material<'_>) -> Result<Proof, ProveError> {
        let (username, password) = (material.value("username")?, material.value("password")?);
        let pair = Zeroizing::new(format!("{}:{}", username.expose(), password.expose()));
        Proof::authorization("Basic", &Secret::new(STANDARD.encode(pair.as_bytes())))
    }
}
