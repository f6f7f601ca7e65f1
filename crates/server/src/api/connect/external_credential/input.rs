//! A body with an external credential.

use std::collections::BTreeMap;

use sortie_model::{ApiName, CustomHeader, Label};

use super::parameter::{ParameterInput, parameter_schema, parameters};
use crate::api::connect::words::{self, PrincipalType, VARIANTS};
use crate::api::document::{Form, Schema};
use crate::api::json::{At, Reader};

/// What a body says.
pub(in crate::api::connect) struct ExternalCredentialInput {
    pub(super) name: ApiName,
    pub(super) label: Label,
    pub(super) protocol: &'static str,
    pub(super) variant: Option<&'static str>,
    pub(super) parameters: Vec<ParameterInput>,
    pub(super) principals: Vec<PrincipalInput>,
    pub(super) headers: Vec<CustomHeader>,
}

/// What it says of a principal.
pub(super) struct PrincipalInput {
    pub(super) pointer: String,
    pub(super) name: Label,
    pub(super) principal_type: PrincipalType,
    pub(super) sequence_number: u32,
    pub(super) parameters: Vec<ParameterInput>,
}

pub(super) const NEW: Form = Form {
    name: "ExternalCredentialToCreate",
    schema: || members().required("developerName", Schema::name()),
    example: r#"{"developerName": "Billing", "masterLabel": "Billing", "authenticationProtocol": "OAuth",
        "authenticationProtocolVariant": "ClientCredentialsClientSecret",
        "parameters": [{"parameterType": "AuthProviderUrl", "parameterName": "AuthProviderUrl", "parameterValue": "https://login.example.com/token",
            "parameterDescription": "Where tokens are"}],
        "principals": [{"principalName": "Service", "principalType": "NamedPrincipal", "sequenceNumber": 1, "parameters": []}],
        "customHeaders": [{"headerName": "X-User", "headerValue": "{!$User.UserName}", "sequenceNumber": 1}]}"#,
    read: |reader, at| ExternalCredentialInput::read(reader, at, None).is_some(),
};

pub(super) const REPLACED: Form = Form {
    name: "ExternalCredentialToReplace",
    schema: || members().optional("developerName", Schema::name().saying("As in the path, if it is there at all.")),
    example: NEW.example,
    read: |reader, at| ExternalCredentialInput::read(reader, at, ApiName::parse("Billing").ok().as_ref()).is_some(),
};

/// What answers say besides.
const SHOWN: &[&str] = &["authenticationStatus", "createdByNamespace", "id", "relatedNamedCredentials", "url"];
const SHOWN_OF_PRINCIPALS: &[&str] = &["authenticationStatus", "id", "principalAccess"];

fn members() -> Schema {
    let principal = Schema::object()
        .required("principalName", Schema::label())
        .required("principalType", Schema::word(PrincipalType::WORDS))
        .required("sequenceNumber", Schema::number(u32::MAX).saying("The lowest that the caller may use is chosen; no two are the same."))
        .optional("parameters", parameter_schema())
        .passed_over(SHOWN_OF_PRINCIPALS);
    Schema::object()
        .required("masterLabel", Schema::label())
        .required("authenticationProtocol", Schema::word(words::PROTOCOLS))
        .optional("authenticationProtocolVariant", Schema::word(VARIANTS))
        .optional("parameters", parameter_schema())
        .optional("principals", Schema::list(principal))
        .optional("customHeaders", header_schema())
        .passed_over(SHOWN)
}

/// Of the list that [`custom_headers`] reads.
pub(in crate::api::connect) fn header_schema() -> Schema {
    let header = Schema::object()
        .required("headerName", Schema::words())
        .required("headerValue", Schema::text().saying("Text with formulas."))
        .optional("sequenceNumber", Schema::number(u32::MAX).saying("Its position, if left out."))
        .passed_over(&["id"]);
    Schema::list(header)
}

impl ExternalCredentialInput {
    /// `known` is the name in the path of a PUT, where the body may leave it out.
    pub(super) fn read(reader: &mut Reader, at: &At<'_>, known: Option<&ApiName>) -> Option<Self> {
        let mut fields = reader.fields(at)?;
        let name = match (fields.take("developerName"), known) {
            (Some(at), known) => {
                let name = reader.parsed(&at, ApiName::parse);
                let is_other = |name: &ApiName| known.is_some_and(|known| known != name);
                if name.as_ref().is_some_and(is_other) {
                    reader.refuse(&at.pointer, "immutable", "must be the name in the path: a name never changes");
                }
                // As it is stored: only its spelling can differ.
                known.cloned().or(name)
            }
            (None, Some(known)) => Some(known.clone()),
            (None, None) => {
                reader.refuse(&fields.pointer("developerName"), "required", "is required");
                None
            }
        };
        let label = fields.require(reader, "masterLabel").and_then(|at| reader.parsed(&at, Label::parse));
        let protocol = fields.require(reader, "authenticationProtocol").and_then(|at| words::protocol(reader, &at));
        let variant = fields.take("authenticationProtocolVariant").and_then(|at| reader.word(&at, &VARIANTS));
        let parameters = fields.take("parameters").map(|at| parameters(reader, &at)).unwrap_or_default();
        let principals = fields.take("principals").map(|at| principals(reader, &at)).unwrap_or_default();
        let headers = fields.take("customHeaders").map(|at| custom_headers(reader, &at)).unwrap_or_default();
        fields.ignore(SHOWN);
        fields.finish(reader);
        Some(Self { name: name?, label: label?, protocol: protocol?, variant, parameters, principals, headers })
    }
}

/// AZ-05: a tie between two sequence numbers would leave the choice to chance.
fn principals(reader: &mut Reader, at: &At<'_>) -> Vec<PrincipalInput> {
    let (mut found, mut names, mut numbers) = (Vec::<PrincipalInput>::new(), BTreeMap::new(), BTreeMap::new());
    for item in reader.list(at) {
        let Some(mut fields) = reader.fields(&item) else { continue };
        let name = fields.require(reader, "principalName").and_then(|at| reader.parsed(&at, Label::parse));
        let principal_type = fields.require(reader, "principalType").and_then(|at| PrincipalType::read(reader, &at));
        let sequence_number = fields.require(reader, "sequenceNumber").and_then(|at| reader.number(&at, u32::MAX));
        let parameters = fields.take("parameters").map(|at| parameters(reader, &at)).unwrap_or_default();
        fields.ignore(SHOWN_OF_PRINCIPALS);
        fields.finish(reader);
        let (Some(name), Some(principal_type), Some(sequence_number)) = (name, principal_type, sequence_number) else { continue };
        if names.insert(name.as_str().to_ascii_lowercase(), ()).is_some() {
            reader.refuse(&format!("{}/principalName", item.pointer), "duplicate_name", "is the name of two principals");
        }
        if let Some(first) = numbers.insert(sequence_number, name.clone()) {
            let message = format!("is also that of `{first}`; the lowest is chosen, so there must not be a tie");
            reader.refuse(&format!("{}/sequenceNumber", item.pointer), "duplicate_sequence_number", message);
        }
        found.push(PrincipalInput { pointer: item.pointer.clone(), name, principal_type, sequence_number, parameters });
    }
    found
}

/// The list under `customHeaders`, in the order of sending. The sequence number is the position where it is left out.
pub(in crate::api::connect) fn custom_headers(reader: &mut Reader, at: &At<'_>) -> Vec<CustomHeader> {
    let mut headers = Vec::new();
    for (position, item) in (1..).zip(reader.list(at)) {
        let Some(mut fields) = reader.fields(&item) else { continue };
        let name = fields.require(reader, "headerName").and_then(|at| reader.text(&at));
        let value = fields.require(reader, "headerValue").and_then(|at| reader.text(&at));
        let sequence_number = match fields.take("sequenceNumber") {
            Some(at) => reader.number(&at, u32::MAX),
            None => Some(position),
        };
        fields.ignore(&["id"]);
        fields.finish(reader);
        if let (Some(name), Some(value), Some(sequence_number)) = (name, value, sequence_number) {
            headers.extend(reader.keep(&item.pointer, CustomHeader::parse(name, value, sequence_number)));
        }
    }
    headers.sort_by_key(|header| header.sequence_number);
    headers
}
