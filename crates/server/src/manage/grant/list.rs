//! Lists principal access.

use serde::Serialize;
use sortie_model::ApiName;
use utoipa::ToSchema;

use super::GrantError;
use crate::manage::{Manage, UnknownName, find};

/// One grant as shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct GrantView {
    /// Name of the external credential.
    pub external_credential: String,
    /// Name of the principal.
    pub principal: String,
    /// `permission_set` or `profile`.
    pub grantee_kind: &'static str,
    /// Name of the permission set or profile.
    pub grantee: String,
}

/// All grants, or those of one external credential, in the order of their names.
///
/// # Errors
/// A [`GrantError`]: the external credential does not exist.
pub async fn list(manage: &Manage<'_>, external_credential: Option<&ApiName>) -> Result<Vec<GrantView>, GrantError> {
    let definitions = manage.store.definitions().await?;
    if let Some(name) = external_credential
        && !definitions.external_credentials.iter().any(|known| known.name == *name)
    {
        return Err(UnknownName::new("external credential", name).into());
    }
    let view = |access: &sortie_model::PrincipalAccess| {
        let principal = definitions.principals.iter().find(|known| known.id == access.principal)?;
        let credential = definitions.external_credentials.iter().find(|known| known.id == principal.external_credential)?;
        let (grantee_kind, grantee) = find::grantee_name(&definitions, access.grantee);
        let is_wanted = external_credential.is_none_or(|name| credential.name == *name);
        is_wanted.then(|| GrantView {
            external_credential: credential.name.to_string(),
            principal: principal.name.to_string(),
            grantee_kind,
            grantee,
        })
    };
    let mut views: Vec<GrantView> = definitions.principal_access.iter().filter_map(view).collect();
    views.sort();
    Ok(views)
}
