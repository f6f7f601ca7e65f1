//! Who may use which principals.

use sortie_client::{Access, Action, Change, Client, Grantee};
use sortie_model::ApiName;
use sortie_server::manage::PrincipalReference;
use sortie_server::manage::grant::{self, GranteeName};

use super::{Site, change, shown};
use crate::failure::Failure;

impl Site {
    pub(crate) async fn accesses(&self, external_credential: Option<&ApiName>) -> Result<Vec<Access>, Failure> {
        match self {
            Self::House(opened) => shown(&grant::list(&opened.manage(), external_credential).await?),
            Self::Server(client) => Ok(client.principal_access().list(external_credential.map(ApiName::as_str)).await?),
        }
    }

    pub(crate) async fn give_access(&self, principal: &PrincipalReference, grantee: &GranteeName) -> Result<Change, Failure> {
        match self {
            Self::House(opened) => shown(&grant::add(&opened.manage(), principal, grantee).await?),
            Self::Server(client) => {
                let (credential, name) = names(principal);
                Ok(client.principal_access().give(credential, name, &by_name(grantee)).await?)
            }
        }
    }

    pub(crate) async fn take_access(&self, principal: &PrincipalReference, grantee: &GranteeName) -> Result<Change, Failure> {
        match self {
            Self::House(opened) => shown(&grant::remove(&opened.manage(), principal, grantee).await?),
            Self::Server(client) => {
                let is_given = is_given(client, principal, grantee).await?;
                let (credential, name) = names(principal);
                client.principal_access().take(credential, name, &by_name(grantee)).await?;
                let action = if is_given { Action::Deleted } else { Action::Unchanged };
                Ok(change("grant", format!("{principal} for {grantee}"), action))
            }
        }
    }
}

fn names(principal: &PrincipalReference) -> (&str, &str) {
    (principal.external_credential.as_str(), principal.principal.as_str())
}

fn by_name(grantee: &GranteeName) -> Grantee {
    match grantee {
        GranteeName::PermissionSet(name) => Grantee::PermissionSet(name.to_string()),
        GranteeName::Profile(name) => Grantee::Profile(name.to_string()),
    }
}

async fn is_given(client: &Client, principal: &PrincipalReference, grantee: &GranteeName) -> Result<bool, Failure> {
    let (kind, name) = match grantee {
        GranteeName::PermissionSet(name) => ("permission_set", name),
        GranteeName::Profile(name) => ("profile", name),
    };
    // What does not exist is refused where it is taken away, in the right words.
    let listed = client.principal_access().list(Some(principal.external_credential.as_str())).await?;
    let is_it = |access: &Access| {
        access.principal.eq_ignore_ascii_case(principal.principal.as_str())
            && access.grantee_kind == kind
            && access.grantee.eq_ignore_ascii_case(name.as_str())
    };
    Ok(listed.iter().any(is_it))
}
