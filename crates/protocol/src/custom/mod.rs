#![doc = include_str!("README.md")]

use sortie_model::IdentityType;

use crate::{Completeness, Field, Material, Parameters, Proof, ProveError, Renewal};

/// Custom headers carry the authentication.
#[derive(Debug)]
pub(crate) struct Custom;

impl crate::Protocol for Custom {
    fn name(&self) -> &'static str {
        "custom"
    }

    fn title(&self) -> &'static str {
        "Custom"
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

    fn completeness(&self) -> Completeness {
        Completeness::Unknowable
    }

    fn prove(&self, _material: Material<'_>) -> Result<Proof, ProveError> {
        Ok(Proof::nothing())
    }
}
