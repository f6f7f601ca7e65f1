//! External auth identity providers.

use std::collections::BTreeMap;

use sortie_model::{ApiName, AuthenticationFlow, ClientAuthentication, Issuer, Label, ParameterKind, RequestParameter, Scopes, ServiceUrl};

use super::access::name_and_label;
use super::principal::values;
use super::{ValueSource, description, description_of};
use crate::yaml::{At, Fields, Reader};

/// An external auth identity provider, with where its client id and secret come from.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalAuthIdentityProviderDefinition {
    /// Unique developer name.
    pub name: ApiName,
    /// Shown name.
    pub label: Label,
    /// What it is for.
    pub description: String,
    /// How tokens are obtained.
    pub flow: AuthenticationFlow,
    /// Where client id and secret stand in a token request.
    pub client_authentication: ClientAuthentication,
    /// Where users are sent to log in.
    pub authorize_endpoint: Option<ServiceUrl>,
    /// Where tokens are asked for; `None` only where an issuer is stated, which says it.
    pub token_endpoint: Option<ServiceUrl>,
    /// Where it says who a user is.
    pub user_info_endpoint: Option<ServiceUrl>,
    /// Where it takes the parameters of a login from us.
    pub pushed_authorization_endpoint: Option<ServiceUrl>,
    /// Where it is told that a token is not needed any more.
    pub revocation_endpoint: Option<ServiceUrl>,
    /// Where its public keys are.
    pub key_set_endpoint: Option<ServiceUrl>,
    /// Whether a login is asked for with a proof key.
    pub uses_pkce: bool,
    /// Whether it says who it is when it sends a browser back; `None` leaves that to what an issuer publishes.
    pub issuer_in_response: Option<bool>,
    /// What it calls itself.
    pub issuer: Option<Issuer>,
    /// What is asked for where neither an external credential nor a principal has a scope.
    pub default_scopes: Scopes,
    /// Custom request parameters, as written; their sequence numbers say the order.
    pub parameters: Vec<RequestParameter>,
    /// Where stored values come from, by name. A value that is not named stays as it is.
    pub values: BTreeMap<String, ValueSource>,
}

impl ExternalAuthIdentityProviderDefinition {
    pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>, fields: &mut Fields<'_>) -> Option<Self> {
        let (name, label) = name_and_label(reader, fields);
        let description = description(reader, fields);
        let flow = fields.require(reader, "flow").and_then(|at| flow(reader, &at));
        let client_authentication = match fields.take("client_authentication") {
            Some(at) => client_authentication(reader, &at),
            None => Some(ClientAuthentication::default()),
        };
        let [authorize_endpoint, token_endpoint, user_info_endpoint, revocation_endpoint, key_set_endpoint] =
            ["authorize_endpoint", "token_endpoint", "user_info_endpoint", "revocation_endpoint", "key_set_endpoint"]
                .map(|name| fields.take(name).map(|at| reader.parsed(&at, ServiceUrl::parse)));
        let pushed_authorization_endpoint =
            fields.take("pushed_authorization_endpoint").and_then(|at| reader.parsed(&at, ServiceUrl::parse));
        let issuer_in_response = fields.take("issuer_in_response").and_then(|at| reader.truth(&at));
        let uses_pkce = fields.take("pkce").and_then(|at| reader.truth(&at)).unwrap_or(false);
        let issuer = fields.take("issuer").map(|at| reader.parsed(&at, Issuer::parse));
        if token_endpoint.is_none() && issuer.is_none() {
            reader.refuse_within(
                at,
                "token_endpoint",
                "required",
                "is required, unless there is an `issuer`, which publishes it".to_owned(),
            );
        }
        let default_scopes = match fields.take("default_scopes") {
            Some(at) => reader.parsed(&at, Scopes::parse),
            None => Some(Scopes::default()),
        };
        let parameters = request_parameters(reader, fields);
        let values = fields.take("values").map(|at| values(reader, &at)).unwrap_or_default();
        Some(Self {
            name: name?,
            label: label?,
            description,
            flow: flow?,
            client_authentication: client_authentication?,
            // What stands there and is wrong has been reported.
            authorize_endpoint: authorize_endpoint.flatten(),
            token_endpoint: token_endpoint.flatten(),
            user_info_endpoint: user_info_endpoint.flatten(),
            pushed_authorization_endpoint,
            revocation_endpoint: revocation_endpoint.flatten(),
            key_set_endpoint: key_set_endpoint.flatten(),
            issuer_in_response,
            uses_pkce,
            issuer: issuer.flatten(),
            default_scopes: default_scopes?,
            parameters,
            values,
        })
    }
}

fn flow(reader: &mut Reader<'_>, at: &At<'_>) -> Option<AuthenticationFlow> {
    let word = reader.text(at)?;
    let found = AuthenticationFlow::parse(word);
    if found.is_none() {
        reader.refuse(at, "flow", "must be authorization_code or client_credentials");
    }
    found
}

pub(super) fn client_authentication(reader: &mut Reader<'_>, at: &At<'_>) -> Option<ClientAuthentication> {
    let word = reader.text(at)?;
    let found = ClientAuthentication::parse(word);
    if found.is_none() {
        reader.refuse(at, "client_authentication", format!("must be one of {}", ClientAuthentication::WORDS.join(", ")));
    }
    found
}

/// The list under `request_parameters`. The sequence number is the position where it is left out.
pub(super) fn request_parameters(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Vec<RequestParameter> {
    let Some(at) = fields.take("request_parameters") else { return Vec::new() };
    let mut parameters = Vec::new();
    for (position, item) in (1..).zip(reader.list(&at)) {
        let Some(mut own) = reader.fields(&item) else { continue };
        let mut text = |reader: &mut Reader<'_>, name| own.require(reader, name).and_then(|at| reader.text(&at).map(str::to_owned));
        let (request, place) = (text(reader, "request"), text(reader, "place"));
        let (name, value) = (text(reader, "name"), text(reader, "value"));
        let description = own.take("description").map(|at| description_of(reader, &at)).unwrap_or_default();
        let sequence_number = match own.take("sequence_number") {
            Some(at) => reader.number(&at, 0, u32::MAX),
            None => Some(position),
        };
        own.finish(reader);
        let kind = match (request, place) {
            (Some(request), Some(place)) => {
                reader.keep_all(&item, ParameterKind::parse(&request, &place).map_err(sortie_model::Violations::from))
            }
            _ => None,
        };
        if let (Some(kind), Some(name), Some(value), Some(sequence_number)) = (kind, name, value, sequence_number) {
            parameters.extend(reader.keep_all(&item, RequestParameter::parse(kind, &name, &value, sequence_number, &description)));
        }
    }
    parameters
}
