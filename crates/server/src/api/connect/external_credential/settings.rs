//! Settings as parameters, and parameters as settings.
//!
//! A parameter's value is a text; a setting may be a number or an object, and a claim anything that JSON has. A text that is what the stored setting is shown as
//! leaves it as it is, so that whoever sends back what they were shown changes nothing.

use serde_json::Value;
use sortie_model::Settings;
use sortie_protocol::{Field, Kind, SalesforceParameter, salesforce_parameter};

/// A claim is a parameter of one of these types, by the part of the token.
pub(super) const CLAIM_TYPES: [(&str, &str); 2] = [("JwtHeaderClaim", "header"), ("JwtBodyClaim", "body")];

/// A setting as it is shown.
pub(super) struct Shown {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) value: String,
}

/// The text that stands for a value.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// All settings that are shown as parameters, in the order of the protocol's fields.
pub(super) fn shown(fields: &[Field], settings: &Settings, is_hidden: impl Fn(&str) -> bool) -> Vec<Shown> {
    let mut all = Vec::new();
    for field in fields.iter().filter(|field| field.place.is_setting() && !is_hidden(field.name)) {
        let Some(value) = settings.get(field.name) else { continue };
        match salesforce_parameter(field) {
            Some(SalesforceParameter { kind, name }) => all.push(Shown { kind, name: name.into_owned(), value: text_of(value) }),
            None => all.extend(claims(value)),
        }
    }
    all
}

fn claims(value: &Value) -> impl Iterator<Item = Shown> {
    CLAIM_TYPES.into_iter().flat_map(move |(kind, part)| {
        let claims = value.get(part).and_then(Value::as_object).into_iter().flatten();
        claims.map(move |(name, value)| Shown { kind, name: name.clone(), value: text_of(value) })
    })
}

/// What a text means for a setting.
pub(super) fn value_of(field: &Field, text: &str, stored: Option<&Value>) -> Value {
    if let Some(stored) = stored.filter(|stored| text_of(stored) == text) {
        return stored.clone();
    }
    match field.kind {
        Kind::Seconds { .. } | Kind::Bytes { .. } => text.parse::<u32>().map_or_else(|_| text.into(), Value::from),
        Kind::Tags => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        _ => text.into(),
    }
}

/// What a text means for a claim.
pub(super) fn claim_of(text: &str, stored: Option<&Value>) -> Value {
    stored.filter(|stored| text_of(stored) == text).cloned().unwrap_or_else(|| text.into())
}
