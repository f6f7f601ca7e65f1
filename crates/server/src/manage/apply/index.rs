//! Where in the stored definitions each thing is. A file may describe thousands of things for a house of very many more: a look through all of them for each
//! would take their product.

use std::collections::HashMap;
use std::hash::Hash;

use sortie_model::{ApiName, ExternalCredentialId, PrincipalId};
use sortie_store::Definitions;

/// Positions in the lists of [`Definitions`]: of what has a name by that, of all else by what it belongs to.
pub(super) struct Index {
    pub(super) profiles: HashMap<ApiName, usize>,
    pub(super) permission_sets: HashMap<ApiName, usize>,
    pub(super) external_credentials: HashMap<ApiName, usize>,
    pub(super) named_credentials: HashMap<ApiName, usize>,
    pub(super) principals: HashMap<ExternalCredentialId, Vec<usize>>,
    pub(super) principal_access: HashMap<PrincipalId, Vec<usize>>,
}

impl Index {
    pub(super) fn of(stored: &Definitions) -> Self {
        Self {
            profiles: by_name(&stored.profiles, |profile| &profile.name),
            permission_sets: by_name(&stored.permission_sets, |set| &set.name),
            external_credentials: by_name(&stored.external_credentials, |credential| &credential.name),
            named_credentials: by_name(&stored.named_credentials, |credential| &credential.name),
            principals: by_owner(&stored.principals, |principal| principal.external_credential),
            principal_access: by_owner(&stored.principal_access, |access| access.principal),
        }
    }
}

fn by_name<T>(all: &[T], name: fn(&T) -> &ApiName) -> HashMap<ApiName, usize> {
    all.iter().enumerate().map(|(at, one)| (name(one).clone(), at)).collect()
}

fn by_owner<T, K: Eq + Hash>(all: &[T], owner: fn(&T) -> K) -> HashMap<K, Vec<usize>> {
    let mut positions: HashMap<K, Vec<usize>> = HashMap::new();
    for (at, one) in all.iter().enumerate() {
        positions.entry(owner(one)).or_default().push(at);
    }
    positions
}
