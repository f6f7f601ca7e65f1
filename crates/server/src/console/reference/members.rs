//! A schema as the lines of a table: every member under its path, with its kind in words.

use serde_json::Value;

use super::{Span, resolved, spans, text};

/// A member at any depth.
pub(super) struct Member {
    /// `principals[].name`.
    pub(super) path: String,
    pub(super) kind: String,
    pub(super) is_required: bool,
    pub(super) about: Vec<Span>,
}

/// 6 levels: deeper than anything that there is. A type that holds itself ends here.
const DEEPEST: usize = 6;

/// All members of a schema, each before what is in it.
pub(super) fn members(schema: &'static Value) -> Vec<Member> {
    let mut all = Vec::new();
    collect(&mut all, schema, "", 0);
    all
}

fn collect(all: &mut Vec<Member>, schema: &'static Value, path: &str, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    let schema = resolved(one_of(resolved(schema)));
    for part in schema["allOf"].as_array().into_iter().flatten() {
        collect(all, part, path, depth + 1);
    }
    for variant in schema["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|variant| variant["required"].is_array() && !schema["properties"].is_object())
    {
        collect(all, variant, path, depth + 1);
    }
    if let Some(item) = schema.get("items") {
        return collect(all, item, &format!("{path}[]"), depth + 1);
    }
    if let Some(value) = schema.get("additionalProperties").filter(|value| value.is_object() && has_members(value)) {
        let dot = if path.is_empty() { "" } else { "." };
        return collect(all, value, &format!("{path}{dot}<name>"), depth + 1);
    }
    let dot = if path.is_empty() || path.ends_with('.') { "" } else { "." };
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}{dot}{name}");
        let is_required = schema["required"].as_array().is_some_and(|required| required.iter().any(|known| known == name.as_str()));
        let about = [member, one_of(member)].into_iter().map(|schema| text(&schema["description"])).find(|about| !about.is_empty());
        let about = about.unwrap_or_else(|| text(&resolved(one_of(member))["description"]));
        let kind = kind(member);
        match all.iter_mut().find(|known| known.path == path) {
            // Of another variant.
            Some(known) => known.kind = format!("{}, or {kind}", known.kind),
            None => all.push(Member { kind, is_required, about: spans(about), path: path.clone() }),
        }
        collect(all, member, &path, depth + 1);
    }
}

fn has_members(schema: &'static Value) -> bool {
    schema.get("properties").is_some() || schema.get("$ref").is_some()
}

/// Something or nothing: the something.
fn one_of(schema: &'static Value) -> &'static Value {
    let is_something = |variant: &&'static Value| variant["type"] != "null";
    match schema["oneOf"].as_array() {
        Some(variants) if variants.len() == 2 && variants.iter().any(|variant| variant["type"] == "null") => {
            variants.iter().find(is_something).unwrap_or(schema)
        }
        _ => schema,
    }
}

/// In words: `text, of 80 characters at most, or null`.
pub(super) fn kind(schema: &'static Value) -> String {
    let something = one_of(schema);
    let may_be_null = !std::ptr::eq(something, schema) || is_one_of_types(something, "null");
    let schema = resolved(something);
    let mut words = base(schema);
    if let (Some(least), Some(most)) = (schema["minimum"].as_u64(), schema["maximum"].as_u64()) {
        words.push_str(&format!(" from {least} to {most}"));
    }
    if let Some(most) = schema["maxLength"].as_u64() {
        words.push_str(&format!(", of {most} characters at most"));
    }
    if let Some(usual) = schema.get("default") {
        words.push_str(&format!("; {usual} if left out"));
    }
    if may_be_null && schema["type"] != "null" {
        words.push_str(", or null");
    }
    words
}

fn is_one_of_types(schema: &Value, wanted: &str) -> bool {
    schema["type"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == wanted))
}

fn base(schema: &'static Value) -> String {
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        return match words.as_slice() {
            [one] => one.to_string(),
            _ => format!("one of {}", words.join(", ")),
        };
    }
    let named = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").map(text),
        kind => kind.as_str(),
    };
    match named {
        Some("string") => "text".to_owned(),
        Some("integer") => "whole number".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("null") => "null".to_owned(),
        Some("array") => format!("list: {}", schema.get("items").map_or_else(|| "anything".to_owned(), kind)),
        Some("object") => "object".to_owned(),
        _ if schema["oneOf"].is_array() || schema["allOf"].is_array() => "object".to_owned(),
        _ => "anything".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::document;
    use super::*;

    #[test]
    fn a_schema_becomes_lines_that_a_person_reads() {
        let schema = &document()["components"]["schemas"]["ExternalCredentialToCreate"];
        let all = members(schema);
        let line = |path: &str| all.iter().find(|member| member.path == path).map(|member| (member.kind.as_str(), member.is_required));
        assert_eq!(line("masterLabel"), Some(("text, of 80 characters at most", true)));
        assert_eq!(line("principals"), Some(("list: object, or null", false)));
        assert_eq!(line("principals[].principalType"), Some(("one of AwsStsPrincipal, NamedPrincipal, PerUserPrincipal", true)));
        assert_eq!(line("principals[].parameters[].parameterValue"), Some(("text", true)));
        let plan = members(&document()["components"]["schemas"]["Plan"]);
        assert!(plan.iter().any(|member| member.path == "token.expires_at"), "what is in a variant is there");
        let states: Vec<&str> = plan.iter().filter(|member| member.path == "token.state").map(|member| member.kind.as_str()).collect();
        assert_eq!(states, ["not_needed, or good, or would_be_fetched, or backing_off"]);
    }
}
