//! Auth providers.

use std::collections::BTreeMap;

use sortie_model::{
    ApiName, AuthProviderKind, AuthProviderWishes, ClientAuthentication, Issuer, Label, Scopes, ServiceUrl, UserInfoRequest,
};

use super::access::name_and_label;
use super::external_auth_identity_provider::{client_authentication, request_parameters};
use super::principal::values;
use super::{ValueSource, description};
use crate::yaml::{At, Fields, Reader};

/// An auth provider, with where what is stored for its client comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthProviderDefinition {
    /// Unique developer name.
    pub name: ApiName,
    /// Shown name.
    pub label: Label,
    /// What it is for.
    pub description: String,
    /// What kind of service it is.
    pub kind: AuthProviderKind,
    /// What it says in the place of its kind's preset.
    pub wishes: AuthProviderWishes,
    /// Where a browser is sent when a login fails.
    pub error_url: Option<ServiceUrl>,
    /// Where a browser is sent after a logout.
    pub logout_url: Option<ServiceUrl>,
    /// The picture that is shown with it.
    pub icon_url: Option<ServiceUrl>,
    /// What Salesforce says of it besides.
    pub salesforce: BTreeMap<String, String>,
    /// Where stored values come from, by name. A value that is not named stays as it is.
    pub values: BTreeMap<String, ValueSource>,
}

impl AuthProviderDefinition {
    pub(super) fn read(reader: &mut Reader<'_>, _at: &At<'_>, fields: &mut Fields<'_>) -> Option<Self> {
        let (name, label) = name_and_label(reader, fields);
        let description = description(reader, fields);
        let kind = fields.require(reader, "type").and_then(|at| kind(reader, &at));
        let wishes = wishes(reader, fields);
        let [error_url, logout_url, icon_url] =
            ["error_url", "logout_url", "icon_url"].map(|name| fields.take(name).and_then(|at| reader.parsed(&at, ServiceUrl::parse)));
        let salesforce = texts(reader, fields, "salesforce");
        let values = fields.take("values").map(|at| values(reader, &at)).unwrap_or_default();
        Some(Self { name: name?, label: label?, description, kind: kind?, wishes, error_url, logout_url, icon_url, salesforce, values })
    }

    /// Whether its issuer must be asked before it says all that it means.
    pub fn needs_discovery(&self) -> bool {
        self.kind.preset().token_endpoint.is_none() && self.wishes.token_endpoint.is_none() && self.wishes.issuer.is_some()
    }
}

fn kind(reader: &mut Reader<'_>, at: &At<'_>) -> Option<AuthProviderKind> {
    let word = reader.text(at)?;
    let found = AuthProviderKind::parse(word);
    if found.is_none() {
        let known = AuthProviderKind::ALL.map(AuthProviderKind::as_str).join(", ");
        reader.refuse(at, "provider_type", format!("must be one of {known}"));
    }
    found
}

/// What stands there and is wrong is reported, and left out.
fn wishes(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> AuthProviderWishes {
    let names = [
        "authorize_endpoint",
        "token_endpoint",
        "user_info_endpoint",
        "pushed_authorization_endpoint",
        "revocation_endpoint",
        "key_set_endpoint",
    ];
    let [authorize_endpoint, token_endpoint, user_info_endpoint, pushed_authorization_endpoint, revocation_endpoint, key_set_endpoint] =
        names.map(|name| fields.take(name).and_then(|at| reader.parsed(&at, ServiceUrl::parse)));
    let [issuer_in_response, pkce, access_token_in_header, preset_parameters] =
        ["issuer_in_response", "pkce", "access_token_in_header", "preset_parameters"]
            .map(|name| fields.take(name).and_then(|at| reader.truth(&at)));
    let client_authentication: Option<ClientAuthentication> =
        fields.take("client_authentication").and_then(|at| client_authentication(reader, &at));
    let issuer = fields.take("issuer").and_then(|at| reader.parsed(&at, Issuer::parse));
    let default_scopes = fields.take("default_scopes").and_then(|at| reader.parsed(&at, Scopes::parse));
    AuthProviderWishes {
        settings: texts(reader, fields, "settings"),
        client_authentication,
        authorize_endpoint,
        token_endpoint,
        user_info_endpoint,
        pushed_authorization_endpoint,
        revocation_endpoint,
        key_set_endpoint,
        issuer,
        issuer_in_response,
        default_scopes,
        pkce,
        user_info: access_token_in_header
            .map(|in_header| if in_header { UserInfoRequest::TokenInHeader } else { UserInfoRequest::TokenInQuery }),
        parameters: request_parameters(reader, fields),
        leaves_preset_parameters_out: preset_parameters == Some(false),
        configuration: texts(reader, fields, "configuration"),
    }
}

/// A mapping of texts: names of up to 80 characters, texts of up to 4,096 without control characters.
fn texts(reader: &mut Reader<'_>, fields: &mut Fields<'_>, name: &'static str) -> BTreeMap<String, String> {
    let Some(own) = fields.take(name).and_then(|at| reader.fields(&at)) else { return BTreeMap::new() };
    let entries: Vec<_> = own.take_all().collect();
    let mut texts = BTreeMap::new();
    for (name, at) in entries {
        let Some(text) = reader.text(&at) else { continue };
        let is_plain = |text: &str, most: usize| text.chars().count() <= most && !text.chars().any(char::is_control);
        if !is_plain(name, 80) || !is_plain(text, 4_096) {
            reader.refuse(
                &at,
                "text_format",
                "must be at most 4,096 characters long, under a name of at most 80, without control characters",
            );
            continue;
        }
        texts.insert(name.to_owned(), text.to_owned());
    }
    texts
}
