//! An external auth identity provider as it is shown.

use serde::Serialize;
use sortie_model::{ClientAuthentication, ExternalAuthIdentityProvider, IdentityProviderKind, RequestParameter, ServiceUrl};
use utoipa::ToSchema;

use super::credentials::{Pair, pairs};
use super::input::{FLOWS, OPTIONS, PKCE, REQUEST_TYPES};
use crate::api::connect::salesforce_id::{Prefix, SalesforceId};
use crate::api::mount::Mount;
use crate::api::{Api, Problem};
use crate::connect::callback_url;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IdentityProvider)]
pub(super) struct ProviderOutput {
    authentication_flow: &'static str,
    authentication_protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    authorize_url: Option<String>,
    callback_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    client_authentication: Option<&'static str>,
    credentials: Vec<Pair>,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    full_name: String,
    id: SalesforceId,
    label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parameters: Option<Vec<ParameterOutput>>,
    token_url: String,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_info_url: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IdentityProviderParameter)]
struct ParameterOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parameter_description: Option<String>,
    parameter_name: String,
    parameter_type: &'static str,
    parameter_value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sequence_number: Option<u32>,
}

pub(super) async fn output(api: &Api, mount: Mount, provider: &ExternalAuthIdentityProvider) -> Result<ProviderOutput, Problem> {
    let server = &provider.server;
    let text = |url: &Option<ServiceUrl>| url.as_ref().map(ToString::to_string);
    let has_parameters = mount.version >= 63;
    let client_authentication = match server.client_authentication {
        ClientAuthentication::BasicHeader | ClientAuthentication::PlainBasicHeader => "ClientSecretBasic",
        ClientAuthentication::Body => "ClientSecretPost",
    };
    let flow = FLOWS.iter().find(|(_, flow)| *flow == provider.flow).map_or("", |(word, _)| *word);
    Ok(ProviderOutput {
        authentication_flow: flow,
        authentication_protocol: "OAuth",
        authorize_url: text(&server.authorize_endpoint),
        callback_url: callback_url(&api.public_url.origin(), IdentityProviderKind::ExternalAuth, &provider.name),
        client_authentication: has_parameters.then_some(client_authentication),
        credentials: pairs(api, &provider.clone().into()).await?,
        description: provider.description.clone(),
        full_name: provider.name.to_string(),
        id: SalesforceId::of(Prefix::ExternalAuthIdentityProvider, provider.id.as_uuid()),
        label: provider.label.to_string(),
        parameters: has_parameters.then(|| parameters(provider)),
        token_url: server.token_endpoint.to_string(),
        url: format!("{}/named-credentials/external-auth-identity-providers/{}", mount.base(), provider.name),
        user_info_url: text(&server.user_info_endpoint),
    })
}

fn parameters(provider: &ExternalAuthIdentityProvider) -> Vec<ParameterOutput> {
    let pkce = provider.server.uses_pkce.then(|| ParameterOutput {
        parameter_description: None,
        parameter_name: PKCE.to_owned(),
        parameter_type: OPTIONS,
        parameter_value: "true".to_owned(),
        sequence_number: None,
    });
    let request = |parameter: &RequestParameter| ParameterOutput {
        parameter_description: Some(parameter.description.clone()).filter(|description| !description.is_empty()),
        parameter_name: parameter.name.clone(),
        parameter_type: REQUEST_TYPES.iter().find(|(_, kind)| *kind == parameter.kind).map_or("", |(word, _)| *word),
        parameter_value: parameter.value.clone(),
        sequence_number: Some(parameter.sequence_number),
    };
    pkce.into_iter().chain(provider.server.parameters.iter().map(request)).collect()
}
