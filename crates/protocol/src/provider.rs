//! External auth identity providers, as protocols that are managed by one see them.

use sortie_model::{AuthenticationFlow, AuthorizationServer, ExternalAuthIdentityProvider, Settings};

use crate::shared::oauth;
use crate::{Field, Kind, Material, ObtainError, Protocol, Values};

/// What is stored for a provider: the client that it knows. Kept encrypted, write-only, and used for nothing but its own token endpoint.
pub const PROVIDER_FIELDS: &[Field] = &[oauth::CLIENT_ID, oauth::CLIENT_SECRET];

/// The provider that settings name, with what is stored for it.
#[derive(Clone, Copy, Debug)]
pub struct Provider<'a> {
    /// How tokens are obtained from it.
    pub flow: AuthenticationFlow,
    /// Endpoints, and how it wants to be asked.
    pub server: &'a AuthorizationServer,
    /// What is stored of [`PROVIDER_FIELDS`].
    pub values: &'a Values,
}

/// What settings say of a provider.
#[derive(Clone, Copy, Debug)]
pub struct ProviderSetting<'a> {
    /// Name of the setting.
    pub field: &'static str,
    /// The flow that the provider must have.
    pub flow: AuthenticationFlow,
    /// The provider's name; looked up without regard to ASCII case.
    pub name: &'a str,
}

/// The setting that names a provider, if this protocol has one.
pub fn provider_field(protocol: &dyn Protocol) -> Option<(&'static Field, AuthenticationFlow)> {
    protocol.fields().iter().find_map(|field| match field.kind {
        Kind::IdentityProvider(flow) => Some((field, flow)),
        _ => None,
    })
}

/// What these settings say of a provider, if they do.
pub fn provider_setting<'a>(protocol: &dyn Protocol, settings: &'a Settings) -> Option<ProviderSetting<'a>> {
    let (field, flow) = provider_field(protocol)?;
    let name = settings.get(field.name).and_then(serde_json::Value::as_str).filter(|name| !name.is_empty())?;
    Some(ProviderSetting { field: field.name, flow, name })
}

/// The provider of a protocol that needs one, if it can be asked: it is there, has the right flow, and all that is stored for a provider is stored for it.
///
/// # Errors
/// [`ObtainError::NotConfigured`] or [`ObtainError::WrongConfiguration`].
pub fn usable_provider<'a>(protocol: &dyn Protocol, material: Material<'a>) -> Result<Provider<'a>, ObtainError> {
    let Some(ProviderSetting { field, flow, name }) = provider_setting(protocol, material.settings) else {
        let field = provider_field(protocol).map_or("external_auth_identity_provider", |(field, _)| field.name);
        return Err(ObtainError::NotConfigured { field });
    };
    let wrong = |problem| Err(ObtainError::WrongConfiguration { field, problem });
    let Some(provider) = material.provider else {
        return wrong(format!("names the external auth identity provider `{name}`, which does not exist"));
    };
    if provider.flow != flow {
        let (has, needs) = (provider.flow.as_str(), flow.as_str());
        return wrong(format!("names the external auth identity provider `{name}` of the flow {has}; the flow must be {needs}"));
    }
    for (value, shown) in [("client_id", "client_id of the provider"), ("client_secret", "client_secret of the provider")] {
        if provider.values.get(value).is_none_or(sortie_model::Secret::is_empty) {
            return Err(ObtainError::NotConfigured { field: shown });
        }
    }
    Ok(provider)
}

impl<'a> Provider<'a> {
    /// A provider with what is stored for it.
    pub const fn new(definition: &'a ExternalAuthIdentityProvider, values: &'a Values) -> Self {
        Self { flow: definition.flow, server: &definition.server, values }
    }

    /// A stored value.
    ///
    /// # Errors
    /// It was never stored.
    pub fn value(&self, name: &'static str) -> Result<&'a sortie_model::Secret, ObtainError> {
        self.values.get(name).ok_or(ObtainError::NotConfigured { field: name })
    }
}
