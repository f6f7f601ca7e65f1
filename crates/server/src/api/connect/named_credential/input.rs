//! A body with a named credential.

use sortie_metadata::{Definition, NamedCredentialDefinition};
use sortie_model::{ApiName, CallerFormulas, CustomHeader, Endpoint, Label, NamedCredential, Timeouts};

use crate::api::connect::external_credential::{custom_headers, header_schema};
use crate::api::connect::store::{Pointers, Wanted};
use crate::api::document::{Form, Schema};
use crate::api::json::{At, Reader};

/// What a body says.
pub(in crate::api::connect) struct NamedCredentialInput {
    pub(super) name: ApiName,
    label: Label,
    /// `None` in versions without one: it stays as it is.
    description: Option<String>,
    url: Endpoint,
    external_credential: ApiName,
    headers: Vec<CustomHeader>,
    options: Options,
    client_certificate: Option<Presented>,
}

/// The certificate that is presented, and where the body names it.
struct Presented {
    certificate: ApiName,
    pointer: String,
}

struct Options {
    formulas_in_body: bool,
    formulas_in_header: bool,
    authorization_header: bool,
}

/// `NamedCredentialType`.
const TYPES: [&str; 2] = ["PrivateEndpoint", "SecuredEndpoint"];

/// The type of the one parameter that means something here.
pub(super) const CLIENT_CERTIFICATE: &str = "ClientCertificate";

/// `NamedCredentialParameterType`.
const PARAMETER_TYPES: [&str; 4] =
    ["AllowedManagedPackageNamespaces", CLIENT_CERTIFICATE, "ConnectionStatus", "SfHttpRequestExtensionName"];

pub(super) const NEW: Form = Form {
    name: "NamedCredentialToCreate",
    schema: || members().required("developerName", Schema::name()),
    example: r#"{"developerName": "Billing", "masterLabel": "Billing", "description": "Invoices", "type": "SecuredEndpoint",
        "calloutUrl": "https://billing.example.com/v2", "externalCredentials": [{"developerName": "Billing"}],
        "customHeaders": [{"headerName": "X-Tenant", "headerValue": "42", "sequenceNumber": 1}], "parameters": [],
        "calloutOptions": {"allowMergeFieldsInBody": false, "allowMergeFieldsInHeader": false, "generateAuthorizationHeader": true}}"#,
    read: |reader, at| NamedCredentialInput::read(reader, at, None).is_some(),
};

pub(super) const REPLACED: Form = Form {
    name: "NamedCredentialToReplace",
    schema: || members().optional("developerName", Schema::name().saying("As in the path, if it is there at all.")),
    example: NEW.example,
    read: |reader, at| NamedCredentialInput::read(reader, at, ApiName::parse("Billing").ok().as_ref()).is_some(),
};

/// What answers say besides.
const SHOWN: &[&str] = &["calloutStatus", "createdByNamespace", "id", "networkConnection", "url"];

fn members() -> Schema {
    let options = Schema::object()
        .optional("allowMergeFieldsInBody", Schema::truth().usually(false))
        .optional("allowMergeFieldsInHeader", Schema::truth().usually(false))
        .optional("generateAuthorizationHeader", Schema::truth().usually(true));
    let parameter = Schema::object()
        .required("parameterName", Schema::text())
        .required("parameterValue", Schema::text())
        .required("parameterType", Schema::word(PARAMETER_TYPES))
        .optional("parameterDescription", Schema::text().saying("Taken, and not kept."))
        .passed_over(SHOWN_OF_PARAMETERS);
    Schema::object()
        .required("masterLabel", Schema::label())
        .optional("description", Schema::text())
        .required("type", Schema::word(TYPES).saying("PrivateEndpoint is refused: there are no private connections."))
        .required("calloutUrl", Schema::url())
        .required("externalCredentials", Schema::list_of_one(Schema::open_object().required("developerName", Schema::name())))
        .optional("customHeaders", header_schema())
        .required("calloutOptions", options)
        .optional(
            "parameters",
            Schema::list(parameter).saying("One of the type `ClientCertificate` at most; the others are refused: they mean nothing here."),
        )
        .passed_over(SHOWN)
}

const SHOWN_OF_PARAMETERS: &[&str] = &["id"];

impl NamedCredentialInput {
    /// `known` is the name in the path of a PUT, where the body may leave it out.
    pub(super) fn read(reader: &mut Reader, at: &At<'_>, known: Option<&ApiName>) -> Option<Self> {
        let mut fields = reader.fields(at)?;
        let name_at = fields.take("developerName");
        let name = match (&name_at, known) {
            (None, Some(known)) => Some(known.clone()),
            (None, None) => {
                reader.refuse(&fields.pointer("developerName"), "required", "is required");
                None
            }
            (Some(at), _) => reader.parsed(at, ApiName::parse),
        };
        if name.as_ref().is_some_and(|name| known.is_some_and(|known| known != name)) {
            reader.refuse(&fields.pointer("developerName"), "immutable", "must be the name in the path: a name never changes");
        }
        let name = known.cloned().or(name);
        let label = fields.require(reader, "masterLabel").and_then(|at| reader.parsed(&at, Label::parse));
        let has_description = fields.take_since(reader, "description", 64);
        let description = match &has_description {
            Some(at) => reader.text(at).map(str::to_owned),
            None => reader.knows(64).then(String::new),
        };
        if let Some(at) = fields.require(reader, "type")
            && reader.word(&at, &TYPES) == Some("PrivateEndpoint")
        {
            let message = "is not possible here: there are no private connections; use SecuredEndpoint and the address in your network";
            reader.refuse(&at.pointer, "type_unsupported", message);
        }
        let url = fields.require(reader, "calloutUrl").and_then(|at| reader.parsed(&at, Endpoint::parse));
        let external_credential = fields.require(reader, "externalCredentials").and_then(|at| external_credential(reader, &at));
        let headers = fields.take("customHeaders").map(|at| custom_headers(reader, &at)).unwrap_or_default();
        let options = fields.require(reader, "calloutOptions").and_then(|at| options(reader, &at));
        let client_certificate = fields.take("parameters").and_then(|at| parameters(reader, &at));
        fields.ignore(SHOWN);
        fields.finish(reader);
        Some(Self {
            name: name?,
            label: label?,
            description,
            url: url?,
            external_credential: external_credential?,
            headers,
            options: options?,
            client_certificate,
        })
    }

    /// The definition that it stands for. What Connect has no word for stays as it is, or is what it usually is.
    pub(super) fn wanted(&self, before: Option<&NamedCredential>) -> Wanted {
        let formulas = |wanted: bool, before: Option<CallerFormulas>| match (wanted, before) {
            (true, _) => CallerFormulas::Evaluated,
            // It is as it was shown.
            (false, Some(CallerFormulas::Literal)) => CallerFormulas::Literal,
            (false, _) => CallerFormulas::Refused,
        };
        let stored_description = before.map(|before| before.description.clone()).unwrap_or_default();
        let mut definition = Definition::default();
        definition.named_credentials.push(NamedCredentialDefinition {
            name: self.name.clone(),
            label: self.label.clone(),
            description: self.description.clone().unwrap_or(stored_description),
            url: self.url.clone(),
            external_credential: self.external_credential.clone(),
            // As all of a PUT: a parameter that is not sent again is gone.
            client_certificate: self.client_certificate.as_ref().map(|presented| presented.certificate.clone()),
            is_enabled: before.is_none_or(|before| before.is_enabled),
            generate_authorization_header: self.options.authorization_header,
            allow_formulas_in_header: formulas(self.options.formulas_in_header, before.map(|before| before.allow_formulas_in_header)),
            allow_formulas_in_body: formulas(self.options.formulas_in_body, before.map(|before| before.allow_formulas_in_body)),
            forwarded_headers: before.map(|before| before.forwarded_headers.clone()).unwrap_or_default(),
            headers: self.headers.clone(),
            timeouts: before.map_or_else(Timeouts::default, |before| before.timeouts),
        });
        let mut pointers = Pointers::default();
        for (path, pointer) in [
            ("name", "/developerName"),
            ("url", "/calloutUrl"),
            ("external_credential", "/externalCredentials/0/developerName"),
            ("headers", "/customHeaders"),
        ] {
            pointers.set(format!("named_credentials[0].{path}"), pointer);
        }
        if let Some(Presented { certificate: _, pointer }) = &self.client_certificate {
            pointers.set("named_credentials[0].client_certificate", pointer);
        }
        Wanted { definition, pointers }
    }
}

/// Exactly one, of which only the name counts: all else is what answers say of it.
fn external_credential(reader: &mut Reader, at: &At<'_>) -> Option<ApiName> {
    let items = reader.list(at);
    let [one] = items.as_slice() else {
        reader.refuse(&at.pointer, "exactly_one", "must hold exactly one external credential");
        return None;
    };
    let mut fields = reader.fields(one)?;
    fields.require(reader, "developerName").and_then(|at| reader.parsed(&at, ApiName::parse))
}

fn options(reader: &mut Reader, at: &At<'_>) -> Option<Options> {
    let mut fields = reader.fields(at)?;
    let mut truth = |reader: &mut Reader, name: &str, default| fields.take(name).map_or(Some(default), |at| reader.truth(&at));
    let formulas_in_body = truth(reader, "allowMergeFieldsInBody", false);
    let formulas_in_header = truth(reader, "allowMergeFieldsInHeader", false);
    let authorization_header = truth(reader, "generateAuthorizationHeader", true);
    fields.finish(reader);
    Some(Options {
        formulas_in_body: formulas_in_body?,
        formulas_in_header: formulas_in_header?,
        authorization_header: authorization_header?,
    })
}

/// One means something here: the certificate that is presented. Another that is sent is not passed over, since somebody relies on it.
fn parameters(reader: &mut Reader, at: &At<'_>) -> Option<Presented> {
    let mut found = None;
    for item in reader.list(at) {
        let Some(Parameter { kind, kind_pointer, value }) = parameter(reader, &item) else { continue };
        match kind {
            CLIENT_CERTIFICATE if found.is_some() => {
                reader.refuse(&kind_pointer, "client_certificate_once", "is there twice, and one certificate is presented");
            }
            CLIENT_CERTIFICATE => {
                let certificate = reader.parsed(&value, ApiName::parse);
                found = certificate.map(|certificate| Presented { certificate, pointer: value.pointer.clone() });
            }
            other => {
                reader.text(&value);
                let why = match other {
                    "AllowedManagedPackageNamespaces" => "there are no packages: permission sets say who may use a credential",
                    _ => "it belongs to a feature of Salesforce",
                };
                reader.refuse(&kind_pointer, "parameter_type_unsupported", format!("is not possible here: {why}"));
            }
        }
    }
    found
}

/// One parameter, of whatever type.
struct Parameter<'a> {
    kind: &'static str,
    kind_pointer: String,
    value: At<'a>,
}

/// Its name is free at Salesforce, and is not kept.
fn parameter<'a>(reader: &mut Reader, at: &At<'a>) -> Option<Parameter<'a>> {
    let mut fields = reader.fields(at)?;
    if let Some(at) = fields.require(reader, "parameterName") {
        reader.text(&at);
    }
    let value = fields.require(reader, "parameterValue");
    let kind_at = fields.require(reader, "parameterType");
    let kind = kind_at.as_ref().and_then(|at| reader.word(at, &PARAMETER_TYPES));
    if let Some(at) = fields.take("parameterDescription") {
        reader.text(&at);
    }
    fields.ignore(SHOWN_OF_PARAMETERS);
    fields.finish(reader);
    Some(Parameter { kind: kind?, kind_pointer: kind_at?.pointer, value: value? })
}
