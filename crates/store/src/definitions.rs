//! Everything that callouts are decided by, read at one moment.

use sortie_model::{
    Certificate, ExternalAuthIdentityProvider, ExternalCredential, NamedCredential, PermissionSet, Principal, PrincipalAccess, Profile,
};

use crate::db::{Fault, Tx};
use crate::deployment::{self, Generation};
use crate::{
    certificates, external_auth_identity_providers, external_credentials, named_credentials, permission_sets, principal_access, principals,
    profiles,
};

/// All definitions of one generation. Users, their keys and their secrets are not part of it: there may be very many.
#[derive(Clone, Debug, PartialEq)]
pub struct Definitions {
    /// The generation that these are.
    pub generation: Generation,
    /// In the order of their names. Without their stored values.
    pub external_auth_identity_providers: Vec<ExternalAuthIdentityProvider>,
    /// In the order of their names.
    pub external_credentials: Vec<ExternalCredential>,
    /// By credential, in the order of their sequence numbers.
    pub principals: Vec<Principal>,
    /// In no particular order that means anything, but always the same.
    pub principal_access: Vec<PrincipalAccess>,
    /// In the order of their names.
    pub named_credentials: Vec<NamedCredential>,
    /// In the order of their names.
    pub permission_sets: Vec<PermissionSet>,
    /// In the order of their names.
    pub profiles: Vec<Profile>,
    /// In the order of their names. Without their private keys.
    pub certificates: Vec<Certificate>,
}

/// The transaction must see one moment, or hold the changes' lock.
pub(crate) async fn read(tx: &mut Tx) -> Result<Definitions, Fault> {
    Ok(Definitions {
        generation: deployment::seen_by(tx).await?,
        external_auth_identity_providers: external_auth_identity_providers::all(tx).await?,
        external_credentials: external_credentials::all(tx).await?,
        principals: principals::all(tx).await?,
        principal_access: principal_access::all(tx).await?,
        named_credentials: named_credentials::all(tx).await?,
        permission_sets: permission_sets::all(tx).await?,
        profiles: profiles::all(tx).await?,
        certificates: certificates::all(tx).await?,
    })
}
