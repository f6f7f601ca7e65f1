//! JSON Schemas of what comes in, built beside the functions that read it. Unknown members are refused, so that every object is closed; a member that may be left out
//! may as well be `null`.

use serde_json::{Map, Value, json};
use sortie_model::MAX_NAME_LENGTH;

/// A schema of the dialect of OpenAPI 3.1.
#[derive(Clone, Debug)]
pub(in crate::api) struct Schema(Value);

impl Schema {
    /// Any text.
    pub(in crate::api) fn text() -> Self {
        Self(json!({ "type": "string" }))
    }

    /// A text of one character at least.
    pub(in crate::api) fn words() -> Self {
        Self(json!({ "type": "string", "minLength": 1 }))
    }

    /// The same as `ApiName::parse` takes.
    pub(in crate::api) fn name() -> Self {
        Self(json!({ "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*$", "maxLength": MAX_NAME_LENGTH }))
    }

    /// The same as `Label::parse` takes: no control characters, and no white space at its ends.
    pub(in crate::api) fn label() -> Self {
        let pattern = r"^[^\s\x00-\x1f\x7f-\x9f](?:[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$";
        Self(json!({ "type": "string", "pattern": pattern, "maxLength": MAX_NAME_LENGTH }))
    }

    /// What looks like an address; its host and path are looked at when it is read.
    pub(in crate::api) fn url() -> Self {
        Self(json!({ "type": "string", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://" }))
    }

    /// The same as `UserName::parse` takes.
    pub(in crate::api) fn user_name() -> Self {
        Self(json!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._+@-]*$", "maxLength": MAX_NAME_LENGTH }))
    }

    /// Nothing but `null`.
    pub(in crate::api) fn nothing() -> Self {
        Self(json!({ "type": "null" }))
    }

    pub(in crate::api) fn truth() -> Self {
        Self(json!({ "type": "boolean" }))
    }

    /// A whole number from 0 on.
    pub(in crate::api) fn number(most: u32) -> Self {
        Self(json!({ "type": "integer", "minimum": 0, "maximum": most }))
    }

    /// A whole number from 1 on.
    pub(in crate::api) fn count(most: u64) -> Self {
        Self(json!({ "type": "integer", "minimum": 1, "maximum": most }))
    }

    /// One of these, exactly.
    pub(in crate::api) fn word<'w>(words: impl IntoIterator<Item = &'w str>) -> Self {
        Self(json!({ "type": "string", "enum": words.into_iter().collect::<Vec<_>>() }))
    }

    pub(in crate::api) fn list(item: Self) -> Self {
        Self(json!({ "type": "array", "items": item.0 }))
    }

    pub(in crate::api) fn list_of_one(item: Self) -> Self {
        Self(json!({ "type": "array", "items": item.0, "minItems": 1, "maxItems": 1 }))
    }

    /// An object under whose members' names others choose.
    pub(in crate::api) fn map(value: Self) -> Self {
        Self(json!({ "type": "object", "additionalProperties": value.0 }))
    }

    /// An object, of which [`Schema::required`] and its like say the members.
    pub(in crate::api) fn object() -> Self {
        Self(json!({ "type": "object", "properties": {}, "required": [], "additionalProperties": false }))
    }

    /// An object of which no more is read than what is said here.
    pub(in crate::api) fn open_object() -> Self {
        Self(json!({ "type": "object", "properties": {}, "required": [] }))
    }

    #[must_use]
    pub(in crate::api) fn required(mut self, name: &str, member: Self) -> Self {
        if let Some(required) = self.0["required"].as_array_mut() {
            required.push(name.into());
        }
        self.member(name, member)
    }

    #[must_use]
    pub(in crate::api) fn optional(self, name: &str, member: Self) -> Self {
        self.member(name, member.or_null())
    }

    /// Members that answers have: whoever sends an answer back means nothing by them.
    #[must_use]
    pub(in crate::api) fn passed_over(self, names: &[&str]) -> Self {
        let anything = || Self(json!({ "description": "Passed over, so that an answer can be sent back." }));
        names.iter().fold(self, |object, name| object.member(name, anything()))
    }

    fn member(mut self, name: &str, member: Self) -> Self {
        self.0["properties"][name] = member.0;
        self
    }

    /// With words for people.
    #[must_use]
    pub(in crate::api) fn saying(mut self, words: &str) -> Self {
        self.0["description"] = words.into();
        self
    }

    /// Where a value may be one of several forms.
    #[must_use]
    pub(in crate::api) fn one_of_members(mut self, names: &[&str]) -> Self {
        self.0["oneOf"] =
            names.iter().map(|name| json!({ "required": [name], "properties": { *name: { "not": { "type": "null" } } } })).collect();
        self
    }

    #[must_use]
    pub(in crate::api) fn at_most(mut self, characters: usize) -> Self {
        self.0["maxLength"] = characters.into();
        self
    }

    #[must_use]
    pub(in crate::api) fn matching(mut self, pattern: &str) -> Self {
        self.0["pattern"] = pattern.into();
        self
    }

    #[must_use]
    pub(in crate::api) fn usually(mut self, value: impl Into<Value>) -> Self {
        self.0["default"] = value.into();
        self
    }

    #[must_use]
    pub(in crate::api) fn or_null(mut self) -> Self {
        let kind = self.0["type"].take();
        self.0["type"] = if kind == "null" { kind } else { json!([kind, "null"]) };
        if let Some(words) = self.0.get_mut("enum").and_then(Value::as_array_mut) {
            words.push(Value::Null);
        }
        self
    }

    pub(in crate::api) fn into_value(self) -> Value {
        let mut value = self.0;
        if value["required"].as_array().is_some_and(Vec::is_empty) {
            value.as_object_mut().map(|members: &mut Map<String, Value>| members.remove("required"));
        }
        value
    }
}
