//! Removing definitions.

use sortie_client::{Action, Change, Client, NewExternalCredential};
use sortie_server::manage::PrincipalReference;
use sortie_server::manage::definition::{Defined, remove};

use super::{Site, change, shown};
use crate::failure::Failure;

impl Site {
    pub(crate) async fn remove(&self, defined: &Defined) -> Result<Change, Failure> {
        match self {
            Self::House(opened) => shown(&remove(&opened.manage(), defined).await?),
            Self::Server(client) => at_server(client, defined).await,
        }
    }
}

/// What is looked at first is named as it is written, and removed only if it is still that.
async fn at_server(client: &Client, defined: &Defined) -> Result<Change, Failure> {
    let (object, name) = match defined {
        Defined::NamedCredential(name) => {
            let seen = client.named_credentials().show(name.as_str()).await?;
            client.named_credentials().remove(name.as_str(), Some(&seen.etag)).await?;
            ("named_credential", seen.value.developer_name)
        }
        Defined::ExternalCredential(name) => {
            let seen = client.external_credentials().show(name.as_str()).await?;
            client.external_credentials().remove(name.as_str(), Some(&seen.etag)).await?;
            ("external_credential", seen.value.developer_name)
        }
        Defined::Provider(name) => {
            let seen = client.providers().show(name.as_str()).await?;
            client.providers().remove(name.as_str()).await?;
            return Ok(change(&seen.kind, seen.name, Action::Deleted));
        }
        Defined::Principal(reference) => return principal_at_server(client, reference).await,
        Defined::PermissionSet(name) => {
            let seen = client.permission_sets().show(name.as_str()).await?;
            client.permission_sets().remove(name.as_str(), Some(&seen.etag)).await?;
            ("permission_set", seen.value.name)
        }
        Defined::Profile(name) => {
            let seen = client.profiles().show(name.as_str()).await?;
            client.profiles().remove(name.as_str(), Some(&seen.etag)).await?;
            ("profile", seen.value.name)
        }
    };
    Ok(change(object, name, Action::Deleted))
}

/// A principal is a part of its external credential, which is put back without it.
async fn principal_at_server(client: &Client, reference: &PrincipalReference) -> Result<Change, Failure> {
    let seen = client.external_credentials().show(reference.external_credential.as_str()).await?;
    let mut wanted = NewExternalCredential::from(seen.value);
    let is_it = |name: &str| name.eq_ignore_ascii_case(reference.principal.as_str());
    let unknown = || Failure::new("principal_unknown", format!("there is no principal `{reference}`"), "list them with `sortie status`");
    let position = wanted.principals.iter().position(|principal| is_it(&principal.principal_name)).ok_or_else(unknown)?;
    let gone = wanted.principals.remove(position);
    let left = client.external_credentials().replace(&wanted, Some(&seen.etag)).await?.value;
    if left.principals.iter().any(|principal| is_it(&principal.principal_name)) {
        let message = format!("`{reference}` belongs to the protocol of its external credential, and stays");
        return Err(Failure::new("principal_needed", message, "remove the external credential as a whole"));
    }
    Ok(change("principal", format!("{}/{}", wanted.developer_name, gone.principal_name), Action::Deleted))
}
