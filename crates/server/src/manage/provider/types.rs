//! The types of auth providers, and what each needs.

use serde::Serialize;
use sortie_model::{AuthProviderKind, AuthProviderWishes, Preset, PresetSetting};
use sortie_protocol::provider_values;

/// A type as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TypeView {
    /// The word in definitions.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What a definition says to choose one among its servers.
    pub settings: Vec<SettingView>,
    /// Endpoints that a definition must write, or leave to an issuer.
    pub needs: Vec<&'static str>,
    /// What must be stored for it.
    pub values: Vec<&'static str>,
    /// Where client id and secret stand in a token request.
    pub client_authentication: &'static str,
    /// Scopes of a login where none are written.
    pub default_scopes: &'static str,
    /// How a refresh token is had.
    pub refresh_token: &'static str,
    /// Where a client is registered over there.
    pub registration: &'static str,
}

/// A setting of a type as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingView {
    /// Its name in definitions.
    pub name: &'static str,
    /// What it is where it is left out; `null`: it must be written.
    pub default: Option<&'static str>,
    /// What it is.
    pub help: &'static str,
}

/// All types, in the order of the table.
pub fn types() -> Vec<TypeView> {
    AuthProviderKind::ALL.into_iter().map(|kind| view(kind.preset())).collect()
}

fn view(preset: &Preset) -> TypeView {
    let setting = |one: &PresetSetting| SettingView { name: one.name, default: one.default, help: one.help };
    let fields = provider_values(preset.client_values());
    TypeView {
        name: preset.kind.as_str(),
        title: preset.title,
        settings: preset.settings.iter().map(setting).collect(),
        needs: needs(preset),
        values: fields.iter().map(|field| field.name).collect(),
        client_authentication: preset.client_authentication.as_str(),
        default_scopes: preset.default_scopes,
        refresh_token: preset.refresh_token,
        registration: preset.registration,
    }
}

/// What is refused as missing where nothing at all is written.
fn needs(preset: &Preset) -> Vec<&'static str> {
    let nothing = AuthProviderWishes::default();
    let is_missing = preset.settings.is_empty() && preset.server(&nothing).is_err();
    if is_missing { vec!["issuer, or authorize_endpoint and token_endpoint"] } else { Vec::new() }
}
