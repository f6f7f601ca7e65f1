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
            (Self::Server(client), Holder::Principal(principal, user)) => {
                set_at_server(client, principal, user.as_ref(), (name, value)).await
            }
            // Those of a provider are stored all at once.
            (Self::Server(_), Holder::Provider(_)) => Err(not_over_http("storing one value of a provider")),
        }
    }
}

/// Beside what is stored: that is mentioned, and so it stays.
async fn set_at_server(
    client: &Client,
    principal: &PrincipalReference,
    user: Option<&UserName>,
    (name, value): (&str, &Secret),
) -> Result<Change, Failure> {
    let (credential, label) = (principal.external_credential.as_str(), principal.principal.as_str());
    let defined = client.external_credentials().show(credential).await?;
    let known = defined.principals.iter().find(|known| known.principal_name.eq_ignore_ascii_case(label));
    let unknown = || Failure::new("principal_unknown", format!("there is no principal `{principal}`"), "list them with `sortie status`");
    let principal_type = known.ok_or_else(unknown)?.principal_type;
    let client = match (principal_type, user) {
        // What is somebody's own is stored for them.
        (PrincipalType::PerUser, Some(user)) => client.on_behalf_of(user.as_str())?,
        (PrincipalType::PerUser, None) => {
            return Err(Failure::new(
                "user_required",
                format!("every user has own values for `{principal}`"),
                "name the user: --user NAME",
            ));
        }
        (PrincipalType::Named | PrincipalType::AwsSts, Some(_)) => {
            return Err(Failure::new("user_not_wanted", format!("the values of `{principal}` are shared by all"), "leave --user out"));
        }
        (PrincipalType::Named | PrincipalType::AwsSts, None) => client.clone(),
    };
    let place = CredentialPlace { external_credential: credential.to_owned(), principal_name: Some(label.to_owned()), principal_type };
    let stored = client.credentials().show(&place).await?;
    // Of a Custom credential the names are the admin's own.
    let is_custom = defined.authentication_protocol.as_deref() == Some("Custom");
    let theirs = if is_custom { name.to_owned() } else { salesforce_value_name(name).into_owned() };
    let mut values = CredentialValues(stored.credentials.keys().map(|known| (known.clone(), None)).collect());
    let is_new = values.0.insert(theirs, Some(value.clone())).is_none();
    client.credentials().replace(&place, &values).await?;
    let holder = user.map_or_else(|| principal.to_string(), |user| format!("{principal} of {user}"));
    let action = if is_new { Action::Created } else { Action::Updated };
    Ok(Change { fields: vec![name.to_owned()], ..change("secret", holder, action) })
}
