//! What the OAuth protocols with a token endpoint share: its address, the scope, and how the token is presented.

use sortie_model::ServiceUrl;

use super::form::Form;
use crate::{Field, Kind, Material, Need, ObtainError, Place, Proof, ProveError, Secrecy};

/// Where tokens are asked for.
pub const TOKEN_ENDPOINT: Field = Field {
    name: "token_endpoint",
    label: "Identity Provider URL",
    place: Place::Settings,
    secrecy: Secrecy::Public,
    need: Need::Required,
    kind: Kind::Url,
    help: "The token endpoint of the authorization server.",
};

/// What they are asked for.
pub const SCOPE: Field = Field {
    name: "scope",
    label: "Scope",
    place: Place::SettingsOrPrincipal,
    secrecy: Secrecy::Public,
    need: Need::Optional,
    kind: Kind::Template,
    help: "Scopes to ask for, separated by spaces; leave it out to ask for none. May hold formulas over the user who calls.",
};

/// The client, as the provider knows it.
pub const CLIENT_ID: Field = Field {
    name: "client_id",
    label: "Client ID",
    place: Place::Values,
    secrecy: Secrecy::Public,
    need: Need::Required,
    kind: Kind::Text,
    help: "The client's identifier at the authorization server.",
};

/// What the client proves itself with.
pub const CLIENT_SECRET: Field = Field {
    name: "client_secret",
    label: "Client Secret",
    place: Place::Values,
    secrecy: Secrecy::Secret,
    need: Need::Required,
    kind: Kind::Text,
    help: "The client's secret at the authorization server.",
};

/// The token endpoint of these settings.
///
/// # Errors
/// It is absent, or no URL.
pub fn token_endpoint(material: Material<'_>) -> Result<ServiceUrl, ObtainError> {
    let url = material.setting(TOKEN_ENDPOINT.name).ok_or(ObtainError::NotConfigured { field: TOKEN_ENDPOINT.name })?;
    ServiceUrl::parse(url).map_err(|violation| ObtainError::WrongConfiguration { field: TOKEN_ENDPOINT.name, problem: violation.message })
}

/// A token request of this type. An empty scope sends none: some servers refuse the parameter (RFC 6749, section 3.3 makes it optional).
pub fn form(grant_type: &str, material: Material<'_>) -> Form {
    form_or(grant_type, material, None)
}

/// The same with the default scopes of a provider. A scope that is set replaces them, also an empty one: a formula that gives a user no scope must not give all.
pub fn form_or(grant_type: &str, material: Material<'_>, default_scopes: Option<&str>) -> Form {
    let form = Form::default().with("grant_type", grant_type);
    match scope_or(material, default_scopes) {
        Some(scope) => form.with("scope", scope),
        None => form,
    }
}

/// The scope that is set, or these default scopes of a provider.
pub fn scope_or<'a>(material: Material<'a>, default_scopes: Option<&'a str>) -> Option<&'a str> {
    if material.settings.contains_key(SCOPE.name) { material.setting(SCOPE.name) } else { default_scopes }
}

/// The token as the upstream gets it. Always `Bearer` with a capital, whatever spelling of the type came with the token: some upstreams compare exactly.
///
/// # Errors
/// There is no token.
pub fn bearer(material: Material<'_>) -> Result<Proof, ProveError> {
    Proof::authorization("Bearer", material.granted("access_token")?)
}
