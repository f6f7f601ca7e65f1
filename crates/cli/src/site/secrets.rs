//! Stored values.

use sortie_client::{Change, Client, PrincipalType, ValueState};
use sortie_model::{ApiName, Secret, UserName};
use sortie_server::manage::{PrincipalReference, provider, secret};

use super::{Site, shown};
use crate::failure::Failure;

/// Whose value it is.
pub(crate) enum Holder {
    /// A principal's, or one user's of it.
    Principal(PrincipalReference, Option<UserName>),
    /// A provider's, of either kind.
    Provider(ApiName),
}

impl Site {
    pub(crate) async fn set_value(&self, holder: &Holder, name: &str, value: &Secret) -> Result<Change, Failure> {
        match (self, holder) {
            (Self::House(opened), Holder::Principal(principal, user)) => {
                shown(&secret::set(&opened.manage(), principal, name, user.as_ref(), value).await?)
            }
            (Self::House(opened), Holder::Provider(holder)) => shown(&provider::set_value(&opened.manage(), holder, name, value).await?),
            (Self::Server(client), Holder::Principal(principal, user)) => {
                let (client, _) = for_whom(client, principal, user.as_ref()).await?;
                let (credential, label) = names(principal);
                Ok(client.values().set(credential, label, name, value).await?)
            }
            (Self::Server(client), Holder::Provider(holder)) => Ok(client.providers().set_value(holder.as_str(), name, value).await?),
        }
    }

    pub(crate) async fn values(&self, holder: &Holder) -> Result<Vec<ValueState>, Failure> {
        match (self, holder) {
            (Self::House(opened), Holder::Principal(principal, user)) => {
                shown(&secret::list(&opened.manage(), principal, user.as_ref()).await?)
            }
            (Self::House(opened), Holder::Provider(holder)) => shown(&provider::list_values(&opened.manage(), holder).await?),
            (Self::Server(client), Holder::Principal(principal, user)) => {
                let (client, _) = for_whom(client, principal, user.as_ref()).await?;
                let (credential, label) = names(principal);
                Ok(client.values().list(credential, label).await?)
            }
            (Self::Server(client), Holder::Provider(holder)) => Ok(client.providers().values(holder.as_str()).await?),
        }
    }

    pub(crate) async fn remove_value(&self, holder: &Holder, name: &str) -> Result<Change, Failure> {
        match (self, holder) {
            (Self::House(opened), Holder::Principal(principal, user)) => {
                shown(&secret::remove(&opened.manage(), principal, name, user.as_ref()).await?)
            }
            (Self::House(opened), Holder::Provider(holder)) => shown(&provider::remove_value(&opened.manage(), holder, name).await?),
            (Self::Server(client), Holder::Principal(principal, user)) => {
                let (client, _) = for_whom(client, principal, user.as_ref()).await?;
                let (credential, label) = names(principal);
                Ok(client.values().remove(credential, label, name).await?)
            }
            (Self::Server(client), Holder::Provider(holder)) => Ok(client.providers().remove_value(holder.as_str(), name).await?),
        }
    }
}

fn names(principal: &PrincipalReference) -> (&str, &str) {
    (principal.external_credential.as_str(), principal.principal.as_str())
}

/// Who asks: what is somebody's own is asked for them. And what kind of principal it is.
pub(super) async fn for_whom(
    client: &Client,
    principal: &PrincipalReference,
    user: Option<&UserName>,
) -> Result<(Client, PrincipalType), Failure> {
    let (credential, label) = names(principal);
    let defined = client.external_credentials().show(credential).await?;
    let known = defined.principals.iter().find(|known| known.principal_name.eq_ignore_ascii_case(label));
    let unknown = || Failure::new("principal_unknown", format!("there is no principal `{principal}`"), "list them with `sortie status`");
    let principal_type = known.ok_or_else(unknown)?.principal_type;
    let client = match (principal_type, user) {
        (PrincipalType::PerUser, Some(user)) => client.on_behalf_of(user.as_str())?,
        (PrincipalType::PerUser, None) => {
            let message = format!("every user has own values and an own login at `{principal}`");
            return Err(Failure::new("user_required", message, "name the user: --user NAME"));
        }
        (PrincipalType::Named | PrincipalType::AwsSts, Some(_)) => {
            return Err(Failure::new("user_not_wanted", format!("what `{principal}` has is shared by all"), "leave --user out"));
        }
        (PrincipalType::Named | PrincipalType::AwsSts, None) => client.clone(),
    };
    Ok((client, principal_type))
}
