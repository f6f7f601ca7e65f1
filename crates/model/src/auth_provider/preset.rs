//! What is known of a kind of service, and how a definition makes a server of it.

use std::collections::BTreeMap;

use super::AuthProviderKind;
use crate::authorization_server::has_in_query;
use crate::{
    AuthorizationServer, ClientAuthentication, ClientSecret, ClientValues, Issuer, ParameterKind, Plugin, ProofKey, Quirks,
    RequestParameter, Scopes, ServiceUrl, UserInfoRequest, Violation, Violations,
};

/// What is known of a kind of service. Addresses may hold settings in braces: `https://{host}/oauth/token`.
#[derive(Debug)]
pub struct Preset {
    /// Which kind.
    pub kind: AuthProviderKind,
    /// Its name for people.
    pub title: &'static str,
    /// What a definition says to choose one among its servers.
    pub settings: &'static [PresetSetting],
    /// Where users are sent to log in.
    pub authorize_endpoint: Option<&'static str>,
    /// Where tokens are asked for.
    pub token_endpoint: Option<&'static str>,
    /// Where it says who a user is.
    pub user_info_endpoint: Option<&'static str>,
    /// Where it is told that a token is not needed any more.
    pub revocation_endpoint: Option<&'static str>,
    /// Where its public keys are.
    pub key_set_endpoint: Option<&'static str>,
    /// What it calls itself.
    pub issuer: Option<&'static str>,
    /// The setting that must be a UUID for the issuer to be known: with another word there, each answer names another issuer.
    pub issuer_needs_uuid: Option<&'static str>,
    /// Where client id and secret stand in a token request.
    pub client_authentication: ClientAuthentication,
    /// Sensible scopes for a first login. Nearly every definition has its own.
    pub default_scopes: &'static str,
    /// The scope that asks for a refresh token.
    pub refresh_token_scope: Option<&'static str>,
    /// What is added to the authorize request, unless the definition has a parameter of the same name.
    pub authorize_parameters: &'static [(&'static str, &'static str)],
    /// How the client secret is made, if it is no stored one.
    pub signed_client_secret: Option<SignedClientSecret>,
    /// How it departs from the standards.
    pub quirks: fn() -> Quirks,
    /// Where a client is registered over there.
    pub registration: &'static str,
    /// How a refresh token is had.
    pub refresh_token: &'static str,
}

/// One thing that a definition says to choose one among the servers of a kind.
#[derive(Debug)]
pub struct PresetSetting {
    /// Its name in definitions.
    pub name: &'static str,
    /// What it looks like.
    pub form: SettingForm,
    /// What it is where it is left out; `None`: it must be written.
    pub default: Option<&'static str>,
    /// Another setting that cannot be written without this one.
    pub follows: Option<&'static str>,
    /// One sentence of help.
    pub help: &'static str,
}

/// What a setting looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingForm {
    /// A host with port and path, if it has them, without `https://`.
    Host,
    /// One part of a path: letters, digits, dots, hyphens and underscores.
    Segment,
    /// A whole address.
    Url,
}

/// A client secret that is signed anew for each use, with ES256.
#[derive(Debug)]
pub struct SignedClientSecret {
    /// The setting that holds its `iss`.
    pub issuer_setting: &'static str,
    /// The setting that holds its `kid`.
    pub key_id_setting: &'static str,
    /// Its `aud`.
    pub audience: &'static str,
}

/// What a definition says in the place of its kind's preset.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuthProviderWishes {
    /// By name.
    pub settings: BTreeMap<String, String>,
    /// "Send client credentials in header".
    pub client_authentication: Option<ClientAuthentication>,
    /// Where users are sent to log in; may have a query.
    pub authorize_endpoint: Option<ServiceUrl>,
    /// Where tokens are asked for.
    pub token_endpoint: Option<ServiceUrl>,
    /// Where it says who a user is.
    pub user_info_endpoint: Option<ServiceUrl>,
    /// Where it takes the parameters of a login from us.
    pub pushed_authorization_endpoint: Option<ServiceUrl>,
    /// Where it is told that a token is not needed any more.
    pub revocation_endpoint: Option<ServiceUrl>,
    /// Where its public keys are.
    pub key_set_endpoint: Option<ServiceUrl>,
    /// "Token Issuer".
    pub issuer: Option<Issuer>,
    /// Whether it says who it is when it sends a browser back.
    pub issuer_in_response: Option<bool>,
    /// In the place of the kind's.
    pub default_scopes: Option<Scopes>,
    /// Whether a proof key is sent; left out, unless this kind of server refuses one.
    pub pkce: Option<bool>,
    /// "Send access token in header".
    pub user_info: Option<UserInfoRequest>,
    /// Its own, beside those of its kind.
    pub parameters: Vec<RequestParameter>,
    /// Those of its kind are not sent.
    pub leaves_preset_parameters_out: bool,
    /// What a plug-in is told with every step.
    pub configuration: BTreeMap<String, String>,
}

impl Preset {
    /// What must be stored for a client of it.
    pub const fn client_values(&self) -> ClientValues {
        match (self.kind, &self.signed_client_secret) {
            (AuthProviderKind::Custom, _) => ClientValues::Plugin,
            (_, Some(_)) => ClientValues::PrivateKey,
            (_, None) => ClientValues::Secret,
        }
    }

    /// The server that a definition means.
    ///
    /// # Errors
    /// All violations, by field.
    pub fn server(&self, wishes: &AuthProviderWishes) -> Result<AuthorizationServer, Violations> {
        let settings = self.settings(&wishes.settings)?;
        let mut violations = Violations::default();
        let mut endpoint = |field: &str, wish: &Option<ServiceUrl>, template: Option<&str>| {
            let made = |template| violations.keep(ServiceUrl::parse(&fill(template, &settings)).map_err(|wrong| of_settings(field, wrong)));
            wish.clone().or_else(|| template.and_then(made))
        };
        let authorize_endpoint = endpoint("authorize_endpoint", &wishes.authorize_endpoint, self.authorize_endpoint);
        let token_endpoint = endpoint("token_endpoint", &wishes.token_endpoint, self.token_endpoint);
        let user_info_endpoint = endpoint("user_info_endpoint", &wishes.user_info_endpoint, self.user_info_endpoint);
        let revocation_endpoint = endpoint("revocation_endpoint", &wishes.revocation_endpoint, self.revocation_endpoint);
        let key_set_endpoint = endpoint("key_set_endpoint", &wishes.key_set_endpoint, self.key_set_endpoint);
        self.check_plugin(wishes, &mut violations);
        let Some(token_endpoint) = token_endpoint else {
            violations.0.push(Violation::required("token_endpoint"));
            return Err(violations);
        };
        let issuer = match &wishes.issuer {
            Some(issuer) => Some(issuer.clone()),
            None => self.known_issuer(&settings).and_then(|text| violations.keep(Issuer::parse(&text))),
        };
        let parameters = self.parameters(wishes, authorize_endpoint.as_ref());
        let known = |scopes: &str| Scopes::parse(scopes).expect("the table's scopes are scopes: a test says so");
        let quirks = self.quirks(wishes, &settings);
        violations.or(AuthorizationServer {
            client_authentication: wishes.client_authentication.unwrap_or(self.client_authentication),
            authorize_endpoint,
            user_info_endpoint,
            // Those of the table that offer one (Okta, Keycloak and the like) are of the kind that is discovered.
            pushed_authorization_endpoint: wishes.pushed_authorization_endpoint.clone(),
            revocation_endpoint,
            key_set_endpoint,
            uses_pkce: quirks.proof_key == ProofKey::Sent,
            issuer_in_response: wishes.issuer_in_response.unwrap_or_default(),
            issuer,
            default_scopes: wishes.default_scopes.clone().unwrap_or_else(|| known(self.default_scopes)),
            refresh_token_scope: self.refresh_token_scope.map(known),
            parameters,
            quirks,
            plugin: (self.kind == AuthProviderKind::Custom).then(|| Plugin { configuration: wishes.configuration.clone() }),
            ..AuthorizationServer::at(token_endpoint)
        })
    }

    /// All settings, with the defaults of those that are left out.
    fn settings(&self, written: &BTreeMap<String, String>) -> Result<BTreeMap<&'static str, String>, Violations> {
        let mut violations = Violations::default();
        for name in written.keys().filter(|name| !self.settings.iter().any(|setting| setting.name == **name)) {
            let known: Vec<&str> = self.settings.iter().map(|setting| setting.name).collect();
            let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
            let message = format!("is no setting of the type {}; {known}", self.kind.as_str());
            violations.0.push(Violation::new(format!("settings.{name}"), "setting_unknown", message));
        }
        let mut settings = BTreeMap::new();
        for setting in self.settings {
            let field = format!("settings.{}", setting.name);
            match (written.get(setting.name), setting.default) {
                (Some(text), _) => {
                    violations.keep(setting.form.check(text).map_err(|violation| Violation { field, ..violation }));
                    settings.insert(setting.name, text.clone());
                }
                (None, Some(default)) => {
                    if let Some(other) = setting.follows.filter(|other| written.contains_key(*other)) {
                        let message = format!("is required beside `{other}`: {}", setting.help);
                        violations.0.push(Violation::new(field, "required", message));
                    }
                    settings.insert(setting.name, default.to_owned());
                }
                (None, None) => violations.0.push(Violation::new(field, "required", format!("is required: {}", setting.help))),
            }
        }
        violations.or(settings)
    }

    fn known_issuer(&self, settings: &BTreeMap<&'static str, String>) -> Option<String> {
        let is_known = self.issuer_needs_uuid.is_none_or(|name| settings.get(name).is_some_and(|text| uuid::Uuid::try_parse(text).is_ok()));
        self.issuer.filter(|_| is_known).map(|template| fill(template, settings))
    }

    /// The definition's own, and those of the kind that neither it nor the query of its authorize endpoint has.
    fn parameters(&self, wishes: &AuthProviderWishes, authorize_endpoint: Option<&ServiceUrl>) -> Vec<RequestParameter> {
        let is_taken = |name: &str| {
            let written = wishes.parameters.iter().any(|one| one.kind == ParameterKind::AuthorizeQuery && one.name == name);
            written || authorize_endpoint.is_some_and(|endpoint| has_in_query(endpoint, name))
        };
        let of_kind = self.authorize_parameters.iter().filter(|(name, _)| !wishes.leaves_preset_parameters_out && !is_taken(name));
        let of_kind = of_kind.map(|(name, value)| {
            let parsed = RequestParameter::parse(ParameterKind::AuthorizeQuery, name, value, 0, "");
            parsed.expect("the table's parameters are parameters: a test says so")
        });
        let mut parameters: Vec<RequestParameter> = of_kind.collect();
        parameters.extend(wishes.parameters.iter().cloned());
        parameters
    }

    fn quirks(&self, wishes: &AuthProviderWishes, settings: &BTreeMap<&'static str, String>) -> Quirks {
        let mut quirks = (self.quirks)();
        match wishes.pkce {
            Some(true) => quirks.proof_key = ProofKey::Sent,
            Some(false) => quirks.proof_key = ProofKey::NotSent,
            None => {}
        }
        if let Some(user_info) = wishes.user_info {
            quirks.user_info = user_info;
        }
        if let Some(SignedClientSecret { issuer_setting, key_id_setting, audience }) = self.signed_client_secret {
            let setting = |name: &str| settings.get(name).map(String::as_str).unwrap_or_default().into();
            quirks.client_secret =
                ClientSecret::SignedToken { issuer: setting(issuer_setting), key_id: setting(key_id_setting), audience: audience.into() };
        }
        quirks
    }

    /// A plug-in has one address and nothing of OAuth's; nothing else has a plug-in's configuration.
    fn check_plugin(&self, wishes: &AuthProviderWishes, violations: &mut Violations) {
        if self.kind != AuthProviderKind::Custom {
            if !wishes.configuration.is_empty() {
                let message = "belongs to the type custom: a plug-in is told of it";
                violations.0.push(Violation::new("configuration", "only_for_custom", message));
            }
            return;
        }
        let endpoints = [
            ("authorize_endpoint", wishes.authorize_endpoint.is_some()),
            ("token_endpoint", wishes.token_endpoint.is_some()),
            ("user_info_endpoint", wishes.user_info_endpoint.is_some()),
            ("pushed_authorization_endpoint", wishes.pushed_authorization_endpoint.is_some()),
            ("revocation_endpoint", wishes.revocation_endpoint.is_some()),
            ("key_set_endpoint", wishes.key_set_endpoint.is_some()),
            ("issuer", wishes.issuer.is_some()),
            ("client_authentication", wishes.client_authentication.is_some()),
            ("request_parameters", !wishes.parameters.is_empty()),
        ];
        for (field, _) in endpoints.iter().filter(|(_, is_written)| *is_written) {
            let message = "is the plug-in's to know: only its own address is written, as `settings.endpoint`";
            violations.0.push(Violation::new(*field, "not_for_custom", message));
        }
    }
}

impl SettingForm {
    fn check(self, text: &str) -> Result<(), Violation> {
        let wrong = |message: &str| Err(Violation::new("", "setting_format", message));
        match self {
            Self::Segment => {
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
                let is_dots = text.bytes().all(|byte| byte == b'.');
                if text.is_empty() || text.len() > 255 || is_dots || !text.bytes().all(is_plain) {
                    return wrong("must be 1 to 255 letters, digits, dots, hyphens and underscores");
                }
            }
            Self::Host => {
                let is_whole = text.contains("://") || text.contains(['?', '#', '{', '}']) || text.ends_with('/');
                if is_whole || ServiceUrl::parse(&format!("https://{text}")).is_err() {
                    return wrong("must be a host, with its port and path if it has them, without https:// and without a slash at its end");
                }
            }
            Self::Url => ServiceUrl::parse(text).map(|_| ()).map_err(|violation| Violation { field: String::new(), ..violation })?,
        }
        Ok(())
    }
}

/// Puts settings in the place of their names.
fn fill(template: &str, settings: &BTreeMap<&'static str, String>) -> String {
    settings.iter().fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

fn of_settings(field: &str, violation: Violation) -> Violation {
    Violation::new(field, violation.rule, format!("made of the settings {}", violation.message))
}
