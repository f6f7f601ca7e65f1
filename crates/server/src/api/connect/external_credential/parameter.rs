//! `ExternalCredentialParameter`: a setting, a claim or a status code, by type, name and text.

use sortie_protocol::{SALESFORCE_PARAMETER_TYPES, SalesforceParameterType};

use crate::api::document::Schema;
use crate::api::json::{At, Reader};

/// A parameter as it was sent.
pub(super) struct ParameterInput {
    pub(super) pointer: String,
    pub(super) kind: &'static SalesforceParameterType,
    pub(super) name: String,
    pub(super) value: String,
}

impl ParameterInput {
    pub(super) fn value_pointer(&self) -> String {
        format!("{}/parameterValue", self.pointer)
    }
}

/// Of the list that [`parameters`] reads.
pub(super) fn parameter_schema() -> Schema {
    let parameter = Schema::object()
        .required("parameterType", Schema::word(SALESFORCE_PARAMETER_TYPES.iter().map(|known| known.name)))
        .required("parameterName", Schema::text())
        .required("parameterValue", Schema::text())
        .optional("parameterDescription", Schema::text().saying("Taken, and not kept."))
        .passed_over(&["id"]);
    Schema::list(parameter)
}

/// The list under `parameters`. A description is for people who look at Salesforce: there is no place for it here.
pub(super) fn parameters(reader: &mut Reader, at: &At<'_>) -> Vec<ParameterInput> {
    let mut found = Vec::new();
    for item in reader.list(at) {
        let Some(mut fields) = reader.fields(&item) else { continue };
        let words: Vec<&'static str> = SALESFORCE_PARAMETER_TYPES.iter().map(|known| known.name).collect();
        let kind = fields.require(reader, "parameterType").and_then(|at| reader.word(&at, &words));
        let name = fields.require(reader, "parameterName").and_then(|at| reader.text(&at).map(str::to_owned));
        let value = fields.require(reader, "parameterValue").and_then(|at| reader.text(&at).map(str::to_owned));
        if let Some(at) = fields.take("parameterDescription") {
            reader.text(&at);
        }
        fields.ignore(&["id"]);
        fields.finish(reader);
        let kind = kind.and_then(|kind| SALESFORCE_PARAMETER_TYPES.iter().find(|known| known.name == kind));
        if let (Some(kind), Some(name), Some(value)) = (kind, name, value) {
            found.push(ParameterInput { pointer: item.pointer.clone(), kind, name, value });
        }
    }
    found
}
