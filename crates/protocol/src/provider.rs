//! Identity providers, as protocols that are managed by one see them.

use sortie_model::{
    AuthenticationFlow, AuthorizationServer, ClientValues, ExternalAuthIdentityProvider, IdentityProvider, IdentityProviderKind, Secret,
    Settings, Violation,
};

use crate::shared::{oauth, signed_client_secret, standard_webhooks};
use crate::{Field, Kind, Material, Need, ObtainError, Place, Protocol, Secrecy, Values};

/// What is stored for a provider that knows a client by id and secret. Kept encrypted, write-only, and used for nothing but its own token endpoint.
pub const PROVIDER_FIELDS: &[Field] = &[oauth::CLIENT_ID, oauth::CLIENT_SECRET];

/// What is stored for one that wants a signed token in the place of a secret.
const SIGNING_FIELDS: &[Field] = &[oauth::CLIENT_ID, PRIVATE_KEY];

/// What is stored for a plug-in.
const PLUGIN_FIELDS: &[Field] = &[PLUGIN_SECRET];

const PRIVATE_KEY: Field = Field {
    name: "private_key",
    label: "Private Key",
    place: Place::Values,
    secrecy: Secrecy::Secret,
    need: Need::Required,
    kind: Kind::Text,
    help: "The key that signs what is sent in the place of a client secret: the text of the .p8 file, a PKCS#8 key on the curve P-256.",
};

const PLUGIN_SECRET: Field = Field {
    name: "plugin_secret",
    label: "Plug-in Secret",
    place: Place::Values,
    secrecy: Secrecy::Secret,
    need: Need::Required,
    kind: Kind::Text,
    help: "The key that both sides know and requests to the plug-in are signed with: whsec_ and 24 to 64 random bytes in base64.",
};

/// What is stored for a client, by how it proves itself.
pub const fn provider_values(values: ClientValues) -> &'static [Field] {
    match values {
        ClientValues::Secret => PROVIDER_FIELDS,
        ClientValues::PrivateKey => SIGNING_FIELDS,
        ClientValues::Plugin => PLUGIN_FIELDS,
    }
}

/// Rules of single values beyond those of their fields.
///
/// # Errors
/// A [`Violation`] of the value's name; it never repeats the value.
pub fn check_provider_value(name: &str, value: &Secret) -> Result<(), Violation> {
    if name == PRIVATE_KEY.name {
        signed_client_secret::check_key(value)
    } else if name == PLUGIN_SECRET.name {
        standard_webhooks::check_secret(value)
    } else {
        Ok(())
    }
}

/// The provider that settings name, with what is stored for it.
#[derive(Clone, Copy, Debug)]
pub struct Provider<'a> {
    /// How tokens are obtained from it.
    pub flow: AuthenticationFlow,
    /// Endpoints, and how it wants to be asked.
    pub server: &'a AuthorizationServer,
    /// What is stored of [`provider_values`].
    pub values: &'a Values,
}

/// What settings say of a provider.
#[derive(Clone, Copy, Debug)]
pub struct ProviderSetting<'a> {
    /// Name of the setting.
    pub field: &'static str,
    /// The kind of provider that it names.
    pub kind: IdentityProviderKind,
    /// The flow that the provider must have.
    pub flow: AuthenticationFlow,
    /// The provider's name; looked up without regard to ASCII case.
    pub name: &'a str,
}

impl ProviderSetting<'_> {
    /// Whether this is the provider that it names.
    pub fn names(&self, provider: &IdentityProvider) -> bool {
        self.kind == provider.kind() && provider.name().as_str().eq_ignore_ascii_case(self.name)
    }
}

/// A setting that names a provider.
#[derive(Clone, Copy, Debug)]
pub struct ProviderField {
    /// The setting.
    pub field: &'static Field,
    /// The kind of provider that it names.
    pub kind: IdentityProviderKind,
    /// The flow that the provider must have.
    pub flow: AuthenticationFlow,
}

/// The settings that name a provider. A protocol may have one for each kind; only one of them can be set.
pub fn provider_fields(protocol: &dyn Protocol) -> impl Iterator<Item = ProviderField> {
    protocol.fields().iter().filter_map(|field| match field.kind {
        Kind::IdentityProvider(flow) => Some(ProviderField { field, kind: IdentityProviderKind::ExternalAuth, flow }),
        Kind::AuthProvider => Some(ProviderField { field, kind: IdentityProviderKind::Auth, flow: AuthenticationFlow::AuthorizationCode }),
        _ => None,
    })
}

/// Whether this protocol is managed by a provider.
pub fn needs_provider(protocol: &dyn Protocol) -> bool {
    provider_fields(protocol).next().is_some()
}

/// What these settings say of a provider, if they do.
pub fn provider_setting<'a>(protocol: &dyn Protocol, settings: &'a Settings) -> Option<ProviderSetting<'a>> {
    provider_settings(protocol, settings).next()
}

/// All that they say: more than one is a mistake.
pub(crate) fn provider_settings<'a>(protocol: &dyn Protocol, settings: &'a Settings) -> impl Iterator<Item = ProviderSetting<'a>> {
    provider_fields(protocol).filter_map(|ProviderField { field, kind, flow }| {
        let name = settings.get(field.name).and_then(serde_json::Value::as_str).filter(|name| !name.is_empty())?;
        Some(ProviderSetting { field: field.name, kind, flow, name })
    })
}

/// The provider of a protocol that needs one, if it can be asked: it is there, has the right flow, and all that is stored for a provider is stored for it.
///
/// # Errors
/// [`ObtainError::NotConfigured`] or [`ObtainError::WrongConfiguration`].
pub fn usable_provider<'a>(protocol: &dyn Protocol, material: Material<'a>) -> Result<Provider<'a>, ObtainError> {
    let Some(ProviderSetting { field, kind, flow, name }) = provider_setting(protocol, material.settings) else {
        let field = provider_fields(protocol).next().map_or("external_auth_identity_provider", |first| first.field.name);
        return Err(ObtainError::NotConfigured { field });
    };
    let what = kind.in_words();
    let wrong = |problem| Err(ObtainError::WrongConfiguration { field, problem });
    let Some(provider) = material.provider else {
        return wrong(format!("names the {what} `{name}`, which does not exist"));
    };
    if provider.flow != flow {
        let (has, needs) = (provider.flow.as_str(), flow.as_str());
        return wrong(format!("names the {what} `{name}` of the flow {has}; the flow must be {needs}"));
    }
    let is_missing = |field: &&Field| provider.values.get(field.name).is_none_or(Secret::is_empty);
    if let Some(field) = provider_values(provider.server.client_values()).iter().find(is_missing) {
        return Err(ObtainError::NotConfigured { field: of_the_provider(field.name) });
    }
    Ok(provider)
}

/// As an error shows it: a value of the provider, not of a principal.
fn of_the_provider(value: &'static str) -> &'static str {
    match value {
        "client_id" => "client_id of the provider",
        "client_secret" => "client_secret of the provider",
        "private_key" => "private_key of the provider",
        "plugin_secret" => "plugin_secret of the provider",
        other => other,
    }
}

impl<'a> Provider<'a> {
    /// A provider of either kind with what is stored for it.
    pub const fn of(definition: &'a IdentityProvider, values: &'a Values) -> Self {
        Self { flow: definition.flow(), server: definition.server(), values }
    }

    /// An external auth identity provider with what is stored for it.
    pub const fn new(definition: &'a ExternalAuthIdentityProvider, values: &'a Values) -> Self {
        Self { flow: definition.flow, server: &definition.server, values }
    }

    /// A stored value.
    ///
    /// # Errors
    /// It was never stored.
    pub fn value(&self, name: &'static str) -> Result<&'a Secret, ObtainError> {
        self.values.get(name).ok_or(ObtainError::NotConfigured { field: name })
    }
}

#[cfg(test)]
#[path = "provider_tests.rs"]
mod tests;
