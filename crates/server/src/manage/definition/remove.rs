//! Removes a definition with everything that hangs on it.

use sortie_model::{ApiName, IdentityProvider};
use sortie_store::{ChangeError, Definitions};

use super::DefinitionError;
use crate::manage::{Action, Change, Manage, PrincipalReference, UnknownName, find, provider};

/// What is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Defined {
    /// A named credential.
    NamedCredential(ApiName),
    /// An external credential with its principals, their access, values and tokens. Refused while named credentials use it.
    ExternalCredential(ApiName),
    /// A provider of either kind with its stored values. Refused while external credentials name it.
    Provider(ApiName),
    /// A principal with its access, values and tokens.
    Principal(PrincipalReference),
    /// A permission set, with its assignments and the access that it gave.
    PermissionSet(ApiName),
    /// A profile with the access that it gave. Refused while users have it.
    Profile(ApiName),
}

/// Removes a definition.
///
/// # Errors
/// A [`DefinitionError`]: there is none of this name, or something else needs it.
pub async fn remove(manage: &Manage<'_>, defined: &Defined) -> Result<Change, DefinitionError> {
    remove_seen(manage, defined, &|_| true).await
}

/// The same if what is stored is still what somebody has seen: `is_same` looks at it in the very transaction that removes it.
///
/// # Errors
/// A [`DefinitionError`], also if it is otherwise.
pub async fn remove_seen(
    manage: &Manage<'_>,
    defined: &Defined,
    is_same: &(dyn Fn(&Definitions) -> bool + Send + Sync),
) -> Result<Change, DefinitionError> {
    let mut change = manage.store.change().await?;
    let definitions = change.definitions().await?;
    if !is_same(&definitions) {
        return Err(DefinitionError::Stale);
    }
    let (object, name) = match defined {
        Defined::NamedCredential(name) => {
            let found = definitions.named_credentials.iter().find(|known| known.name == *name);
            let found = found.ok_or_else(|| UnknownName::new("named credential", name))?;
            change.named_credentials().delete(found.id).await?;
            ("named_credential", found.name.to_string())
        }
        Defined::ExternalCredential(name) => {
            let found = definitions.external_credentials.iter().find(|known| known.name == *name);
            let found = found.ok_or_else(|| UnknownName::new("external credential", name))?;
            change.external_credentials().delete(found.id).await?;
            ("external_credential", found.name.to_string())
        }
        Defined::Provider(name) => {
            let found = provider::find(&definitions, name)?;
            let users = provider::users(&definitions, &found);
            let used_by: Vec<_> = users.map(|credential| format!("external credential `{}`", credential.name)).collect();
            if !used_by.is_empty() {
                return Err(ChangeError::InUse { what: found.kind().in_words(), name: found.name().to_string(), used_by }.into());
            }
            match &found {
                IdentityProvider::ExternalAuth(one) => change.external_auth_identity_providers().delete(one.id).await?,
                IdentityProvider::Auth(one) => change.auth_providers().delete(one.id).await?,
            }
            (found.kind().as_str(), found.name().to_string())
        }
        Defined::Principal(reference) => {
            let (credential, principal) = reference.find(&definitions)?;
            change.principals().delete(principal.id).await?;
            ("principal", format!("{}/{}", credential.name, principal.name))
        }
        Defined::PermissionSet(name) => {
            let found = find::permission_set(&definitions, name)?;
            change.permission_sets().delete(found.id).await?;
            ("permission_set", found.name.to_string())
        }
        Defined::Profile(name) => {
            let found = find::profile(&definitions, name)?;
            change.profiles().delete(found.id).await?;
            ("profile", found.name.to_string())
        }
    };
    let done = Change::new(object, name, Action::Deleted);
    manage.commit(change, std::slice::from_ref(&done)).await?;
    Ok(done)
}
