#![doc = include_str!("README.md")]

use sortie_model::IdentityType;

use crate::{Field, Material, Parameters, Proof, ProveError, Renewal};

/// An authorization gate without authentication.
#[derive(Debug)]
pub(crate) struct NoAuthentication;

impl crate::Protocol for NoAuthentication {
    fn name(&self) -> &'static str {
        "no_authentication"
    }

    fn title(&self) -> &'static str {
        "No Authentication"
    }

    fn identity_types(&self) -> &'static [IdentityType] {
        &[IdentityType::Named]
    }

    fn fields(&self) -> &'static [Field] {
        &[]
    }

    fn renewal(&self) -> Renewal {
        Renewal::Static
    }

    fn parameters(&self) -> Parameters {
        Parameters::Free
    }

    fn prove(&self, _material: Material<'_>) -> Result<Proof, ProveError> {
        Ok(Proof::nothing())
    }
}
