//! Lists which values are stored, and which are missing. Never the values.

use serde::Serialize;
use sortie_model::{IdentityProvider, IdentityType, UserName};
use sortie_protocol::{Need, Place};
use sortie_store::Identity;
use utoipa::ToSchema;

use super::SecretError;
use crate::manage::{Manage, PrincipalReference, UnknownName, provider};

/// One value as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StoredValue)]
pub struct ValueView {
    /// Its name.
    pub name: String,
    /// Its name for people, if the protocol declares it.
    #[schema(required = true)]
    pub label: Option<&'static str>,
    /// Whether a callout needs it.
    pub required: bool,
    /// Whether it is stored.
    pub set: bool,
    /// How often it was stored.
    #[schema(required = true)]
    pub version: Option<i64>,
    /// When it was stored last, RFC 3339.
    #[schema(required = true)]
    pub updated_at: Option<String>,
    /// Where it comes from, if it is stored elsewhere: `provider:Okta`. It cannot be stored here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub from: Option<String>,
}

/// The values of a principal, or of one user of it: those that the protocol declares, then all others that are stored.
///
/// # Errors
/// A [`SecretError`]: principal or user does not exist.
pub async fn list(manage: &Manage<'_>, reference: &PrincipalReference, user: Option<&UserName>) -> Result<Vec<ValueView>, SecretError> {
    let definitions = manage.store.definitions().await?;
    let (credential, principal) = reference.find(&definitions)?;
    let owner = match (principal.identity_type, user) {
        (IdentityType::Named, None) => None,
        (IdentityType::PerUser, Some(name)) => {
            Some(manage.store.users().find(name).await?.ok_or_else(|| UnknownName::new("user", name))?.id)
        }
        (IdentityType::Named, Some(_)) => return Err(SecretError::UserNotWanted { principal: reference.to_string() }),
        (IdentityType::PerUser, None) => return Err(SecretError::UserRequired { principal: reference.to_string() }),
    };
    let mut heads = manage.store.credential_values().heads(Identity { principal: principal.id, owner }).await?;
    let fields = sortie_protocol::find(&credential.protocol).map(|protocol| protocol.fields()).unwrap_or_default();
    let mut views = Vec::new();
    // If the provider is not there, the status says so.
    if let Some(provider) = provider::provider_of(&definitions, credential) {
        views.extend(of_provider(manage, &provider).await?);
    }
    for field in fields.iter().filter(|field| field.place == Place::Values) {
        let head = heads.iter().position(|head| head.name == field.name).map(|index| heads.remove(index));
        views.push(ValueView {
            name: field.name.to_owned(),
            label: Some(field.label),
            required: field.need == Need::Required,
            set: head.is_some(),
            version: head.as_ref().map(|head| head.version),
            updated_at: head.as_ref().map(|head| head.updated_at.to_string()),
            from: None,
        });
    }
    views.extend(heads.into_iter().map(|head| ValueView {
        name: head.name,
        label: None,
        required: false,
        set: true,
        version: Some(head.version),
        updated_at: Some(head.updated_at.to_string()),
        from: None,
    }));
    Ok(views)
}

/// The values of the provider that manages a credential.
async fn of_provider(manage: &Manage<'_>, provider: &IdentityProvider) -> Result<Vec<ValueView>, SecretError> {
    let heads = manage.store.provider_values().heads(provider.id()).await?;
    let from = |view: ValueView| ValueView { from: Some(format!("provider:{}", provider.name())), ..view };
    Ok(provider::views(provider.server().client_values(), &heads).into_iter().map(from).collect())
}
