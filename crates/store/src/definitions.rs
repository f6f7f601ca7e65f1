//! Everything that callouts are decided by, read at one moment.

use sortie_model::{
    ApiName, AuthProvider, Certificate, ExternalAuthIdentityProvider, ExternalCredential, IdentityProvider, NamedCredential, PermissionSet,
    Principal, PrincipalAccess, Profile,
};

use crate::db::{Fault, Tx};
use crate::deployment::{self, Edition, Generation, Progress};
use crate::{
    auth_providers, certificates, external_auth_identity_providers, external_credentials, named_credentials, permission_sets,
    principal_access, principals, profiles,
};

/// All definitions of one generation. Users, their keys and their secrets are not part of it: there may be very many.
#[derive(Clone, Debug, PartialEq)]
pub struct Definitions {
    /// The generation that these were read at.
    pub generation: Generation,
    /// The edition that these are.
    pub edition: Edition,
    /// In the order of their names. Without their stored values.
    pub external_auth_identity_providers: Vec<ExternalAuthIdentityProvider>,
    /// In the order of their names. Without their stored values.
    pub auth_providers: Vec<AuthProvider>,
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

impl Definitions {
    /// Providers of both kinds, in the order of their names.
    pub fn identity_providers(&self) -> Vec<IdentityProvider> {
        let external_auth = self.external_auth_identity_providers.iter().cloned().map(IdentityProvider::from);
        let mut providers: Vec<_> = external_auth.chain(self.auth_providers.iter().cloned().map(IdentityProvider::from)).collect();
        providers.sort_by_key(|provider| provider.name().folded());
        providers
    }

    /// The provider of this name, of whichever kind: no two have one name. Looked up without regard to ASCII case.
    pub fn identity_provider(&self, name: &str) -> Option<IdentityProvider> {
        let is_it = |known: &ApiName| known.as_str().eq_ignore_ascii_case(name);
        let auth = self.auth_providers.iter().find(|provider| is_it(&provider.name)).cloned().map(IdentityProvider::from);
        let external_auth = || self.external_auth_identity_providers.iter().find(|provider| is_it(&provider.name)).cloned();
        auth.or_else(|| external_auth().map(IdentityProvider::from))
    }
}

/// The transaction must see one moment, or hold the changes' lock.
pub(crate) async fn read(tx: &mut Tx) -> Result<Definitions, Fault> {
    let Progress { generation, edition } = deployment::seen_by(tx).await?;
    Ok(Definitions {
        generation,
        edition,
        external_auth_identity_providers: external_auth_identity_providers::all(tx).await?,
        auth_providers: auth_providers::all(tx).await?,
        external_credentials: external_credentials::all(tx).await?,
        principals: principals::all(tx).await?,
        principal_access: principal_access::all(tx).await?,
        named_credentials: named_credentials::all(tx).await?,
        permission_sets: permission_sets::all(tx).await?,
        profiles: profiles::all(tx).await?,
        certificates: certificates::all(tx).await?,
    })
}
