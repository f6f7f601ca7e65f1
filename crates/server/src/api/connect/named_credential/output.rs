//! A named credential as it is shown.

use serde::Serialize;
use sortie_model::{CallerFormulas, Certificate, NamedCredential};
use sortie_store::Definitions;
use utoipa::ToSchema;

use super::input::CLIENT_CERTIFICATE;
use crate::api::connect::external_credential::{HeaderOutput, headers};
use crate::api::connect::salesforce_id::{Prefix, SalesforceId};
use crate::api::mount::Mount;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NamedCredential)]
pub(super) struct NamedCredentialOutput {
    callout_options: OptionsOutput,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    callout_status: Option<&'static str>,
    callout_url: String,
    custom_headers: Vec<HeaderOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
    developer_name: String,
    external_credentials: Vec<Related>,
    id: SalesforceId,
    master_label: String,
    /// The certificate that is presented, if one is.
    #[schema(max_items = 1)]
    parameters: Vec<ParameterOutput>,
    #[serde(rename = "type")]
    kind: &'static str,
    url: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CalloutOptions)]
struct OptionsOutput {
    allow_merge_fields_in_body: bool,
    allow_merge_fields_in_header: bool,
    generate_authorization_header: bool,
}

/// The external credential, in few words.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RelatedExternalCredential)]
struct Related {
    developer_name: String,
    id: SalesforceId,
    master_label: String,
    url: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NamedCredentialParameter)]
struct ParameterOutput {
    id: SalesforceId,
    parameter_name: &'static str,
    parameter_type: &'static str,
    parameter_value: String,
}

fn client_certificate(named: &NamedCredential, certificate: &Certificate) -> ParameterOutput {
    ParameterOutput {
        id: SalesforceId::of_part(Prefix::NamedCredentialParameter, named.id.as_uuid(), CLIENT_CERTIFICATE),
        parameter_name: CLIENT_CERTIFICATE,
        parameter_type: CLIENT_CERTIFICATE,
        parameter_value: certificate.name.to_string(),
    }
}

pub(super) fn output(definitions: &Definitions, mount: Mount, named: &NamedCredential) -> NamedCredentialOutput {
    let external = definitions.external_credentials.iter().filter(|external| external.id == named.external_credential);
    let certificate = definitions.certificates.iter().find(|certificate| Some(certificate.id) == named.client_certificate);
    let description = Some(named.description.clone()).filter(|description| mount.version >= 64 && !description.is_empty());
    NamedCredentialOutput {
        callout_options: OptionsOutput {
            allow_merge_fields_in_body: named.allow_formulas_in_body == CallerFormulas::Evaluated,
            allow_merge_fields_in_header: named.allow_formulas_in_header == CallerFormulas::Evaluated,
            generate_authorization_header: named.generate_authorization_header,
        },
        callout_status: (mount.version >= 59).then_some(if named.is_enabled { "Enabled" } else { "Disabled" }),
        callout_url: named.url.to_string(),
        custom_headers: headers(named.id.as_uuid(), Prefix::NamedCredentialParameter, &named.headers),
        description,
        developer_name: named.name.to_string(),
        external_credentials: external
            .map(|external| Related {
                developer_name: external.name.to_string(),
                id: SalesforceId::of(Prefix::ExternalCredential, external.id.as_uuid()),
                master_label: external.label.to_string(),
                url: format!("{}/named-credentials/external-credentials/{}", mount.base(), external.name),
            })
            .collect(),
        id: SalesforceId::of(Prefix::NamedCredential, named.id.as_uuid()),
        master_label: named.label.to_string(),
        parameters: certificate.map(|certificate| client_certificate(named, certificate)).into_iter().collect(),
        kind: "SecuredEndpoint",
        url: format!("{}/named-credentials/named-credential-setup/{}", mount.base(), named.name),
    }
}
