//! A body with an external auth identity provider.

use std::collections::BTreeMap;

use sortie_metadata::{Definition, ExternalAuthIdentityProviderDefinition};
use sortie_model::{
    ApiName, AuthenticationFlow, ClientAuthentication, ExternalAuthIdentityProvider, Label, ParameterKind, RequestParameter, Scopes,
    ServiceUrl,
};

use crate::api::connect::store::{Pointers, Wanted};
use crate::api::connect::words;
use crate::api::document::{Form, Schema};
use crate::api::json::{At, Reader};

/// What a body says.
pub(in crate::api::connect) struct ProviderInput {
    pub(super) name: ApiName,
    label: Label,
    description: String,
    flow: AuthenticationFlow,
    client_authentication: Option<ClientAuthentication>,
    authorize_url: Option<ServiceUrl>,
    token_url: ServiceUrl,
    user_info_url: Option<ServiceUrl>,
    /// `None` in versions without them: they stay as they are.
    parameters: Option<Parameters>,
}

#[derive(Default)]
struct Parameters {
    uses_pkce: bool,
    requests: Vec<RequestParameter>,
    /// Where in the body each of them stands.
    pointers: Vec<String>,
}

/// `IdentityProviderAuthFlow`.
pub(super) const FLOWS: [(&str, AuthenticationFlow); 2] =
    [("AuthorizationCode", AuthenticationFlow::AuthorizationCode), ("ClientCredentials", AuthenticationFlow::ClientCredentials)];

/// `ExternalAuthIdentityProviderParameterType`, as far as they are parameters of requests.
pub(super) const REQUEST_TYPES: [(&str, ParameterKind); 7] = [
    ("AuthorizeRequestQueryParameter", ParameterKind::AuthorizeQuery),
    ("RefreshRequestBodyParameter", ParameterKind::RefreshBody),
    ("RefreshRequestHttpHeader", ParameterKind::RefreshHeader),
    ("RefreshRequestQueryParameter", ParameterKind::RefreshQuery),
    ("TokenRequestBodyParameter", ParameterKind::TokenBody),
    ("TokenRequestHttpHeader", ParameterKind::TokenHeader),
    ("TokenRequestQueryParameter", ParameterKind::TokenQuery),
];

/// The type of options, of which there is one.
pub(super) const OPTIONS: &str = "IdentityProviderOptions";
pub(super) const PKCE: &str = "PkceEnabled";

pub(super) const NEW: Form = Form {
    name: "IdentityProviderToCreate",
    schema: || members().required("fullName", Schema::name()),
    example: r#"{"fullName": "Login", "label": "Login", "description": "Of the company", "authenticationProtocol": "OAuth", "authenticationFlow": "AuthorizationCode",
        "clientAuthentication": "ClientSecretBasic", "authorizeUrl": "https://login.example.com/authorize", "tokenUrl": "https://login.example.com/token",
        "userInfoUrl": "https://login.example.com/userinfo",
        "parameters": [{"parameterType": "TokenRequestBodyParameter", "parameterName": "audience", "parameterValue": "https://api.example.com", "sequenceNumber": 1,
            "parameterDescription": "Whom tokens are for"}]}"#,
    read: |reader, at| ProviderInput::read(reader, at, None).is_some(),
};

pub(super) const REPLACED: Form = Form {
    name: "IdentityProviderToReplace",
    schema: || members().optional("fullName", Schema::name().saying("As in the path, if it is there at all.")),
    example: NEW.example,
    read: |reader, at| ProviderInput::read(reader, at, ApiName::parse("Login").ok().as_ref()).is_some(),
};

/// What answers say besides.
const SHOWN: &[&str] = &["callbackUrl", "createdByNamespace", "credentials", "id", "url"];

fn members() -> Schema {
    let parameter = Schema::object()
        .required("parameterType", Schema::word(parameter_types()))
        .required("parameterName", Schema::text())
        .required("parameterValue", Schema::text())
        .optional("sequenceNumber", Schema::number(u32::MAX).saying("Its position, if left out."))
        .optional("parameterDescription", Schema::text())
        .passed_over(&["id"]);
    Schema::object()
        .required("label", Schema::label())
        .optional("description", Schema::text())
        .required("authenticationProtocol", Schema::word(words::PROTOCOLS).saying("Must be OAuth."))
        .required("authenticationFlow", Schema::word(FLOWS.map(|(word, _)| word)))
        .optional("clientAuthentication", Schema::word(CLIENT_AUTHENTICATIONS))
        .optional("authorizeUrl", Schema::url())
        .required("tokenUrl", Schema::url())
        .optional("userInfoUrl", Schema::url())
        .optional("parameters", Schema::list(parameter))
        .optional("standardExternalIdentityProvider", Schema::nothing().saying("Refused: write the endpoints."))
        .passed_over(SHOWN)
}

/// In the words of the body.
const CLIENT_AUTHENTICATIONS: [&str; 2] = ["ClientSecretBasic", "ClientSecretPost"];

fn parameter_types() -> Vec<&'static str> {
    let requests = REQUEST_TYPES.iter().map(|(word, _)| *word);
    requests.chain([OPTIONS, "ManagedByComponent", "ManagedByFeature"]).collect()
}

impl ProviderInput {
    pub(super) fn read(reader: &mut Reader, at: &At<'_>, known: Option<&ApiName>) -> Option<Self> {
        let mut fields = reader.fields(at)?;
        let name = match (fields.take("fullName"), known) {
            (Some(at), known) => {
                let name = reader.parsed(&at, ApiName::parse);
                if name.as_ref().is_some_and(|name| known.is_some_and(|known| known != name)) {
                    reader.refuse(&at.pointer, "immutable", "must be the name in the path: a name never changes");
                }
                known.cloned().or(name)
            }
            (None, Some(known)) => Some(known.clone()),
            (None, None) => {
                reader.refuse(&fields.pointer("fullName"), "required", "is required");
                None
            }
        };
        let label = fields.require(reader, "label").and_then(|at| reader.parsed(&at, Label::parse));
        let description = fields.take("description").and_then(|at| reader.text(&at)).unwrap_or_default().to_owned();
        if let Some(at) = fields.require(reader, "authenticationProtocol")
            && let Some(word) = words::protocol(reader, &at)
            && word != "OAuth"
        {
            reader.refuse(&at.pointer, "protocol", "must be OAuth");
        }
        let flow_words: Vec<&'static str> = FLOWS.iter().map(|(word, _)| *word).collect();
        let flow = fields.require(reader, "authenticationFlow").and_then(|at| reader.word(&at, &flow_words));
        let flow = flow.and_then(|word| FLOWS.iter().find(|(known, _)| *known == word)).map(|(_, flow)| *flow);
        let client = fields.take_since(reader, "clientAuthentication", 63);
        let client = client.and_then(|at| reader.word(&at, &CLIENT_AUTHENTICATIONS));
        let client_authentication =
            client.map(|word| if word == "ClientSecretPost" { ClientAuthentication::Body } else { ClientAuthentication::BasicHeader });
        let mut url = |reader: &mut Reader, name: &str| fields.take(name).and_then(|at| reader.parsed(&at, ServiceUrl::parse));
        let (authorize_url, user_info_url) = (url(reader, "authorizeUrl"), url(reader, "userInfoUrl"));
        let token_url = fields.require(reader, "tokenUrl").and_then(|at| reader.parsed(&at, ServiceUrl::parse));
        let written = fields.take_since(reader, "parameters", 63).map(|at| parameters(reader, &at));
        let parameters = if reader.knows(63) { Some(written.unwrap_or_default()) } else { None };
        if let Some(at) = fields.take_since(reader, "standardExternalIdentityProvider", 63) {
            let message = "is not possible here: write the endpoints, or define an auth provider of that type";
            reader.refuse(&at.pointer, "unsupported", message);
        }
        fields.ignore(SHOWN);
        fields.finish(reader);
        Some(Self {
            name: name?,
            label: label?,
            description,
            flow: flow?,
            client_authentication,
            authorize_url,
            token_url: token_url?,
            user_info_url,
            parameters,
        })
    }

    /// The definition that it stands for. What Connect has no word for stays as it is: an issuer, default scopes, where keys are.
    pub(super) fn wanted(&self, before: Option<&ExternalAuthIdentityProvider>) -> Wanted {
        let server = before.map(|before| &before.server);
        let stored = || Parameters {
            uses_pkce: server.is_some_and(|server| server.uses_pkce),
            requests: server.map(|server| server.parameters.clone()).unwrap_or_default(),
            pointers: Vec::new(),
        };
        let parameters = self.parameters.as_ref();
        let (uses_pkce, requests) = parameters
            .map(|parameters| (parameters.uses_pkce, parameters.requests.clone()))
            .unwrap_or_else(|| (stored().uses_pkce, stored().requests));
        let mut definition = Definition::default();
        definition.external_auth_identity_providers.push(ExternalAuthIdentityProviderDefinition {
            name: self.name.clone(),
            label: self.label.clone(),
            description: self.description.clone(),
            flow: self.flow,
            client_authentication: self.authentication(server.map(|server| server.client_authentication)),
            authorize_endpoint: self.authorize_url.clone(),
            token_endpoint: Some(self.token_url.clone()),
            user_info_endpoint: self.user_info_url.clone(),
            revocation_endpoint: server.and_then(|server| server.revocation_endpoint.clone()),
            pushed_authorization_endpoint: server.and_then(|server| server.pushed_authorization_endpoint.clone()),
            key_set_endpoint: server.and_then(|server| server.key_set_endpoint.clone()),
            uses_pkce,
            issuer_in_response: Some(server.is_some_and(|server| server.issuer_in_response)),
            issuer: server.and_then(|server| server.issuer.clone()),
            default_scopes: server.map_or_else(Scopes::default, |server| server.default_scopes.clone()),
            parameters: requests,
            values: BTreeMap::new(),
        });
        Wanted { definition, pointers: self.pointers() }
    }

    /// Of two ways with one word, the one that is there stays.
    fn authentication(&self, stored: Option<ClientAuthentication>) -> ClientAuthentication {
        match (self.client_authentication, stored) {
            (Some(ClientAuthentication::BasicHeader), Some(ClientAuthentication::PlainBasicHeader)) => {
                ClientAuthentication::PlainBasicHeader
            }
            (Some(wanted), _) => wanted,
            (None, stored) => stored.unwrap_or_default(),
        }
    }

    fn pointers(&self) -> Pointers {
        let mut pointers = Pointers::default();
        let path = |name: &str| format!("external_auth_identity_providers[0].{name}");
        for (name, pointer) in [
            ("name", "/fullName"),
            ("flow", "/authenticationFlow"),
            ("authorize_endpoint", "/authorizeUrl"),
            ("token_endpoint", "/tokenUrl"),
            ("user_info_endpoint", "/userInfoUrl"),
            ("request_parameters", "/parameters"),
        ] {
            pointers.set(path(name), pointer);
        }
        for (index, pointer) in self.parameters.iter().flat_map(|parameters| &parameters.pointers).enumerate() {
            pointers.set(path(&format!("request_parameters[{index}]")), pointer);
            pointers.set(path(&format!("request_parameters[{index}].name")), format!("{pointer}/parameterName"));
        }
        pointers
    }
}

fn parameters(reader: &mut Reader, at: &At<'_>) -> Parameters {
    let mut found = Parameters::default();
    let types = parameter_types();
    for (position, item) in (1..).zip(reader.list(at)) {
        let Some(mut fields) = reader.fields(&item) else { continue };
        let kind = fields.require(reader, "parameterType").and_then(|at| reader.word(&at, &types));
        let name = fields.require(reader, "parameterName").and_then(|at| reader.text(&at));
        let value = fields.require(reader, "parameterValue").and_then(|at| reader.text(&at));
        let sequence_number = fields.take("sequenceNumber").map_or(Some(position), |at| reader.number(&at, u32::MAX));
        let description = fields.take("parameterDescription").and_then(|at| reader.text(&at)).unwrap_or_default();
        fields.ignore(&["id"]);
        fields.finish(reader);
        let (Some(kind), Some(name), Some(value), Some(sequence_number)) = (kind, name, value, sequence_number) else { continue };
        match (REQUEST_TYPES.iter().find(|(word, _)| *word == kind), kind, name, value) {
            (Some((_, kind)), _, name, value) => {
                let parsed = RequestParameter::parse(*kind, name, value, sequence_number, description);
                if let Some(parameter) = reader.keep(&item.pointer, parsed) {
                    found.requests.push(parameter);
                    found.pointers.push(item.pointer.clone());
                }
            }
            (None, OPTIONS, PKCE, "true" | "false") => found.uses_pkce = value == "true",
            (None, OPTIONS, PKCE, _) => reader.refuse(&format!("{}/parameterValue", item.pointer), "truth", "must be true or false"),
            (None, OPTIONS, ..) => reader.refuse(&format!("{}/parameterName", item.pointer), "parameter_unknown", "must be PkceEnabled"),
            (None, ..) => {
                let message = "is not possible here: it belongs to a feature of Salesforce";
                reader.refuse(&format!("{}/parameterType", item.pointer), "parameter_type_unsupported", message);
            }
        }
    }
    found
}
