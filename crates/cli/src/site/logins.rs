//! Logins at providers.

use sortie_client::{Client, CredentialPlace, Login, PrincipalType, RevokedLogin};
use sortie_model::UserName;
use sortie_server::connect::{self, Disconnected, RevocationView};
use sortie_server::manage::PrincipalReference;

use super::secrets::for_whom;
use super::{Site, shown};
use crate::auth::Here;
use crate::failure::Failure;

impl Site {
    /// `target` is `Credential/Principal`, or `callout:Name` for the principal that a callout would use.
    pub(crate) async fn login(&self, target: &str, user: Option<&UserName>) -> Result<Login, Failure> {
        match self {
            Self::House(opened) => shown(&Here::find(opened, target, user).await?.login().await?),
            Self::Server(client) => {
                let There { client, principal, .. } = There::find(client, target, user).await?;
                Ok(client.logins().show(principal.external_credential.as_str(), principal.principal.as_str()).await?)
            }
        }
    }

    /// With why the provider could not be told, if a house knows it.
    pub(crate) async fn revoke_login(&self, target: &str, user: Option<&UserName>) -> Result<(RevokedLogin, Option<String>), Failure> {
        match self {
            Self::House(opened) => {
                let here = Here::find(opened, target, user).await?;
                let done = connect::revoke(&here.node, &here.person(), here.place.names()).await?;
                let view = shown(&RevocationView::from(&done))?;
                Ok((view, if let Disconnected::NotTold(why) = done { Some(why) } else { None }))
            }
            Self::Server(client) => {
                let There { client, principal, .. } = There::find(client, target, user).await?;
                let done = client.logins().revoke(principal.external_credential.as_str(), principal.principal.as_str()).await?;
                Ok((done, None))
            }
        }
    }
}

/// A principal at a server, and the client that asks for whoever's login it is.
struct There {
    client: Client,
    principal: PrincipalReference,
    principal_type: PrincipalType,
}

impl There {
    async fn find(client: &Client, target: &str, user: Option<&UserName>) -> Result<Self, Failure> {
        let principal = match target.strip_prefix("callout:") {
            Some(rest) => of_callout(client, rest.split(['/', '?']).next().unwrap_or_default(), user).await?,
            None => target.to_owned(),
        };
        let malformed = |_| {
            let message = format!("`{target}` names no principal");
            Failure::new("target_invalid", message, "write CREDENTIAL/PRINCIPAL or callout:Name")
        };
        let principal = PrincipalReference::parse(&principal).map_err(malformed)?;
        let (client, principal_type) = for_whom(client, &principal, user).await?;
        Ok(Self { client, principal, principal_type })
    }
}

/// The principal that a callout of the user would use; without a user the first Named one.
async fn of_callout(client: &Client, name: &str, user: Option<&UserName>) -> Result<String, Failure> {
    let nobody = |credential: &str| {
        let next = format!("sortie status {credential}");
        Failure::new("principal_unknown", format!("`callout:{name}` has no such principal"), next)
    };
    let named = client.named_credentials().show(name).await?;
    let credential = named.external_credentials.first().map(|related| related.developer_name.clone()).unwrap_or_default();
    let principal = match user {
        Some(user) => {
            let plan = client.explain(&format!("callout:{name}"), Some(user.as_str())).await?;
            plan.principals.into_iter().find(|principal| principal.verdict == "chosen").map(|principal| principal.name)
        }
        None => {
            let mut principals = client.external_credentials().show(&credential).await?.value.principals;
            principals.sort_by_key(|principal| principal.sequence_number);
            let named = principals.into_iter().find(|principal| principal.principal_type == PrincipalType::Named);
            named.map(|principal| principal.principal_name)
        }
    };
    principal.map(|principal| format!("{credential}/{principal}")).ok_or_else(|| nobody(&credential))
}

/// Where a browser goes to log in at a server. Whoever stands before it signs in there.
pub(crate) async fn login_address(client: &Client, target: &str, user: Option<&UserName>) -> Result<String, Failure> {
    let There { client, principal, principal_type } = There::find(client, target, user).await?;
    let place = CredentialPlace {
        external_credential: principal.external_credential.to_string(),
        principal_name: Some(principal.principal.to_string()),
        principal_type,
    };
    Ok(client.credentials().auth_url(&place).await?.authentication_url)
}
