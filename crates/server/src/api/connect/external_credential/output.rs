//! An external credential as it is shown.

use serde::Serialize;
use sortie_model::{AuthenticationStatus, CustomHeader, ExternalCredential, Grantee, Principal};
use sortie_protocol::{ROLE_SETTING, SalesforceName};
use sortie_store::Definitions;
use utoipa::ToSchema;
use uuid::Uuid;

use super::settings::{Shown, shown};
use crate::api::connect::salesforce_id::{Prefix, SalesforceId};
use crate::api::connect::words::{self, PrincipalType};
use crate::api::mount::Mount;
use crate::manage::status::CredentialReport;

/// What somebody sees of one.
pub(super) enum Sight<'d> {
    /// With all its principals.
    Everything(Vec<&'d Principal>),
    /// That it is there, and the principals that they may use.
    Usable(Vec<&'d Principal>),
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExternalCredential)]
pub(super) struct ExternalCredentialOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    authentication_protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    authentication_protocol_variant: Option<&'static str>,
    authentication_status: AuthenticationStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    custom_headers: Option<Vec<HeaderOutput>>,
    developer_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id: Option<SalesforceId>,
    master_label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parameters: Option<Vec<ParameterOutput>>,
    principals: Vec<PrincipalOutput>,
    related_named_credentials: Vec<Related>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    url: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CustomHeader)]
pub(in crate::api::connect) struct HeaderOutput {
    header_name: String,
    header_value: String,
    id: SalesforceId,
    sequence_number: u32,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExternalCredentialParameter)]
struct ParameterOutput {
    id: SalesforceId,
    parameter_name: String,
    parameter_type: &'static str,
    parameter_value: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExternalCredentialPrincipal)]
struct PrincipalOutput {
    authentication_status: AuthenticationStatus,
    id: SalesforceId,
    parameters: Vec<ParameterOutput>,
    principal_access: Vec<AccessOutput>,
    principal_name: String,
    principal_type: PrincipalType,
    sequence_number: u32,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PrincipalGrantee)]
struct AccessOutput {
    developer_name: String,
    id: SalesforceId,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// A named credential, in the few words that belong into another resource.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RelatedNamedCredential)]
struct Related {
    developer_name: String,
    id: SalesforceId,
    master_label: String,
    url: String,
}

/// The id of an external credential.
pub(in crate::api) fn credential_id(credential: &ExternalCredential) -> SalesforceId {
    SalesforceId::of(Prefix::ExternalCredential, credential.id.as_uuid())
}

/// The id of a principal, by which access to it is given.
pub(in crate::api) fn principal_id(principal: &Principal) -> SalesforceId {
    SalesforceId::of(Prefix::ExternalCredentialParameter, principal.id.as_uuid())
}

pub(super) fn output(
    definitions: &Definitions,
    report: &CredentialReport,
    mount: Mount,
    credential: &ExternalCredential,
    sight: Sight<'_>,
) -> ExternalCredentialOutput {
    let name = words::name_of(credential);
    let (principals, sees_everything) = match sight {
        Sight::Everything(principals) => (principals, true),
        Sight::Usable(principals) => (principals, false),
    };
    let since = |version| mount.version >= version;
    let id = credential.id.as_uuid();
    let mut output = ExternalCredentialOutput {
        authentication_protocol: name.map(|name| name.protocol),
        authentication_protocol_variant: name.and_then(|name| name.variant).filter(|_| since(57)),
        authentication_status: report.status,
        custom_headers: since(57).then(Vec::new),
        developer_name: credential.name.to_string(),
        id: since(58).then(|| credential_id(credential)),
        master_label: credential.label.to_string(),
        parameters: since(57).then(Vec::new),
        principals: principals.iter().map(|principal| principal_output(definitions, report, credential, principal)).collect(),
        related_named_credentials: Vec::new(),
        url: since(58).then(|| format!("{}/named-credentials/external-credentials/{}", mount.base(), credential.name)),
    };
    if sees_everything {
        output.custom_headers = since(57).then(|| headers(id, Prefix::ExternalCredentialParameter, &credential.headers));
        output.parameters = since(57).then(|| parameters(credential, name));
        output.related_named_credentials = related(definitions, mount, credential);
    } else {
        for principal in &mut output.principals {
            principal.parameters.clear();
            principal.principal_access.clear();
        }
    }
    output
}

pub(in crate::api::connect) fn headers(owner: Uuid, prefix: Prefix, headers: &[CustomHeader]) -> Vec<HeaderOutput> {
    let header = |(index, header): (usize, &CustomHeader)| HeaderOutput {
        header_name: header.name.to_string(),
        header_value: header.value.source().to_owned(),
        id: SalesforceId::of_part(prefix, owner, &format!("header {index}")),
        sequence_number: header.sequence_number,
    };
    headers.iter().enumerate().map(header).collect()
}

fn parameters(credential: &ExternalCredential, name: Option<&SalesforceName>) -> Vec<ParameterOutput> {
    let fields = sortie_protocol::find(&credential.protocol).map(|protocol| protocol.fields()).unwrap_or_default();
    // What the variant says is not said again.
    let is_hidden = |setting: &str| {
        let said = name.and_then(|name| name.settings.iter().find(|(known, _)| *known == setting));
        said.is_some_and(|(_, value)| credential.settings.get(setting).and_then(serde_json::Value::as_str) == Some(*value))
    };
    let mut all = shown(fields, &credential.settings, is_hidden);
    all.extend(credential.additional_status_codes.as_slice().iter().map(|code| Shown {
        kind: "AdditionalRefreshStatusCode",
        name: format!("AdditionalRefreshStatusCode{code}"),
        value: code.to_string(),
    }));
    let id = credential.id.as_uuid();
    all.into_iter().map(|shown| parameter(id, shown)).collect()
}

fn parameter(owner: Uuid, Shown { kind, name, value }: Shown) -> ParameterOutput {
    let id = SalesforceId::of_part(Prefix::ExternalCredentialParameter, owner, &format!("{kind} {name}"));
    ParameterOutput { id, parameter_name: name, parameter_type: kind, parameter_value: value }
}

fn principal_output(
    definitions: &Definitions,
    report: &CredentialReport,
    credential: &ExternalCredential,
    principal: &Principal,
) -> PrincipalOutput {
    let protocol = sortie_protocol::find(&credential.protocol);
    let status = report.principals.iter().find(|known| known.name == principal.name.as_str());
    let fields = protocol.map(|protocol| protocol.fields()).unwrap_or_default();
    let id = principal.id.as_uuid();
    let access = definitions.principal_access.iter().filter(|access| access.principal == principal.id);
    PrincipalOutput {
        authentication_status: status.map_or(AuthenticationStatus::NotConfigured, |status| status.status),
        id: principal_id(principal),
        parameters: shown(fields, &principal.settings, |name| name == ROLE_SETTING).into_iter().map(|shown| parameter(id, shown)).collect(),
        principal_access: access.filter_map(|access| access_output(definitions, access.grantee)).collect(),
        principal_name: principal.name.to_string(),
        principal_type: PrincipalType::of(protocol, principal),
        sequence_number: principal.sequence_number,
    }
}

fn access_output(definitions: &Definitions, grantee: Grantee) -> Option<AccessOutput> {
    let (name, id, kind) = match grantee {
        Grantee::PermissionSet(id) => {
            let set = definitions.permission_sets.iter().find(|set| set.id == id)?;
            (&set.name, SalesforceId::of(Prefix::PermissionSet, id.as_uuid()), "PermissionSet")
        }
        Grantee::Profile(id) => {
            let profile = definitions.profiles.iter().find(|profile| profile.id == id)?;
            (&profile.name, SalesforceId::of(Prefix::Profile, id.as_uuid()), "Profile")
        }
    };
    Some(AccessOutput { developer_name: name.to_string(), id, kind })
}

fn related(definitions: &Definitions, mount: Mount, credential: &ExternalCredential) -> Vec<Related> {
    let named = definitions.named_credentials.iter().filter(|named| named.external_credential == credential.id);
    named
        .map(|named| Related {
            developer_name: named.name.to_string(),
            id: SalesforceId::of(Prefix::NamedCredential, named.id.as_uuid()),
            master_label: named.label.to_string(),
            url: format!("{}/named-credentials/named-credential-setup/{}", mount.base(), named.name),
        })
        .collect()
}
