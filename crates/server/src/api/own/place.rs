//! The principal that a path names, and whether the caller may reach what is stored for it.

use sortie_model::{ApiName, IdentityType, Label, SystemPermission, UserName};

use crate::api::caller::{ApiCaller, VIEWERS};
use crate::api::connect::has_access;
use crate::api::routes::not_permitted;
use crate::api::{Api, Problem};
use crate::manage::{PrincipalReference, UnknownName};

/// A principal, and whose identity of it.
pub(super) struct Place {
    /// As it is written in its definition.
    pub(super) reference: PrincipalReference,
    /// The caller, at a Per User principal.
    pub(super) owner: Option<UserName>,
}

impl Place {
    /// Finds it. What is everybody's needs one of these permissions; what is one's own needs access to the principal. To those who do not see definitions, one that they may not
    /// reach looks like one that does not exist (API-13).
    pub(super) async fn find(
        api: &Api,
        caller: &ApiCaller,
        (credential, principal): (&str, &str),
        permissions: &[SystemPermission],
    ) -> Result<Self, Problem> {
        let shown = |text: &str| text.chars().take(80).collect::<String>();
        let unknown = || UnknownName::new("principal", format!("{}/{}", shown(credential), shown(principal)));
        let (Ok(credential), Ok(principal)) = (ApiName::parse(credential), Label::parse(principal)) else { return Err(unknown().into()) };
        let definitions = api.definitions().await?;
        let found = PrincipalReference { external_credential: credential, principal }.find(&definitions).map_err(|_| unknown());
        let (credential, principal) = found?;
        let reference = PrincipalReference { external_credential: credential.name.clone(), principal: principal.name.clone() };
        match principal.identity_type {
            IdentityType::Named if caller.may(permissions) => Ok(Self { reference, owner: None }),
            IdentityType::Named if caller.may(VIEWERS) => Err(not_permitted(permissions)),
            IdentityType::PerUser if has_access(&definitions, caller, principal) => {
                Ok(Self { reference, owner: Some(caller.user.user.name.clone()) })
            }
            IdentityType::Named | IdentityType::PerUser => Err(unknown().into()),
        }
    }

    pub(super) fn names(&self) -> (&str, &str) {
        (self.reference.external_credential.as_str(), self.reference.principal.as_str())
    }
}
