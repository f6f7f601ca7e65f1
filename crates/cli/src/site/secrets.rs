//! Stored values.

use sortie_client::{Action, Change, Client, CredentialPlace, CredentialValues, PrincipalType};
use sortie_model::{ApiName, Secret, UserName};
use sortie_protocol::salesforce_value_name;
use sortie_server::manage::{PrincipalReference, provider, secret};

use super::{Site, change, not_over_http, shown};
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
            (Self::Server(client), Holder::Principal(principal, None)) => set_shared(client, principal, name, value).await,
            (Self::Server(_), Holder::Principal(_, Some(_))) => Err(not_over_http("storing a value of another user")),
            // Those of a provider are stored all at once.
            (Self::Server(_), Holder::Provider(_)) => Err(not_over_http("storing one value of a provider")),
        }
    }
}

/// Beside what is stored: that is mentioned, and so it stays.
async fn set_shared(client: &Client, principal: &PrincipalReference, name: &str, value: &Secret) -> Result<Change, Failure> {
    let (credential, label) = (principal.external_credential.as_str(), principal.principal.as_str());
    let defined = client.external_credentials().show(credential).await?;
    let known = defined.principals.iter().find(|known| known.principal_name.eq_ignore_ascii_case(label));
    let unknown = || Failure::new("principal_unknown", format!("there is no principal `{principal}`"), "list them with `sortie status`");
    let principal_type = known.ok_or_else(unknown)?.principal_type;
    if principal_type == PrincipalType::PerUser {
        // The API would store it as the key's own user's.
        return Err(Failure::new("user_required", format!("every user has own values for `{principal}`"), "name the user: --user NAME"));
    }
    let place = CredentialPlace { external_credential: credential.to_owned(), principal_name: Some(label.to_owned()), principal_type };
    let stored = client.credentials().show(&place).await?;
    // Of a Custom credential the names are the admin's own.
    let is_custom = defined.authentication_protocol.as_deref() == Some("Custom");
    let theirs = if is_custom { name.to_owned() } else { salesforce_value_name(name).into_owned() };
    let mut values = CredentialValues(stored.credentials.keys().map(|known| (known.clone(), None)).collect());
    let is_new = values.0.insert(theirs, Some(value.clone())).is_none();
    client.credentials().replace(&place, &values).await?;
    let action = if is_new { Action::Created } else { Action::Updated };
    Ok(Change { fields: vec![name.to_owned()], ..change("secret", principal, action) })
}
